/* block.h — 256 KiB of consecutive encoded messages, with a table that says where each ends.
 *
 *     data: [message 0][message 1][message 2]........   append-only
 *     table: {end, hook, seq, accepted} per message
 *
 * A block is one private mapping (MADV_NOHUGEPAGE, so that one referenced page pins no 2 MiB; MADV_DONTFORK, so that a
 * child never shares it); a private copy, which may hold a single short message, is on the heap. `runs` counts the runs
 * of all queues that touch it; who drops the last one lets the owner (a backlog, or nobody for a private copy) unmap
 * it. What a block holds (its head, bytes and table entries used) is charged to a `struct memory` as it is appended and
 * given back when the block goes, so that the books balance. */
#ifndef HOOKCAST_FANOUT_BLOCK_H
#define HOOKCAST_FANOUT_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/clock.h"

struct block;
struct stages;

/* What all logs, tables and queues together may take (backlog_max_size). `used` is zero at exit, or something leaked.
 * A few blocks of the usual size are kept when they go, since mapping one anew costs 80 page faults. */
struct memory {
    size_t used, limit;
    struct block *spare; /* linked by `next`; not counted in `used` */
    unsigned n_spare;
    uint64_t serials;      /* blocks, ever */
    struct stages *stages; /* borrowed; NULL: everything is copied */
};
void memory_deinit(struct memory *m); /* unmaps the spare blocks; twice is harmless */

struct message {
    uint32_t end;  /* offset just behind its last byte in the block's data */
    uint32_t hook; /* index in its hookspec */
    uint64_t seq;
    nsec_t accepted;
};

enum { BLOCK_DATA = 256 * 1024, BLOCK_MESSAGES = 2700, MEMORY_SPARE = 4 };

struct backlog;

struct block {
    struct backlog *log; /* NULL: a private copy of one queue */
    struct block *prev, *next;
    struct memory *memory;
    char *data;
    size_t mapped; /* bytes of the whole mapping; 0: on the heap */
    uint32_t cap, used;
    uint32_t n, max; /* messages */
    uint32_t runs;
    uint64_t serial; /* no other block has had it; 0: on the heap */
    struct message table[];
};

/* A mapped, empty block that takes `max_messages` messages of together `want` bytes (rounded up to whole pages), and
 * the same of exactly that size on the heap, for a copy that belongs to no log. NULL when there is no memory. */
struct block *block_new(struct memory *m, size_t want, uint32_t max_messages);
struct block *block_new_private(struct memory *m, size_t want, uint32_t max_messages);
struct block *block_free(struct block *b); /* gives back its charge; NULL is fine; returns NULL */

/* 1 when a message of `len` bytes fits. */
static inline int block_fits(const struct block *b, size_t len) { return b->n < b->max && len <= b->cap - b->used; }

/* Append one message (at least one byte) made of `parts`; it must fit. Returns its index. */
uint32_t block_append(struct block *b, const struct iovec *parts, size_t n_parts, uint32_t hook, uint64_t seq,
                      nsec_t accepted);

static inline uint32_t block_start(const struct block *b, uint32_t i) { return i ? b->table[i - 1].end : 0; }
static inline uint32_t block_len(const struct block *b, uint32_t i) { return b->table[i].end - block_start(b, i); }
/* Bytes of `count` >= 1 messages from `first`. */
static inline uint32_t block_span(const struct block *b, uint32_t first, uint32_t count) {
    return b->table[first + count - 1].end - block_start(b, first);
}
/* How many whole messages from `first`, at most `count`, lie within the first `bytes` bytes. */
uint32_t block_whole(const struct block *b, uint32_t first, uint32_t count, size_t bytes);

/* Reference counting for runs. The last release unmaps the block, unless its log still appends to it. */
static inline void block_hold(struct block *b) { b->runs++; }
void block_release(struct block *b);

#endif
