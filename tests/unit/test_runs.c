/* The double-ended array and what its runs hold. */
#include <errno.h>
#include <string.h>

#include "fanout/runs.h"
#include "fanout_suite.h"

static struct memory memory;

static struct run own_run(uint32_t id) {
    struct own *o = own_new(&memory, sizeof id);
    ck_assert_ptr_nonnull(o);
    memcpy(o->bytes, &id, sizeof id);
    return (struct run){.type = RUN_OWN, .own = o};
}

static uint32_t take(struct run run) {
    uint32_t id;
    memcpy(&id, run.own->bytes, sizeof id);
    run_release(&run, &memory);
    return id;
}

START_TEST(test_it_is_a_queue_and_a_stack_from_both_ends_and_grows) {
    struct runs r;
    runs_init(&r, &memory);
    ck_assert_ptr_null(runs_front(&r));
    ck_assert_ptr_null(runs_back(&r));
    for (uint32_t n = 0; n < 300; n++) {
        ck_assert_int_eq(runs_reserve(&r, 2), 0);
        runs_push_back_take(&r, own_run(1000 + n));
        runs_push_front_take(&r, own_run(999 - n));
    }
    ck_assert_uint_eq(r.n, 600);
    for (uint32_t i = 0; i < 600; i++) {
        uint32_t id;
        memcpy(&id, runs_at(&r, i)->own->bytes, sizeof id);
        ck_assert_uint_eq(id, 700 + i);
    }
    for (uint32_t i = 0; i < 300; i++) {
        ck_assert_uint_eq(take(runs_pop_front(&r)), 700 + i);
        ck_assert_uint_eq(take(runs_pop_back(&r)), 1299 - i);
    }
    ck_assert_uint_eq(memory.used, r.cap * sizeof(struct run));
    runs_deinit(&r);
    runs_deinit(&r);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(test_reserved_slots_are_there_at_every_position_of_the_ring) {
    for (uint32_t turn = 0; turn < 20; turn++)
        for (uint32_t fill = 0; fill < 20; fill++) {
            struct runs r;
            runs_init(&r, &memory);
            ck_assert_int_eq(runs_reserve(&r, 1), 0);
            for (uint32_t i = 0; i < turn; i++) { /* move the head */
                runs_push_back_take(&r, own_run(i));
                ck_assert_uint_eq(take(runs_pop_front(&r)), i);
            }
            for (uint32_t i = 0; i < fill; i++) {
                ck_assert_int_eq(runs_reserve(&r, 1), 0);
                runs_push_back_take(&r, own_run(i));
            }
            ck_assert_int_eq(runs_reserve(&r, 30), 0);
            ck_assert_uint_ge(r.cap - r.n, 30);
            for (uint32_t i = 0; i < fill; i++) ck_assert_uint_eq(take(runs_pop_front(&r)), i);
            runs_deinit(&r);
        }
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(test_too_many_slots_are_refused_and_nothing_changes) {
    struct runs r;
    runs_init(&r, &memory);
    ck_assert_int_eq(runs_reserve(&r, UINT32_MAX), -ENOMEM);
    ck_assert_uint_eq(r.cap, 0);
    ck_assert_int_eq(runs_reserve(&r, 1), 0);
    runs_push_back_take(&r, own_run(7));
    ck_assert_int_eq(runs_reserve(&r, UINT32_MAX), -ENOMEM);
    ck_assert_uint_eq(take(runs_pop_front(&r)), 7);
    runs_deinit(&r);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(test_only_an_empty_one_gives_back_what_it_grew_to) {
    struct runs r;
    runs_init(&r, &memory);
    ck_assert_int_eq(runs_reserve(&r, 1000), 0);
    uint32_t grown = r.cap;
    runs_push_back_take(&r, own_run(1));
    runs_relax(&r);
    ck_assert_uint_eq(r.cap, grown);
    ck_assert_uint_eq(take(runs_pop_back(&r)), 1);
    runs_relax(&r);
    ck_assert_uint_lt(r.cap, grown);
    ck_assert_uint_ge(r.cap, 3); /* a queue's pending never has fewer */
    ck_assert_uint_eq(memory.used, r.cap * sizeof(struct run));
    runs_deinit(&r);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(test_bytes_and_releases_follow_the_type) {
    struct block *b = block_new(&memory, 100, 10);
    ck_assert_ptr_nonnull(b);
    char text[] = "abcdef";
    for (size_t n = 1; n <= 3; n++) (void)block_append(b, &(struct iovec){text, n}, 1, 0, n, 1);
    block_hold(b);
    block_hold(b);
    struct run log = {.type = RUN_LOG, .log = {b, 1, 2}}, gap = {.type = RUN_GAP, .gap = {3, 4, 9}}, own = own_run(1);
    ck_assert_uint_eq(run_bytes(&log), 5);
    ck_assert_uint_eq(run_bytes(&gap), 0);
    ck_assert_uint_eq(run_bytes(&own), 4);
    run_release(&own, &memory);
    run_release(&gap, &memory);
    run_release(&log, &memory);
    ck_assert_uint_eq(b->runs, 1);
    block_release(b); /* it belongs to no log: the last one unmaps it */
    ck_assert_uint_eq(memory.used, 0);
    own_free(NULL, &memory);
}
END_TEST

START_TEST(test_gaps_widen_both_ways) {
    struct gap g = {0};
    gap_widen(&g, &(struct gap){2, 10, 12});
    ck_assert(g.count == 2 && g.first == 10 && g.last == 12);
    gap_widen(&g, &(struct gap){1, 20, 20});
    ck_assert(g.count == 3 && g.first == 10 && g.last == 20);
    gap_widen(&g, &(struct gap){4, 1, 4});
    ck_assert(g.count == 7 && g.first == 1 && g.last == 20);
}
END_TEST

RUN_SUITE("runs", test_it_is_a_queue_and_a_stack_from_both_ends_and_grows,
          test_reserved_slots_are_there_at_every_position_of_the_ring,
          test_too_many_slots_are_refused_and_nothing_changes, test_only_an_empty_one_gives_back_what_it_grew_to,
          test_bytes_and_releases_follow_the_type, test_gaps_widen_both_ways)
