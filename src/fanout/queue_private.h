/* queue_private.h — the inside of a queue, for the queue's own files (queue, queue_write, queue_rewind, overflow). */
#ifndef HOOKCAST_FANOUT_QUEUE_PRIVATE_H
#define HOOKCAST_FANOUT_QUEUE_PRIVATE_H

#include "fanout/queue.h"

struct queue {
    struct queue_options o;
    struct queue_counters c;
    struct runs pending; /* these three and the flags are all that queue_offer() needs */
    bool open;           /* events may be written */
    bool refusing;       /* drop_newest: until half the limit is free */
    bool condemned;      /* overflow: restart: until the next child */
    bool late;           /* its pipe was full, and not all has gone since */
    int fd;              /* borrowed; -1 when detached */
    uint32_t tail_left;  /* bytes of sent's last message still to write; > 0: torn */
    struct runs sent, own;
    uint64_t written, read; /* bytes since attach */
    size_t read_off;        /* bytes before the read mark in sent's first run */
    uint64_t half_seq;      /* the event that was half-read when a child died: sent once more, not twice */
    uint64_t allowed;       /* events that may still be begun */
    queue_sent_fn on_sent;
    void *on_sent_ctx;
};

/* Does pending have something that may be written now? A gap goes whatever the allowance. */
static inline bool pending_may_go(const struct queue *q) {
    if (!q->open || q->condemned || !q->pending.n) return false;
    return q->allowed || runs_front(&q->pending)->type == RUN_GAP;
}

/* The message at the end of `sent`. Only when sent is not empty. */
static inline bool sent_tail_is_event(const struct queue *q) { return runs_back(&q->sent)->type == RUN_LOG; }
static inline const struct message *sent_tail_message(const struct queue *q) {
    const struct run *r = runs_back(&q->sent);
    return &r->log.block->table[r->log.first + r->log.count - 1];
}
static inline uint32_t sent_tail_len(const struct queue *q) {
    const struct run *r = runs_back(&q->sent);
    return r->type == RUN_LOG ? block_len(r->log.block, r->log.first + r->log.count - 1) : run_bytes(r);
}

/* Put a gap at an end of pending, merging it with one that is there. Never fails: runs_reserve() keeps two slots free
 * at every change of pending (see overflow.c). */
void pending_gap_front(struct queue *q, const struct gap *g);
void pending_gap_back(struct queue *q, const struct gap *g);

/* Before anything is put into pending: room for `more` runs and for the two gaps that may be needed later. */
int pending_reserve(struct queue *q, uint32_t more);

/* Drop whole events from the front of pending (there must be one): as many of its first LOG run as free room for so
 * many events and bytes, or all of that run. */
void pending_drop_front(struct queue *q, uint64_t events, uint64_t bytes);
/* Drop the whole first (last) LOG run of pending; false when there is none. */
bool pending_drop_run(struct queue *q, bool front);

/* overflow: restart has struck: nothing is kept, and no more events are written, until the next child. */
void queue_condemn(struct queue *q);

static inline struct gap gap_of(const struct message *m) {
    return (struct gap){.count = 1, .first = m->seq, .last = m->seq};
}
static inline struct gap gap_of_messages(const struct block *b, uint32_t first, uint32_t count) {
    return (struct gap){.count = count, .first = b->table[first].seq, .last = b->table[first + count - 1].seq};
}

#endif
