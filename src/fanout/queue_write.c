/* queue_write.c — one write of everything pending, straight from shared bytes.
 *
 * gather() lists what comes next, in order: the rest of a torn message, own messages, events and at most one gap
 * notice. consume() then moves exactly as many bytes as the kernel took from own and pending to sent. Slots that
 * consume() needs are reserved before the write (a piece moves at most one run), so it cannot fail. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fanout/queue_private.h"
#include "fanout/stage.h"

enum {
    PIECES = 64,
    RUNS = 256,
    SHORT = 2048,
    SYNC_RUNS = 512,
};

struct gather {
    struct iovec iov[PIECES];
    int n;
    size_t total;
    size_t scratch_used;
    struct own *notice;  /* the gap notice among the pieces: consume() takes it, or it is freed */
    uint32_t runs;       /* listed so far: at most RUNS, so that the slots reserved in `sent` suffice */
    uint64_t allowed;    /* events that may still be listed */
    struct block *block; /* the one in which the first piece lies; NULL: none */
    bool full;
};

static char *to_scratch(struct gather *g, char *scratch, const char *p, size_t len) {
    char *to = scratch + g->scratch_used;
    memcpy(to, p, len);
    g->scratch_used += len;
    return to;
}

/* Add a piece: long ones as they lie, short ones side by side in the scratch buffer, so that a queue of many short runs
 * is one plain write; one that is alone needs no copy. */
static void piece(struct gather *g, char *scratch, const char *p, size_t len) {
    if (++g->runs == RUNS) g->full = true;
    if (g->total + len > QUEUE_WRITE_MAX) {
        len = QUEUE_WRITE_MAX - g->total;
        g->full = true;
    }
    if (!len) return;
    struct iovec *last = g->n ? &g->iov[g->n - 1] : NULL;
    if (last && (const char *)last->iov_base + last->iov_len == p) { /* the rest of a torn message, and what follows */
        g->total += len;
        last->iov_len += len;
        return;
    }
    g->total += len;
    if (last && len < SHORT) {
        if (g->n == 1 && !g->scratch_used && last->iov_len < SHORT) {
            last->iov_base = to_scratch(g, scratch, last->iov_base, last->iov_len);
            g->block = NULL;
        }
        p = to_scratch(g, scratch, p, len);
        if ((char *)last->iov_base + last->iov_len == p) {
            last->iov_len += len;
            return;
        }
    }
    g->iov[g->n++] = (struct iovec){(void *)(uintptr_t)p, len};
    if (g->n == PIECES) g->full = true;
}

static int gather_gap(struct queue *q, struct gather *g, const struct gap *gap) {
    char text[QUEUE_NOTICE_MAX];
    uint32_t len = q->o.notice(gap, text);
    struct own *o = own_new(q->o.memory, len);
    if (!o) return -ENOMEM;
    memcpy(o->bytes, text, len);
    o->is_notice = true;
    o->gap = *gap;
    g->notice = o;
    piece(g, q->o.scratch, o->bytes, len);
    return 0;
}

/* Is it worth a stage? */
static bool worth_staging(const struct queue *q, const struct block *b, size_t len) {
    return q->o.stage_min && q->o.memory->stages && b && b->mapped && b->runs >= q->o.stage_runs &&
           len >= q->o.stage_min;
}

static int gather_pending(struct queue *q, struct gather *g) {
    for (uint32_t i = 0; i < q->pending.n && !g->full; i++) {
        const struct run *r = runs_at(&q->pending, i);
        if (r->type == RUN_LOG) {
            const struct block *b = r->log.block;
            uint32_t count = r->log.count < g->allowed ? r->log.count : (uint32_t)g->allowed;
            if (!count) return 0;
            const char *p = b->data + block_start(b, r->log.first);
            size_t len = block_span(b, r->log.first, count);
            if (!g->n)
                g->block = r->log.block;
            else if (g->block != r->log.block && worth_staging(q, r->log.block, len))
                return 0; /* the next write is its own */
            piece(g, q->o.scratch, p, len);
            g->allowed -= count;
            if (count < r->log.count) return 0;
        } else if (!q->o.notice) {
            continue; /* told by the counters alone */
        } else if (g->notice) {
            return 0; /* one notice a write */
        } else if (gather_gap(q, g, &r->gap) < 0) {
            return g->n ? 0 : -ENOMEM;
        }
    }
    return 0;
}

static int gather(struct queue *q, struct gather *g) {
    if (q->tail_left) {
        const struct run *r = runs_back(&q->sent);
        if (r->type == RUN_LOG) g->block = r->log.block;
        const char *end =
            r->type == RUN_LOG ? r->log.block->data + sent_tail_message(q)->end : r->own->bytes + r->own->len;
        piece(g, q->o.scratch, end - q->tail_left, q->tail_left);
    }
    for (uint32_t i = 0; i < q->own.n && !g->full; i++) {
        const struct own *o = runs_at(&q->own, i)->own;
        piece(g, q->o.scratch, o->bytes, o->len);
    }
    return pending_may_go(q) ? gather_pending(q, g) : 0;
}

/* `count` events from `first` of r's block are completely in the pipe. */
static void delivered(struct queue *q, const struct run *r, uint32_t first, uint32_t count, queue_lag_fn lag,
                      void *ctx) {
    const struct block *b = r->log.block;
    q->c.delivered += count;
    q->c.events -= count;
    q->c.bytes -= block_span(b, first, count);
    if (lag) lag(ctx, count, b->table[first].accepted);
    if (q->on_sent) q->on_sent(q->on_sent_ctx, &b->table[first], count);
}

/* Move the first `count` messages of pending's first run behind what was sent. */
static void commit(struct queue *q, uint32_t count) {
    struct run *from = runs_front(&q->pending);
    struct block *b = from->log.block;
    struct run *last = runs_back(&q->sent);
    if (last && last->type == RUN_LOG && last->log.block == b && last->log.first + last->log.count == from->log.first) {
        last->log.count += count;
    } else {
        block_hold(b);
        runs_push_back_take(&q->sent, (struct run){.type = RUN_LOG, .log = {b, from->log.first, count}});
    }
    from->log.first += count;
    from->log.count -= count;
    if (!from->log.count) {
        struct run gone = runs_pop_front(&q->pending);
        run_release(&gone, q->o.memory);
    }
}

/* Take up to n bytes of events from pending's first run; returns the bytes taken. */
static size_t consume_events(struct queue *q, size_t n, queue_lag_fn lag, void *ctx) {
    const struct run r = *runs_front(&q->pending);
    const struct block *b = r.log.block;
    uint32_t whole = block_whole(b, r.log.first, r.log.count, n);
    size_t took = whole ? block_span(b, r.log.first, whole) : 0;
    bool torn = whole < r.log.count && took < n;
    commit(q, whole + torn);
    if (q->allowed != UINT64_MAX) q->allowed -= whole + torn;
    if (whole) delivered(q, &r, r.log.first, whole, lag, ctx);
    if (torn) {
        q->tail_left = block_len(b, r.log.first + whole) - (uint32_t)(n - took);
        took = n;
    }
    return took;
}

static void consume(struct queue *q, struct gather *g, size_t n, queue_lag_fn lag, void *ctx) {
    q->written += n;
    while (n) {
        if (q->tail_left) {
            size_t k = n < q->tail_left ? n : q->tail_left;
            q->tail_left -= (uint32_t)k;
            n -= k;
            if (!q->tail_left && sent_tail_is_event(q)) {
                const struct run *r = runs_back(&q->sent);
                delivered(q, r, r->log.first + r->log.count - 1, 1, lag, ctx);
            }
        } else if (q->own.n) {
            struct run r = runs_pop_front(&q->own);
            q->tail_left = r.own->len;
            runs_push_back_take(&q->sent, r);
        } else if (runs_front(&q->pending)->type == RUN_GAP) {
            (void)runs_pop_front(&q->pending);
            if (!g->notice) continue; /* the wire form has none */
            q->tail_left = g->notice->len;
            runs_push_back_take(&q->sent, (struct run){.type = RUN_OWN, .own = g->notice});
            g->notice = NULL;
        } else {
            n -= consume_events(q, n, lag, ctx);
        }
    }
}

/* Where the wire form has no notice, a gap that comes first is over. */
static void skip_silent_gaps(struct queue *q) {
    if (q->o.notice) return;
    while (q->pending.n && runs_front(&q->pending)->type == RUN_GAP) (void)runs_pop_front(&q->pending);
}

static int write_once(struct queue *q, size_t *wrotep, queue_lag_fn lag, void *ctx) {
    struct gather g;
    g.n = 0;
    g.total = g.scratch_used = 0;
    g.runs = 0;
    g.allowed = q->allowed;
    g.notice = NULL;
    g.block = NULL;
    g.full = false;
    if (q->sent.n >= SYNC_RUNS) queue_sync(q);
    uint32_t listed = q->own.n + q->pending.n;
    int r = runs_reserve(&q->sent, 2 + (listed < RUNS ? listed : RUNS));
    if (r == 0) r = gather(q, &g);
    if (r < 0) {
        own_free(g.notice, q->o.memory);
        return r;
    }
    ssize_t w = 0;
    if (g.n && worth_staging(q, g.block, g.iov[0].iov_len)) {
        uint32_t at = (uint32_t)((const char *)g.iov[0].iov_base - g.block->data), len = (uint32_t)g.iov[0].iov_len;
        bool fill = !q->late; /* else it is perhaps alone at this place */
        w = stages_send(q->o.memory->stages, g.block, at, len, q->o.stage_min, fill, q->fd, &g.total);
    } else if (g.n) {
        do w = g.n == 1 ? write(q->fd, g.iov[0].iov_base, g.iov[0].iov_len) : writev(q->fd, g.iov, g.n);
        while (w < 0 && errno == EINTR);
    }
    if (w < 0)
        r = errno == EAGAIN ? QUEUE_E_AGAIN : errno == EPIPE ? QUEUE_E_GONE : -errno;
    else if ((size_t)w < g.total)
        r = QUEUE_E_AGAIN;
    if (w > 0) {
        consume(q, &g, (size_t)w, lag, ctx);
        *wrotep = (size_t)w;
    }
    own_free(g.notice, q->o.memory);
    return r;
}

uint64_t queue_written(const struct queue *q) { return q->written; }

int queue_write(struct queue *q, size_t budget, queue_lag_fn lag, void *ctx) {
    if (q->fd < 0) return 0;
    for (size_t done = 0;;) {
        if (q->open && !q->condemned) skip_silent_gaps(q);
        if (!queue_wants_write(q)) {
            runs_relax(&q->own);
            runs_relax(&q->pending);
            q->late = false;
            return 0;
        }
        if (done >= budget) return QUEUE_E_BUDGET;
        size_t wrote = 0;
        int r = write_once(q, &wrote, lag, ctx);
        if (r == QUEUE_E_AGAIN) q->late = true;
        if (r) return r;
        done += wrote;
    }
}
