/* Errors as values, and lists of them. */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "fanout_suite.h"

static char text[ERR_FORMAT_MAX];

START_TEST(test_setting_returns_the_code_and_clears_the_place) {
    struct err e;
    ck_assert_int_eq(err_at(&e, -EINVAL, "a.yaml", 3, 7, "bad %s", "thing"), -EINVAL);
    ck_assert_str_eq(err_format(&e, text, sizeof text), "a.yaml:3:7: bad thing");
    ck_assert_int_eq(err_set(&e, 5, "no place"), 5);
    ck_assert_str_eq(err_format(&e, text, sizeof text), "no place");
    ck_assert(!e.file[0] && !e.line && !e.col);
}
END_TEST

START_TEST(test_what_is_unknown_is_left_out) {
    struct err e;
    (void)err_at(&e, 0, "f", 0, 0, "t");
    ck_assert_str_eq(err_format(&e, text, sizeof text), "f: t");
    (void)err_at(&e, 0, "f", 2, 0, "t");
    ck_assert_str_eq(err_format(&e, text, sizeof text), "f:2: t");
    (void)err_at(&e, 0, "f", 0, 9, "t");
    ck_assert_str_eq(err_format(&e, text, sizeof text), "f: t");
    (void)err_at(&e, 0, NULL, 4, 5, "t");
    ck_assert_str_eq(err_format(&e, text, sizeof text), "t");
    (void)err_at(&e, 0, "", 4, 5, "t");
    ck_assert_str_eq(err_format(&e, text, sizeof text), "t");
}
END_TEST

START_TEST(test_nobody_needs_to_listen) {
    ck_assert_int_eq(err_set(NULL, -1, "x"), -1);
    ck_assert_int_eq(err_at(NULL, -2, "f", 1, 1, "x"), -2);
    ck_assert_int_eq(err_sys(NULL, ENOENT, "x"), -ENOENT);
}
END_TEST

START_TEST(test_arguments_may_come_from_the_error_itself) {
    struct err e;
    (void)err_at(&e, 0, "file", 1, 2, "inner");
    (void)err_at(&e, 0, e.file, e.line, e.col, "outer: %s", e.text);
    ck_assert_str_eq(err_format(&e, text, sizeof text), "file:1:2: outer: inner");
    (void)err_sys(&e, EACCES, "open %s", e.text);
    ck_assert_str_eq(e.text, "open outer: inner: Permission denied");
}
END_TEST

START_TEST(test_errno_becomes_words_and_a_negative_code) {
    struct err e;
    ck_assert_int_eq(err_sys(&e, ENOENT, "cannot read %s", "x"), -ENOENT);
    ck_assert_str_eq(e.text, "cannot read x: No such file or directory");
    ck_assert_str_eq(err_str(ENOMEM), "Cannot allocate memory");
    ck_assert_str_eq(err_str(123456), "unknown error");
}
END_TEST

START_TEST(test_long_text_is_cut_and_terminated) {
    struct err e;
    static char big[5000];
    memset(big, 'x', sizeof big - 1);
    (void)err_at(&e, 0, big, 4294967295u, 4294967295u, "%s", big);
    ck_assert_uint_eq(strlen(e.text), sizeof e.text - 1);
    ck_assert_uint_eq(strlen(e.file), sizeof e.file - 1);
    (void)err_format(&e, text, sizeof text);
    ck_assert_uint_eq(strlen(text), sizeof e.file - 1 + sizeof e.text - 1 + strlen(":4294967295:4294967295: "));
    (void)err_sys(&e, EACCES, "%s", big);
    ck_assert_ptr_nonnull(strstr(e.text, ": Permission denied")); /* the reason is never what is cut */
    char tiny[4];
    ck_assert_str_eq(err_format(&e, tiny, sizeof tiny), "xxx");
}
END_TEST

START_TEST(test_a_list_keeps_every_entry_in_order) {
    struct errs l = {0};
    for (unsigned i = 1; i <= 100; i++) errs_addf(&l, "f", i, 1, "problem %u", i);
    ck_assert_uint_eq(l.n, 100);
    ck_assert(!l.lost);
    ck_assert_str_eq(l.items[0], "f:1:1: problem 1");
    ck_assert_str_eq(l.items[99], "f:100:1: problem 100");
    errs_deinit(&l);
    errs_deinit(&l);
    ck_assert_uint_eq(l.n, 0);
}
END_TEST

RUN_SUITE("err", test_setting_returns_the_code_and_clears_the_place, test_what_is_unknown_is_left_out,
          test_nobody_needs_to_listen, test_arguments_may_come_from_the_error_itself,
          test_errno_becomes_words_and_a_negative_code, test_long_text_is_cut_and_terminated,
          test_a_list_keeps_every_entry_in_order)
