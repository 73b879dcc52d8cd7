/* When a dead plugin is started again, and when no more. */
#include "fanout_suite.h"
#include "plugin/restart.h"

enum { MIDDLE = 200 }; /* the chance that leaves the delay as it is */
static const nsec_t sec = NSEC_PER_SEC, ms = NSEC_PER_MSEC;

static struct restart_rules rules_of(uint32_t max_restarts) {
    return (struct restart_rules){.backoff_initial = 100 * NSEC_PER_MSEC,
                                  .backoff_max = 30 * NSEC_PER_SEC,
                                  .window = 600 * NSEC_PER_SEC,
                                  .recover_after = 10 * NSEC_PER_SEC,
                                  .max_restarts = max_restarts};
}

START_TEST(test_the_delay_doubles_up_to_its_maximum) {
    static const int64_t want_ms[] = {100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000};
    struct restart_rules rules = rules_of(1000);
    struct restart r;
    restart_init(&r);
    for (size_t i = 0; i < sizeof want_ms / sizeof *want_ms; i++)
        ck_assert_int_eq(restart_died(&r, &rules, (nsec_t)i * sec, 0, MIDDLE), want_ms[i] * ms);
    restart_deinit(&r);
    restart_deinit(&r);
}
END_TEST

START_TEST(test_jitter_is_twenty_percent_either_way_and_no_more) {
    struct restart_rules rules = rules_of(1000);
    nsec_t low = INT64_MAX, high = 0;
    for (uint32_t chance = 0; chance < 5000; chance++) {
        struct restart r;
        restart_init(&r);
        nsec_t d = restart_died(&r, &rules, sec, 0, chance * 2654435761u);
        if (d < low) low = d;
        if (d > high) high = d;
        restart_deinit(&r);
    }
    ck_assert_int_eq(low, 80 * ms);
    ck_assert_int_eq(high, 120 * ms);
    struct restart r;
    restart_init(&r);
    nsec_t d = restart_died(&r, &rules, sec, 0, UINT32_MAX);
    ck_assert(d >= 80 * ms && d <= 120 * ms);
    restart_deinit(&r);
}
END_TEST

START_TEST(test_one_that_ran_for_long_enough_starts_over) {
    struct restart_rules rules = rules_of(1000);
    struct restart r;
    restart_init(&r);
    for (int i = 0; i < 5; i++) (void)restart_died(&r, &rules, i * sec, 0, MIDDLE);
    ck_assert_int_eq(restart_died(&r, &rules, 20 * sec, 10 * sec - 1, MIDDLE), 3200 * ms);
    ck_assert_int_eq(restart_died(&r, &rules, 40 * sec, 10 * sec, MIDDLE), 100 * ms);
    ck_assert_int_eq(restart_died(&r, &rules, 41 * sec, 0, MIDDLE), 200 * ms);
    restart_deinit(&r);
}
END_TEST

START_TEST(test_it_is_given_up_at_exactly_one_death_more_than_allowed) {
    for (uint32_t max = 0; max < 20; max++) {
        struct restart_rules rules = rules_of(max);
        struct restart r;
        restart_init(&r);
        for (uint32_t i = 0; i < max; i++)
            ck_assert_msg(restart_died(&r, &rules, i * sec, 20 * sec, 0) >= 0, "%u of %u", i + 1, max);
        ck_assert_msg(restart_died(&r, &rules, max * sec, 20 * sec, 0) == -1, "the last of %u", max);
        restart_deinit(&r);
    }
}
END_TEST

START_TEST(test_only_deaths_within_the_window_count) {
    struct restart_rules rules = rules_of(3);
    struct restart r;
    restart_init(&r);
    nsec_t gap = rules.window / 3; /* the fourth death is exactly a window after the first */
    for (int i = 0; i < 50; i++) ck_assert_int_ge(restart_died(&r, &rules, 1 + i * gap, 0, 0), 0);
    nsec_t t = 1 + 50 * gap - 1;
    ck_assert_int_eq(restart_died(&r, &rules, t, 0, 0), -1); /* a nanosecond less */
    ck_assert_int_ge(restart_died(&r, &rules, t + rules.window, 0, 0), 0);
    restart_deinit(&r);
}
END_TEST

START_TEST(test_a_clock_that_begins_at_0_is_no_special_case) {
    struct restart_rules rules = rules_of(1);
    struct restart r;
    restart_init(&r);
    ck_assert_int_ge(restart_died(&r, &rules, 0, 0, 0), 0);
    ck_assert_int_eq(restart_died(&r, &rules, 0, 0, 0), -1);
    restart_deinit(&r);
}
END_TEST

START_TEST(test_forgetting_is_a_new_beginning) {
    struct restart_rules rules = rules_of(2);
    struct restart r;
    restart_init(&r);
    restart_forget(&r);
    for (int turn = 0; turn < 3; turn++) {
        ck_assert_int_eq(restart_died(&r, &rules, sec, 0, MIDDLE), 100 * ms);
        ck_assert_int_eq(restart_died(&r, &rules, sec, 0, MIDDLE), 200 * ms);
        ck_assert_int_eq(restart_died(&r, &rules, sec, 0, MIDDLE), -1);
        restart_forget(&r);
    }
    restart_deinit(&r);
}
END_TEST

START_TEST(test_another_limit_counts_anew) {
    struct restart_rules three = rules_of(3), one = rules_of(1);
    struct restart r;
    restart_init(&r);
    for (int i = 0; i < 3; i++) ck_assert_int_ge(restart_died(&r, &three, sec, 0, 0), 0);
    ck_assert_int_ge(restart_died(&r, &one, sec, 0, 0), 0);
    ck_assert_int_eq(restart_died(&r, &one, sec, 0, 0), -1);
    restart_deinit(&r);
}
END_TEST

START_TEST(test_extreme_rules_overflow_nothing) {
    struct restart r;
    struct restart_rules rules = {.backoff_initial = 1, .backoff_max = INT64_MAX, .window = 0, .max_restarts = 5};
    restart_init(&r);
    nsec_t before = 0;
    for (int i = 0; i < 100; i++) {
        nsec_t d = restart_died(&r, &rules, sec, -1, MIDDLE);
        ck_assert_msg(d >= before, "death %d: %jd", i, (intmax_t)d);
        before = d;
    }
    ck_assert_int_gt(restart_died(&r, &rules, sec, -1, 400), before);
    rules.backoff_initial = rules.backoff_max = INT64_MAX;
    ck_assert_int_gt(restart_died(&r, &rules, sec, -1, 400), 0);
    rules.backoff_initial = 0;
    ck_assert_int_eq(restart_died(&r, &rules, sec, -1, 400), 0);
    restart_deinit(&r);
}
END_TEST

RUN_SUITE("restart", test_the_delay_doubles_up_to_its_maximum, test_jitter_is_twenty_percent_either_way_and_no_more,
          test_one_that_ran_for_long_enough_starts_over, test_it_is_given_up_at_exactly_one_death_more_than_allowed,
          test_only_deaths_within_the_window_count, test_a_clock_that_begins_at_0_is_no_special_case,
          test_forgetting_is_a_new_beginning, test_another_limit_counts_anew, test_extreme_rules_overflow_nothing)
