/* A byte stream becomes bounded lines, however it is cut into chunks. */
#include <stdio.h>
#include <string.h>

#include "fanout_suite.h"
#include "rpc/line.h"

static char said[65536]; /* what was handed out: "[line]", "!beginning!" for one too long, "<tail" at the end */

static void collect(struct line *l, const char *p, size_t n) {
    const char *line;
    size_t len;
    enum line_result r;
    line_feed(l, p, n);
    while ((r = line_next(l, &line, &len)) != LINE_NONE) {
        size_t at = strlen(said);
        (void)snprintf(said + at, sizeof said - at, r == LINE_WHOLE ? "[%.*s]" : "!", (int)len, line);
    }
}

static void collect_tail(const struct line *l) {
    const char *line;
    size_t len = line_tail(l, &line), at = strlen(said);
    if (len) (void)snprintf(said + at, sizeof said - at, "<%.*s", (int)len, line);
}

/* The text in chunks of `step` bytes (0: whole, from memory that is gone afterwards). */
static const char *in_steps(size_t max, const char *text, size_t step) {
    struct line l;
    size_t n = strlen(text);
    line_init(&l, max);
    said[0] = '\0';
    for (size_t i = 0; i < n || !n; i += step) {
        size_t k = step && n - i > step ? step : n - i;
        char *chunk = malloc(k + 1);
        memcpy(chunk, text + i, k);
        collect(&l, chunk, k);
        free(chunk);
        if (!step || !n) break;
    }
    collect_tail(&l);
    line_deinit(&l);
    line_deinit(&l);
    return said;
}

static void lines_are(size_t max, const char *text, const char *want) {
    for (size_t step = 0; step <= strlen(text); step++)
        ck_assert_msg(strcmp(in_steps(max, text, step), want) == 0, "max %zu, steps of %zu: %s", max, step, said);
    struct line l; /* cut once, at every byte */
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        line_init(&l, max);
        said[0] = '\0';
        collect(&l, text, cut);
        collect(&l, text + cut, strlen(text) - cut);
        collect_tail(&l);
        ck_assert_msg(strcmp(said, want) == 0, "max %zu, cut at %zu: %s", max, cut, said);
        line_deinit(&l);
    }
}

START_TEST(test_lines_come_out_the_same_however_they_were_cut) {
    lines_are(100, "", "");
    lines_are(100, "one\ntwo\nthree\n", "[one][two][three]");
    lines_are(100, "one\n\n\ntwo\n", "[one][][][two]");
    lines_are(100, "\n", "[]");
}
END_TEST

START_TEST(test_only_a_cr_just_before_the_lf_is_stripped) {
    lines_are(100, "one\r\ntwo\n", "[one][two]");
    lines_are(100, "a\rb\n", "[a\rb]");
    lines_are(100, "a\r\r\n", "[a\r]");
    lines_are(100, "\r\n\r\n", "[][]");
    lines_are(100, "\ra\n", "[\ra]");
    lines_are(100, "a\r", "<a\r");
}
END_TEST

START_TEST(test_the_limit_counts_neither_the_lf_nor_the_cr_before_it) {
    lines_are(4, "abc\nx\n", "[abc][x]");
    lines_are(4, "abcd\nx\n", "[abcd][x]");
    lines_are(4, "abcde\nx\n", "![x]");
    lines_are(4, "abc\r\nx\n", "[abc][x]");
    lines_are(4, "abcd\r\nx\n", "[abcd][x]");
    lines_are(4, "abcde\r\nx\n", "![x]");
    lines_are(4, "abcd\r\r\nx\n", "![x]");
    lines_are(4, "abc\rd\nx\n", "![x]");
    lines_are(4, "abcd\re\nx\n", "![x]");
    lines_are(0, "\n\r\na\n", "[][]!");
}
END_TEST

START_TEST(test_an_over_long_line_is_reported_once_and_costs_only_itself) {
    lines_are(3, "ok\nthis is far too long for it\nok\n", "[ok]![ok]");
    lines_are(3, "toolong\nalso too long\nok\n", "!![ok]");
    lines_are(3, "never ends", "!");
    lines_are(3, "toolong\nab", "!<ab");
    lines_are(3, "toolong\n\r\n", "![]");
}
END_TEST

START_TEST(test_an_over_long_line_is_told_as_soon_as_the_limit_is_passed) {
    struct line l;
    const char *line;
    size_t len;
    line_init(&l, 4);
    line_feed(&l, "abcd", 4);
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_NONE);
    line_feed(&l, "ef", 2);
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_TOO_LONG);
    ck_assert(len == 4 && memcmp(line, "abcd", 4) == 0); /* its beginning */
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_NONE);
    line_feed(&l, "gh", 2);
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_NONE);
    ck_assert_uint_eq(line_tail(&l, &line), 0);
    line_feed(&l, "i\nj\n", 4);
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_WHOLE);
    ck_assert(len == 1 && *line == 'j');
    line_deinit(&l);
}
END_TEST

START_TEST(test_what_has_no_newline_is_the_tail) {
    lines_are(100, "one\ntwo", "[one]<two");
    lines_are(100, "two", "<two");
    lines_are(100, "one\n", "[one]");
}
END_TEST

START_TEST(test_a_line_that_was_handed_out_is_no_tail) {
    struct line l;
    const char *line;
    size_t len;
    line_init(&l, 100);
    line_feed(&l, "ab", 2);
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_NONE);
    line_feed(&l, "cd\n", 3);
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_WHOLE);
    ck_assert_uint_eq(line_tail(&l, &line), 0); /* even before it was asked for the next */
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_NONE);
    ck_assert_uint_eq(line_tail(&l, &line), 0);
    line_deinit(&l);
}
END_TEST

START_TEST(test_whole_lines_are_handed_out_in_place) {
    static const char text[] = "one\ntwo\n";
    struct line l;
    const char *line;
    size_t len;
    line_init(&l, 100);
    line_feed(&l, text, sizeof text - 1);
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_WHOLE);
    ck_assert_ptr_eq(line, text);
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_WHOLE);
    ck_assert_ptr_eq(line, text + 4);
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_NONE);
    ck_assert_ptr_null(l.partial.mem);
    line_deinit(&l);
}
END_TEST

START_TEST(test_a_large_line_leaves_no_large_memory_behind) {
    enum { BIG = 1 << 20 };
    char *text = malloc(BIG + 2);
    struct line l;
    const char *line;
    size_t len;
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', BIG);
    text[BIG] = '\n';
    for (int too_long = 0; too_long < 2; too_long++) {
        line_init(&l, too_long ? BIG / 2 : BIG);
        for (size_t i = 0; i <= BIG; i += 4096) {
            line_feed(&l, text + i, i + 4096 <= BIG + 1 ? 4096 : BIG + 1 - i);
            while (line_next(&l, &line, &len) != LINE_NONE) ck_assert_uint_ge(len, too_long ? 1 : BIG);
        }
        ck_assert_uint_eq(l.partial.cap, 0);
        line_deinit(&l);
        ck_assert_uint_eq(l.max, too_long ? BIG / 2 : BIG); /* and may be used again */
    }
    free(text);
}
END_TEST

START_TEST(test_bytes_mean_nothing) {
    struct line l;
    const char *line;
    size_t len;
    line_init(&l, 10);
    line_feed(&l, "\0\xff\n\0", 4);
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_WHOLE);
    ck_assert(len == 2 && memcmp(line, "\0\xff", 2) == 0);
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_NONE);
    line_feed(&l, "\n", 1);
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_WHOLE);
    ck_assert(len == 1 && !*line);
    ck_assert_int_eq(line_next(&l, &line, &len), LINE_NONE);
    line_deinit(&l);
}
END_TEST

RUN_SUITE("line", test_lines_come_out_the_same_however_they_were_cut, test_only_a_cr_just_before_the_lf_is_stripped,
          test_the_limit_counts_neither_the_lf_nor_the_cr_before_it,
          test_an_over_long_line_is_reported_once_and_costs_only_itself,
          test_an_over_long_line_is_told_as_soon_as_the_limit_is_passed, test_what_has_no_newline_is_the_tail,
          test_a_line_that_was_handed_out_is_no_tail, test_whole_lines_are_handed_out_in_place,
          test_a_large_line_leaves_no_large_memory_behind, test_bytes_mean_nothing)
