/* What plugins say cannot steer a terminal; tables line up; colours follow the rules. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/member.h"
#include "ctl/screen.h"
#include "ctl/style.h"
#include "ctl/table.h"

#define E_ACUTE "\xc3\xa9"
#define COMBINING_ACUTE "\xcc\x81"
#define CJK "\xe4\xbd\xa0"
#define EMOJI "\xf0\x9f\x98\x80"

START_TEST(test_control_characters_become_visible) {
    static const struct {
        const char *raw, *clean;
    } rows[] = {{"plain text", "plain text"},
                {"a\nb\r\tc", "a\\nb\\r\\tc"},
                {"\033[31mred\033[0m", "\\x1b[31mred\\x1b[0m"},
                {"\x07\x7f", "\\x07\\x7f"},
                {"\xc2\x9b"
                 "31m",
                 "\\u{9b}31m"},
                {"a\xff\xfe", "a\\xff\\xfe"},
                {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
                {"abc\xe2\x80\xaexyz", "abc\\u{202e}xyz"},
                {"\xe2\x80\xa8\xe2\x81\xa6", "\\u{2028}\\u{2066}"},
                {"na" E_ACUTE CJK EMOJI, "na" E_ACUTE CJK EMOJI},
                {"back\\slash", "back\\slash"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = BUF_INIT(0);
        ck_assert_int_eq(screen_clean(&b, rows[i].raw, strlen(rows[i].raw)), 0);
        ck_assert_str_eq(buf_cstr(&b), rows[i].clean);
        buf_deinit(&b);
    }
}
END_TEST

START_TEST(test_every_byte_pair_is_made_harmless) {
    for (unsigned i = 0; i < 0x10000; i++) {
        char raw[2] = {(char)(i >> 8), (char)(i & 0xff)};
        struct buf b = BUF_INIT(0);
        ck_assert_int_eq(screen_clean(&b, raw, sizeof raw), 0);
        const unsigned char *p = (const unsigned char *)buf_data(&b);
        for (size_t k = 0; k < b.len; k++) {
            ck_assert_uint_ge(p[k], 0x20);
            ck_assert_uint_ne(p[k], 0x7f);
            if (p[k] == 0xc2) ck_assert_uint_ge(p[k + 1], 0xa0);
        }
        buf_deinit(&b);
    }
}
END_TEST

START_TEST(test_width_counts_columns_not_bytes) {
    ck_assert_uint_eq(screen_width("abc", 3), 3);
    ck_assert_uint_eq(screen_width(E_ACUTE, 2), 1);
    ck_assert_uint_eq(screen_width("e" COMBINING_ACUTE, 3), 1);
    ck_assert_uint_eq(screen_width(CJK, 3), 2);
    ck_assert_uint_eq(screen_width(EMOJI, 4), 2);
    ck_assert_uint_eq(screen_width("", 0), 0);
}
END_TEST

static char *printed(struct table *t, unsigned indent, bool colour) {
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    ck_assert_int_eq(table_print(t, f, indent, colour), 0);
    (void)fclose(f);
    (void)table_free(t);
    return text;
}

START_TEST(test_columns_are_as_wide_as_their_content) {
    static const struct table_column columns[] = {{.title = "NAME"}, {.title = "N", .right = true}, {.title = "LAST"}};
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    table_put(t, STYLE_PLAIN, "a");
    table_putf(t, STYLE_PLAIN, "%d", 12345);
    table_put(t, STYLE_PLAIN, "short");
    table_put(t, STYLE_PLAIN, CJK "-plugin");
    table_putf(t, STYLE_PLAIN, "%d", 7);
    table_put(t, STYLE_PLAIN, "");
    cleanup_free char *text = printed(t, 0, false);
    ck_assert_str_eq(text,
                     "NAME           N  LAST\n"
                     "a          12345  short\n" CJK "-plugin      7  -\n");
}
END_TEST

START_TEST(test_a_table_without_titles_is_a_list_of_fields) {
    static const struct table_column columns[2];
    struct table *t = table_new(columns, 2);
    table_put(t, STYLE_HEAD, "name");
    table_put(t, STYLE_PLAIN, NULL);
    table_put(t, STYLE_HEAD, "last error");
    table_put(t, STYLE_PLAIN, "bad\033[2Jthing\n");
    cleanup_free char *text = printed(t, 2, false);
    ck_assert_str_eq(text, "  name        -\n  last error  bad\\x1b[2Jthing\\n\n");
}
END_TEST

START_TEST(test_colour_does_not_count_as_width) {
    static const struct table_column columns[] = {{.title = "S"}, {.title = "T"}};
    struct table *t = table_new(columns, 2);
    table_put(t, STYLE_GOOD, "ok");
    table_put(t, STYLE_PLAIN, "x");
    cleanup_free char *text = printed(t, 0, true);
    ck_assert_str_eq(text,
                     "\033[1mS\033[0m   \033[1mT\033[0m\n"
                     "\033[32mok\033[0m  x\n");
}
END_TEST

START_TEST(test_a_table_that_is_not_there_is_reported) {
    table_put(NULL, STYLE_PLAIN, "x");
    table_putf(NULL, STYLE_PLAIN, "x");
    ck_assert_int_eq(table_print(NULL, stdout, 0, false), -ENOMEM);
    ck_assert_ptr_null(table_free(NULL));
}
END_TEST

START_TEST(test_colours_need_a_willing_terminal) {
    ck_assert(style_allowed(true, NULL, "xterm"));
    ck_assert(style_allowed(true, "", "xterm"));
    ck_assert(!style_allowed(false, NULL, "xterm"));
    ck_assert(!style_allowed(true, "1", "xterm"));
    ck_assert(!style_allowed(true, NULL, "dumb"));
    ck_assert(!style_allowed(true, NULL, ""));
    ck_assert(!style_allowed(true, NULL, NULL));
    ck_assert_str_eq(style_on(STYLE_BAD, false), "");
    ck_assert_str_eq(style_off(STYLE_PLAIN, true), "");
    ck_assert_int_eq(style_of_state("ready"), STYLE_GOOD);
    ck_assert_int_eq(style_of_state("unavailable"), STYLE_BAD);
    ck_assert_int_eq(style_of_state("no such state"), STYLE_PLAIN);
}
END_TEST

START_TEST(test_fields_are_read_with_patience) {
    json_t *row = json_loads(
        "{\"s\":\"x\",\"n\":7,\"r\":7.9,\"null\":null,\"up\":184,\"big\":1e300,"
        "\"b\":1048577,\"small\":4097,\"w\":[\"a\",1,\"b\"]}",
        0, NULL);
    char text[32];
    struct buf words = BUF_INIT(0);
    ck_assert_str_eq(member_str(row, "s", "-"), "x");
    ck_assert_str_eq(member_str(row, "n", "-"), "-");
    ck_assert_str_eq(member_str(NULL, "n", "-"), "-");
    ck_assert_int_eq(member_int(row, "n", -1), 7);
    ck_assert_int_eq(member_int(row, "r", -1), 7);
    ck_assert_int_eq(member_int(row, "null", -1), -1);
    ck_assert_int_eq(member_int(row, "big", -1), -1);
    ck_assert_int_eq(member_int(row, "missing", -1), -1);
    ck_assert_str_eq(member_duration(row, "up", text, sizeof text), "3min 4s");
    ck_assert_str_eq(member_duration(row, "null", text, sizeof text), "");
    ck_assert_str_eq(member_size(row, "b", text, sizeof text), "1MiB");
    ck_assert_str_eq(member_size(row, "small", text, sizeof text), "4097B");
    ck_assert_str_eq(member_size(row, "null", text, sizeof text), "");
    ck_assert_str_eq(member_words(row, "w", ", ", &words), "a, b");
    ck_assert_str_eq(member_words(row, "s", ", ", &words), "");
    buf_deinit(&words);
    json_decref(row);
}
END_TEST

int main(void) {
    Suite *s = suite_create("ctl/screen");
    TCase *t = tcase_create("screen");
    tcase_add_test(t, test_control_characters_become_visible);
    tcase_add_test(t, test_every_byte_pair_is_made_harmless);
    tcase_add_test(t, test_width_counts_columns_not_bytes);
    tcase_add_test(t, test_columns_are_as_wide_as_their_content);
    tcase_add_test(t, test_a_table_without_titles_is_a_list_of_fields);
    tcase_add_test(t, test_colour_does_not_count_as_width);
    tcase_add_test(t, test_a_table_that_is_not_there_is_reported);
    tcase_add_test(t, test_colours_need_a_willing_terminal);
    tcase_add_test(t, test_fields_are_read_with_patience);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
