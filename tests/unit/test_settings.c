#include "registry/settings.h"

#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "fixture.h"
#include "registry/keytable.h"

static struct errs errs;

/* Lay a document over the defaults. */
static bool lay(const char *text, struct settings *s) {
    errs_deinit(&errs);
    *s = settings_default();
    struct yamldoc *doc = NULL;
    struct err e;
    ck_assert_msg(yamldoc_parse("s.yaml", text, strlen(text), YAMLDOC_YAML, &doc, &e) == 0, "%s", e.text);
    struct key_reader r = {.doc = doc, .errs = &errs};
    const struct key_layer layer = {.table = &settings_table, .base = s};
    keys_read(&r, yamldoc_root(doc), &layer, 1);
    yamldoc_free(doc);
    return !r.bad;
}

static void teardown(void) { errs_deinit(&errs); }

START_TEST(test_defaults_are_the_contracts) {
    struct settings s = settings_default();
    ck_assert_uint_eq(s.queue_max_events, 65536);
    ck_assert_uint_eq(s.queue_max_size, 16u << 20);
    ck_assert_str_eq(settings_overflow_name(s.overflow), "drop_oldest");
    ck_assert_int_eq(s.slow_after, NSEC_PER_SEC);
    ck_assert_int_eq(s.recover_after, 10 * NSEC_PER_SEC);
    ck_assert_int_eq(s.failure_window, 60 * NSEC_PER_SEC);
    ck_assert_uint_eq(s.failure_threshold, 5);
    ck_assert_str_eq(settings_policy_name(s.restart.policy), "always");
    ck_assert_int_eq(s.restart.backoff_initial, 100 * NSEC_PER_MSEC);
    ck_assert_int_eq(s.restart.backoff_max, 30 * NSEC_PER_SEC);
    ck_assert_uint_eq(s.restart.max_restarts, 10);
    ck_assert_int_eq(s.restart.window, 600 * NSEC_PER_SEC);
    ck_assert_int_eq(s.restart.retry_unavailable, 300 * NSEC_PER_SEC);
    ck_assert_int_eq(s.health.interval, 30 * NSEC_PER_SEC);
    ck_assert_int_eq(s.health.timeout, 5 * NSEC_PER_SEC);
    ck_assert_uint_eq(s.health.failures, 3);
}
END_TEST

START_TEST(test_every_key_lands_in_its_place_and_no_other) {
    static const char text[] =
        "queue_max_events: 1\nqueue_max_size: 2KiB\noverflow: restart\nslow_after: 3s\nrecover_after: 4s\n"
        "failure_window: 5s\nfailure_threshold: 6\n"
        "restart: {policy: on-failure, backoff_initial: 7ms, backoff_max: 8s, max_restarts: 9, window: 10s, "
        "retry_unavailable: 11s}\nhealth: {interval: 12s, timeout: 13s, failures: 14}\n";
    struct settings s, want = {.queue_max_events = 1,
                               .queue_max_size = 2048,
                               .overflow = OVERFLOW_RESTART,
                               .slow_after = 3 * NSEC_PER_SEC,
                               .recover_after = 4 * NSEC_PER_SEC,
                               .failure_window = 5 * NSEC_PER_SEC,
                               .failure_threshold = 6,
                               .restart = {RESTART_ON_FAILURE, 7 * NSEC_PER_MSEC, 8 * NSEC_PER_SEC, 9,
                                           10 * NSEC_PER_SEC, 11 * NSEC_PER_SEC},
                               .health = {12 * NSEC_PER_SEC, 13 * NSEC_PER_SEC, 14}};
    ck_assert(lay(text, &s));
    ck_assert(settings_equal(&s, &want));
}
END_TEST

START_TEST(test_keys_not_given_keep_their_value) {
    struct settings s, want = settings_default();
    ck_assert(lay("restart: {policy: never}\nhealth:\nslow_after: 2s\n", &s));
    want.restart.policy = RESTART_NEVER;
    want.slow_after = 2 * NSEC_PER_SEC;
    ck_assert(settings_equal(&s, &want));
}
END_TEST

START_TEST(test_equality_looks_at_every_key) {
    static const char *const changes[] = {"queue_max_events: 1",
                                          "queue_max_size: 2KiB",
                                          "overflow: restart",
                                          "slow_after: 3s",
                                          "recover_after: 4s",
                                          "failure_window: 5s",
                                          "failure_threshold: 6",
                                          "restart: {policy: never}",
                                          "restart: {backoff_initial: 7ms}",
                                          "restart: {backoff_max: 8s}",
                                          "restart: {max_restarts: 9}",
                                          "restart: {window: 10s}",
                                          "restart: {retry_unavailable: 11s}",
                                          "health: {interval: 12s}",
                                          "health: {timeout: 13s}",
                                          "health: {failures: 14}"};
    struct settings s, d = settings_default();
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        ck_assert(lay(changes[i], &s));
        ck_assert_msg(!settings_equal(&s, &d), "%s is not compared", changes[i]);
    }
    ck_assert(settings_equal(&d, &d));
}
END_TEST

START_TEST(test_what_is_wrong_is_said_with_its_place) {
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"a: 1\nslow_afer: 1s\n", "s.yaml:2:1: unknown key \"slow_afer\" (did you mean \"slow_after\"?)"},
        {"slow_after: 5 potatoes\n",
         "s.yaml:1:13: slow_after: expected a duration such as 500ms (units: ms, s, min, h), got \"5 potatoes\""},
        {"slow_after: 0\n", "s.yaml:1:13: slow_after: must be from 1ms to"},
        {"slow_after: 5\n", "slow_after: expected a duration"},
        {"queue_max_events: 0\n", "queue_max_events: expected a whole number from 1 to 4294967295, got \"0\""},
        {"queue_max_size: 0\n", "queue_max_size: must be from 1B"},
        {"overflow: drop_oldset\n",
         "overflow: expected one of drop_oldest, drop_newest, restart, got \"drop_oldset\" (did you mean "
         "\"drop_oldest\"?)"},
        {"overflow: [a]\n", "overflow: expected one of drop_oldest, drop_newest, restart, got a list"},
        {"restart: always\n", "restart: expected a map (key: value), got \"always\""},
        {"restart: {polcy: always}\n", "s.yaml:1:11: unknown key \"polcy\" (did you mean \"policy\"?)"},
        {"restart: {policy: no}\n", "policy: expected one of always, on-failure, never, got \"no\""},
        {"backoff_max: 3s\n", "unknown key \"backoff_max\" (did you mean \"restart.backoff_max\"?)"},
        {"health: {failures: 0}\n", "failures: expected a whole number from 1"},
        {"health: {interval: 1ms}\n", "interval: must be from 10ms"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct settings s;
        ck_assert_msg(!lay(bad[i].text, &s), "accepted: %s", bad[i].text);
        ck_assert_says(&errs, bad[i].says);
    }
}
END_TEST

START_TEST(test_every_problem_is_reported_not_just_the_first) {
    struct settings s;
    ck_assert(!lay("slow_after: x\noverflow: y\nrestart: {policy: z, max_restarts: -1}\nnope: 1\n", &s));
    ck_assert_uint_eq(errs.n, 5);
}
END_TEST

int main(void) {
    Suite *s = suite_create("settings");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, test_defaults_are_the_contracts);
    tcase_add_test(t, test_every_key_lands_in_its_place_and_no_other);
    tcase_add_test(t, test_keys_not_given_keep_their_value);
    tcase_add_test(t, test_equality_looks_at_every_key);
    tcase_add_test(t, test_what_is_wrong_is_said_with_its_place);
    tcase_add_test(t, test_every_problem_is_reported_not_just_the_first);
    suite_add_tcase(s, t);
    return fixture_run(s);
}
