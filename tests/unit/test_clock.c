/* Time stamps as people read them. */
#include <string.h>

#include "base/clock.h"
#include "fanout_suite.h"

static char out[CLOCK_RFC3339_LEN + 1];

static const char *stamp(struct clock_stamp *cache, nsec_t wall) {
    memset(out, '#', sizeof out);
    clock_rfc3339(cache, wall, out);
    return out;
}

START_TEST(test_a_stamp_is_rfc_3339_in_utc_with_microseconds) {
    struct clock_stamp c = {0};
    ck_assert_str_eq(stamp(&c, 1795458600123456789LL), "2026-11-23T18:30:00.123456Z");
    ck_assert_uint_eq(strlen(out), CLOCK_RFC3339_LEN);
}
END_TEST

START_TEST(test_the_epoch_and_what_lies_before) {
    struct clock_stamp c = {0};
    ck_assert_str_eq(stamp(&c, 0), "1970-01-01T00:00:00.000000Z");
    ck_assert_str_eq(stamp(&c, 999), "1970-01-01T00:00:00.000000Z");
    ck_assert_str_eq(stamp(&c, 1000), "1970-01-01T00:00:00.000001Z");
    ck_assert_str_eq(stamp(&c, -1), "1970-01-01T00:00:00.000000Z");
    ck_assert_str_eq(stamp(&c, INT64_MIN), "1970-01-01T00:00:00.000000Z");
}
END_TEST

START_TEST(test_a_remembered_second_is_not_used_for_another) {
    struct clock_stamp c = {0};
    nsec_t s = 1795458600LL * NSEC_PER_SEC;
    ck_assert_str_eq(stamp(&c, s - 1), "2026-11-23T18:29:59.999999Z");
    ck_assert_str_eq(stamp(&c, s), "2026-11-23T18:30:00.000000Z");
    ck_assert_str_eq(stamp(&c, s + NSEC_PER_SEC - 1), "2026-11-23T18:30:00.999999Z");
    ck_assert_str_eq(stamp(&c, s + NSEC_PER_SEC), "2026-11-23T18:30:01.000000Z");
    ck_assert_str_eq(stamp(&c, s - 1), "2026-11-23T18:29:59.999999Z"); /* the wall clock may go back */
    ck_assert_str_eq(stamp(&c, s - NSEC_PER_SEC), "2026-11-23T18:29:59.000000Z");
}
END_TEST

START_TEST(test_leap_days_and_far_dates) {
    struct clock_stamp c = {0};
    ck_assert_str_eq(stamp(&c, 951782400LL * NSEC_PER_SEC), "2000-02-29T00:00:00.000000Z");
    ck_assert_str_eq(stamp(&c, 4107542399LL * NSEC_PER_SEC), "2100-02-28T23:59:59.000000Z");
    ck_assert_str_eq(stamp(&c, 4107542400LL * NSEC_PER_SEC), "2100-03-01T00:00:00.000000Z");
    ck_assert_str_eq(stamp(&c, INT64_MAX), "2262-04-11T23:47:16.854775Z");
}
END_TEST

START_TEST(test_the_system_clocks_go_forward) {
    struct clock c = clock_system();
    nsec_t a = clock_mono(&c), b = clock_mono(&c);
    ck_assert_int_gt(a, 0);
    ck_assert_int_ge(b, a);
    ck_assert_int_gt(clock_wall(&c), 1600000000LL * NSEC_PER_SEC);
}
END_TEST

static nsec_t fixed(void *ctx) { return *(nsec_t *)ctx; }

START_TEST(test_a_clock_of_ones_own_is_asked) {
    nsec_t t = 42;
    struct clock c = {.mono = fixed, .wall = fixed, .ctx = &t};
    ck_assert_int_eq(clock_mono(&c), 42);
    t = 43;
    ck_assert_int_eq(clock_wall(&c), 43);
}
END_TEST

RUN_SUITE("clock", test_a_stamp_is_rfc_3339_in_utc_with_microseconds, test_the_epoch_and_what_lies_before,
          test_a_remembered_second_is_not_used_for_another, test_leap_days_and_far_dates,
          test_the_system_clocks_go_forward, test_a_clock_of_ones_own_is_asked)
