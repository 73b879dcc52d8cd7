/* backlog.h — one append-only log per (kind, wire form): the only copy of every encoded event.
 *
 * Messages are appended to the newest block; when it is full a new one is mapped. Queues refer to messages by block and
 * index and never own bytes. A block that no run touches and that is not being appended to is unmapped at once,
 * wherever it stands in the log, so one reader that keeps old messages pins these and nothing newer.
 *
 * Just before a new block is mapped the `wanted` callback runs: the owner tells the queues what their children have
 * read meanwhile (queue_advance), which is what lets blocks go. Must outlive every queue that has runs in it. */
#ifndef HOOKCAST_FANOUT_BACKLOG_H
#define HOOKCAST_FANOUT_BACKLOG_H

#include "fanout/block.h"

struct backlog;

struct backlog *backlog_new(struct memory *m, void (*wanted)(void *ctx), void *ctx);
struct backlog *backlog_free(struct backlog *l); /* every queue must be gone; NULL is fine; returns NULL */

/* Append one message of at least one byte. On success *blockp and *indexp name it; they are good until the next call
 * that appends or trims, or for as long as a run holds them. Returns 0 or -ENOMEM (nothing was appended). */
int backlog_append(struct backlog *l, const struct iovec *parts, size_t n_parts, uint32_t hook, uint64_t seq,
                   nsec_t accepted, struct block **blockp, uint32_t *indexp);

/* The oldest block still mapped; NULL when the log is empty. */
struct block *backlog_oldest(const struct backlog *l);

/* Unmap even the newest block when no run touches it (memory is short, or the log falls idle). */
void backlog_trim(struct backlog *l);

/* block_release()'s way back: `b` has no runs any more. */
void backlog_idle(struct backlog *l, struct block *b);

#endif
