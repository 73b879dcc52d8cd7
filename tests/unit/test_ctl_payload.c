/* Payloads are spliced byte for byte, and cannot reach beyond themselves. */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/payload.h"

static struct buf out;
static struct scan scan;
static struct err e;

static void setup(void) {
    out = BUF_INIT(0);
    e = (struct err){0};
    scan_init(&scan, 128);
}

static void teardown(void) {
    buf_deinit(&out);
    scan_deinit(&scan);
}

static void built(const char *expected) { ck_assert_str_eq(buf_cstr(&out), expected); }

static int value(const char *text) {
    buf_clear(&out);
    return payload_put_value(&out, &scan, text, strlen(text), &e);
}

#define WORDS(...)                                                                       \
    (buf_clear(&out), payload_put_words(&out, &scan, (const char *const[]){__VA_ARGS__}, \
                                        ARRAY_LEN(((const char *[]){__VA_ARGS__})), &e))

START_TEST(test_words_become_members_in_their_order) {
    ck_assert_int_eq(WORDS("actor=u1", "n:=3", "list:=[1, 2]", "empty="), 0);
    built("{\"actor\":\"u1\",\"n\":3,\"list\":[1, 2],\"empty\":\"\"}");
    buf_clear(&out);
    ck_assert_int_eq(payload_put_words(&out, &scan, NULL, 0, &e), 0);
    built("{}");
}
END_TEST

START_TEST(test_the_first_equals_sign_ends_the_key) {
    ck_assert_int_eq(WORDS("a=b=c", "x=:=y", "url=http://h/?q=1", "a:b=c"), 0);
    built("{\"a\":\"b=c\",\"x\":\":=y\",\"url\":\"http://h/?q=1\",\"a:b\":\"c\"}");
}
END_TEST

START_TEST(test_strings_are_escaped) {
    ck_assert_int_eq(WORDS("a\"b=c\\d\n\t\x01\x7f"), 0);
    json_t *doc = json_loads(buf_cstr(&out), 0, NULL);
    ck_assert_ptr_nonnull(doc);
    ck_assert_str_eq(json_string_value(json_object_get(doc, "a\"b")), "c\\d\n\t\x01\x7f");
    json_decref(doc);
    ck_assert_int_eq(WORDS("na\xc3\xafve=\xe4\xbd\xa0 \xf0\x9f\x98\x80"), 0);
    built("{\"na\xc3\xafve\":\"\xe4\xbd\xa0 \xf0\x9f\x98\x80\"}");
}
END_TEST

START_TEST(test_bad_words_are_refused) {
    static const struct {
        const char *word, *part;
    } rows[] = {{"plain", "neither key=string nor key:=json"},
                {"=x", "no key"},
                {":=1", "no key"},
                {"n:=", "not JSON"},
                {"n:=tru", "not JSON"},
                {"n:=1,\"evil\":2", "not JSON"},
                {"a=\xff", "not UTF-8"},
                {"\xc3=1", "not UTF-8"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(WORDS(rows[i].word), -EINVAL);
        ck_assert_msg(strstr(e.text, rows[i].part) != NULL, "%s: %s", rows[i].word, e.text);
    }
}
END_TEST

START_TEST(test_values_pass_unchanged) {
    static const char *const texts[] = {"{}",
                                        "{\"n\":123456789012345678901234567890,\"big\":1e400,\"neg\":-0.10e+02}",
                                        "{\"s\":\"\\u0000\\ud800\\/\"}",
                                        "{ \"a\" :\t[ ] }",
                                        "[1]",
                                        "{\"a\":1,\"a\":2}"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ck_assert_int_eq(value(texts[i]), 0);
        built(texts[i]);
    }
}
END_TEST

START_TEST(test_line_breaks_between_tokens_become_blanks) {
    ck_assert_int_eq(value("{\n  \"a\": 1,\r\n  \"b\": \"x\\ny\"\n}\n"), 0);
    built("{   \"a\": 1,    \"b\": \"x\\ny\" } ");
    ck_assert_int_eq(value("{\"a\":\"x\ny\"}"), -EINVAL);
}
END_TEST

START_TEST(test_a_value_is_one_value) {
    static const char *const texts[] = {"",     "{",       "{}}",     "{},\"metadata\":{}", "{}{}",
                                        "nope", "{'a':1}", "{\"a\"}", "{\"a\":1}}}",        "{\"a\":\"\xff\"}"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) ck_assert_msg(value(texts[i]) == -EINVAL, "%s passed", texts[i]);
    ck_assert_int_eq(value("{\"a\":tru}"), -EINVAL);
    ck_assert_msg(strstr(e.text, "at byte") != NULL, "%s", e.text);
}
END_TEST

START_TEST(test_deep_nesting_is_for_the_daemon_to_judge) {
    char deep[1001];
    memset(deep, '[', 500);
    memset(deep + 500, ']', 500);
    deep[1000] = '\0';
    ck_assert_int_eq(value(deep), 0);
    built(deep);
}
END_TEST

int main(void) {
    Suite *s = suite_create("ctl/payload");
    TCase *t = tcase_create("payload");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_words_become_members_in_their_order);
    tcase_add_test(t, test_the_first_equals_sign_ends_the_key);
    tcase_add_test(t, test_strings_are_escaped);
    tcase_add_test(t, test_bad_words_are_refused);
    tcase_add_test(t, test_values_pass_unchanged);
    tcase_add_test(t, test_line_breaks_between_tokens_become_blanks);
    tcase_add_test(t, test_a_value_is_one_value);
    tcase_add_test(t, test_deep_nesting_is_for_the_daemon_to_judge);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
