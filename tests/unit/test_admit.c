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
    struct schema_run *run = schema_run_new();
    ck_assert_ptr_nonnull(run);
    scan_init(&s, 128);
    ck_assert_int_eq(scan_text(&s, text, strlen(text)), 0);
    memset(&e, 0, sizeof e);
    ck_assert_int_eq(buf_puts(&errors, "left over"), 0);
    enum admit a = admit_payload(&on_x, run, &s, scan_root(&s), max, &e, &errors);
    struct err quick = {0};
    ck_assert_int_eq(admit_payload(&on_x, run, &s, scan_root(&s), max, &quick, NULL), a);
    ck_assert_str_eq(quick.text, e.text);
    ck_assert_msg((a == ADMIT_OK) == !e.text[0], "%s: %s", text, e.text);
    ck_assert(a == ADMIT_INVALID_PAYLOAD || !errors.len);
    scan_deinit(&s);
    (void)schema_run_free(run);
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

static void schema(const char *text) {
    static struct schema *s;
    s = schema_free(s);
    hooks[0].compiled = NULL;
    if (!text) return;
    const struct schema_options o = {0};
    ck_assert_int_eq(schema_compile_text(text, strlen(text), NULL, &o, &s, &e), 0);
    hooks[0].compiled = s;
}

START_TEST(test_a_schema_judges_and_says_where) {
    schema("{\"properties\":{\"a\":{\"minimum\":0},\"s\":{\"pattern\":\"^(a+)+$\"}},\"required\":[\"id\"]}");
    ck_assert_int_eq(admit("{\"id\":1,\"a\":2}", 1000), ADMIT_OK);
    ck_assert_int_eq(admit("{\"a\":-2}", 1000), ADMIT_INVALID_PAYLOAD);
    ck_assert_int_eq(strncmp(e.text, "the payload does not fit its schema: ", 37), 0);
    json_t *j = json_loadb(buf_data(&errors), errors.len, 0, NULL);
    ck_assert_uint_eq(json_array_size(j), 2);
    json_decref(j);
    ck_assert_int_eq(admit("{\"id\":1,\"a\":1e999}", 1000), ADMIT_NUMBER_RANGE);
    ck_assert_ptr_nonnull(strstr(e.text, "/a"));
    ck_assert_int_eq(admit("{\"id\":1,\"s\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}", 1000),
                     ADMIT_TOO_COMPLEX);
    ck_assert_ptr_nonnull(strstr(e.text, "/s"));
    ck_assert_int_eq(admit("[]", 1000), ADMIT_INVALID_PAYLOAD);
    ck_assert_str_eq(e.text, "the payload must be an object");
    schema(NULL);
    buf_deinit(&errors);
}
END_TEST

RUN_SUITE("admit", test_a_schema_judges_and_says_where, test_any_object_is_admitted_where_no_schema_judges,
          test_what_is_no_object_is_refused_in_the_words_of_json_schema, test_the_limit_is_the_payloads_own_bytes,
          test_the_key_meta_is_reserved_however_it_is_written)
