/* The events in flight at a tool server. */
#include <errno.h>

#include "chaos.h"
#include "fanout_suite.h"
#include "rpc/calls.h"

static struct calls *c;

static void begin(size_t max) {
    c = calls_new(max);
    ck_assert_ptr_nonnull(c);
}

static void end(void) {
    c = calls_free(c);
    ck_assert_ptr_null(c);
}

START_TEST(test_answers_come_in_any_order_and_once) {
    uint32_t hook = 99;
    begin(4);
    for (uint64_t seq = 1; seq <= 4; seq++) ck_assert_int_eq(calls_sent(c, seq, (uint32_t)seq + 10, 5), 0);
    ck_assert_uint_eq(calls_in_flight(c), 4);
    ck_assert_uint_eq(calls_room(c), 0);
    ck_assert_int_eq(calls_sent(c, 5, 0, 5), -ENOSPC);
    ck_assert(calls_answered(c, 3, &hook));
    ck_assert_uint_eq(hook, 13);
    ck_assert(!calls_answered(c, 3, &hook));
    ck_assert(!calls_answered(c, 0, NULL));
    ck_assert(!calls_answered(c, UINT64_MAX, NULL));
    ck_assert(calls_answered(c, 1, NULL));
    ck_assert(calls_answered(c, 4, NULL));
    ck_assert_uint_eq(calls_room(c), 3);
    ck_assert_int_eq(calls_sent(c, 2, 0, 5), -EEXIST);
    ck_assert(calls_answered(c, 2, NULL));
    ck_assert_uint_eq(calls_in_flight(c), 0);
    end();
}
END_TEST

START_TEST(test_the_oldest_expire_first_one_at_a_time) {
    uint64_t seq;
    uint32_t hook;
    begin(8);
    ck_assert_int_eq(calls_next_expiry(c, 60), 0);
    ck_assert(!calls_expired(c, 1000, 60, &seq, &hook));
    for (uint64_t i = 1; i <= 4; i++) ck_assert_int_eq(calls_sent(c, i, (uint32_t)i, (nsec_t)(100 + i)), 0);
    ck_assert_int_eq(calls_next_expiry(c, 60), 161);
    ck_assert(calls_answered(c, 1, NULL));
    ck_assert_int_eq(calls_next_expiry(c, 60), 162);
    ck_assert(!calls_expired(c, 161, 60, &seq, &hook));
    ck_assert(calls_answered(c, 3, NULL)); /* out of the middle */
    ck_assert(calls_expired(c, 164, 60, &seq, &hook));
    ck_assert_uint_eq(seq, 2);
    ck_assert_uint_eq(hook, 2);
    ck_assert(calls_expired(c, 164, 60, &seq, &hook));
    ck_assert_uint_eq(seq, 4);
    ck_assert(!calls_expired(c, 164, 60, &seq, &hook));
    ck_assert(!calls_answered(c, 4, NULL)); /* too late */
    end();
}
END_TEST

START_TEST(test_all_is_forgotten_at_once) {
    begin(100);
    for (uint64_t i = 1; i <= 100; i++) ck_assert_int_eq(calls_sent(c, i * 1000, 0, 1), 0);
    calls_clear(c);
    ck_assert_uint_eq(calls_in_flight(c), 0);
    ck_assert_uint_eq(calls_room(c), 100);
    ck_assert(!calls_answered(c, 1000, NULL));
    ck_assert_int_eq(calls_next_expiry(c, 1), 0);
    for (uint64_t i = 1; i <= 100; i++) ck_assert_int_eq(calls_sent(c, i, 0, 1), 0);
    end();
}
END_TEST

/* Against a plain array: what is in flight, and when it was sent. */
START_TEST(test_it_agrees_with_a_plain_list_for_long) {
    enum { SEQS = 4096, MAX = 61 };
    static struct {
        bool in;
        nsec_t sent;
    } book[SEQS];
    unsigned state = 7, in_flight = 0;
    uint64_t next = 1, seq;
    uint32_t hook;
    begin(MAX);
    for (nsec_t now = 1; now < 200000; now++) {
        state = state * 1103515245u + 12345u;
        unsigned dice = state >> 16;
        if (dice % 3 == 0 && in_flight < MAX && !book[next % SEQS].in) {
            ck_assert_int_eq(calls_sent(c, next, (uint32_t)next, now), 0);
            book[next % SEQS].in = true;
            book[next % SEQS].sent = now;
            next++;
            in_flight++;
        } else if (dice % 3 == 1) {
            seq = next > 100 ? next - dice % 100 : dice % 100;
            bool was = seq > 0 && seq < next && book[seq % SEQS].in;
            ck_assert_int_eq(calls_answered(c, seq, NULL), was);
            if (was) book[seq % SEQS].in = false, in_flight--;
        } else if (calls_expired(c, now, 500, &seq, &hook)) {
            ck_assert(book[seq % SEQS].in && now - book[seq % SEQS].sent >= 500);
            ck_assert_uint_eq(hook, (uint32_t)seq);
            book[seq % SEQS].in = false, in_flight--;
        }
        ck_assert_uint_eq(calls_in_flight(c), in_flight);
    }
    end();
}
END_TEST

#if CHAOS
static bool attempt(void) {
    struct calls *k = calls_new(4);
    if (!k) return true;
    bool ok = calls_sent(k, 1, 1, 1) == 0 && calls_sent(k, 2, 2, 2) == 0;
    ok = ok && calls_room(k) == 2;
    ok = ok && calls_answered(k, 1, NULL) && calls_answered(k, 2, NULL);
    (void)calls_free(k);
    return ok;
}

START_TEST(test_every_allocation_may_fail) { ck_assert_int_gt(chaos_run(attempt), 2); }
END_TEST

START_TEST(test_nothing_is_allocated_in_flight) {
    begin(64);
    uint64_t seq;
    uint32_t hook;
    chaos_fired = false;
    chaos_countdown = 0; /* the next one fails */
    bool ok = true;
    for (uint64_t i = 1; i <= 10000; i++) {
        ok = ok && calls_sent(c, i, 0, (nsec_t)i) == 0;
        if (i % 2) ok = ok && calls_answered(c, i, NULL);
        while (calls_expired(c, (nsec_t)i, 50, &seq, &hook)) continue;
    }
    bool fired = chaos_fired;
    chaos_countdown = -1;
    ck_assert(ok && !fired);
    end();
}
END_TEST
#else
START_TEST(test_every_allocation_may_fail) {}
END_TEST
START_TEST(test_nothing_is_allocated_in_flight) {}
END_TEST
#endif

RUN_SUITE("calls", test_answers_come_in_any_order_and_once, test_the_oldest_expire_first_one_at_a_time,
          test_all_is_forgotten_at_once, test_it_agrees_with_a_plain_list_for_long, test_every_allocation_may_fail,
          test_nothing_is_allocated_in_flight)
