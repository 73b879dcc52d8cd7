/* (kind, major, hook) -> topic, what is said when there is none, and who hears what. */
#include "fanout_suite.h"
#include "router_rig.h"

static struct memory memory;
static struct topics *topics;
static struct err e;

static void begin(void) {
    topics = topics_new(&catalog, "abcdefghijkl", &memory, NULL, NULL);
    ck_assert_ptr_nonnull(topics);
}

static void end(void) {
    topics = topics_free(topics);
    ck_assert_ptr_null(topics);
    ck_assert_uint_eq(memory.used, 0);
}

static int find(const char *kind, int major, const char *hook, struct topic **tp) {
    memset(&e, 0, sizeof e);
    return topics_find(topics, kind, strlen(kind), major, hook, strlen(hook), tp, &e);
}

static void found(const char *kind, int major, const char *hook, const struct hookspec *spec, uint32_t index) {
    struct topic *t = NULL;
    ck_assert_msg(find(kind, major, hook, &t) == 0, "%s %d %s: %s", kind, major, hook, e.text);
    ck_assert_ptr_eq(t->spec, spec);
    ck_assert_uint_eq(t->hook, index);
    char want[256];
    (void)snprintf(want, sizeof want, "\"method\":\"%s\",\"params\":{\"_meta\":{\"io.hookcast/event\":{\"kind\":\"%s\"",
                   hook, kind);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&t->encodings[0].prefix), want));
}

static void missing(const char *kind, int major, const char *hook, int code, const char *text) {
    struct topic *t = (struct topic *)&e;
    ck_assert_int_eq(find(kind, major, hook, &t), code);
    ck_assert_str_eq(e.text, text);
    ck_assert_ptr_eq(t, &e); /* untouched */
}

START_TEST(test_every_hook_is_found_in_every_version) {
    const struct hookspec *const by_major[] = {[1] = &alpha1, [2] = &alpha2, [5] = &alpha5};
    begin();
    for (int major = 1; major <= 5; major++)
        for (uint32_t h = 0; h < HOOKS; h++)
            if (by_major[major]) found("alpha", major, alpha_hooks[h].name, by_major[major], h);
    found("beta", 1, "on_alpha", &beta1, 0);
    found("beta", -1, "on_alpha", &beta1, 0);
    end();
}
END_TEST

START_TEST(test_without_a_version_the_newest_is_meant) {
    begin();
    found("alpha", -1, "on_zulu", &alpha5, 0);
    end();
}
END_TEST

START_TEST(test_an_unknown_kind_gets_the_nearest_one) {
    begin();
    missing("alhpa", -1, "on_zulu", TOPICS_E_KIND, "unknown kind \"alhpa\" (did you mean \"alpha\"?)");
    missing("", -1, "on_zulu", TOPICS_E_KIND, "unknown kind \"\"");
    missing("something", -1, "on_zulu", TOPICS_E_KIND, "unknown kind \"something\"");
    missing("alph", -1, "on_zulu", TOPICS_E_KIND, "unknown kind \"alph\" (did you mean \"alpha\"?)");
    missing("alphaa", -1, "on_zulu", TOPICS_E_KIND, "unknown kind \"alphaa\" (did you mean \"alpha\"?)");
    missing("zulu", 7, "on_zulu", TOPICS_E_KIND, "unknown kind \"zulu\"");
    end();
}
END_TEST

START_TEST(test_an_unknown_version_gets_the_nearest_one) {
    const struct {
        int asked;
        unsigned nearest;
    } cases[] = {{0, 1}, {3, 2}, {4, 5}, {6, 5}, {2147483647, 5}};
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[128];
        (void)snprintf(want, sizeof want, "kind \"alpha\" is not served with kind_api_version %d; the nearest is %u",
                       cases[i].asked, cases[i].nearest);
        missing("alpha", cases[i].asked, "on_zulu", TOPICS_E_MAJOR, want);
    }
    missing("beta", 2, "on_alpha", TOPICS_E_MAJOR,
            "kind \"beta\" is not served with kind_api_version 2; the nearest is 1");
    end();
}
END_TEST

START_TEST(test_an_unknown_hook_gets_the_nearest_of_its_kind) {
    begin();
    missing("alpha", -1, "on_zuul", TOPICS_E_HOOK,
            "kind \"alpha\" has no hook \"on_zuul\" (did you mean \"on_zulu\"?)");
    missing("beta", 1, "on_zulu", TOPICS_E_HOOK, "kind \"beta\" has no hook \"on_zulu\"");
    missing("alpha", 1, "", TOPICS_E_HOOK, "kind \"alpha\" has no hook \"\"");
    missing("alpha", 1, "on_zul", TOPICS_E_HOOK, "kind \"alpha\" has no hook \"on_zul\" (did you mean \"on_zulu\"?)");
    char big[301] = "", want[400];
    memset(big, 'h', 300);
    (void)snprintf(want, sizeof want, "kind \"alpha\" has no hook \"%.64s\"", big);
    missing("alpha", 1, big, TOPICS_E_HOOK, want);
    end();
}
END_TEST

START_TEST(test_a_name_with_nuls_in_it_is_unknown) {
    struct topic *t;
    char *kind = malloc(40), *hook = malloc(40); /* of exactly these sizes: nothing beyond may be read */
    ck_assert(kind && hook);
    memset(kind, 0, 40), memset(hook, 0, 40);
    memcpy(kind, "alpha", 5), memcpy(hook, "on_zulu", 7);
    begin();
    ck_assert_int_eq(topics_find(topics, kind, 40, -1, "on_zulu", 7, &t, &e), TOPICS_E_KIND);
    ck_assert_int_eq(topics_find(topics, "alpha", 5, -1, hook, 40, &t, &e), TOPICS_E_HOOK);
    ck_assert_int_eq(topics_find(topics, kind, 5, -1, hook, 7, &t, &e), 0);
    end();
    free(kind);
    free(hook);
}
END_TEST

START_TEST(test_subscribers_stand_under_the_hooks_they_hear) {
    bool hears[HOOKS] = {true, false, true};
    struct subscriber s = {.spec = &alpha2, .hears = hears};
    struct topic *zulu, *alpha, *mike, *other;
    begin();
    ck_assert(!find("alpha", 2, "on_zulu", &zulu) && !find("alpha", 2, "on_alpha", &alpha) &&
              !find("alpha", 2, "on_mike", &mike) && !find("alpha", 1, "on_zulu", &other));
    ck_assert_int_eq(topics_enter(topics, &s), 0);
    ck_assert_int_eq(topics_enter(topics, &s), 0); /* twice is once */
    ck_assert(zulu->encodings[0].hearers.n == 1 && alpha->encodings[0].hearers.n == 0 &&
              mike->encodings[0].hearers.n == 1 && other->encodings[0].hearers.n == 0);
    ck_assert_ptr_eq(zulu->encodings[0].hearers.v[0], &s);
    hears[0] = false, hears[1] = true;
    ck_assert_int_eq(topics_enter(topics, &s), 0);
    ck_assert(zulu->encodings[0].hearers.n == 0 && alpha->encodings[0].hearers.n == 1 &&
              mike->encodings[0].hearers.n == 1);
    topics_leave(topics, &s);
    topics_leave(topics, &s);
    ck_assert(zulu->encodings[0].hearers.n == 0 && alpha->encodings[0].hearers.n == 0 &&
              mike->encodings[0].hearers.n == 0);
    end();
}
END_TEST

START_TEST(test_leaving_keeps_the_order_of_the_others) {
    bool all[HOOKS] = {true, true, true};
    struct subscriber s[10];
    struct topic *t;
    begin();
    ck_assert_int_eq(find("alpha", 1, "on_alpha", &t), 0);
    for (int i = 0; i < 10; i++) {
        s[i] = (struct subscriber){.spec = &alpha1, .hears = all};
        ck_assert_int_eq(topics_enter(topics, &s[i]), 0);
    }
    topics_leave(topics, &s[0]);
    topics_leave(topics, &s[4]);
    topics_leave(topics, &s[9]);
    ck_assert_uint_eq(t->encodings[0].hearers.n, 7);
    static const int left[] = {1, 2, 3, 5, 6, 7, 8};
    for (int i = 0; i < 7; i++) ck_assert_ptr_eq(t->encodings[0].hearers.v[i], &s[left[i]]);
    end();
}
END_TEST

START_TEST(test_one_of_an_unknown_kind_hears_nothing) {
    static const struct hookspec stranger = {.major = 1};
    bool all[HOOKS] = {true, true, true};
    struct subscriber s = {.spec = &stranger, .hears = all}, none = {.spec = NULL};
    begin();
    ck_assert_int_eq(topics_enter(topics, &s), 0);
    ck_assert_int_eq(topics_enter(topics, &none), 0);
    topics_leave(topics, &s);
    topics_trim(topics);
    end();
    ck_assert_ptr_null(topics_free(NULL));
}
END_TEST

START_TEST(test_a_catalog_without_kinds_finds_none) {
    static const struct catalog empty;
    struct topic *t;
    topics = topics_new(&empty, "r", &memory, NULL, NULL);
    ck_assert_ptr_nonnull(topics);
    ck_assert_int_eq(find("alpha", -1, "on_zulu", &t), TOPICS_E_KIND);
    ck_assert_str_eq(e.text, "unknown kind \"alpha\"");
    end();
}
END_TEST

RUN_SUITE("topics", test_every_hook_is_found_in_every_version, test_without_a_version_the_newest_is_meant,
          test_an_unknown_kind_gets_the_nearest_one, test_an_unknown_version_gets_the_nearest_one,
          test_an_unknown_hook_gets_the_nearest_of_its_kind, test_a_name_with_nuls_in_it_is_unknown,
          test_subscribers_stand_under_the_hooks_they_hear, test_leaving_keeps_the_order_of_the_others,
          test_one_of_an_unknown_kind_hears_nothing, test_a_catalog_without_kinds_finds_none)
