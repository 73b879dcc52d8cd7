/* Each reason's set and clear rule, with a clock that goes as the test says. */
#include <string.h>

#include "fanout_suite.h"
#include "plugin/reasons.h"

#define S NSEC_PER_SEC

static const struct reason_rules rules = {.slow_after = 1 * S,
                                          .recover_after = 10 * S,
                                          .failure_window = 60 * S,
                                          .failure_threshold = 5,
                                          .health_failures = 3};
static const nsec_t t0 = 1000 * S;

static struct reasons why;

static void fresh(void) {
    memset(&why, 0, sizeof why);
    reasons_up(&why, t0);
}

/* Is `reason` set, with nothing queued and `delivered` so far? */
static bool is(unsigned reason, uint64_t delivered, nsec_t now) {
    return reasons_update(&why, &rules, 0, delivered, now) & reason;
}

START_TEST(test_reasons_have_names) {
    ck_assert_str_eq(reason_name(REASON_CRASHED), "crashed");
    ck_assert_str_eq(reason_name(REASON_SLOW), "slow");
    ck_assert_str_eq(reason_name(REASON_FAILING), "failing");
    ck_assert_str_eq(reason_name(REASON_UNHEALTHY), "unhealthy");
    ck_assert_str_eq(reason_name(0), "");
    ck_assert_str_eq(reason_name(3), "");
}
END_TEST

START_TEST(test_a_healthy_one_has_no_reason_and_need_not_be_looked_at) {
    fresh();
    for (int i = 0; i < 100; i++) ck_assert_uint_eq(reasons_update(&why, &rules, 0, (uint64_t)i * 1000, t0 + i * S), 0);
}
END_TEST

/* --- crashed --- */

START_TEST(test_crashed_stays_until_it_has_run_for_recover_after) {
    fresh();
    reasons_crashed(&why);
    ck_assert(is(REASON_CRASHED, 0, t0 + 100 * S)); /* down: for as long as it takes */
    reasons_up(&why, t0 + 200 * S);
    ck_assert(is(REASON_CRASHED, 0, t0 + 200 * S));
    ck_assert(is(REASON_CRASHED, 0, t0 + 210 * S - 1));
    ck_assert(!is(REASON_CRASHED, 0, t0 + 210 * S));
}
END_TEST

START_TEST(test_another_crash_starts_the_time_again) {
    fresh();
    reasons_crashed(&why);
    reasons_up(&why, t0);
    ck_assert(is(REASON_CRASHED, 0, t0 + 9 * S));
    reasons_crashed(&why);
    reasons_up(&why, t0 + 10 * S);
    ck_assert(is(REASON_CRASHED, 0, t0 + 20 * S - 1));
    ck_assert(!is(REASON_CRASHED, 0, t0 + 20 * S));
    reasons_down(&why); /* as asked: no crash */
    ck_assert(!is(REASON_CRASHED, 0, t0 + 30 * S));
}
END_TEST

/* --- slow --- */

START_TEST(test_slow_when_the_oldest_event_is_older_than_slow_after) {
    fresh();
    nsec_t oldest = t0 + 5 * S;
    ck_assert_uint_eq(reasons_update(&why, &rules, oldest, 0, oldest + S), 0); /* as old, not older */
    ck_assert_uint_eq(reasons_update(&why, &rules, oldest, 0, oldest + S + 1), REASON_SLOW);
    nsec_t caught_up = oldest + 30 * S;
    ck_assert_uint_eq(reasons_update(&why, &rules, oldest, 0, caught_up), REASON_SLOW);
    ck_assert(is(REASON_SLOW, 9, caught_up + 1));
    ck_assert(is(REASON_SLOW, 9, caught_up + 10 * S - 1));
    ck_assert(!is(REASON_SLOW, 9, caught_up + 10 * S));
}
END_TEST

START_TEST(test_slow_does_not_flap_while_it_now_and_then_catches_up) {
    fresh();
    unsigned changes = 0, before = 0;
    for (nsec_t t = t0; t < t0 + 300 * S; t += S / 4) {
        nsec_t into = (t - t0) % (8 * S); /* 3 s behind, 5 s clean, again and again */
        unsigned now = reasons_update(&why, &rules, into < 3 * S ? t - into : 0, 0, t);
        changes += now != before;
        before = now;
    }
    ck_assert_uint_eq(before, REASON_SLOW);
    ck_assert_uint_eq(changes, 1);
}
END_TEST

START_TEST(test_overflow_is_slow_until_there_was_none_for_recover_after) {
    fresh();
    reasons_overflow(&why, t0 + 5 * S);
    ck_assert_uint_eq(why.set, REASON_SLOW);
    reasons_overflow(&why, t0 + 12 * S);
    ck_assert(is(REASON_SLOW, 0, t0 + 22 * S - 1));
    ck_assert(!is(REASON_SLOW, 0, t0 + 22 * S));
}
END_TEST

START_TEST(test_slow_is_not_judged_while_it_is_down) {
    fresh();
    reasons_down(&why);
    ck_assert_uint_eq(reasons_update(&why, &rules, t0, 0, t0 + 100 * S), 0);
    reasons_up(&why, t0 + 100 * S); /* what waited meanwhile counts from now on */
    ck_assert_uint_eq(reasons_update(&why, &rules, t0, 0, t0 + 101 * S), 0);
    ck_assert_uint_eq(reasons_update(&why, &rules, t0, 0, t0 + 101 * S + 1), REASON_SLOW);
}
END_TEST

START_TEST(test_time_spent_down_does_not_clear_slow) {
    fresh();
    reasons_overflow(&why, t0);
    reasons_crashed(&why);
    ck_assert_uint_eq(reasons_update(&why, &rules, t0, 0, t0 + 100 * S), REASON_SLOW | REASON_CRASHED);
    reasons_up(&why, t0 + 100 * S);
    unsigned changes = 0, before = REASON_SLOW | REASON_CRASHED;
    for (nsec_t t = t0 + 100 * S; t <= t0 + 120 * S; t += S / 10) { /* it is still behind: slow all the way */
        unsigned now = reasons_update(&why, &rules, t0, 0, t) | REASON_CRASHED;
        changes += now != before;
        before = now;
    }
    ck_assert_uint_eq(changes, 0);
    fresh();
    reasons_overflow(&why, t0);
    reasons_down(&why);
    reasons_up(&why, t0 + 100 * S);
    ck_assert(is(REASON_SLOW, 0, t0 + 110 * S - 1));
    ck_assert(!is(REASON_SLOW, 0, t0 + 110 * S));
}
END_TEST

/* --- failing --- */

static void failures(unsigned n, uint64_t delivered, nsec_t now) {
    while (n--) reasons_failed(&why, &rules, delivered, now);
}

START_TEST(test_failing_needs_the_threshold_and_half_of_what_was_delivered) {
    fresh();
    failures(4, 4, t0);
    ck_assert(!is(REASON_FAILING, 4, t0));
    failures(1, 5, t0);
    ck_assert(is(REASON_FAILING, 5, t0));
    ck_assert(is(REASON_FAILING, 10, t0)); /* just half */
    ck_assert(!is(REASON_FAILING, 11, t0));
    failures(1, 11, t0);
    ck_assert(is(REASON_FAILING, 11, t0));
    fresh();
    failures(1, 1, t0);
    ck_assert_uint_eq(why.set, 0); /* one failed event changes nothing */
}
END_TEST

START_TEST(test_failures_of_events_delivered_long_ago_count_all_the_same) {
    fresh();
    failures(5, 0, t0);
    ck_assert(is(REASON_FAILING, 0, t0));
}
END_TEST

START_TEST(test_failures_leave_the_window_one_by_one) {
    fresh();
    for (unsigned i = 0; i < 6; i++) failures(1, i + 1, t0 + i * 4 * S);
    ck_assert(is(REASON_FAILING, 6, t0 + 58 * S)); /* all six within it */
    ck_assert(is(REASON_FAILING, 6, t0 + 62 * S)); /* five */
    ck_assert(!is(REASON_FAILING, 6, t0 + 66 * S));
    failures(1, 7, t0 + 66 * S); /* four are left */
    ck_assert(is(REASON_FAILING, 7, t0 + 66 * S));
    ck_assert(!is(REASON_FAILING, 7, t0 + 100 * S));
}
END_TEST

START_TEST(test_failures_further_apart_than_the_window_never_add_up) {
    fresh();
    for (unsigned i = 0; i < 1000; i++) {
        failures(1, i + 1, t0 + (nsec_t)i * 15 * S); /* at most four in 60 s */
        ck_assert_msg(!(why.set & REASON_FAILING), "failure %u", i);
    }
    for (unsigned i = 0; i < 20; i++) {
        failures(4, 1000 + i, t0 + 20000 * S + (nsec_t)i * 60 * S);
        ck_assert_msg(!(why.set & REASON_FAILING), "burst %u", i);
    }
}
END_TEST

START_TEST(test_deliveries_leave_the_window_too) {
    fresh();
    ck_assert(!is(REASON_FAILING, 1000, t0)); /* a good time */
    failures(5, 1005, t0 + 30 * S);
    ck_assert(!is(REASON_FAILING, 1005, t0 + 30 * S));
    ck_assert(is(REASON_FAILING, 1005, t0 + 61 * S)); /* the good time is over: five of five */
}
END_TEST

START_TEST(test_a_long_silence_empties_the_window) {
    fresh();
    failures(5, 5, t0);
    ck_assert(!is(REASON_FAILING, 5, t0 + 86400LL * 365 * S));
    failures(4, 9, t0 + 86400LL * 365 * S);
    ck_assert(!is(REASON_FAILING, 9, t0 + 86400LL * 365 * S));
}
END_TEST

START_TEST(test_another_window_forgets_what_was_counted_in_the_old_one) {
    static const nsec_t windows[] = {600 * S, 1 * S, 30, 86400 * S};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        struct reason_rules other = rules;
        other.failure_window = windows[i];
        fresh();
        failures(5, 5, t0);
        ck_assert_uint_eq(reasons_update(&why, &other, 0, 5, t0 + 1), 0);
        for (int k = 0; k < 5; k++) reasons_failed(&why, &other, 5, t0 + 1);
        ck_assert_uint_eq(why.set, REASON_FAILING);
        ck_assert_uint_eq(reasons_update(&why, &other, 0, 5, t0 + 2 + windows[i]), 0); /* and it rolls on */
    }
}
END_TEST

START_TEST(test_nothing_failed_is_never_failing) {
    struct reason_rules zero = rules;
    zero.failure_threshold = 0;
    fresh();
    ck_assert_uint_eq(reasons_update(&why, &zero, 0, 0, t0), 0);
}
END_TEST

/* --- unhealthy --- */

START_TEST(test_unhealthy_after_so_many_probes_missed_in_a_row) {
    fresh();
    reasons_probe(&why, &rules, false, false);
    reasons_probe(&why, &rules, false, false);
    ck_assert_uint_eq(why.set, 0);
    reasons_probe(&why, &rules, true, false);
    reasons_probe(&why, &rules, false, false);
    reasons_probe(&why, &rules, false, false);
    ck_assert_uint_eq(why.set, 0); /* in a row */
    reasons_probe(&why, &rules, false, false);
    ck_assert_uint_eq(why.set, REASON_UNHEALTHY);
    ck_assert_uint_eq(why.probes_missed, 3);
    reasons_probe(&why, &rules, false, false);
    ck_assert_uint_eq(why.set, REASON_UNHEALTHY);
    reasons_probe(&why, &rules, true, false); /* one that succeeds is enough */
    ck_assert_uint_eq(why.set, 0);
}
END_TEST

START_TEST(test_one_that_says_it_is_degraded_is_unhealthy_at_once) {
    fresh();
    reasons_probe(&why, &rules, true, true);
    ck_assert_uint_eq(why.set, REASON_UNHEALTHY);
    reasons_probe(&why, &rules, false, false);
    ck_assert_uint_eq(why.set, REASON_UNHEALTHY); /* silence is no recovery */
    reasons_probe(&why, &rules, true, true);
    ck_assert_uint_eq(why.set, REASON_UNHEALTHY);
    reasons_probe(&why, &rules, true, false);
    ck_assert_uint_eq(why.set, 0);
}
END_TEST

START_TEST(test_another_process_is_not_judged_by_the_old_ones_health) {
    fresh();
    reasons_probe(&why, &rules, true, true);
    reasons_probe(&why, &rules, false, false);
    reasons_probe(&why, &rules, false, false);
    reasons_crashed(&why);
    ck_assert_uint_eq(why.set, REASON_CRASHED);
    reasons_up(&why, t0 + 5 * S);
    reasons_probe(&why, &rules, false, false);
    ck_assert_uint_eq(why.set, REASON_CRASHED);
    reasons_probe(&why, &rules, true, true);
    reasons_down(&why);
    reasons_up(&why, t0 + 6 * S);
    ck_assert_uint_eq(why.set & REASON_UNHEALTHY, 0);
}
END_TEST

START_TEST(test_reasons_do_not_clear_each_other) {
    fresh();
    reasons_crashed(&why);
    reasons_up(&why, t0);
    reasons_overflow(&why, t0 + 5 * S);
    failures(5, 5, t0 + 5 * S);
    reasons_probe(&why, &rules, true, true);
    ck_assert_uint_eq(why.set, REASON_CRASHED | REASON_SLOW | REASON_FAILING | REASON_UNHEALTHY);
    ck_assert_uint_eq(reasons_update(&why, &rules, 0, 5, t0 + 10 * S), REASON_SLOW | REASON_FAILING | REASON_UNHEALTHY);
    ck_assert_uint_eq(reasons_update(&why, &rules, 0, 5, t0 + 15 * S), REASON_FAILING | REASON_UNHEALTHY);
    ck_assert_uint_eq(reasons_update(&why, &rules, 0, 5, t0 + 70 * S), REASON_UNHEALTHY);
}
END_TEST

START_TEST(test_by_hand_all_but_slow_is_forgotten) {
    fresh();
    reasons_crashed(&why);
    reasons_up(&why, t0);
    reasons_overflow(&why, t0);
    failures(5, 5, t0);
    reasons_probe(&why, &rules, true, true);
    reasons_forget(&why);
    ck_assert_uint_eq(why.set, REASON_SLOW);
    reasons_up(&why, t0 + 1 * S);
    ck_assert_uint_eq(reasons_update(&why, &rules, 0, 5, t0 + 1 * S), REASON_SLOW);
    failures(4, 9, t0 + 2 * S);
    ck_assert_uint_eq(reasons_update(&why, &rules, 0, 9, t0 + 2 * S), REASON_SLOW);
    ck_assert_uint_eq(reasons_update(&why, &rules, 0, 9, t0 + 11 * S), 0);
}
END_TEST

RUN_SUITE("reasons", test_reasons_have_names, test_a_healthy_one_has_no_reason_and_need_not_be_looked_at,
          test_crashed_stays_until_it_has_run_for_recover_after, test_another_crash_starts_the_time_again,
          test_slow_when_the_oldest_event_is_older_than_slow_after,
          test_slow_does_not_flap_while_it_now_and_then_catches_up,
          test_overflow_is_slow_until_there_was_none_for_recover_after, test_slow_is_not_judged_while_it_is_down,
          test_time_spent_down_does_not_clear_slow, test_failing_needs_the_threshold_and_half_of_what_was_delivered,
          test_failures_of_events_delivered_long_ago_count_all_the_same, test_failures_leave_the_window_one_by_one,
          test_failures_further_apart_than_the_window_never_add_up, test_deliveries_leave_the_window_too,
          test_a_long_silence_empties_the_window, test_another_window_forgets_what_was_counted_in_the_old_one,
          test_nothing_failed_is_never_failing, test_unhealthy_after_so_many_probes_missed_in_a_row,
          test_one_that_says_it_is_degraded_is_unhealthy_at_once,
          test_another_process_is_not_judged_by_the_old_ones_health, test_reasons_do_not_clear_each_other,
          test_by_hand_all_but_slow_is_forgotten)
