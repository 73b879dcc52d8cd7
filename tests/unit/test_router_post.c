/* Events that nobody waits for: offered together, and yet as if one by one. And hooks heard through tools. */
#include "fanout_suite.h"
#include "router_rig.h"

enum { ALL = 7, ZULU = 1, ALPHA_HOOK = 2, MIKE = 4, MANY = 100000 };
static const size_t plenty = 64u << 20;

START_TEST(test_posted_events_are_offered_when_it_is_settled) {
    rig_begin(plenty);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    for (int i = 0; i < 5; i++) post(topic("alpha", -1, "on_zulu"), 10);
    ck_assert_uint_eq(router_seq(router), 5);
    ck_assert(books(a)->accepted == 0 && a->ready == 0);
    router_settle(router);
    router_settle(router);
    ck_assert(books(a)->accepted == 5 && books(a)->events == 5 && a->ready == 1);
    ck_assert_uint_eq(count_of(rig_text(a), "\n"), 5);
    rig_end();
}
END_TEST

START_TEST(test_a_published_event_comes_behind_those_posted_before_it) {
    rig_begin(plenty);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    post(topic("alpha", -1, "on_zulu"), 10);
    post(topic("alpha", -1, "on_alpha"), 10);
    ck_assert_uint_eq(publish(topic("alpha", -1, "on_mike"), 10), 3);
    post(topic("alpha", -1, "on_zulu"), 10);
    router_settle(router);
    const char *s = rig_text(a);
    for (uint64_t seq = 1; seq <= 4; seq++) {
        ck_assert_ptr_nonnull(s = strstr(s, "\"seq\":"));
        ck_assert_uint_eq(strtoull(s += 6, NULL, 10), seq);
    }
    rig_end();
}
END_TEST

/* The same random load, posted and published: every plugin must be left with the same books and the same bytes. */
static void play(bool posted, struct queue_counters *counters, char **texts) {
    static const char *const hooks[] = {"on_zulu", "on_alpha", "on_mike"};
    uint64_t random = 12345;
    rig_begin(plenty);
    for (int i = 0; i < 12; i++)
        (void)plug(i, i % 5 == 4 ? &alpha2 : &alpha5, (unsigned)i % 7 + 1, (enum queue_overflow)(i % 3),
                   i % 4 == 3 ? 7 : MANY);
    plugins[5].sub.state = SUBSCRIBER_OFF;
    plugins[6].sub.state = SUBSCRIBER_FAILED;
    for (int i = 0; i < 3000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        struct topic *t = topic("alpha", random >> 60 < 3 ? 2 : 5, hooks[(random >> 33) % 3]);
        hand_in(t, (random >> 40) % 900, posted && random >> 59 & 15);
        if ((random >> 50) % 37 == 0) {
            router_settle(router);
            (void)rig_text(&plugins[(random >> 20) % 12]);
        }
    }
    router_settle(router);
    for (int i = 0; i < 12; i++) {
        texts[i] = strdup(rig_text(&plugins[i]));
        counters[i] = *books(&plugins[i]);
    }
    rig_end();
}

START_TEST(test_posting_ends_as_publishing_does) {
    struct queue_counters one[12], other[12];
    char *texts[2][12];
    play(false, one, texts[0]);
    play(true, other, texts[1]);
    for (int i = 0; i < 12; i++) {
        ck_assert_str_eq(texts[0][i], texts[1][i]);
        ck_assert(!memcmp(&one[i], &other[i], sizeof *one));
        free(texts[0][i]);
        free(texts[1][i]);
    }
    ck_assert(one[3].dropped > 0 && one[0].delivered > 0 && one[5].accepted == 0);
}
END_TEST

START_TEST(test_one_who_leaves_got_what_was_posted_before) {
    rig_begin(plenty);
    struct plugin *a = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY);
    post(topic("alpha", -1, "on_zulu"), 10);
    router_unsubscribe(router, &a->sub);
    post(topic("alpha", -1, "on_zulu"), 10);
    router_settle(router);
    ck_assert_uint_eq(books(a)->accepted, 1);
    rig_end();
}
END_TEST

START_TEST(test_a_hook_heard_through_a_tool_has_bytes_of_its_own) {
    static const char *const tools[] = {"save", "save", NULL}, *const others[] = {"save", NULL, NULL};
    rig_begin(plenty);
    struct plugin *native = plug(0, &alpha5, ALL, QUEUE_DROP_OLDEST, MANY),
                  *legacy = plug(1, &alpha5, ZULU | ALPHA_HOOK, QUEUE_DROP_OLDEST, MANY),
                  *modern = plug(2, &alpha5, ZULU, QUEUE_DROP_OLDEST, MANY);
    legacy->sub.tools = tools;
    modern->sub.tools = others;
    modern->sub.tool_meta = "\"modern\":1";
    ck_assert_int_eq(router_subscribe(router, &legacy->sub), 0);
    ck_assert_int_eq(router_subscribe(router, &modern->sub), 0);
    post(topic("alpha", -1, "on_zulu"), 3);
    (void)publish(topic("alpha", -1, "on_alpha"), 3);
    ck_assert_uint_eq(result.queued, 2);
    post(topic("alpha", -1, "on_mike"), 3);
    router_settle(router);
    ck_assert_uint_eq(count_of(rig_text(native), "\"method\":\"on_"), 3);
    const char *text = rig_text(legacy);
    ck_assert(count_of(text, "\"tools/call\"") == 2 && count_of(text, "\"name\":\"save\"") == 2);
    ck_assert(strstr(text, "\"id\":1}\n") && strstr(text, "\"id\":2}\n") && !strstr(text, "modern"));
    text = rig_text(modern);
    ck_assert(count_of(text, "\"modern\":1") == 1 && strstr(text, "\"arguments\":{\"p\":\"xxx\"}"));
    rig_end();
}
END_TEST

RUN_SUITE("router_post", test_posted_events_are_offered_when_it_is_settled,
          test_a_published_event_comes_behind_those_posted_before_it, test_posting_ends_as_publishing_does,
          test_one_who_leaves_got_what_was_posted_before, test_a_hook_heard_through_a_tool_has_bytes_of_its_own)
