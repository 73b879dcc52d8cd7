/* May this payload be published? */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "fanout/admit.h"
#include "fanout_suite.h"

static struct hook hooks[] = {{.name = (char *)(uintptr_t) "on_x"}};
static const struct hookspec spec = {.kind = (char *)(uintptr_t) "k", .major = 1, .hooks = hooks, .n_hooks = 1};
static const struct topic on_x = {.spec = &spec};

static struct err e;
static struct buf errors = BUF_INIT(0);

static enum admit admit(const char *text, size_t max) {
    struct scan s;
    scan_init(&s, 128);
    ck_assert_int_eq(scan_text(&s, text, strlen(text)), 0);
    memset(&e, 0, sizeof e);
    ck_assert_int_eq(buf_puts(&errors, "left over"), 0);
    enum admit a = admit_payload(&on_x, &s, scan_root(&s), max, &e, &errors);
    ck_assert_msg((a == ADMIT_OK) == !e.text[0], "%s: %s", text, e.text);
    ck_assert(a == ADMIT_INVALID_PAYLOAD || !errors.len);
    scan_deinit(&s);
    return a;
}

START_TEST(test_any_object_is_admitted_where_no_schema_judges) {
    ck_assert_int_eq(admit("{}", 2), ADMIT_OK);
    ck_assert_int_eq(admit("{\"a\":{\"_meta\":1},\"_metal\":2,\"_\":[]}", 1000), ADMIT_OK);
    buf_deinit(&errors);
}
END_TEST

START_TEST(test_what_is_no_object_is_refused_in_the_words_of_json_schema) {
    static const char *const bad[] = {"[]", "[{}]", "7", "null", "true", "\"{}\""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(admit(bad[i], 1), ADMIT_INVALID_PAYLOAD);
        ck_assert_str_eq(e.text, "the payload must be an object");
        json_t *j = json_loads(buf_cstr(&errors), 0, NULL);
        const char *at, *keyword, *text;
        ck_assert_int_eq(json_unpack(j, "[{s:s, s:s, s:s !} !]", "instanceLocation", &at, "keywordLocation", &keyword,
                                     "error", &text),
                         0);
        ck_assert_str_eq(at, "");
        ck_assert_str_eq(keyword, "/type");
        ck_assert_str_eq(text, "the payload must be an object");
        json_decref(j);
    }
    buf_deinit(&errors);
}
END_TEST

START_TEST(test_the_limit_is_the_payloads_own_bytes) {
    ck_assert_int_eq(admit("{\"a\":1}", 7), ADMIT_OK);
    ck_assert_int_eq(admit("   {\"a\":1}   ", 7), ADMIT_OK);
    ck_assert_int_eq(admit("{\"a\":12}", 7), ADMIT_TOO_LARGE);
    ck_assert_str_eq(e.text, "the payload has 8 bytes, limits.event_max_size is 7");
    ck_assert_int_eq(admit("{ }", 2), ADMIT_TOO_LARGE);
    buf_deinit(&errors);
}
END_TEST

START_TEST(test_the_key_meta_is_reserved_however_it_is_written) {
    static const char *const bad[] = {"{\"_meta\":{}}", "{\"a\":1,\"_meta\":null}",
                                      "{\"\\u005fmet\\u0061\":1,\"b\":2}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(admit(bad[i], 1000), ADMIT_RESERVED_KEY);
        ck_assert_str_eq(e.text, "the key \"_meta\" of a payload is reserved: use metadata");
    }
    buf_deinit(&errors);
}
END_TEST

RUN_SUITE("admit", test_any_object_is_admitted_where_no_schema_judges,
          test_what_is_no_object_is_refused_in_the_words_of_json_schema, test_the_limit_is_the_payloads_own_bytes,
          test_the_key_meta_is_reserved_however_it_is_written)
