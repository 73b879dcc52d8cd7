/* An event comes in, everyone who hears it gets it queued: who is told what, and in which order. */
#include <jansson.h>

#include "fanout_suite.h"
#include "router_rig.h"

enum { ALL = 7, ZULU = 1, ALPHA_HOOK = 2, MIKE = 4, MANY = 100000 };
static const size_t plenty = 64u << 20;

START_TEST(test_everyone_who_hears_it_gets_the_same_bytes) {
    rig_begin(plenty);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY), *b = plug(1, &alpha5, ZULU, QUEUE_RESTART, MANY),
                  *c = plug(2, &alpha5, MIKE, QUEUE_DROP_NEWEST, MANY), *d = plug(3, &alpha2, ALL, QUEUE_RESTART, MANY);
    ck_assert_uint_eq(publish(topic("alpha", -1, "on_zulu"), 10), 1);
    ck_assert(result.queued == 2 && result.failed_total == 0);
    ck_assert(a->ready == 1 && b->ready == 1 && c->ready == 0 && d->ready == 0);
    ck_assert_str_eq(rig_text(a),
                     "{\"jsonrpc\":\"2.0\",\"method\":\"on_zulu\",\"params\":{\"_meta\":{\"io.hookcast/event\":"
                     "{\"kind\":\"alpha\",\"run\":\"abcdefghijkl\",\"seq\":1,\"time\":"
                     "\"2026-11-23T18:30:00.000000Z\",\"uid\":7,\"pid\":8}},\"p\":\"xxxxxxxxxx\"}}\n");
    ck_assert_str_eq(rig_text(b), rig_text(a));
    ck_assert(!*rig_text(c) && !*rig_text(d));
    ck_assert(books(a)->delivered == 1 && books(c)->accepted == 0);
    rig_end();
}
END_TEST

START_TEST(test_seq_numbers_every_event_heard_or_not) {
    rig_begin(plenty);
    struct plugin *a = plug(0, &alpha5, ZULU, QUEUE_DROP_OLDEST, MANY);
    ck_assert_uint_eq(router_seq(router), 0);
    for (uint64_t seq = 1; seq <= 9; seq += 3) {
        ck_assert_uint_eq(publish(topic("alpha", -1, "on_zulu"), 1), seq);
        ck_assert_uint_eq(publish(topic("alpha", -1, "on_mike"), 1), seq + 1); /* nobody hears it */
        ck_assert(result.queued == 0 && result.failed_total == 0);
        ck_assert_uint_eq(publish(topic("beta", -1, "on_alpha"), 1), seq + 2);
    }
    ck_assert_uint_eq(router_seq(router), 9);
    const char *text = rig_text(a);
    ck_assert(strstr(text, "\"seq\":1,") && strstr(text, "\"seq\":4,") && strstr(text, "\"seq\":7,"));
    ck_assert_uint_eq(count_of(text, "\n"), 3);
    rig_end();
}
END_TEST

START_TEST(test_nothing_is_kept_of_what_nobody_hears) {
    rig_begin(plenty);
    for (int i = 0; i < 100; i++) (void)publish(topic("alpha", -1, "on_zulu"), 1000);
    ck_assert_uint_eq(router_backlog_bytes(router), 0);
    rig_end();
}
END_TEST

START_TEST(test_an_event_is_kept_once_however_many_hear_it) {
    rig_begin(plenty);
    size_t one[2];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < (round ? 20 : 1); i++) (void)plug(i, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
        size_t before = router_backlog_bytes(router);
        for (int i = 0; i < 50; i++) (void)publish(topic("alpha", -1, "on_zulu"), 1000);
        one[round] = router_backlog_bytes(router) - before;
        for (int i = 0; i < 20; i++) unplug(&plugins[i]);
    }
    ck_assert_uint_ge(one[0], 50 * 1000);
    ck_assert_uint_le(one[1], one[0] + 1000);
    rig_end();
}
END_TEST

START_TEST(test_a_stopped_one_hears_nothing_and_a_failed_one_is_named) {
    rig_begin(plenty);
    struct plugin *off = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY),
                  *bad = plug(1, &alpha5, ALL, QUEUE_RESTART, MANY),
                  *good = plug(2, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    off->sub.state = SUBSCRIBER_OFF;
    bad->sub.state = SUBSCRIBER_FAILED;
    (void)snprintf(bad->sub.error, sizeof bad->sub.error, "unavailable: no database");
    (void)publish(topic("alpha", 5, "on_alpha"), 1);
    ck_assert(result.queued == 1 && result.failed_total == 1);
    ck_assert_str_eq(result.failed[0].plugin, "p1");
    ck_assert_str_eq(result.failed[0].error, "unavailable: no database");
    ck_assert(books(off)->accepted == 0 && books(bad)->accepted == 0 && books(good)->accepted == 1);
    ck_assert(off->ready == 0 && bad->ready == 0);
    good->sub.state = SUBSCRIBER_OFF; /* now nobody is left: nothing is encoded */
    size_t before = router_backlog_bytes(router);
    (void)publish(topic("alpha", 5, "on_alpha"), 5000);
    ck_assert_uint_eq(router_backlog_bytes(router), before);
    ck_assert(result.queued == 0 && result.failed_total == 1);
    rig_end();
}
END_TEST

START_TEST(test_at_most_sixteen_failures_are_named_and_all_are_counted) {
    rig_begin(plenty);
    for (int i = 0; i < PLUGINS; i++) {
        struct plugin *p = plug(i, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
        if (i % 8 == 7) continue;
        p->sub.state = SUBSCRIBER_FAILED;
        (void)snprintf(p->sub.error, sizeof p->sub.error, "error %d", i);
    }
    (void)publish(topic("alpha", 5, "on_alpha"), 1);
    ck_assert(result.queued == 3 && result.failed_total == 21);
    ck_assert_str_eq(result.failed[0].plugin, "p0");
    ck_assert_str_eq(result.failed[15].plugin, "p17");
    ck_assert_str_eq(result.failed[15].error, "error 17");
    rig_end();
}
END_TEST

START_TEST(test_the_sink_is_told_once_until_it_has_flushed) {
    rig_begin(plenty);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    for (int i = 0; i < 5; i++) (void)publish(topic("alpha", 5, "on_alpha"), 1);
    ck_assert_uint_eq(a->ready, 1);
    (void)rig_flush(a);
    (void)publish(topic("alpha", 5, "on_alpha"), 1);
    (void)publish(topic("alpha", 5, "on_alpha"), 1);
    ck_assert_uint_eq(a->ready, 2);
    rig_end();
}
END_TEST

START_TEST(test_drop_oldest_is_told_as_a_loss_and_the_new_event_is_queued) {
    rig_begin(plenty);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, 3), *b = plug(1, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    for (int i = 0; i < 5; i++) {
        (void)publish(topic("alpha", 5, "on_alpha"), 1);
        ck_assert(result.queued == 2 && result.failed_total == 0);
    }
    ck_assert(a->lost[QUEUE_E_DROPPED] == 2 && a->full == 2 && b->full == 0);
    ck_assert(books(a)->dropped == 2 && books(a)->events == 3 && books(b)->dropped == 0);
    const char *text = rig_text(a);
    ck_assert_ptr_eq(strstr(text,
                            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/hooks/dropped\",\"params\":{\"count\":2,"
                            "\"first_seq\":1,\"last_seq\":2}}\n"),
                     text);
    ck_assert_uint_eq(count_of(text, "\"method\":\"on_alpha\""), 3);
    rig_end();
}
END_TEST

START_TEST(test_drop_newest_is_told_to_the_publisher) {
    rig_begin(plenty);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_DROP_NEWEST, 4);
    for (int i = 0; i < 6; i++) (void)publish(topic("alpha", 5, "on_alpha"), 1);
    ck_assert(result.queued == 0 && result.failed_total == 1);
    ck_assert_str_eq(result.failed[0].error, "its queue is full and drops the newest");
    ck_assert(a->lost[QUEUE_E_REFUSED] == 2 && books(a)->dropped == 2 && books(a)->events == 4);
    rig_end();
}
END_TEST

START_TEST(test_an_event_larger_than_the_queue_is_refused_in_other_words) {
    rig_begin(plenty);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    struct queue_options o = {.max_events = 10, .max_size = 1000, .notice = rig_notice};
    router_queue_options(router, &o);
    queue_configure(a->sub.queue, &o);
    (void)publish(topic("alpha", 5, "on_alpha"), 2000);
    ck_assert(result.queued == 0 && result.failed_total == 1);
    ck_assert_ptr_null(strstr(result.failed[0].error, "newest"));
    rig_end();
}
END_TEST

START_TEST(test_restart_is_told_for_every_event_until_a_new_process) {
    rig_begin(plenty);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_RESTART, 2), *b = plug(1, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    for (int i = 0; i < 4; i++) (void)publish(topic("alpha", 5, "on_alpha"), 1);
    ck_assert(a->lost[QUEUE_E_RESTART] == 2 && books(a)->events == 0 && books(a)->dropped == 4);
    ck_assert(result.queued == 1 && books(b)->events == 4);
    ck_assert_str_eq(rig_text(a), ""); /* nothing more is written to this process */
    queue_forget(a->sub.queue);
    queue_attach(a->sub.queue, a->fds[1]);
    queue_open(a->sub.queue);
    (void)publish(topic("alpha", 5, "on_alpha"), 1);
    ck_assert_uint_eq(result.queued, 2);
    ck_assert_ptr_nonnull(strstr(rig_text(a), "\"count\":4,\"first_seq\":1,\"last_seq\":4"));
    rig_end();
}
END_TEST

START_TEST(test_one_that_can_write_when_full_loses_nothing) {
    rig_begin(plenty);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, 3);
    drains_when_full = true;
    for (int i = 0; i < 100; i++) (void)publish(topic("alpha", 5, "on_alpha"), 1);
    ck_assert_uint_eq(a->lost[QUEUE_E_DROPPED], 0);
    ck_assert_uint_eq(count_of(rig_text(a), "\n"), 100);
    rig_end();
}
END_TEST

START_TEST(test_one_who_left_gets_nothing_more_and_may_come_back) {
    rig_begin(plenty);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY),
                  *b = plug(1, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    (void)publish(topic("alpha", 5, "on_alpha"), 1);
    router_unsubscribe(router, &a->sub);
    router_unsubscribe(router, &a->sub);
    (void)publish(topic("alpha", 5, "on_alpha"), 1);
    ck_assert_uint_eq(result.queued, 1);
    ck_assert(books(a)->accepted == 1 && books(b)->accepted == 2);
    a->hears[1] = false;
    ck_assert_int_eq(router_subscribe(router, &a->sub), 0);
    ck_assert_int_eq(router_subscribe(router, &a->sub), 0); /* twice is once */
    (void)publish(topic("alpha", 5, "on_alpha"), 1);
    ck_assert_uint_eq(result.queued, 1);
    (void)publish(topic("alpha", 5, "on_zulu"), 1);
    ck_assert_uint_eq(result.queued, 2);
    ck_assert_uint_eq(books(a)->accepted, 2);
    rig_end();
}
END_TEST

START_TEST(test_events_reach_each_plugin_in_order_whatever_the_others_do) {
    rig_begin(plenty);
    struct plugin *fast = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY),
                  *stuck = plug(1, &alpha5, ALL, QUEUE_DROP_OLDEST, 50),
                  *half = plug(2, &alpha5, ZULU, QUEUE_DROP_OLDEST, MANY);
    for (int i = 1; i <= 3000; i++) {
        (void)publish(topic("alpha", 5, i % 2 ? "on_zulu" : "on_alpha"), 500);
        if (i % 100 == 0) (void)rig_text(fast);
        if (i % 700 == 0) (void)rig_text(half);
    }
    struct plugin *const checked[] = {fast, half};
    for (int k = 0; k < 2; k++) {
        uint64_t next = 1;
        for (const char *s = rig_text(checked[k]); (s = strstr(s, "\"seq\":")); s++) {
            ck_assert_uint_eq(strtoull(s + 6, NULL, 10), next);
            next += k ? 2 : 1;
        }
        ck_assert_uint_eq(next, 3001);
        ck_assert_uint_eq(books(checked[k])->dropped, 0);
    }
    ck_assert(books(stuck)->events == 50 && books(stuck)->dropped == 2950);
    rig_end();
}
END_TEST

RUN_SUITE("router", test_everyone_who_hears_it_gets_the_same_bytes, test_seq_numbers_every_event_heard_or_not,
          test_nothing_is_kept_of_what_nobody_hears, test_an_event_is_kept_once_however_many_hear_it,
          test_a_stopped_one_hears_nothing_and_a_failed_one_is_named,
          test_at_most_sixteen_failures_are_named_and_all_are_counted, test_the_sink_is_told_once_until_it_has_flushed,
          test_drop_oldest_is_told_as_a_loss_and_the_new_event_is_queued, test_drop_newest_is_told_to_the_publisher,
          test_an_event_larger_than_the_queue_is_refused_in_other_words,
          test_restart_is_told_for_every_event_until_a_new_process, test_one_that_can_write_when_full_loses_nothing,
          test_one_who_left_gets_nothing_more_and_may_come_back,
          test_events_reach_each_plugin_in_order_whatever_the_others_do)
