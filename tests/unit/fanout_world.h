/* fanout_world.h — real queues, their models, and children that check every byte they read.
 *
 * Include it in test_queue_model.c only, behind fanout_nomem.h. */
#ifndef HOOKCAST_TESTS_FANOUT_WORLD_H
#define HOOKCAST_TESTS_FANOUT_WORLD_H

#include "fanout_books.h"
#include "fanout_model.h"
#include "fanout_pipe.h"

enum { QUEUES = 6, LOGS = 2, PATTERN = 8192, MESSAGE_MAX = 300 * 1024, HOOKS = 5, RUN_MAX = 40 };

/* Every message: this head, then bytes that follow from its id (a notice: its gap). */
struct head {
    uint32_t type, len;
    uint64_t id;
};

struct reader {
    char head[sizeof(struct head) + sizeof(struct gap)];
    size_t got;
};

struct seat {
    struct queue *q;
    struct model m;
    struct reader reader;
    struct fake_pipe *pipe;
    bool lazy;          /* the child reads little at a time */
    uint64_t read_mark; /* bytes: where the real queue knows the child to be, at least */
    uint64_t base;      /* the pipe's total at attach */
};

static struct {
    uint64_t random, seed, step, seq, own_id;
    nsec_t now;
    struct memory memory;
    struct backlog *logs[LOGS];
    struct seat seats[QUEUES];
    char pattern[PATTERN + MESSAGE_MAX];
    char message[MESSAGE_MAX], scratch[QUEUE_WRITE_MAX];
    uint64_t hooks_kept; /* bit per hook */
    uint64_t lag_count, sent_count, sent_seen;
    uint64_t sent_seqs[1 << 16];
    uint64_t published, delivered, dropped, redelivered, told, crashes;
    uint64_t offered_runs[QUEUE_E_EACH + 1]; /* by what came of it */
} w;

/* Uniform below n >= 1 (xorshift64*). */
static inline uint64_t below(uint64_t n) {
    w.random ^= w.random >> 12;
    w.random ^= w.random << 25;
    w.random ^= w.random >> 27;
    return (w.random * 0x2545F4914F6CDD1DULL >> 11) % n;
}

static inline bool one_in(uint64_t n) { return below(n) == 0; }

/* Often small, sometimes large, at least 1 and at most max. */
static inline size_t skewed(size_t max) {
    size_t limit = max;
    while (limit > 8 && below(3)) limit /= 8;
    return 1 + below(limit);
}

static inline const char *body_of(uint64_t id) { return w.pattern + id * 7919 % PATTERN; }

static inline uint32_t notice(const struct gap *g, char *out) {
    struct head h = {.type = ITEM_NOTICE, .len = sizeof h + sizeof *g};
    memcpy(out, &h, sizeof h);
    memcpy(out + sizeof h, g, sizeof *g);
    return h.len;
}

static inline uint32_t random_len(void) {
    size_t most = one_in(2000) ? MESSAGE_MAX - sizeof(struct head) : one_in(8) ? 9000 : 300;
    return (uint32_t)(sizeof(struct head) + skewed(most));
}

/* --- what the child does ------------------------------------------------------------------------------------------ */

static inline void read_piece(struct seat *s, const char *p, size_t n) {
    struct reader *r = &s->reader;
    while (n) {
        size_t k = 0;
        const struct item *it = items_front(&s->m.sent);
        must_say(it != NULL, "bytes that nobody sent");
        if (r->got < sizeof(struct head)) {
            k = sizeof(struct head) - r->got;
            if (k > n) k = n;
            memcpy(r->head + r->got, p, k);
        } else {
            k = it->len - r->got;
            if (k > n) k = n;
            if (it->type == ITEM_NOTICE)
                memcpy(r->head + r->got, p, k);
            else
                must_say(!memcmp(p, body_of(it->id) + r->got - sizeof(struct head), k), "foreign bytes");
        }
        r->got += k;
        p += k;
        n -= k;
        s->m.read_off = r->got;
        if (r->got < sizeof(struct head)) break;
        struct head h;
        memcpy(&h, r->head, sizeof h);
        must_say(h.type == it->type && h.len == it->len && h.id == it->id,
                 "read type %u id %ju where type %u id %ju was sent", h.type, (uintmax_t)h.id, it->type,
                 (uintmax_t)it->id);
        if (r->got < it->len) continue;
        if (it->type == ITEM_NOTICE) {
            must(!memcmp(r->head + sizeof h, &it->gap, sizeof it->gap));
            w.told += it->gap.count;
        }
        model_was_read(&s->m);
        r->got = 0;
    }
}

static inline void do_read(struct seat *s, size_t n) {
    static char chunk[FAKE_RING];
    if (n > sizeof chunk) n = sizeof chunk;
    read_piece(s, chunk, fake_get(s->pipe, chunk, n));
}

static inline struct queue_options random_options(void) {
    struct queue_options o = {.max_events = one_in(4) ? 1 + below(4) : 1 + below(100),
                              .max_size = one_in(4) ? skewed(1000) : 2000 + below(20000),
                              .overflow = (enum queue_overflow)below(3),
                              .memory = &w.memory,
                              .scratch = w.scratch};
    if (one_in(2)) o.stage_min = one_in(2) ? 1 : (uint32_t)(4096 * (1 + below(8)));
    if (one_in(2)) o.stage_runs = 1 + (uint32_t)below(6);
    if (one_in(10)) o.max_size = 400000;                    /* even the largest event fits */
    if (one_in(20)) o.max_events = 3000;                    /* more runs than one write takes */
    if (one_in(6)) o.max_events = 500, o.max_size = 400000; /* whole pages */
    return o;
}

static inline void on_lag(void *ctx, uint64_t count, nsec_t oldest) {
    must(ctx == &w && oldest > 0 && oldest <= w.now);
    w.lag_count += count;
}

static inline void on_sent(void *ctx, const struct message *first, uint32_t count) {
    must(ctx == &w);
    for (uint32_t i = 0; i < count; i++) w.sent_seqs[w.sent_count++] = first[i].seq;
}

static inline void model_done(const struct item *it) {
    must(w.sent_seen < w.sent_count);
    must_eq(w.sent_seqs[w.sent_seen++], it->id);
}

/* --- are both the same? ------------------------------------------------------------------------------------------- */

static inline const struct item *model_oldest(const struct model *m) {
    static const struct item none;
    if (m->tail_left && items_back(&m->sent)->type == ITEM_EVENT) return items_back(&m->sent);
    for (size_t i = 0; i < m->pending.n; i++)
        if (items_at(&m->pending, i)->type == ITEM_EVENT) return items_at(&m->pending, i);
    return &none;
}

static inline void check_seat(struct seat *s) {
    struct model *m = &s->m;
    must_say(!memcmp(queue_counters(s->q), &m->c, sizeof m->c), "the counters differ");
    must_eq(queue_oldest(s->q), model_oldest(m)->accepted);
    must_eq(queue_oldest_seq(s->q), model_oldest(m)->id);
    must_eq(queue_at_rest(s->q), !m->tail_left && !m->own.n);
    if (m->o.notice)
        must_eq(queue_wants_write(s->q), model_wants_write(m));
    else
        must(queue_wants_write(s->q) || !model_wants_write(m));
    if (m->attached) {
        uint64_t written = s->pipe->total - s->base;
        must_eq(s->q->written, written);
        must(queue_in_pipe(s->q) <= written - s->read_mark);
        must(queue_in_pipe(s->q) >= s->pipe->fill || s->q->read == s->read_mark);
    }
    if (!one_in(8)) return;
    books_check(s->q);
    size_t k = 0;
    for (uint32_t i = 0; i < s->q->pending.n; i++) {
        const struct run *r = runs_at(&s->q->pending, i);
        if (r->type == RUN_GAP) {
            if (!m->o.notice) continue;
            const struct item *it = items_at(&m->pending, k++);
            must(it->type == ITEM_GAP && !memcmp(&it->gap, &r->gap, sizeof r->gap));
            continue;
        }
        for (uint32_t j = 0; j < r->log.count; j++) {
            while (!m->o.notice && items_at(&m->pending, k)->type == ITEM_GAP) k++;
            const struct item *it = items_at(&m->pending, k++);
            const struct message *msg = &r->log.block->table[r->log.first + j];
            must(it->type == ITEM_EVENT && it->id == msg->seq && it->hook == msg->hook);
        }
    }
    if (m->o.notice) must_eq(k, m->pending.n);
}

static inline size_t runs_of(const struct block *b, size_t *usedp) {
    size_t n = 0;
    for (size_t i = 0; i < QUEUES; i++) {
        const struct runs *both[] = {&w.seats[i].q->sent, &w.seats[i].q->pending};
        for (size_t k = 0; k < 2; k++)
            for (uint32_t j = 0; j < both[k]->n; j++)
                n += runs_at(both[k], j)->type == RUN_LOG && runs_at(both[k], j)->log.block == b;
    }
    *usedp += sizeof *b + b->used + b->n * sizeof(struct message);
    return n;
}

/* The memory account is the sum of what there is, and each block counts the runs that touch it. */
static inline void check_memory(void) {
    size_t used = 0;
    for (size_t i = 0; i < LOGS; i++)
        for (const struct block *b = backlog_oldest(w.logs[i]); b; b = b->next) {
            must_eq(runs_of(b, &used), b->runs);
            must_say(b->runs || !b->next, "a block that nobody touches is still mapped");
        }
    for (size_t i = 0; i < QUEUES; i++) {
        const struct queue *q = w.seats[i].q;
        const struct runs *all[] = {&q->sent, &q->pending, &q->own};
        const struct block *seen[256];
        size_t n_seen = 0;
        for (size_t k = 0; k < 3; k++) {
            used += all[k]->cap * sizeof(struct run);
            for (uint32_t j = 0; j < all[k]->n; j++) {
                const struct run *r = runs_at(all[k], j);
                if (r->type == RUN_OWN) used += sizeof *r->own + r->own->len;
                if (r->type != RUN_LOG || r->log.block->log) continue;
                size_t at = 0;
                while (at < n_seen && seen[at] != r->log.block) at++;
                if (at < n_seen) continue;
                must(n_seen < 256);
                seen[n_seen++] = r->log.block;
                must_eq(runs_of(r->log.block, &used), r->log.block->runs);
            }
        }
    }
    must_eq(w.memory.used, used);
}

#endif
