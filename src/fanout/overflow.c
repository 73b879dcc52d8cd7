/* overflow.c — losing events on purpose: whole, counted, and told where they would have stood.
 *
 * Gaps never fail for want of memory. Two slots of pending are kept free (pending_reserve): each end needs at most one
 * slot for a gap, since a gap beside a gap is merged into it. */
#include <errno.h>

#include "fanout/queue_private.h"

enum { GAP_SLOTS = 2 };

int pending_reserve(struct queue *q, uint32_t more) { return runs_reserve(&q->pending, more + GAP_SLOTS); }

void pending_gap_front(struct queue *q, const struct gap *g) {
    struct run *r = runs_front(&q->pending);
    if (r && r->type == RUN_GAP)
        gap_widen(&r->gap, g);
    else
        runs_push_front_take(&q->pending, (struct run){.type = RUN_GAP, .gap = *g});
}

void pending_gap_back(struct queue *q, const struct gap *g) {
    struct run *r = runs_back(&q->pending);
    if (r && r->type == RUN_GAP)
        gap_widen(&r->gap, g);
    else
        runs_push_back_take(&q->pending, (struct run){.type = RUN_GAP, .gap = *g});
}

static void count_dropped(struct queue *q, uint64_t events, uint64_t bytes) {
    q->c.dropped += events;
    q->c.events -= events;
    q->c.bytes -= bytes;
}

/* Of the events of run r, how many have to go so that `events` and `bytes` more are free: at least one, at most all. */
static uint32_t enough(const struct run *r, uint64_t events, uint64_t bytes) {
    uint32_t n = block_whole(r->log.block, r->log.first, r->log.count, bytes);
    if (n < r->log.count && (!n || block_span(r->log.block, r->log.first, n) < bytes)) n++;
    if (n < events) n = events < r->log.count ? (uint32_t)events : r->log.count;
    return n;
}

void pending_drop_front(struct queue *q, uint64_t events, uint64_t bytes) {
    struct gap g = {0};
    if (runs_front(&q->pending)->type == RUN_GAP) g = runs_pop_front(&q->pending).gap;
    struct run *r = runs_front(&q->pending);
    uint32_t n = enough(r, events, bytes);
    struct gap more = gap_of_messages(r->log.block, r->log.first, n);
    count_dropped(q, n, block_span(r->log.block, r->log.first, n));
    r->log.first += n;
    r->log.count -= n;
    if (!r->log.count) {
        struct run gone = runs_pop_front(&q->pending);
        run_release(&gone, q->o.memory);
    }
    gap_widen(&g, &more);
    pending_gap_front(q, &g);
}

bool pending_drop_run(struct queue *q, bool front) {
    struct gap g = {0};
    struct runs *p = &q->pending;
    struct run *end = front ? runs_front(p) : runs_back(p);
    if (!end || (end->type == RUN_GAP && p->n == 1)) return false;
    if (end->type == RUN_GAP) g = (front ? runs_pop_front(p) : runs_pop_back(p)).gap;
    struct run gone = front ? runs_pop_front(p) : runs_pop_back(p);
    struct gap more = gap_of_messages(gone.log.block, gone.log.first, gone.log.count);
    count_dropped(q, gone.log.count, run_bytes(&gone));
    run_release(&gone, q->o.memory);
    gap_widen(&g, &more);
    (front ? pending_gap_front : pending_gap_back)(q, &g);
    return true;
}

void queue_drop_all(struct queue *q) {
    while (pending_drop_run(q, true)) continue;
}

void queue_condemn(struct queue *q) {
    q->condemned = true;
    queue_drop_all(q);
}

int queue_shed(struct queue *q) {
    switch (q->o.overflow) {
        case QUEUE_DROP_OLDEST:
            return pending_drop_run(q, true) ? 0 : QUEUE_E_REFUSED;
        case QUEUE_DROP_NEWEST:
            if (!pending_drop_run(q, false)) return QUEUE_E_REFUSED;
            q->refusing = true;
            return 0;
        case QUEUE_RESTART:
            if (q->condemned || !q->c.events) return QUEUE_E_REFUSED;
            queue_condemn(q);
            return QUEUE_E_RESTART;
    }
    return QUEUE_E_REFUSED;
}

/* How many runs pending falls into when only messages that are wanted stay in their runs. */
static uint32_t pieces_kept(const struct queue *q, bool (*keep)(void *ctx, uint32_t hook), void *ctx) {
    uint32_t pieces = 0;
    for (uint32_t k = 0; k < q->pending.n; k++) {
        const struct run *r = runs_at(&q->pending, k);
        pieces++;
        if (r->type != RUN_LOG) continue;
        const struct message *m = &r->log.block->table[r->log.first];
        bool before = keep(ctx, m->hook);
        for (uint32_t i = 1; i < r->log.count; i++) {
            bool now = keep(ctx, m[i].hook);
            pieces += now != before;
            before = now;
        }
    }
    return pieces;
}

/* Message i of b, which the first run of the old pending still holds, goes to the back of the new one. */
static void keep_message(struct queue *q, struct block *b, uint32_t i) {
    struct run *last = runs_back(&q->pending);
    if (last && last->type == RUN_LOG && last->log.block == b && last->log.first + last->log.count == i) {
        last->log.count++;
        return;
    }
    block_hold(b);
    runs_push_back_take(&q->pending, (struct run){.type = RUN_LOG, .log = {b, i, 1}});
}

void queue_retain(struct queue *q, bool (*keep)(void *ctx, uint32_t hook), void *ctx) {
    uint32_t pieces = pieces_kept(q, keep, ctx);
    struct runs old = q->pending;
    runs_init(&q->pending, q->o.memory);
    if (pending_reserve(q, pieces) < 0) {
        q->pending = old;
        return;
    }
    while (old.n) {
        struct run run = runs_pop_front(&old);
        if (run.type == RUN_GAP) {
            pending_gap_back(q, &run.gap);
            continue;
        }
        struct block *b = run.log.block;
        for (uint32_t i = run.log.first; i < run.log.first + run.log.count; i++) {
            if (keep(ctx, b->table[i].hook)) {
                keep_message(q, b, i);
                continue;
            }
            struct gap one = gap_of(&b->table[i]);
            count_dropped(q, 1, block_len(b, i));
            pending_gap_back(q, &one);
        }
        run_release(&run, q->o.memory);
    }
    runs_deinit(&old);
}
