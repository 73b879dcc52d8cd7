/* One line of logfmt or JSON: exact bytes, escaping, and what happens at the end of the buffer. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/logtext.h"
#include "fanout_suite.h"

static char line[8192];

/* The line of one value, without its newline. */
static const char *one(bool json, const char *v, size_t n) {
    struct logtext t;
    logtext_init(&t, line, 4096, json);
    logtext_str(&t, "k", v, n);
    size_t len = logtext_end(&t);
    ck_assert_uint_ge(len, 1);
    ck_assert_int_eq(line[len - 1], '\n');
    line[len - 1] = '\0';
    ck_assert_uint_eq(strlen(line), len - 1);
    return line;
}

#define LOGFMT(v) one(false, v, sizeof(v) - 1)
#define JSON(v) one(true, v, sizeof(v) - 1)

START_TEST(test_plain_words_stand_bare_and_others_in_quotes) {
    ck_assert_str_eq(LOGFMT("plain-word_1.2:/"), "k=plain-word_1.2:/");
    ck_assert_str_eq(LOGFMT(""), "k=\"\"");
    ck_assert_str_eq(LOGFMT("two words"), "k=\"two words\"");
    ck_assert_str_eq(LOGFMT("a=b"), "k=\"a=b\"");
    ck_assert_str_eq(LOGFMT("say \"x\""), "k=\"say \\\"x\\\"\"");
    ck_assert_str_eq(LOGFMT("a\\b"), "k=\"a\\\\b\"");
    ck_assert_str_eq(LOGFMT("gr\xc3\xbc\xc3\x9f"), "k=\"gr\xc3\xbc\xc3\x9f\"");
}
END_TEST

START_TEST(test_json_values_are_strings_and_numbers) {
    struct logtext t;
    logtext_init(&t, line, sizeof line, true);
    logtext_str(&t, "a", "x y", 3);
    logtext_num(&t, "b", INT64_MIN);
    logtext_str(&t, "c", "", 0);
    line[logtext_end(&t)] = '\0';
    ck_assert_str_eq(line, "{\"a\":\"x y\",\"b\":-9223372036854775808,\"c\":\"\"}\n");
    logtext_init(&t, line, sizeof line, false);
    logtext_str(&t, "a", "x", 1);
    logtext_num(&t, "b", INT64_MAX);
    line[logtext_end(&t)] = '\0';
    ck_assert_str_eq(line, "a=x b=9223372036854775807\n");
}
END_TEST

START_TEST(test_an_empty_record_is_a_line) {
    struct logtext t;
    logtext_init(&t, line, sizeof line, true);
    line[logtext_end(&t)] = '\0';
    ck_assert_str_eq(line, "{}\n");
    logtext_init(&t, line, sizeof line, false);
    line[logtext_end(&t)] = '\0';
    ck_assert_str_eq(line, "\n");
}
END_TEST

START_TEST(test_control_characters_cannot_end_the_line) {
    ck_assert_str_eq(LOGFMT("a\nlevel=error b"), "k=\"a\\nlevel=error b\"");
    ck_assert_str_eq(LOGFMT("\r\t"), "k=\"\\r\\t\"");
    ck_assert_str_eq(LOGFMT("\0\x01\x1b[2J\x7f"), "k=\"\\x00\\x01\\x1b[2J\\x7f\"");
    ck_assert_str_eq(JSON("\0\x01\x1b[2J\x7f\n"), "{\"k\":\"\\u0000\\u0001\\u001b[2J\\u007f\\n\"}");
}
END_TEST

START_TEST(test_c1_controls_and_what_rules_a_line_are_escaped) {
    ck_assert_str_eq(LOGFMT("\xc2\x9b"
                            "31m\xc2\x85"),
                     "k=\"\\x9b31m\\x85\"");
    ck_assert_str_eq(JSON("\xc2\x9b\xc2\x80\xc2\xa0"), "{\"k\":\"\\u009b\\u0080\xc2\xa0\"}");
    ck_assert_str_eq(LOGFMT("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xae\xe2\x81\xa6"), "k=\"\\u2028\\u2029\\u202e\\u2066\"");
    ck_assert_str_eq(JSON("\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa9\xe2\x81\xaa"),
                     "{\"k\":\"\xe2\x80\xa7\xe2\x80\xaf\\u2069\xe2\x81\xaa\"}");
}
END_TEST

START_TEST(test_what_is_not_utf8_is_escaped_byte_by_byte) {
    ck_assert_str_eq(LOGFMT("\xff\xc3"), "k=\"\\xff\\xc3\"");
    ck_assert_str_eq(LOGFMT("\xc0\xaf"), "k=\"\\xc0\\xaf\"");
    ck_assert_str_eq(LOGFMT("\xed\xa0\x80"), "k=\"\\xed\\xa0\\x80\"");
    ck_assert_str_eq(LOGFMT("\xf4\x90\x80\x80"), "k=\"\\xf4\\x90\\x80\\x80\"");
    ck_assert_str_eq(LOGFMT("\xe2\x82"), "k=\"\\xe2\\x82\"");
    ck_assert_str_eq(JSON("\x80z\xf0\x9f\x98\x80"), "{\"k\":\"\\u0080z\xf0\x9f\x98\x80\"}");
}
END_TEST

START_TEST(test_utf8_lengths) {
    const struct {
        const char *p;
        size_t n, want;
    } cases[] = {{"a", 1, 1},
                 {"\xc3\xa9", 2, 2},
                 {"\xe2\x82\xac", 3, 3},
                 {"\xf0\x9f\x98\x80", 4, 4},
                 {"\xc3\xa9", 1, 0},
                 {"\xe2\x82\xac", 2, 0},
                 {"\xc1\xbf", 2, 0},
                 {"\xe0\x9f\xbf", 3, 0},
                 {"\x80", 1, 0},
                 {"\xf0\x8f\xbf\xbf", 4, 0},
                 {"\xf5\x80\x80\x80", 4, 0},
                 {"\xee\x80\x80", 3, 3},
                 {"\xed\x9f\xbf", 3, 3},
                 {"\xf4\x8f\xbf\xbf", 4, 4},
                 {"\xc3(", 2, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(logtext_utf8((const unsigned char *)cases[i].p, cases[i].n) == cases[i].want, "case %zu", i);
}
END_TEST

START_TEST(test_every_byte_makes_valid_json) {
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b += 5) {
            char v[3] = {(char)a, (char)b, 'x'};
            json_error_t e;
            json_t *j = json_loads(one(true, v, 3), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
            if (!j) ck_abort_msg("bytes %02x %02x: %s in %s", a, b, e.text, line);
            json_decref(j);
            (void)one(false, v, 3);
            for (const char *p = line; *p; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f) ck_abort_msg("bytes %02x %02x are raw in %s", a, b, line);
        }
}
END_TEST

static void fill(bool json, const char *unit, size_t unit_len, size_t cap) {
    char value[3000];
    for (size_t i = 0; i < sizeof value; i++) value[i] = unit[i % unit_len];
    struct logtext t;
    memset(line, '#', sizeof line);
    logtext_init(&t, line, cap, json);
    logtext_str(&t, "time", "2026", 4);
    logtext_str(&t, "v", value, sizeof value);
    logtext_num(&t, "n", 1);
    logtext_str(&t, "w", "z", 1);
    size_t n = logtext_end(&t);
    ck_assert_uint_le(n, cap);
    ck_assert_int_eq(line[cap], '#');
    ck_assert_int_eq(line[n - 1], '\n');
    line[n] = '\0';
    ck_assert_msg(strstr(line, json ? "...\"}\n" : "...\"\n") != NULL, "not told that it was cut: %s", line);
    if (!json) return;
    json_error_t e;
    json_t *j = json_loads(line, JSON_REJECT_DUPLICATES, &e);
    ck_assert_msg(j != NULL, "%s: %s", e.text, line);
    json_decref(j);
}

START_TEST(test_a_value_is_cut_between_characters_wherever_the_room_ends) {
    for (size_t cap = 256; cap < 320; cap++)
        for (int json = 0; json < 2; json++) {
            fill(json, "x", 1, cap);
            fill(json, "a b\"", 4, cap);
            fill(json, "\xf0\x9f\x98\x80", 4, cap);
            fill(json, "\x01\xff\n", 3, cap);
            fill(json, "\xe2\x80\xa8z", 4, cap);
        }
}
END_TEST

START_TEST(test_a_field_without_room_is_left_out_whole) {
    struct logtext t;
    char key[300];
    memset(key, 'k', sizeof key - 1), key[sizeof key - 1] = '\0';
    logtext_init(&t, line, 256, false);
    logtext_str(&t, "a", "1", 1);
    logtext_str(&t, key, "2", 1);
    logtext_num(&t, key, 2);
    logtext_str(&t, "b", "3", 1);
    line[logtext_end(&t)] = '\0';
    ck_assert_str_eq(line, "a=1 b=3\n");
}
END_TEST

RUN_SUITE("logtext", test_plain_words_stand_bare_and_others_in_quotes, test_json_values_are_strings_and_numbers,
          test_an_empty_record_is_a_line, test_control_characters_cannot_end_the_line,
          test_c1_controls_and_what_rules_a_line_are_escaped, test_what_is_not_utf8_is_escaped_byte_by_byte,
          test_utf8_lengths, test_every_byte_makes_valid_json,
          test_a_value_is_cut_between_characters_wherever_the_room_ends, test_a_field_without_room_is_left_out_whole)
