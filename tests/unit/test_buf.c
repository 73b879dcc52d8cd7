/* Growable bytes: whole or not at all, capped, consumed from the front. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "fanout_suite.h"

START_TEST(test_an_empty_one_has_readable_bytes_and_no_memory) {
    struct buf b = BUF_INIT(0);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_str_eq(buf_data(&b), "");
    ck_assert_ptr_null(b.mem);
    ck_assert_int_eq(buf_put(&b, NULL, 0), 0);
    ck_assert_str_eq(buf_cstr(&b), "");
    buf_deinit(&b);
    buf_deinit(&b);
    ck_assert_ptr_null(b.mem);
}
END_TEST

START_TEST(test_the_cap_is_reached_exactly_by_every_way_to_append) {
    struct buf b = BUF_INIT(8);
    ck_assert_int_eq(buf_puts(&b, "12345678"), 0);
    ck_assert_int_eq(buf_put(&b, "", 0), 0);
    ck_assert_int_eq(buf_put(&b, "9", 1), -EMSGSIZE);
    buf_clear(&b);
    ck_assert_int_eq(buf_putf(&b, "%s", "12345678"), 0);
    ck_assert_int_eq(buf_putf(&b, "%s", ""), 0);
    ck_assert_int_eq(buf_putf(&b, "%d", 9), -EMSGSIZE);
    ck_assert_str_eq(buf_cstr(&b), "12345678");
    ck_assert_uint_eq(b.len, 8);
    ck_assert_uint_eq(b.max, 8);
    ck_assert_int_eq(buf_reserve(&b, 0), 0);
    ck_assert_int_eq(buf_reserve(&b, 1), -EMSGSIZE);
    buf_deinit(&b);
    ck_assert_uint_eq(b.max, 8);
    ck_assert_int_eq(buf_puts(&b, "123456789"), -EMSGSIZE);
}
END_TEST

START_TEST(test_what_does_not_fit_changes_nothing) {
    struct buf b = BUF_INIT(10);
    ck_assert_int_eq(buf_puts(&b, "abcdef"), 0);
    buf_consume(&b, 2);
    ck_assert_int_eq(buf_puts(&b, "1234567"), -EMSGSIZE);
    ck_assert_int_eq(buf_putf(&b, "%07d", 1), -EMSGSIZE);
    ck_assert_int_eq(buf_put(&b, "x", SIZE_MAX), -ENOMEM);
    ck_assert_int_eq(buf_reserve(&b, SIZE_MAX - 2), -ENOMEM);
    ck_assert_str_eq(buf_cstr(&b), "cdef");
    ck_assert_int_eq(buf_puts(&b, "123456"), 0);
    ck_assert_str_eq(buf_cstr(&b), "cdef123456");
    buf_deinit(&b);
}
END_TEST

START_TEST(test_bytes_are_kept_in_order_through_growth_and_consumption) {
    struct buf b = BUF_INIT(0);
    unsigned char next_in = 0, next_out = 0;
    unsigned seed = 7;
    for (int turn = 0; turn < 20000; turn++) {
        unsigned char chunk[97];
        seed = seed * 1103515245u + 12345u;
        size_t n = seed >> 16 & 63u;
        for (size_t i = 0; i < n; i++) chunk[i] = next_in++;
        ck_assert_int_eq(buf_put(&b, chunk, n), 0);
        seed = seed * 1103515245u + 12345u;
        size_t k = seed >> 16 & 63u;
        if (k > b.len) k = b.len;
        for (size_t i = 0; i < k; i++)
            if ((unsigned char)buf_data(&b)[i] != next_out++) ck_abort_msg("byte %zu of turn %d is wrong", i, turn);
        buf_consume(&b, k);
    }
    ck_assert_uint_lt(b.cap, 1 << 20);
    buf_deinit(&b);
}
END_TEST

START_TEST(test_consuming_byte_by_byte_does_not_move_everything_each_time) {
    struct buf b = BUF_INIT(0);
    static char big[1 << 20];
    ck_assert_int_eq(buf_put(&b, big, sizeof big), 0);
    unsigned moves = 0;
    for (int i = 0; i < 100000; i++) {
        size_t off = b.off;
        buf_consume(&b, 1);
        ck_assert_int_eq(buf_put(&b, "x", 1), 0);
        moves += b.off < off;
    }
    ck_assert_uint_le(moves, 2);
    ck_assert_uint_le(b.cap, 4 * sizeof big);
    buf_deinit(&b);
}
END_TEST

START_TEST(test_consuming_all_starts_over_at_the_front) {
    struct buf b = BUF_INIT(0);
    ck_assert_int_eq(buf_puts(&b, "abc"), 0);
    size_t cap = b.cap;
    buf_consume(&b, 3);
    ck_assert_uint_eq(b.off, 0);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_int_eq(buf_puts(&b, "def"), 0);
    ck_assert_uint_eq(b.cap, cap);
    ck_assert_str_eq(buf_cstr(&b), "def");
    buf_clear(&b);
    ck_assert_str_eq(buf_cstr(&b), "");
    buf_deinit(&b);
}
END_TEST

START_TEST(test_the_terminator_is_no_content_and_fits_a_full_allocation) {
    struct buf b = BUF_INIT(64);
    for (int i = 0; i < 64; i++) ck_assert_int_eq(buf_put(&b, "y", 1), 0);
    ck_assert_uint_eq(b.len, 64);
    ck_assert_uint_eq(strlen(buf_cstr(&b)), 64);
    ck_assert_uint_eq(b.len, 64);
    ck_assert_int_eq(buf_put(&b, "z", 1), -EMSGSIZE);
    buf_consume(&b, 1);
    ck_assert_int_eq(buf_put(&b, "\0", 1), 0); /* NULs are bytes like any other */
    ck_assert_uint_eq(strlen(buf_cstr(&b)), 63);
    buf_deinit(&b);
}
END_TEST

RUN_SUITE("buf", test_an_empty_one_has_readable_bytes_and_no_memory,
          test_the_cap_is_reached_exactly_by_every_way_to_append, test_what_does_not_fit_changes_nothing,
          test_bytes_are_kept_in_order_through_growth_and_consumption,
          test_consuming_byte_by_byte_does_not_move_everything_each_time, test_consuming_all_starts_over_at_the_front,
          test_the_terminator_is_no_content_and_fits_a_full_allocation)
