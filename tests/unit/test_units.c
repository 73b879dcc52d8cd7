/* Sizes and durations as people write them. */
#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "fanout_suite.h"

static struct err e;

static void size_is(const char *s, uint64_t want) {
    uint64_t v = 77;
    ck_assert_msg(units_parse_size(s, &v, &e) == 0, "%s: %s", s, e.text);
    ck_assert_msg(v == want, "%s is %ju", s, (uintmax_t)v);
}

static void duration_is(const char *s, nsec_t want) {
    nsec_t v = 77;
    ck_assert_msg(units_parse_duration(s, &v, &e) == 0, "%s: %s", s, e.text);
    ck_assert_msg(v == want, "%s is %jd", s, (intmax_t)v);
}

static void size_fails(const char *s, int code, const char *says) {
    uint64_t v = 77;
    ck_assert_msg(units_parse_size(s, &v, NULL) == code, "%s", s);
    ck_assert_int_eq(units_parse_size(s, &v, &e), code);
    ck_assert_msg(strstr(e.text, says) != NULL, "%s: %s", s, e.text);
    ck_assert_uint_eq(v, 77);
}

static void duration_fails(const char *s, int code, const char *says) {
    nsec_t v = 77;
    ck_assert_msg(units_parse_duration(s, &v, NULL) == code, "%s", s);
    ck_assert_int_eq(units_parse_duration(s, &v, &e), code);
    ck_assert_msg(strstr(e.text, says) != NULL, "%s: %s", s, e.text);
    ck_assert_int_eq(v, 77);
}

START_TEST(test_every_size_unit) {
    size_is("0", 0);
    size_is("7", 7);
    size_is("7B", 7);
    size_is("64KiB", 65536);
    size_is("16MiB", 16 << 20);
    size_is("3GiB", 3ull << 30);
    size_is("16 MiB", 16 << 20);
    size_is("007B", 7);
}
END_TEST

START_TEST(test_every_duration_unit) {
    duration_is("0", 0);
    duration_is("0s", 0);
    duration_is("1ms", NSEC_PER_MSEC);
    duration_is("5s", 5 * NSEC_PER_SEC);
    duration_is("10min", 600 * NSEC_PER_SEC);
    duration_is("2h", 7200 * NSEC_PER_SEC);
    duration_is("2 h", 7200 * NSEC_PER_SEC);
}
END_TEST

START_TEST(test_fractions_where_the_result_is_whole) {
    size_is("1.5MiB", 3 << 19);
    size_is("0.5KiB", 512);
    size_is("1.0", 1);
    size_is("0.03125KiB", 32);
    size_is("1.500000000000MiB", 3 << 19);
}
END_TEST

START_TEST(test_fractions_of_durations) {
    duration_is("0.5s", 500 * NSEC_PER_MSEC);
    duration_is("1.5h", 5400 * NSEC_PER_SEC);
    duration_is("0.000001ms", 1);
    duration_is("0.000000001s", 1);
    duration_is("2.50000000000000000000000s", 2500 * NSEC_PER_MSEC);
    duration_is("0.25min", 15 * NSEC_PER_SEC);
}
END_TEST

START_TEST(test_fractions_that_are_not_whole_are_no_sizes) {
    size_fails("1.5", -EINVAL, "is not a size");
    size_fails("0.3KiB", -EINVAL, "is not a size");
    size_fails("1.5B", -EINVAL, "is not a size");
    size_fails("0.12345678912KiB", -EINVAL, "is not a size");
    duration_fails("0.0000001ms", -EINVAL, "is not a duration");
    duration_fails("0.00000000000001s", -EINVAL, "is not a duration");
}
END_TEST

START_TEST(test_too_much_is_told_apart_from_nonsense) {
    size_is("9223372036854775807", INT64_MAX);
    size_fails("9223372036854775808", -ERANGE, "too large");
    size_fails("18446744073709551616", -ERANGE, "too large");
    size_fails("99999999999999999999999999", -ERANGE, "too large");
    size_is("8589934591GiB", 8589934591ull << 30);
    size_fails("8589934592GiB", -ERANGE, "too large");
    size_fails("99999999999999999999KiB", -ERANGE, "too large");
    duration_is("2562047h", 2562047LL * 3600 * NSEC_PER_SEC);
    duration_fails("2562048h", -ERANGE, "too long");
    duration_fails("9223372036855ms", -ERANGE, "too long");
}
END_TEST

START_TEST(test_what_is_no_size_says_what_one_is) {
    static const char *const bad[] = {"",      " ",        "x",    "B",    "-1",     "+1",       "1.",    ".5KiB",
                                      "1.KiB", "1.5.5KiB", "1KB",  "1kib", "1 MB",   "1M",       "1KiBs", "KiB1",
                                      " 1KiB", "1KiB ",    "0x10", "1e3",  "1,5KiB", "\xd9\xa1", "1\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        size_fails(bad[i], -EINVAL, "write a number and B, KiB, MiB or GiB, as in 16MiB");
    (void)units_parse_size("12parsecs", &(uint64_t){0}, &e);
    ck_assert_str_eq(e.text, "\"12parsecs\" is not a size: write a number and B, KiB, MiB or GiB, as in 16MiB");
}
END_TEST

START_TEST(test_a_duration_needs_its_unit) {
    static const char *const bad[] = {"", "5", "00", "0.0", "-5s", "5m", "5 sec", "5S", "5s5ms", "s", "1d", "5us"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        duration_fails(bad[i], -EINVAL, "write a number and ms, s, min or h, as in 500ms");
}
END_TEST

START_TEST(test_a_size_is_written_in_its_shortest_exact_form) {
    char t[32];
    ck_assert_str_eq(units_format_size(0, t, sizeof t), "0B");
    ck_assert_str_eq(units_format_size(1, t, sizeof t), "1B");
    ck_assert_str_eq(units_format_size(65536, t, sizeof t), "64KiB");
    ck_assert_str_eq(units_format_size(65537, t, sizeof t), "65537B");
    ck_assert_str_eq(units_format_size(16 << 20, t, sizeof t), "16MiB");
    ck_assert_str_eq(units_format_size(1ull << 40, t, sizeof t), "1024GiB");
    ck_assert_str_eq(units_format_size(UINT64_MAX, t, sizeof t), "18446744073709551615B");
    uint64_t back;
    ck_assert_int_eq(units_parse_size(units_format_size(3u << 19, t, sizeof t), &back, NULL), 0);
    ck_assert_uint_eq(back, 3u << 19);
}
END_TEST

START_TEST(test_a_duration_is_written_for_people) {
    char t[48];
    const nsec_t s = NSEC_PER_SEC;
    ck_assert_str_eq(units_format_duration(-5, t, sizeof t), "0ms");
    ck_assert_str_eq(units_format_duration(340 * NSEC_PER_MSEC, t, sizeof t), "340ms");
    ck_assert_str_eq(units_format_duration(s - 1, t, sizeof t), "999ms");
    ck_assert_str_eq(units_format_duration(s, t, sizeof t), "1s");
    ck_assert_str_eq(units_format_duration(60 * s - 1, t, sizeof t), "59s");
    ck_assert_str_eq(units_format_duration(184 * s, t, sizeof t), "3min 4s");
    ck_assert_str_eq(units_format_duration(3600 * s - 1, t, sizeof t), "59min 59s");
    ck_assert_str_eq(units_format_duration(7500 * s, t, sizeof t), "2h 5min");
    ck_assert_str_eq(units_format_duration(86400 * s - 1, t, sizeof t), "23h 59min");
    ck_assert_str_eq(units_format_duration((4 * 86400 + 3 * 3600 + 59) * s, t, sizeof t), "4d 3h");
    ck_assert_str_eq(units_format_duration(INT64_MAX, t, sizeof t), "106751d 23h");
}
END_TEST

RUN_SUITE("units", test_every_size_unit, test_every_duration_unit, test_fractions_where_the_result_is_whole,
          test_fractions_of_durations, test_fractions_that_are_not_whole_are_no_sizes,
          test_too_much_is_told_apart_from_nonsense, test_what_is_no_size_says_what_one_is,
          test_a_duration_needs_its_unit, test_a_size_is_written_in_its_shortest_exact_form,
          test_a_duration_is_written_for_people)
