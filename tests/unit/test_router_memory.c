/* backlog_max_size: who gives what when memory is short, and who must not lose anything. */
#include "fanout_suite.h"
#include "router_rig.h"

enum { ALL = 7, ZULU = 1, MIKE = 4, MANY = 1000000, EVENT = 2000 };
static const size_t small = 2u << 20;

/* Never over the limit by more than one message (and the head of the block it may have opened). */
static void within(size_t limit, size_t event) {
    ck_assert_msg(router_backlog_bytes(router) <= limit + event + 1024, "%zu bytes of %zu",
                  router_backlog_bytes(router), limit);
}

static void flood(struct topic *t, int n, size_t event, size_t limit) {
    for (int i = 0; i < n; i++) {
        (void)publish(t, event);
        within(limit, event);
    }
}

START_TEST(test_memory_stays_within_the_limit_whatever_the_policy) {
    for (int policy = QUEUE_DROP_OLDEST; policy <= QUEUE_RESTART; policy++) {
        rig_begin(small);
        for (int i = 0; i < 6; i++) (void)plug(i, &alpha5, i % 2 ? ALL : ZULU, (enum queue_overflow)policy, MANY);
        for (int i = 0; i < 3000; i++) {
            (void)publish(topic("alpha", 5, i % 3 ? "on_zulu" : "on_mike"), EVENT);
            within(small, EVENT);
            for (int p = 0; p < 6; p++) (void)books(&plugins[p]);
        }
        ck_assert_uint_gt(books(&plugins[1])->dropped, 0);
        rig_end();
    }
}
END_TEST

START_TEST(test_idle_memory_of_any_kind_goes_first) {
    rig_begin(small);
    struct plugin *b = plug(0, &beta1, ALL, QUEUE_DROP_OLDEST, MANY),
                  *a = plug(1, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    for (int i = 0; i < 60; i++) (void)publish(topic("beta", 1, "on_alpha"), EVENT);
    (void)rig_text(b);
    queue_sync(b->sub.queue);
    size_t idle = router_backlog_bytes(router);
    ck_assert_uint_gt(idle, 60 * EVENT); /* a block that nobody needs any more */
    while (router_backlog_bytes(router) + EVENT + 2048 < small) (void)publish(topic("alpha", 5, "on_zulu"), EVENT);
    flood(topic("alpha", 5, "on_zulu"), 40, EVENT, small);
    ck_assert_uint_eq(books(a)->dropped, 0);
    rig_end();
}
END_TEST

START_TEST(test_what_was_read_goes_before_anything_is_lost) {
    rig_begin(small);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    for (int i = 0; i < 5000; i++) {
        (void)publish(topic("alpha", 5, "on_zulu"), EVENT);
        within(small, EVENT);
        (void)rig_text(a);
        buf_clear(&a->input);
    }
    ck_assert(books(a)->dropped == 0 && books(a)->delivered == 5000);
    ck_assert_uint_eq(router_given_up(router), 0);
    rig_end();
}
END_TEST

START_TEST(test_redelivery_is_given_up_before_events_are_lost) {
    enum { LIMIT = 600 * 1024 };
    rig_begin(LIMIT);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY),
                  *b = plug(1, &beta1, ALL, QUEUE_DROP_OLDEST, MANY);
    for (int i = 0; i < 20; i++) (void)publish(topic("alpha", 5, "on_zulu"), EVENT);
    ck_assert_int_eq(rig_flush(a), 0); /* all in the pipe, unread: kept in case the child dies */
    ck_assert_uint_gt(queue_in_pipe(a->sub.queue), 20 * EVENT);
    while (!router_given_up(router)) {
        (void)publish(topic("beta", 1, "on_alpha"), EVENT);
        ck_assert_uint_eq(books(b)->dropped, 0);
    }
    ck_assert_uint_eq(router_given_up(router), 20);
    ck_assert_uint_eq(queue_in_pipe(a->sub.queue), 0);
    ck_assert_uint_eq(books(b)->dropped, 0);
    rig_end();
}
END_TEST

START_TEST(test_one_that_hears_little_is_copied_out_and_loses_nothing) {
    rig_begin(small);
    struct plugin *little = plug(0, &alpha5, MIKE, QUEUE_DROP_OLDEST, MANY),
                  *busy = plug(1, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    for (int i = 0; i < 5000; i++) {
        (void)publish(topic("alpha", 5, i % 100 ? "on_zulu" : "on_mike"), EVENT);
        within(small, EVENT);
        (void)rig_text(busy); /* it keeps up; the other one is stuck and would pin every block */
        buf_clear(&busy->input);
    }
    ck_assert(books(little)->dropped == 0 && books(little)->events == 50);
    ck_assert(books(busy)->dropped == 0 && books(busy)->delivered == 5000);
    ck_assert_uint_eq(count_of(rig_text(little), "\"method\":\"on_mike\""), 50);
    rig_end();
}
END_TEST

START_TEST(test_one_of_another_kind_that_hears_little_is_copied_out_too) {
    rig_begin(small);
    struct plugin *little = plug(0, &alpha5, MIKE, QUEUE_DROP_OLDEST, MANY),
                  *other = plug(1, &beta1, ALL, QUEUE_DROP_NEWEST, MANY),
                  *busy = plug(2, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    for (int i = 0; i < 900; i++) {
        (void)publish(topic("alpha", 5, i % 100 ? "on_zulu" : "on_mike"), EVENT);
        (void)rig_text(busy);
        buf_clear(&busy->input);
    }
    size_t pinned = router_backlog_bytes(router);
    ck_assert_uint_gt(pinned, small * 3 / 4); /* by nine events of `little` */
    flood(topic("beta", 1, "on_alpha"), 700, EVENT, small);
    ck_assert(books(other)->dropped == 0 && books(other)->events == 700);
    ck_assert(books(little)->dropped == 0 && books(little)->events == 9);
    rig_end();
}
END_TEST

START_TEST(test_one_that_hears_little_behind_one_old_event_is_copied_out_too) {
    rig_begin(small);
    struct plugin *old = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY),
                  *little = plug(1, &alpha5, MIKE, QUEUE_DROP_OLDEST, MANY),
                  *busy = plug(2, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    for (int i = 0; i < 200; i++) (void)publish(topic("alpha", 5, "on_zulu"), EVENT);
    old->sub.state = SUBSCRIBER_OFF; /* it holds most of the oldest block, and hears no more */
    for (int i = 0; i < 5000; i++) {
        (void)publish(topic("alpha", 5, i % 100 ? "on_zulu" : "on_mike"), EVENT);
        within(small, EVENT);
        (void)rig_text(busy);
        buf_clear(&busy->input);
    }
    ck_assert(books(old)->dropped == 0 && books(little)->dropped == 0 && books(busy)->dropped == 0);
    ck_assert_uint_eq(books(old)->events, 200);
    rig_end();
}
END_TEST

START_TEST(test_the_largest_queue_loses_first_and_the_smaller_ones_nothing) {
    rig_begin(small);
    struct plugin *stuck = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY),
                  *lazy = plug(1, &beta1, ALL, QUEUE_DROP_OLDEST, MANY),
                  *brisk = plug(2, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY),
                  *little = plug(3, &alpha5, MIKE, QUEUE_DROP_OLDEST, MANY);
    for (int i = 0; i < 100; i++) (void)publish(topic("beta", 1, "on_alpha"), EVENT); /* 0.2 MiB, unread */
    for (int i = 0; i < 5000; i++) {
        (void)publish(topic("alpha", 5, i % 100 ? "on_zulu" : "on_mike"), EVENT);
        within(small, EVENT);
        (void)rig_text(brisk);
        buf_clear(&brisk->input);
    }
    ck_assert_uint_gt(books(stuck)->dropped, 3000);
    ck_assert_uint_gt(books(stuck)->events, 600); /* and no more than must be */
    ck_assert(books(little)->dropped == 0 && books(little)->events == 50);
    ck_assert_uint_gt(stuck->lost[QUEUE_E_DROPPED], 0);
    ck_assert(books(lazy)->dropped == 0 && books(lazy)->events == 100);
    ck_assert(books(brisk)->dropped == 0 && books(brisk)->delivered == 5000);
    ck_assert_uint_eq(lazy->lost[QUEUE_E_DROPPED] + brisk->lost[QUEUE_E_DROPPED], 0);
    const char *text = rig_text(stuck); /* what is left of it is the newest */
    ck_assert_ptr_nonnull(strstr(text, "\"seq\":5100,"));
    ck_assert_ptr_nonnull(strstr(text, "notifications/hooks/dropped"));
    rig_end();
}
END_TEST

START_TEST(test_only_a_torn_message_left_in_the_largest_queue_is_no_licence_to_grow) {
    enum { HUGE = 1 << 20 };
    rig_begin(small);
    struct plugin *torn = plug(0, &beta1, ALL, QUEUE_DROP_OLDEST, MANY),
                  *a = plug(1, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    (void)publish(topic("beta", 1, "on_alpha"), HUGE);
    ck_assert_int_eq(rig_flush(torn), QUEUE_E_AGAIN); /* half of it is in the pipe: nothing can be dropped there */
    flood(topic("alpha", 5, "on_zulu"), 3000, EVENT, small);
    ck_assert_uint_eq(books(torn)->events, 1);
    ck_assert_uint_eq(torn->lost[QUEUE_E_REFUSED], 0); /* and nothing of it was lost */
    ck_assert_uint_gt(books(a)->dropped, 0);
    ck_assert_uint_eq(count_of(rig_text(torn), "\n"), 1);
    rig_end();
}
END_TEST

START_TEST(test_one_whose_policy_is_restart_is_told_once) {
    rig_begin(small);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_RESTART, MANY);
    while (!a->lost[QUEUE_E_RESTART]) {
        (void)publish(topic("alpha", 5, "on_zulu"), EVENT);
        within(small, EVENT);
    }
    ck_assert_uint_eq(books(a)->events, 0);
    rig_end();
}
END_TEST

START_TEST(test_an_event_larger_than_the_whole_limit_goes_all_the_same) {
    enum { LIMIT = 100 * 1024, HUGE = 300 * 1024 };
    rig_begin(LIMIT);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    flood(topic("alpha", 5, "on_zulu"), 10, HUGE, LIMIT);
    ck_assert_uint_eq(result.queued, 1);
    ck_assert_uint_eq(books(a)->events, 1);
    ck_assert_uint_gt(strlen(rig_text(a)), HUGE);
    rig_end();
}
END_TEST

START_TEST(test_all_memory_comes_back) {
    rig_begin(small);
    size_t before = router_backlog_bytes(router);
    for (int i = 0; i < 8; i++)
        (void)plug(i, i % 2 ? &alpha5 : &beta1, i % 3 ? ALL : ZULU, (enum queue_overflow)(i % 3), MANY);
    for (int i = 0; i < 4000; i++) (void)publish(topic(i % 5 ? "alpha" : "beta", -1, "on_alpha"), (size_t)i % 4000);
    for (int i = 0; i < 8; i++) (void)rig_text(&plugins[i]);
    for (int i = 0; i < 8; i++) unplug(&plugins[i]);
    struct plugin *last =
        plug(0, &alpha2, ALL, QUEUE_DROP_OLDEST, MANY); /* one more shortage lets the idle blocks go */
    flood(topic("alpha", 2, "on_zulu"), 2000, EVENT, small);
    unplug(last);
    ck_assert_uint_le(router_backlog_bytes(router), before + 300 * 1024); /* at most the newest block */
    rig_end();
}
END_TEST

RUN_SUITE("router-memory", test_memory_stays_within_the_limit_whatever_the_policy,
          test_idle_memory_of_any_kind_goes_first, test_what_was_read_goes_before_anything_is_lost,
          test_redelivery_is_given_up_before_events_are_lost,
          test_one_that_hears_little_is_copied_out_and_loses_nothing,
          test_one_of_another_kind_that_hears_little_is_copied_out_too,
          test_one_that_hears_little_behind_one_old_event_is_copied_out_too,
          test_the_largest_queue_loses_first_and_the_smaller_ones_nothing,
          test_only_a_torn_message_left_in_the_largest_queue_is_no_licence_to_grow,
          test_one_whose_policy_is_restart_is_told_once, test_an_event_larger_than_the_whole_limit_goes_all_the_same,
          test_all_memory_comes_back)
