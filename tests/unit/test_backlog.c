/* The log: which blocks are mapped when, and what a failure leaves. */
#include "fanout_nomem.h"
/* the sources come first */
#include "fanout_suite.h"

static struct memory memory;
static unsigned wanted_calls;
static struct block *let_go; /* the wanted callback releases this */

static void wanted(void *ctx) {
    ck_assert(ctx == &memory);
    wanted_calls++;
    if (let_go) block_release(let_go);
    let_go = NULL;
}

static struct backlog *log_new(void) {
    struct backlog *l = backlog_new(&memory, wanted, &memory);
    ck_assert_ptr_nonnull(l);
    wanted_calls = 0;
    return l;
}

static struct block *append(struct backlog *l, size_t len) {
    static char bytes[2 * BLOCK_DATA];
    static uint64_t seq;
    struct block *b = NULL;
    uint32_t index = UINT32_MAX;
    ck_assert_int_eq(backlog_append(l, &(struct iovec){bytes, len}, 1, 3, ++seq, 5, &b, &index), 0);
    ck_assert(b && index + 1 == b->n && b->table[index].seq == seq && block_len(b, index) == len);
    return b;
}

static size_t mapped(const struct backlog *l) {
    size_t n = 0;
    const struct block *prev = NULL;
    for (const struct block *b = backlog_oldest(l); b; prev = b, b = b->next, n++) ck_assert(b->prev == prev);
    return n;
}

static void end(struct backlog *l) {
    ck_assert_ptr_null(backlog_free(l));
    ck_assert_uint_eq(memory.used, 0);
}

START_TEST(test_a_block_is_filled_to_its_last_byte_before_the_next_is_mapped) {
    struct backlog *l = log_new();
    struct block *first = append(l, BLOCK_DATA - 10);
    block_hold(first);
    ck_assert_uint_eq(wanted_calls, 1);
    ck_assert_ptr_eq(append(l, 10), first);
    ck_assert_uint_eq(wanted_calls, 1);
    ck_assert_ptr_ne(append(l, 1), first);
    ck_assert_uint_eq(wanted_calls, 2);
    ck_assert_uint_eq(mapped(l), 2);
    block_release(first);
    ck_assert_uint_eq(mapped(l), 1);
    end(l);
}
END_TEST

START_TEST(test_the_table_may_be_full_first) {
    struct backlog *l = log_new();
    struct block *first = append(l, 1);
    block_hold(first);
    for (int i = 1; i < BLOCK_MESSAGES; i++) ck_assert(append(l, 1) == first);
    ck_assert(append(l, 1) != first);
    block_release(first);
    end(l);
}
END_TEST

START_TEST(test_a_message_larger_than_a_block_gets_its_own) {
    struct backlog *l = log_new();
    struct block *small = append(l, 5), *large, *next;
    block_hold(small);
    large = append(l, BLOCK_DATA + 1);
    block_hold(large);
    next = append(l, 1);
    ck_assert(small != large && large != next && small != next);
    ck_assert_uint_eq(mapped(l), 3);
    block_release(large); /* from the middle */
    ck_assert_uint_eq(mapped(l), 2);
    ck_assert_ptr_eq(append(l, 1), next);
    ck_assert_ptr_eq(backlog_oldest(l), small);
    block_release(small);
    ck_assert_ptr_eq(backlog_oldest(l), next);
    end(l);
}
END_TEST

START_TEST(test_blocks_go_as_soon_as_nobody_reads_them_but_the_newest_stays) {
    struct backlog *l = log_new();
    struct block *b = append(l, 5);
    block_hold(b);
    block_release(b);
    ck_assert_ptr_eq(append(l, 5), b);
    ck_assert_uint_eq(mapped(l), 1);
    (void)append(l, BLOCK_DATA); /* nobody reads the old one when it is full: it goes */
    ck_assert_uint_eq(mapped(l), 1);
    backlog_trim(l);
    ck_assert_uint_eq(mapped(l), 0);
    ck_assert_uint_eq(memory.used, 0);
    backlog_trim(l);
    b = append(l, 5);
    block_hold(b);
    backlog_trim(l); /* somebody reads it */
    ck_assert_uint_eq(mapped(l), 1);
    block_release(b);
    end(l);
}
END_TEST

START_TEST(test_readers_are_asked_before_a_block_is_mapped_and_may_let_the_last_one_go) {
    struct backlog *l = log_new();
    struct block *b = append(l, BLOCK_DATA);
    block_hold(b);
    let_go = b;
    (void)append(l, BLOCK_DATA);
    ck_assert_ptr_null(let_go);
    ck_assert_uint_eq(mapped(l), 1);
    end(l);
}
END_TEST

START_TEST(test_without_memory_nothing_is_appended_and_what_is_held_stays) {
    nomem_countdown = 0;
    ck_assert_ptr_null(backlog_new(&memory, NULL, NULL));
    struct backlog *l = backlog_new(&memory, NULL, NULL);
    ck_assert_ptr_nonnull(l);
    struct block *b = append(l, BLOCK_DATA), *none = NULL;
    uint32_t index = 7;
    block_hold(b);
    size_t used = memory.used;
    nomem_countdown = 0;
    ck_assert_int_eq(backlog_append(l, &(struct iovec){b->data, 9}, 1, 0, 100, 0, &none, &index), -ENOMEM);
    ck_assert(!none && index == 7 && memory.used == used && backlog_oldest(l) == b);
    (void)append(l, 9);
    ck_assert_uint_eq(mapped(l), 2);
    block_release(b);
    ck_assert_int_eq(backlog_append(l, &(struct iovec){NULL, UINT32_MAX}, 1, 0, 101, 0, &none, &index), -ENOMEM);
    ck_assert_ptr_null(none);
    end(l);
    ck_assert_ptr_null(backlog_free(NULL));
}
END_TEST

RUN_SUITE("backlog", test_a_block_is_filled_to_its_last_byte_before_the_next_is_mapped,
          test_the_table_may_be_full_first, test_a_message_larger_than_a_block_gets_its_own,
          test_blocks_go_as_soon_as_nobody_reads_them_but_the_newest_stays,
          test_readers_are_asked_before_a_block_is_mapped_and_may_let_the_last_one_go,
          test_without_memory_nothing_is_appended_and_what_is_held_stays)
