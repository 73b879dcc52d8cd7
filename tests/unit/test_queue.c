/* What a queue writes, in which order and through which gates. */
#include <fcntl.h>
#include <signal.h>

#include "base/cleanup.h"
#include "fanout_rig.h"

START_TEST(test_events_go_out_in_order_and_are_counted) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    ck_assert(!queue_wants_write(r->q));
    rig_events(r, 3);
    ck_assert(queue_wants_write(r->q));
    rig_count(r, 3, 0, 0, 0, 3);
    ck_assert_uint_eq(queue_counters(r->q)->bytes, 9);
    ck_assert_str_eq(rig_all(r), "e1.e2.e3.");
    rig_count(r, 3, 0, 3, 0, 0);
    ck_assert_uint_eq(queue_counters(r->q)->bytes, 0);
    ck_assert(!queue_wants_write(r->q));
    rig_free(r);
}
END_TEST

/* Scenario of the next tests: torn boundaries between events, own messages and two notices. */
static void mixed(struct rig *r) {
    rig_limit(r, 3, 1000);
    rig_own(r, "(setup)");
    rig_events(r, 3);
    ck_assert_int_eq(rig_event(r), QUEUE_E_DROPPED); /* e1 */
    rig_other(r);
    ck_assert_int_eq(rig_event(r), QUEUE_E_DROPPED); /* e2 */
    rig_own(r, "(health)");
    rig_limit(r, 1000, 1000);
    rig_events(r, 1);
    queue_miss(r->q, ++r->seq);
    queue_miss(r->q, ++r->seq);
    rig_events(r, 2);
}
static const char MIXED[] = "(setup)(health)[2:1-2]e3.e4.e6.e7.[2:8-9]e10.e11.";

START_TEST(test_a_pipe_that_takes_k_bytes_at_a_time_gets_the_same_stream) {
    for (size_t k = 1; k < sizeof MIXED; k++) {
        struct rig *r = rig_new(QUEUE_DROP_OLDEST);
        char got[200] = "";
        mixed(r);
        for (int why = QUEUE_E_AGAIN; why == QUEUE_E_AGAIN;) {
            r->pipe->eintr = 2;
            why = rig_write(r, k);
            ck_assert(why == 0 || why == QUEUE_E_AGAIN);
            strcat(got, rig_read(r, SIZE_MAX));
        }
        ck_assert_str_eq(got, MIXED);
        rig_count(r, 10, 0, 6, 4, 0);
        rig_free(r);
    }
}
END_TEST

START_TEST(test_a_pipe_that_stops_at_any_byte_gets_own_messages_at_the_next_boundary) {
    static const size_t ends[] = {7, 15, 22, 25, 28, 31, 34, 41, 45, 49};
    for (size_t k = 0; k < sizeof MIXED; k++) {
        struct rig *r = rig_new(QUEUE_DROP_OLDEST);
        char expected[200], *at = expected;
        size_t cut = k;
        for (size_t i = 0; k && i < ARRAY_LEN(ends); i++)
            if (ends[i] >= k) {
                cut = ends[i];
                break;
            }
        if (cut < 15) cut = 15; /* "(setup)(health)" wait already */
        at += sprintf(at, "%.*s", (int)cut, MIXED);
        sprintf(at, "(ping)%s", MIXED + cut);
        mixed(r);
        (void)rig_write(r, k);
        rig_own(r, "(ping)");
        ck_assert_str_eq(rig_all(r), expected);
        rig_free(r);
    }
}
END_TEST

START_TEST(test_a_real_pipe_and_a_reader_of_k_bytes) {
    for (size_t k = 1; k <= 4200; k += k < 70 ? 1 : 97) {
        struct rig *r = rig_new(QUEUE_DROP_OLDEST);
        int fds[2];
        ck_assert_int_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
        ck_assert_int_eq(fcntl(fds[1], F_SETPIPE_SZ, 4096), 4096);
        queue_attach(r->q, fds[1]);
        queue_open(r->q);
        char *expected = calloc(1, 40000), *got = calloc(1, 40000), *at = expected;
        size_t n = 0;
        for (uint64_t i = 1; i <= 150; i++) {
            size_t len = i * 37 % 200 + 5;
            must_eq(rig_event_of(r, len, 0), 0);
            int name = sprintf(at, "e%ju", (uintmax_t)i);
            memset(at + name, '-', len);
            at[len - 1] = '.';
            at += len;
            *at = '\0';
        }
        while (n < (size_t)(at - expected)) {
            int why = queue_write(r->q, QUEUE_WRITE_MAX, NULL, NULL);
            must(why == 0 || why == QUEUE_E_AGAIN);
            ssize_t got_now = read(fds[0], got + n, k);
            must(got_now > 0);
            n += (size_t)got_now;
            if (n % 7 == 0) queue_sync(r->q);
            books_check(r->q);
        }
        ck_assert_str_eq(got, expected);
        queue_sync(r->q);
        ck_assert_uint_eq(queue_in_pipe(r->q), 0);
        rig_count(r, 150, 0, 150, 0, 0);
        (void)close(fds[0]);
        rig_events(r, 1);
        signal(SIGPIPE, SIG_IGN);
        ck_assert_int_eq(queue_write(r->q, 100, NULL, NULL), QUEUE_E_GONE);
        rig_count(r, 151, 0, 150, 0, 1);
        (void)close(fds[1]);
        free(expected);
        free(got);
        rig_free(r);
    }
}
END_TEST

START_TEST(test_errors_of_the_pipe_are_told_apart_and_lose_nothing) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    rig_events(r, 2);
    ck_assert_int_eq(rig_write(r, 0), QUEUE_E_AGAIN);
    r->pipe->error = EPIPE;
    ck_assert_int_eq(rig_write(r, SIZE_MAX), QUEUE_E_GONE);
    r->pipe->error = EIO;
    ck_assert_int_eq(rig_write(r, SIZE_MAX), -EIO);
    r->pipe->error = 0;
    ck_assert_str_eq(rig_all(r), "e1.e2.");
    rig_free(r);
}
END_TEST

START_TEST(test_nothing_is_written_without_a_child_and_only_own_messages_before_the_gate_opens) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    rig_crash(r);
    queue_forget(r->q);
    rig_events(r, 2);
    queue_miss(r->q, ++r->seq);
    rig_own(r, "(early)");
    ck_assert(!queue_wants_write(r->q));
    ck_assert_int_eq(rig_write(r, SIZE_MAX), 0);
    ck_assert_str_eq(rig_read(r, SIZE_MAX), "");
    rig_attach(r);
    rig_own(r, "(setup)");
    ck_assert_str_eq(rig_all(r), "(early)(setup)");
    ck_assert(!queue_wants_write(r->q));
    queue_open(r->q);
    ck_assert_str_eq(rig_all(r), "e1.e2.[1:3-3]");
    ck_assert_int_eq(queue_own(r->q, "", 0), 0); /* nothing to say: nothing is waited for */
    ck_assert(!queue_wants_write(r->q));
    rig_free(r);
}
END_TEST

START_TEST(test_a_form_without_notices_skips_gaps_wherever_they_stand) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    r->o.notice = NULL;
    queue_configure(r->q, &r->o);
    queue_miss(r->q, ++r->seq);
    rig_events(r, 1);
    queue_miss(r->q, ++r->seq);
    rig_events(r, 1);
    queue_miss(r->q, ++r->seq);
    ck_assert_str_eq(rig_all(r), "e2.e4.");
    ck_assert(!queue_wants_write(r->q));
    rig_count(r, 5, 0, 2, 3, 0);
    rig_free(r);
}
END_TEST

START_TEST(test_the_budget_ends_a_turn_and_one_write_takes_so_much) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    rig_limit(r, 100, 16 << 20);
    for (int i = 0; i < 30; i++) (void)rig_event_of(r, 10000, 0);
    r->pipe->quota = SIZE_MAX;
    ck_assert_int_eq(queue_write(r->q, 0, NULL, NULL), QUEUE_E_BUDGET);
    ck_assert_uint_eq(r->pipe->fill, 0);
    ck_assert_int_eq(queue_write(r->q, 1, NULL, NULL), QUEUE_E_BUDGET);
    ck_assert_uint_eq(r->pipe->fill, QUEUE_WRITE_MAX);
    ck_assert_int_eq(queue_write(r->q, QUEUE_WRITE_MAX, NULL, NULL), 0);
    ck_assert_uint_eq(r->pipe->fill, 300000);
    rig_free(r);
}
END_TEST

START_TEST(test_many_short_runs_are_one_write_each_256) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    for (int i = 0; i < 600; i++) {
        rig_other(r);
        rig_events(r, 1);
    }
    ck_assert_uint_eq(r->q->pending.n, 600);
    uint64_t calls = r->pipe->calls;
    ck_assert_uint_gt(strlen(rig_all(r)), 600 * 3);
    ck_assert_uint_eq(r->pipe->calls - calls, 3);
    rig_count(r, 600, 0, 600, 0, 0);
    rig_free(r);
}
END_TEST

START_TEST(test_blocks_filled_exactly_and_messages_larger_than_a_block) {
    static const size_t lens[] = {BLOCK_DATA / 2, BLOCK_DATA / 2, 5,   BLOCK_DATA - 5, BLOCK_DATA, 1,
                                  BLOCK_DATA + 1, 3 * BLOCK_DATA, 100, BLOCK_DATA};
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    rig_limit(r, 100, 16 << 20);
    size_t sum = 0, got = 0;
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        ck_assert_int_eq(rig_event_of(r, lens[i], 0), 0);
        sum += lens[i] < 3 ? 3 : lens[i];
    }
    ck_assert_uint_eq(queue_counters(r->q)->bytes, sum);
    unsigned ends = 0;
    for (int why = QUEUE_E_AGAIN; why;) {
        why = rig_write(r, SIZE_MAX);
        const char *text = rig_read(r, SIZE_MAX);
        got += strlen(text);
        for (; *text; text++) ends += *text == '.';
        queue_sync(r->q);
    }
    ck_assert_uint_eq(got, sum);
    ck_assert_uint_eq(ends, ARRAY_LEN(lens));
    ck_assert_ptr_null(backlog_oldest(r->log)->next); /* all the others are unmapped */
    rig_free(r);
}
END_TEST

START_TEST(test_own_messages_alone_do_not_pile_up) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    for (int i = 0; i < 5000; i++) {
        rig_own(r, "(ping)");
        ck_assert_str_eq(rig_all(r), "(ping)");
    }
    ck_assert_uint_le(r->q->sent.n, 512);
    rig_free(r);
}
END_TEST

START_TEST(test_a_held_queue_ends_its_torn_event_says_what_is_its_own_and_waits) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    ck_assert(queue_at_rest(r->q));
    rig_events(r, 2);
    (void)rig_write(r, 1);
    ck_assert(!queue_at_rest(r->q));
    queue_hold(r->q);
    rig_own(r, "(teardown)");
    ck_assert_str_eq(rig_all(r), "e1.(teardown)");
    ck_assert(queue_at_rest(r->q) && !queue_wants_write(r->q));
    ck_assert_uint_eq(queue_oldest_seq(r->q), 2);
    queue_open(r->q);
    ck_assert_str_eq(rig_all(r), "e2.");
    ck_assert_uint_eq(queue_oldest_seq(r->q), 0);
    rig_free(r);
}
END_TEST

START_TEST(test_room_is_what_an_offer_would_find) {
    struct rig *r = rig_new(QUEUE_DROP_NEWEST);
    rig_limit(r, 2, 10);
    ck_assert(queue_has_room(r->q, 1, 10) && !queue_has_room(r->q, 1, 11) && !queue_has_room(r->q, 1, UINT32_MAX));
    rig_events(r, 2);
    ck_assert(!queue_has_room(r->q, 1, 1));
    ck_assert_int_eq(rig_event(r), QUEUE_E_REFUSED);
    (void)rig_write(r, 5);
    ck_assert(queue_has_room(r->q, 1, 7) && !queue_has_room(r->q, 1, 8)); /* e2 is torn: half is free */
    r->o.overflow = QUEUE_RESTART;
    rig_limit(r, 1, 10);
    ck_assert_int_eq(rig_event(r), QUEUE_E_RESTART);
    ck_assert(!queue_has_room(r->q, 1, 1));
    rig_crash(r);
    ck_assert(queue_has_room(r->q, 1, 1));
    rig_free(r);
}
END_TEST

static uint64_t lag_count, sent_last;
static nsec_t lag_oldest;
static void on_lag(void *ctx, uint64_t count, nsec_t oldest) {
    lag_count += count;
    lag_oldest = oldest;
    ck_assert_ptr_null(ctx);
}
static void on_sent(void *ctx, const struct message *first, uint32_t count) {
    ck_assert_ptr_null(ctx);
    ck_assert_uint_eq(first->seq, sent_last + 1);
    sent_last = first[count - 1].seq;
}

START_TEST(test_age_and_completion_are_reported_by_event) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    queue_on_sent(r->q, on_sent, NULL);
    ck_assert_int_eq(queue_oldest(r->q), 0);
    rig_events(r, 4);
    ck_assert_int_eq(queue_oldest(r->q), 10);
    r->pipe->quota = 4; /* e1 and a byte of e2 */
    ck_assert_int_eq(queue_write(r->q, 100, on_lag, NULL), QUEUE_E_AGAIN);
    ck_assert(lag_count == 1 && lag_oldest == 10 && sent_last == 1);
    ck_assert_int_eq(queue_oldest(r->q), 20);
    queue_drop_all(r->q);
    ck_assert_int_eq(queue_oldest(r->q), 20);
    r->pipe->quota = SIZE_MAX;
    ck_assert_int_eq(queue_write(r->q, 100, on_lag, NULL), 0);
    ck_assert(lag_count == 2 && lag_oldest == 20 && sent_last == 2);
    ck_assert_int_eq(queue_oldest(r->q), 0);
    rig_free(r);
}
END_TEST

START_TEST(test_no_more_events_begin_than_are_allowed) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    rig_events(r, 3);
    queue_miss(r->q, ++r->seq);
    rig_events(r, 2);
    queue_allow(r->q, 2);
    ck_assert_str_eq(rig_all(r), "e1.e2.");
    ck_assert(!queue_wants_write(r->q));
    rig_own(r, "(ping)");
    ck_assert_str_eq(rig_all(r), "(ping)");
    queue_allow(r->q, 1);
    ck_assert_str_eq(rig_all(r), "e3.[1:4-4]");
    queue_allow(r->q, 1);
    (void)rig_write(r, 1);
    ck_assert_str_eq(rig_all(r), "e5.");
    queue_allow(r->q, UINT64_MAX);
    ck_assert_str_eq(rig_all(r), "e6.");
    rig_free(r);
}
END_TEST

RUN_SUITE("queue", test_events_go_out_in_order_and_are_counted,
          test_a_pipe_that_takes_k_bytes_at_a_time_gets_the_same_stream,
          test_a_pipe_that_stops_at_any_byte_gets_own_messages_at_the_next_boundary,
          test_a_real_pipe_and_a_reader_of_k_bytes, test_errors_of_the_pipe_are_told_apart_and_lose_nothing,
          test_nothing_is_written_without_a_child_and_only_own_messages_before_the_gate_opens,
          test_a_form_without_notices_skips_gaps_wherever_they_stand,
          test_the_budget_ends_a_turn_and_one_write_takes_so_much, test_many_short_runs_are_one_write_each_256,
          test_blocks_filled_exactly_and_messages_larger_than_a_block, test_own_messages_alone_do_not_pile_up,
          test_age_and_completion_are_reported_by_event,
          test_a_held_queue_ends_its_torn_event_says_what_is_its_own_and_waits, test_room_is_what_an_offer_would_find,
          test_no_more_events_begin_than_are_allowed)
