/* Losing events on purpose: at which limit, which ones, and what the child is told where. */
#include "fanout_nomem.h"
/* the sources come first */
#include "base/cleanup.h"
#include "fanout_rig.h"

START_TEST(test_exactly_the_limit_is_kept) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    rig_limit(r, 3, 1000);
    rig_events(r, 3);
    ck_assert_int_eq(rig_event(r), QUEUE_E_DROPPED);
    rig_count(r, 4, 0, 0, 1, 3);
    ck_assert_str_eq(rig_all(r), "[1:1-1]e2.e3.e4.");
    rig_limit(r, 1000, 10);
    ck_assert_int_eq(rig_event_of(r, 4, 0), 0);
    ck_assert_int_eq(rig_event_of(r, 6, 0), 0);
    ck_assert_int_eq(rig_event_of(r, 4, 0), QUEUE_E_DROPPED);
    ck_assert_int_eq(rig_event_of(r, 9, 0), QUEUE_E_DROPPED);
    ck_assert_str_eq(rig_all(r), "[3:5-7]e8------.");
    rig_free(r);
}
END_TEST

START_TEST(test_drop_oldest_spares_the_torn_event_and_tells_behind_it) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    rig_limit(r, 3, 1000);
    rig_events(r, 3);
    (void)rig_write(r, 1);
    ck_assert_int_eq(rig_event(r), QUEUE_E_DROPPED);
    rig_own(r, "(ping)");
    ck_assert_int_eq(rig_event(r), QUEUE_E_DROPPED);
    ck_assert_str_eq(rig_all(r), "e1.(ping)[2:2-3]e4.e5.");
    rig_free(r);
}
END_TEST

START_TEST(test_an_event_larger_than_the_queue_costs_no_other) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    rig_limit(r, 10, 20);
    rig_events(r, 2);
    ck_assert_int_eq(rig_event_of(r, 21, 0), QUEUE_E_REFUSED);
    rig_events(r, 1);
    ck_assert_str_eq(rig_all(r), "e1.e2.[1:3-3]e4.");
    ck_assert_int_eq(rig_event_of(r, 8, 0), 0); /* e5 */
    (void)rig_write(r, 1);
    rig_events(r, 1);
    ck_assert_int_eq(rig_event_of(r, 13, 0), QUEUE_E_REFUSED); /* 8 torn + 13: never */
    ck_assert_int_eq(rig_event_of(r, 12, 0), QUEUE_E_DROPPED); /* 8 torn + 12: without e6 */
    ck_assert_str_eq(rig_all(r), "e5-----.[2:6-7]e8---------.");
    rig_limit(r, 0, 20);
    ck_assert_int_eq(rig_event(r), QUEUE_E_REFUSED);
    ck_assert_str_eq(rig_all(r), "[1:9-9]");
    rig_free(r);
}
END_TEST

START_TEST(test_drop_newest_refuses_until_half_is_free) {
    struct rig *r = rig_new(QUEUE_DROP_NEWEST);
    rig_limit(r, 4, 1000);
    rig_events(r, 4);
    ck_assert_int_eq(rig_event(r), QUEUE_E_REFUSED); /* e5 */
    (void)rig_write(r, 3);
    ck_assert_int_eq(rig_event(r), QUEUE_E_REFUSED); /* e6: three are queued */
    (void)rig_write(r, 3);
    ck_assert_int_eq(rig_event(r), 0); /* e7 */
    queue_miss(r->q, ++r->seq);
    ck_assert_int_eq(rig_event(r), 0); /* e9 */
    ck_assert_str_eq(rig_all(r), "e1.e2.e3.e4.[2:5-6]e7.[1:8-8]e9.");
    rig_limit(r, 1000, 40);
    for (int i = 0; i < 4; i++) ck_assert_int_eq(rig_event_of(r, 10, 0), 0);
    ck_assert_int_eq(rig_event_of(r, 10, 0), QUEUE_E_REFUSED); /* e14 */
    (void)rig_write(r, 19);
    ck_assert_int_eq(rig_event(r), QUEUE_E_REFUSED); /* 30 of 40 bytes: one event is torn */
    (void)rig_write(r, 1);
    ck_assert_int_eq(rig_event(r), 0);
    ck_assert_int_eq(rig_event_of(r, 50, 0), QUEUE_E_REFUSED); /* never fits; only it is refused */
    (void)rig_write(r, SIZE_MAX);
    ck_assert_int_eq(rig_event(r), 0);
    rig_count(r, 18, 0, 11, 6, 1);
    rig_free(r);
}
END_TEST

START_TEST(test_a_change_of_policy_ends_refusing) {
    struct rig *r = rig_new(QUEUE_DROP_NEWEST);
    rig_limit(r, 2, 1000);
    rig_events(r, 2);
    ck_assert_int_eq(rig_event(r), QUEUE_E_REFUSED);
    r->o.overflow = QUEUE_DROP_OLDEST;
    rig_limit(r, 2, 1000);
    ck_assert_int_eq(queue_policy(r->q), QUEUE_DROP_OLDEST);
    ck_assert_int_eq(rig_event(r), QUEUE_E_DROPPED);
    ck_assert_str_eq(rig_all(r), "[1:1-1]e2.[1:3-3]e4.");
    rig_free(r);
}
END_TEST

START_TEST(test_drop_all_leaves_one_gap_that_spans_all) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    rig_events(r, 2);
    queue_miss(r->q, ++r->seq);
    rig_other(r);
    rig_events(r, 2);
    (void)rig_write(r, 1);
    queue_drop_all(r->q);
    books_check(r->q);
    queue_drop_all(r->q);
    rig_count(r, 5, 0, 0, 4, 1);
    rig_events(r, 1);
    ck_assert_str_eq(rig_all(r), "e1.[4:2-6]e7.");
    rig_free(r);
}
END_TEST

START_TEST(test_shed_drops_one_run_by_policy) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    ck_assert_int_eq(queue_shed(r->q), QUEUE_E_REFUSED);
    for (int i = 0; i < 3; i++) {
        rig_events(r, 2);
        rig_other(r);
    }
    (void)rig_write(r, 1);
    ck_assert_int_eq(queue_shed(r->q), 0); /* e2 */
    r->o.overflow = QUEUE_DROP_NEWEST;
    queue_configure(r->q, &r->o);
    ck_assert_int_eq(queue_shed(r->q), 0); /* e7 and e8 */
    books_check(r->q);
    rig_limit(r, 6, 1000);
    rig_count(r, 6, 0, 0, 3, 3);
    ck_assert_int_eq(rig_event(r), 0); /* three of six are queued: e10 gets in */
    r->o.overflow = QUEUE_RESTART;
    queue_configure(r->q, &r->o);
    ck_assert_int_eq(queue_shed(r->q), QUEUE_E_RESTART);
    ck_assert_int_eq(queue_shed(r->q), QUEUE_E_REFUSED); /* once is enough */
    books_check(r->q);
    rig_count(r, 7, 0, 0, 6, 1);
    ck_assert_int_eq(rig_event(r), QUEUE_E_RESTART);
    rig_crash(r);
    ck_assert_str_eq(rig_all(r), "[8:1-11]");
    rig_free(r);
}
END_TEST

static bool keep_even(void *ctx, uint32_t hook) {
    ck_assert_ptr_null(ctx);
    return hook % 2 == 0;
}

static bool keep_none(void *ctx, uint32_t hook) {
    (void)hook;
    return ctx != NULL;
}

START_TEST(test_retain_picks_by_hook_and_tells_each_where_it_stood) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    static const uint32_t hooks[] = {1, 1, 0, 2, 1, 0, 3, 5, 0, 1};
    for (size_t i = 0; i < ARRAY_LEN(hooks); i++) ck_assert_int_eq(rig_event_of(r, 0, hooks[i]), 0);
    queue_miss(r->q, ++r->seq);
    (void)rig_write(r, 2); /* e1 is torn: it stays */
    queue_retain(r->q, keep_even, NULL);
    books_check(r->q);
    rig_count(r, 11, 0, 0, 6, 5);
    ck_assert_str_eq(rig_all(r), "e1.[1:2-2]e3.e4.[1:5-5]e6.[2:7-8]e9.[2:10-11]");
    rig_events(r, 3);
    queue_retain(r->q, keep_none, NULL);
    ck_assert_str_eq(rig_all(r), "[3:12-14]");
    queue_retain(r->q, keep_none, NULL);
    rig_free(r);
}
END_TEST

/* Everything that can fail for want of memory, with the nth allocation failing, and all after it or not. */
static void scenario(struct rig *r, uint64_t *missedp) {
    uint32_t index = 0;
    struct block *b = NULL;
    char text[40];
    for (uint64_t i = 0; i < 40; i++) {
        int n = sprintf(text, "e%ju.", (uintmax_t)++r->seq);
        struct iovec part = {text, (size_t)n};
        if (backlog_append(r->log, &part, 1, 0, r->seq, 1, &b, &index) < 0) {
            queue_miss(r->q, r->seq);
            ++*missedp;
        } else if (i % 2 == 0) {
            int why = queue_offer(r->q, b, index);
            *missedp += why == QUEUE_E_REFUSED;
            ck_assert(why == 0 || why == QUEUE_E_REFUSED);
        } else {
            (void)queue_own(r->q, "(own)", 5);
            if (i == 21) queue_miss(r->q, r->seq), ++*missedp;
        }
        books_check(r->q);
        if (i % 10 == 9) {
            (void)rig_write(r, 7);
            b = backlog_oldest(r->log);
            if (b) (void)queue_copy_out(r->q, b);
            books_check(r->q);
        }
        if (i == 30) {
            (void)queue_rewind(r->q, r->pipe->fill);
            rig_attach(r);
            queue_open(r->q);
        }
    }
}

START_TEST(test_any_allocation_may_fail_and_the_books_still_balance) {
    for (int forever = 0; forever < 2; forever++)
        for (long n = 0;; n++) {
            struct rig *r = rig_new(QUEUE_DROP_OLDEST);
            uint64_t missed = 0, failures = nomem_failures;
            nomem_forever = forever;
            nomem_countdown = n;
            scenario(r, &missed);
            nomem_countdown = -1;
            nomem_forever = false;
            (void)rig_all(r);
            const struct queue_counters *c = queue_counters(r->q);
            ck_assert_uint_eq(c->events, 0);
            ck_assert_uint_ge(c->dropped, missed);
            bool failed = nomem_failures != failures;
            rig_free(r);
            if (!failed) break;
        }
}
END_TEST

START_TEST(test_without_memory_events_are_dropped_and_told_and_nothing_else_changes) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    while (r->q->pending.n < 6) { /* fill the ring's slots: two are kept for gaps */
        rig_other(r);
        rig_events(r, 1);
    }
    char expected[64];
    sprintf(expected, "e2.e4.e6.e8.e10.e12.[2:14-15]");
    rig_other(r);
    nomem_forever = true;
    nomem_countdown = 0;
    ck_assert_int_eq(rig_event(r), QUEUE_E_REFUSED);
    ck_assert_int_eq(rig_event(r), QUEUE_E_REFUSED);
    ck_assert_int_eq(queue_own(r->q, "(x)", 3), -ENOMEM);
    ck_assert_int_eq(rig_write(r, SIZE_MAX), -ENOMEM);
    ck_assert_uint_eq(r->pipe->fill, 0);
    queue_retain(r->q, keep_none, NULL);
    ck_assert_uint_eq(queue_counters(r->q)->events, 6);
    ck_assert_int_eq(queue_copy_out(r->q, backlog_oldest(r->log)), -ENOMEM);
    nomem_countdown = -1;
    nomem_forever = false;
    ck_assert_str_eq(rig_all(r), expected);
    nomem_countdown = 0;
    ck_assert_ptr_null(queue_new(&r->o));
    nomem_countdown = 1;
    ck_assert_ptr_null(queue_new(&r->o));
    nomem_countdown = -1;
    rig_free(r);
}
END_TEST

START_TEST(test_a_rewind_without_memory_forgets) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    for (int i = 0; i < 20; i++) {
        rig_other(r);
        rig_events(r, 1);
        (void)rig_write(r, i < 19 ? SIZE_MAX : 2);
    }
    nomem_countdown = 0;
    ck_assert_int_eq(queue_rewind(r->q, r->pipe->fill), -ENOMEM);
    books_check(r->q);
    rig_attach(r);
    queue_open(r->q);
    ck_assert_str_eq(rig_all(r), "[1:40-40]");
    rig_count(r, 20, 0, 19, 1, 0);
    rig_free(r);
}
END_TEST

/* Every second pair of messages is offered: a run each, and the ring they stand in is nearly full. The last batch costs
 * half of the first run, so that a gap needs a place as well. */
START_TEST(test_a_batch_for_which_half_a_run_has_to_go_without_memory) {
    enum { PAIRS = 5 };
    for (long n = 0; n < 3; n++) {
        struct rig *r = rig_new(QUEUE_DROP_OLDEST);
        struct block *b = NULL;
        uint32_t at;
        rig_limit(r, 2 * PAIRS + 1, 1000);
        for (int i = 0; i < 40; i++) b = rig_append(r, 0, 0, &at);
        for (uint32_t i = 0; i < PAIRS; i++) ck_assert_int_eq(queue_offer_run(r->q, b, 3 * i, 2), 0);
        nomem_countdown = n;
        int why = queue_offer_run(r->q, b, 3 * PAIRS, 2);
        nomem_countdown = -1;
        ck_assert(why == QUEUE_E_DROPPED || why == QUEUE_E_EACH);
        if (why == QUEUE_E_EACH) ck_assert_int_eq(queue_offer_run(r->q, b, 3 * PAIRS, 2), QUEUE_E_DROPPED);
        rig_count(r, 2 * PAIRS + 2, 0, 0, 1, 2 * PAIRS + 1);
        ck_assert_str_eq(rig_all(r), "[1:1-1]e2.e4.e5.e7.e8.e10.e11.e13.e14.e16.e17.");
        rig_free(r);
    }
}
END_TEST

RUN_SUITE("overflow", test_a_batch_for_which_half_a_run_has_to_go_without_memory, test_exactly_the_limit_is_kept,
          test_drop_oldest_spares_the_torn_event_and_tells_behind_it,
          test_an_event_larger_than_the_queue_costs_no_other, test_drop_newest_refuses_until_half_is_free,
          test_a_change_of_policy_ends_refusing, test_drop_all_leaves_one_gap_that_spans_all,
          test_shed_drops_one_run_by_policy, test_retain_picks_by_hook_and_tells_each_where_it_stood,
          test_any_allocation_may_fail_and_the_books_still_balance,
          test_without_memory_events_are_dropped_and_told_and_nothing_else_changes,
          test_a_rewind_without_memory_forgets)
