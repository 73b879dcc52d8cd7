/* test_text.c — strings read unescaped, and bytes written as strings. */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/scan.h"
#include "json/text.h"

static struct scan s, t;
static struct buf out;

static void setup(void) {
    scan_init(&s, 8);
    scan_init(&t, 8);
    out = BUF_INIT(0);
}

static void teardown(void) {
    scan_deinit(&s);
    scan_deinit(&t);
    buf_deinit(&out);
}

static const struct node *node(struct scan *in, const char *text) {
    ck_assert_int_eq(scan_text(in, text, strlen(text)), 0);
    ck_assert_int_eq(scan_root(in)->type, NODE_STRING);
    return scan_root(in);
}

#define BYTES(lit) (lit), sizeof(lit) - 1

static const struct {
    const char *json;
    const char *replaced; /* TEXT_LONE_REPLACE */
    size_t n;
    const char *kept; /* TEXT_LONE_KEEP, as long as the other; NULL: the same */
    size_t chars;
} strings[] = {
    {"\"\"", BYTES(""), NULL, 0},
    {"\"plain\"", BYTES("plain"), NULL, 5},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", BYTES("\"\\/\b\f\n\r\t"), NULL, 8},
    {"\"a\\u0000b\"", BYTES("a\0b"), NULL, 3},
    {"\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\"", BYTES("A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), NULL, 4},
    {"\"A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"", BYTES("A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), NULL, 4},
    {"\"\\ud800\"", BYTES("\xEF\xBF\xBD"), "\xED\xA0\x80", 1},
    {"\"\\udfff\"", BYTES("\xEF\xBF\xBD"), "\xED\xBF\xBF", 1},
    {"\"x\\ud800y\"", BYTES("x\xEF\xBF\xBDy"), "x\xED\xA0\x80y", 3},
    {"\"\\ud800\\n\"", BYTES("\xEF\xBF\xBD\n"), "\xED\xA0\x80\n", 2},
    {"\"\\ud800\\u0041\"",
     BYTES("\xEF\xBF\xBD"
           "A"),
     "\xED\xA0\x80"
     "A",
     2},
    {"\"\\ud800\\ud83d\\ude00\"", BYTES("\xEF\xBF\xBD\xF0\x9F\x98\x80"), "\xED\xA0\x80\xF0\x9F\x98\x80", 2},
    {"\"\\ude00\\ud83d\"", BYTES("\xEF\xBF\xBD\xEF\xBF\xBD"), "\xED\xB8\x80\xED\xA0\xBD", 2},
    {"\"\\udbff\\udfff\"", BYTES("\xF4\x8F\xBF\xBF"), NULL, 1},
    {"\"\\ud800\\udc00\"", BYTES("\xF0\x90\x80\x80"), NULL, 1},
    {"\"twelve and some \xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\"",
     BYTES("twelve and some \xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6"), NULL, 25},
};

START_TEST(test_unescaping_and_counting) {
    const struct node *n = node(&s, strings[_i].json);
    const char *kept = strings[_i].kept ? strings[_i].kept : strings[_i].replaced;
    ck_assert_int_eq(buf_puts(&out, "<"), 0);
    ck_assert_int_eq(text_unescape(&s, n, TEXT_LONE_REPLACE, &out), 0);
    ck_assert_uint_eq(out.len, 1 + strings[_i].n);
    ck_assert_mem_eq(buf_data(&out) + 1, strings[_i].replaced, strings[_i].n);
    buf_clear(&out);
    ck_assert_int_eq(text_unescape(&s, n, TEXT_LONE_KEEP, &out), 0);
    ck_assert_uint_eq(out.len, strings[_i].n);
    ck_assert_mem_eq(buf_data(&out), kept, out.len);
    ck_assert(scan_equal(&s, n, kept, out.len));
    ck_assert_uint_eq(text_count(&s, n), strings[_i].chars);
}
END_TEST

START_TEST(test_a_full_buffer_is_left_as_it_was) {
    const struct node *n = node(&s, "\"123\\u0034\"");
    out.max = 6;
    ck_assert_int_eq(buf_puts(&out, "abc"), 0);
    ck_assert_int_eq(text_unescape(&s, n, TEXT_LONE_REPLACE, &out), -EMSGSIZE);
    ck_assert_int_eq(text_escape(&out, "12", 2), -EMSGSIZE); /* the closing quote is one too many */
    ck_assert_int_eq(text_escape(&out, "\n\n", 2), -EMSGSIZE);
    ck_assert_uint_eq(out.len, 3);
    ck_assert_mem_eq(buf_data(&out), "abc", 3);
    buf_consume(&out, 1);
    ck_assert_int_eq(text_unescape(&s, n, TEXT_LONE_REPLACE, &out), 0); /* exactly full; the escapes do not count */
    ck_assert_mem_eq(buf_data(&out), "bc1234", 6);
}
END_TEST

static const struct {
    const char *a, *b;
    int order;
} pairs[] = {
    {"\"\"", "\"\"", 0},
    {"\"a\"", "\"\"", 1},
    {"\"a\"", "\"\\u0061\"", 0},
    {"\"\\u0061bc\"", "\"a\\u0062c\"", 0},
    {"\"abc\\u0064\"", "\"abc\"", 1},
    {"\"a\"", "\"b\"", -1},
    {"\"a\"", "\"a\\u0000\"", -1},
    {"\"a\\u0000\"", "\"a\\u0000\"", 0},
    {"\"a\\u0000b\"", "\"a\\u0000c\"", -1},
    {"\"\\/\"", "\"/\"", 0},
    {"\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80\"", 0},
    {"\"\\ud800\"", "\"\\uD800\"", 0},
    {"\"\\ud800\"", "\"\\ud801\"", -1},
    {"\"\\ud800\"", "\"\xEF\xBF\xBD\"", -1},
    {"\"\xEF\xBF\xBD\"", "\"\xF0\x9F\x98\x80\"", -1}, /* code points, not UTF-16 units */
    {"\"~\"", "\"\xC3\xA9\"", -1},
};

START_TEST(test_comparing_and_hashing_see_the_unescaped_bytes) {
    const struct node *a = node(&s, pairs[_i].a), *b = node(&t, pairs[_i].b);
    int c = text_compare(&s, a, &t, b), d = text_compare(&t, b, &s, a);
    ck_assert_int_eq((c > 0) - (c < 0), pairs[_i].order);
    ck_assert_int_eq((d > 0) - (d < 0), -pairs[_i].order);
    ck_assert_int_eq(text_equal(&s, a, &t, b), pairs[_i].order == 0);
    ck_assert_int_eq(text_equal(&t, b, &s, a), pairs[_i].order == 0);
    static const uint64_t key[2] = {1, 2}, other[2] = {1, 3};
    ck_assert_int_eq(text_hash(&s, a, key) == text_hash(&t, b, key), pairs[_i].order == 0);
    ck_assert_uint_ne(text_hash(&s, a, key), text_hash(&s, a, other));
}
END_TEST

START_TEST(test_the_hash_is_siphash_1_3) {
    static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    ck_assert_uint_eq(text_hash(&s, node(&s, "\"\""), key), 0xabac0158050fc4dc);
    ck_assert_uint_eq(text_hash(&s, node(&s, "\"a\""), key), 0x1c2697ab786a6237);
    ck_assert_uint_eq(text_hash(&s, node(&s, "\"trace\\u0070arent\""), key), 0x22b768cd38b1acff);
    ck_assert_uint_eq(text_hash(&s, node(&s, "\"зона доступа\""), key), 0xe347e6ab469a29eb);
    ck_assert_uint_eq(text_hash(&s, node(&s, "\"\\u0437она\\u0020дост\\u0443па\""), key), 0xe347e6ab469a29eb);
}
END_TEST

static const struct {
    const char *bytes;
    size_t n;
    const char *json;
} escapes[] = {
    {BYTES(""), "\"\""},
    {BYTES("plain / text\x7F"), "\"plain / text\x7F\""},
    {BYTES("\"\\"), "\"\\\"\\\\\""},
    {BYTES("\b\t\n\f\r"), "\"\\b\\t\\n\\f\\r\""},
    {BYTES("\0\x01\v\x0E\x1F "), "\"\\u0000\\u0001\\u000b\\u000e\\u001f \""},
    {BYTES("\xD0\xB6\xE2\x82\xAC\xF0\x9F\x98\x80"), "\"\xD0\xB6\xE2\x82\xAC\xF0\x9F\x98\x80\""},
    {BYTES("a\xFFz"), "\"a\xEF\xBF\xBDz\""},
    {BYTES("\xE2\x82"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* one for each byte */
    {BYTES("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {BYTES("\xC0\xAF"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
};

START_TEST(test_escaping_makes_a_string_of_any_bytes) {
    ck_assert_int_eq(buf_puts(&out, "x"), 0);
    ck_assert_int_eq(text_escape(&out, escapes[_i].bytes, escapes[_i].n), 0);
    ck_assert_uint_eq(out.len, 1 + strlen(escapes[_i].json));
    ck_assert_mem_eq(buf_data(&out) + 1, escapes[_i].json, out.len - 1);
}
END_TEST

START_TEST(test_random_bytes_survive_the_round_trip) {
    struct buf back = BUF_INIT(0);
    srand(3);
    for (int i = 0; i < 20000; i++, buf_clear(&out), buf_clear(&back)) {
        char bytes[64];
        size_t n = (size_t)rand() % sizeof bytes;
        for (size_t k = 0; k < n; k++) bytes[k] = (char)(rand() % (i % 2 ? 128 : 256));
        ck_assert_int_eq(text_escape(&out, bytes, n), 0);
        ck_assert_int_eq(scan_text(&s, buf_data(&out), out.len), 0);
        ck_assert_int_eq(text_unescape(&s, scan_root(&s), TEXT_LONE_REPLACE, &back), 0);
        if (i % 2) {
            ck_assert_uint_eq(back.len, n);
            ck_assert_mem_eq(buf_data(&back), bytes, n);
        }
        json_t *j = json_loadb(buf_data(&out), out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        ck_assert_ptr_nonnull(j);
        ck_assert_uint_eq(json_string_length(j), back.len);
        ck_assert_mem_eq(json_string_value(j), buf_data(&back), back.len);
        json_decref(j);
    }
    buf_deinit(&back);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("text");
    TCase *c = tcase_create("text");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 30);
    tcase_add_loop_test(c, test_unescaping_and_counting, 0, (int)ARRAY_LEN(strings));
    tcase_add_test(c, test_a_full_buffer_is_left_as_it_was);
    tcase_add_loop_test(c, test_comparing_and_hashing_see_the_unescaped_bytes, 0, (int)ARRAY_LEN(pairs));
    tcase_add_test(c, test_the_hash_is_siphash_1_3);
    tcase_add_loop_test(c, test_escaping_makes_a_string_of_any_bytes, 0, (int)ARRAY_LEN(escapes));
    tcase_add_test(c, test_random_bytes_survive_the_round_trip);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
