/* A block: bytes, their table, its charge, and the runs that keep it. */
#include <errno.h>
#include <string.h>

#include "fanout/block.h"
#include "fanout_suite.h"

static struct memory memory;

static uint32_t append(struct block *b, const char *text, uint64_t seq) {
    size_t half = strlen(text) / 2;
    struct iovec parts[] = {{(void *)(uintptr_t)text, half},
                            {(void *)(uintptr_t)text, 0},
                            {(void *)(uintptr_t)(text + half), strlen(text) - half}};
    return block_append(b, parts, 3, (uint32_t)seq % 7, seq, (nsec_t)seq * 100);
}

START_TEST(test_messages_lie_side_by_side_and_the_table_finds_them) {
    struct block *kinds[] = {block_new(&memory, 4096, 100), block_new_private(&memory, 15, 5)};
    for (size_t k = 0; k < 2; k++) {
        struct block *b = kinds[k];
        ck_assert_ptr_nonnull(b);
        ck_assert_uint_eq(append(b, "a", 1), 0);
        ck_assert_uint_eq(append(b, "bb", 2), 1);
        ck_assert_uint_eq(append(b, "ccc", 4), 2);
        ck_assert_uint_eq(append(b, "dddd", 8), 3);
        ck_assert_uint_eq(append(b, "eeeee", 16), 4);
        ck_assert(!memcmp(b->data, "abbcccddddeeeee", 15));
        ck_assert_uint_eq(block_start(b, 0), 0);
        ck_assert_uint_eq(block_start(b, 3), 6);
        ck_assert_uint_eq(block_len(b, 0), 1);
        ck_assert_uint_eq(block_len(b, 4), 5);
        ck_assert_uint_eq(block_span(b, 1, 3), 9);
        ck_assert_uint_eq(block_span(b, 0, 5), 15);
        ck_assert(b->table[4].seq == 16 && b->table[4].hook == 2 && b->table[4].accepted == 1600);
        ck_assert_ptr_null(block_free(b));
    }
    ck_assert_ptr_null(block_free(NULL));
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(test_whole_messages_within_any_number_of_bytes) {
    struct block *b = block_new_private(&memory, 100, 5);
    ck_assert_ptr_nonnull(b);
    static const uint32_t lens[] = {3, 1, 5, 2, 4};
    for (uint32_t i = 0; i < 5; i++) (void)append(b, &"xxxxx"[5 - lens[i]], i);
    for (uint32_t first = 0; first < 5; first++)
        for (uint32_t count = 0; first + count <= 5; count++)
            for (size_t bytes = 0; bytes < 20; bytes++) {
                uint32_t whole = 0;
                size_t sum = 0;
                while (whole < count && sum + lens[first + whole] <= bytes) sum += lens[first + whole++];
                ck_assert_uint_eq(block_whole(b, first, count, bytes), whole);
            }
    (void)block_free(b);
}
END_TEST

START_TEST(test_what_fits_is_bounded_by_bytes_and_by_messages) {
    struct block *b = block_new_private(&memory, 6, 3);
    ck_assert_ptr_nonnull(b);
    ck_assert(block_fits(b, 6) && !block_fits(b, 7) && !block_fits(b, SIZE_MAX));
    (void)append(b, "aaaa", 1);
    ck_assert(block_fits(b, 2) && !block_fits(b, 3));
    (void)append(b, "b", 2);
    (void)append(b, "c", 3);
    ck_assert(!block_fits(b, 0) && !block_fits(b, 1));
    ck_assert_uint_eq(memory.used, sizeof *b + 6 + 3 * sizeof(struct message));
    (void)block_free(b);
    b = block_new(&memory, 1, 1); /* whole pages */
    ck_assert(block_fits(b, 4096));
    (void)block_free(b);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(test_a_size_beyond_the_offsets_is_refused) {
    ck_assert_ptr_null(block_new(&memory, (size_t)UINT32_MAX, 1));
    ck_assert_ptr_null(block_new_private(&memory, (size_t)UINT32_MAX, 1));
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(test_the_standard_block_wastes_no_page) {
    size_t table = sizeof(struct block) + BLOCK_MESSAGES * sizeof(struct message);
    ck_assert_uint_eq((table + 4095) / 4096, 16);
    ck_assert_uint_eq(BLOCK_DATA % 4096, 0);
}
END_TEST

static struct block *full(void) {
    struct block *b = block_new(&memory, BLOCK_DATA, BLOCK_MESSAGES);
    ck_assert_ptr_nonnull(b);
    (void)append(b, "something", 1);
    return b;
}

START_TEST(test_blocks_of_the_usual_size_are_used_again_a_few_of_them) {
    struct block *b[MEMORY_SPARE + 2];
    for (int i = 0; i < MEMORY_SPARE + 2; i++) b[i] = full();
    for (int i = 0; i < MEMORY_SPARE + 2; i++) (void)block_free(b[i]);
    ck_assert_uint_eq(memory.n_spare, MEMORY_SPARE);
    ck_assert_uint_eq(memory.used, 0); /* kept, and nobody's */
    struct block *again = full();
    ck_assert_uint_eq(memory.n_spare, MEMORY_SPARE - 1);
    ck_assert(again->n == 1 && again->used == 9 && !again->runs && !again->log && !again->next);
    (void)block_free(again);
    memory_deinit(&memory);
    memory_deinit(&memory);
    ck_assert(memory.n_spare == 0 && memory.used == 0);
}
END_TEST

START_TEST(test_a_block_of_another_size_is_not_kept) {
    (void)block_free(block_new(&memory, 4096, 5));
    ck_assert_uint_eq(memory.n_spare, 0);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(test_no_two_blocks_have_the_same_serial) {
    struct block *a = full(), *b = full();
    uint64_t last = b->serial;
    ck_assert(a->serial && a->serial != last);
    (void)block_free(b);
    b = full(); /* the same memory again */
    ck_assert(b->serial != a->serial && b->serial != last);
    (void)block_free(a);
    (void)block_free(b);
    memory_deinit(&memory);
}
END_TEST

RUN_SUITE("block", test_blocks_of_the_usual_size_are_used_again_a_few_of_them, test_a_block_of_another_size_is_not_kept,
          test_no_two_blocks_have_the_same_serial, test_messages_lie_side_by_side_and_the_table_finds_them,
          test_whole_messages_within_any_number_of_bytes, test_what_fits_is_bounded_by_bytes_and_by_messages,
          test_a_size_beyond_the_offsets_is_refused, test_the_standard_block_wastes_no_page)
