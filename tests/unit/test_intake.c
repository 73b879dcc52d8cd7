/* test_intake.c — how much is read before what was read is written. */
#include "daemon/intake.h"
#include "fanout_suite.h"

static struct intake in;

START_TEST(test_one_publisher_is_read_from_in_large_chunks_several_share) {
    intake_init(&in);
    ck_assert_uint_eq(intake_room(&in), INTAKE_MAX);
    (void)intake_took(&in, 1000);
    ck_assert_uint_eq(intake_room(&in), INTAKE_MAX - 1000);
    for (int i = 0; i < 100; i++) (void)intake_took(&in, INTAKE_SHARE);
    ck_assert_uint_eq(intake_room(&in), INTAKE_SHARE); /* whoever comes late in a turn is heard, too */
    intake_turn(&in);
    ck_assert_uint_eq(intake_room(&in), INTAKE_MAX);
}
END_TEST

START_TEST(test_no_more_than_a_large_chunk_is_read_before_plugins_are_written_to) {
    intake_init(&in);
    ck_assert(intake_took(&in, INTAKE_MAX));
    intake_flushed(&in);
    ck_assert(!intake_took(&in, INTAKE_SHARE));
    ck_assert(!intake_took(&in, INTAKE_SHARE));
    intake_turn(&in); /* a turn ends with a flush, but it is the flush that counts */
    ck_assert(intake_took(&in, INTAKE_MAX - 2 * INTAKE_SHARE));
    intake_flushed(&in);
    ck_assert(!intake_took(&in, INTAKE_MAX - 1));
}
END_TEST

START_TEST(test_where_a_small_pipe_starves_half_as_much_is_read_again_and_again) {
    intake_init(&in);
    size_t before = INTAKE_MAX;
    for (int i = 0; i < 20; i++) {
        intake_starved(&in);
        intake_starved(&in); /* several at once are one */
        intake_flushed(&in);
        ck_assert_uint_eq(intake_room(&in), before / 2 > INTAKE_MIN ? before / 2 : INTAKE_MIN);
        before = intake_room(&in);
        ck_assert(intake_took(&in, before));
        intake_turn(&in);
    }
    ck_assert_uint_eq(before, INTAKE_MIN);
}
END_TEST

START_TEST(test_it_grows_again_little_by_little_when_nobody_starves) {
    intake_init(&in);
    for (int i = 0; i < 20; i++) intake_starved(&in), intake_flushed(&in);
    size_t room = intake_room(&in);
    int flushes = 0;
    for (; intake_room(&in) < INTAKE_MAX; room = intake_room(&in), flushes++) {
        intake_flushed(&in);
        ck_assert_uint_gt(intake_room(&in), room);
        ck_assert_uint_le(intake_room(&in) - room, room / 8);
    }
    ck_assert_int_gt(flushes, 10);
    intake_flushed(&in);
    ck_assert_uint_eq(intake_room(&in), INTAKE_MAX);
}
END_TEST

RUN_SUITE("intake", test_one_publisher_is_read_from_in_large_chunks_several_share,
          test_no_more_than_a_large_chunk_is_read_before_plugins_are_written_to,
          test_where_a_small_pipe_starves_half_as_much_is_read_again_and_again,
          test_it_grows_again_little_by_little_when_nobody_starves)
