/* queue_rewind.c — the read mark, and what a child's death brings back. */
#include <errno.h>
#include <sys/ioctl.h>

#include "fanout/queue_private.h"

/* Bytes of sent's first run that were written. */
static size_t front_written(const struct queue *q) {
    size_t n = run_bytes(runs_front(&q->sent));
    return q->sent.n == 1 ? n - q->tail_left : n;
}

void queue_advance(struct queue *q, size_t unread) {
    uint64_t target = unread > q->written ? 0 : q->written - unread;
    while (q->read < target && q->sent.n) {
        size_t left = front_written(q) - q->read_off;
        bool torn = q->sent.n == 1 && q->tail_left;
        if (target - q->read < left || torn) {
            size_t step = target - q->read < left ? (size_t)(target - q->read) : left;
            q->read += step;
            q->read_off += step;
            return;
        }
        q->read += left;
        q->read_off = 0;
        struct run gone = runs_pop_front(&q->sent);
        run_release(&gone, q->o.memory);
    }
}

void queue_sync(struct queue *q) {
    int unread = 0;
    if (q->read == q->written) return; /* an idle plugin costs nothing */
    if (q->fd >= 0 && ioctl(q->fd, FIONREAD, &unread) == 0 && unread >= 0) queue_advance(q, (size_t)unread);
}

size_t queue_in_pipe(const struct queue *q) { return (size_t)(q->written - q->read); }

/* One message goes back in front of pending: account for it. `half`: the child had read part of it. Returns false when
 * it is dropped instead. */
static bool take_back(struct queue *q, const struct message *m, uint32_t len, bool torn, bool half) {
    if (!torn) { /* it had counted as delivered */
        q->c.redelivered++;
        q->c.events++;
        q->c.bytes += len;
    }
    if (!half) return true;
    if (m->seq != q->half_seq) {
        q->half_seq = m->seq;
        return true;
    }
    q->c.dropped++;
    q->c.events--;
    q->c.bytes -= len;
    return false;
}

/* A LOG run of sent, back to the front of pending. `skip` bytes of it were read; `torn`: its last message was not
 * completely written. */
static void log_back(struct queue *q, struct run *run, size_t skip, bool torn) {
    struct block *b = run->log.block;
    uint32_t last = run->log.first + run->log.count - 1;
    uint32_t whole = block_whole(b, run->log.first, run->log.count, skip); /* read to the end: delivered, gone */
    bool half = skip > (whole ? block_span(b, run->log.first, whole) : 0);
    uint32_t first = run->log.first + whole;
    for (uint32_t i = last; i > first; i--) (void)take_back(q, &b->table[i], block_len(b, i), torn && i == last, false);
    bool dropped = false;
    if (first <= last) {
        dropped = !take_back(q, &b->table[first], block_len(b, first), torn && first == last, half);
        uint32_t from = first + dropped;
        struct run *next = runs_front(&q->pending);
        if (from <= last && next && next->type == RUN_LOG && next->log.block == b && next->log.first == last + 1) {
            next->log.first = from;
            next->log.count += last - from + 1;
        } else if (from <= last) {
            block_hold(b);
            runs_push_front_take(&q->pending, (struct run){.type = RUN_LOG, .log = {b, from, last - from + 1}});
        }
    }
    if (dropped) {
        struct gap g = gap_of(&b->table[first]);
        pending_gap_front(q, &g);
    }
    run_release(run, q->o.memory);
}

static void detach(struct queue *q) {
    runs_deinit(&q->sent);
    runs_deinit(&q->own);
    q->fd = -1;
    q->open = false;
    q->read_off = 0;
    q->tail_left = 0;
    q->written = q->read = 0;
}

int queue_rewind(struct queue *q, size_t unread) {
    queue_advance(q, unread);
    if (pending_reserve(q, q->sent.n + 1) < 0) {
        queue_forget(q);
        return -ENOMEM;
    }
    bool torn = q->tail_left > 0;
    while (q->sent.n) {
        struct run run = runs_pop_back(&q->sent);
        size_t skip = q->sent.n ? 0 : q->read_off;
        if (run.type == RUN_LOG) {
            log_back(q, &run, skip, torn);
        } else {
            if (run.own->is_notice) pending_gap_front(q, &run.own->gap);
            run_release(&run, q->o.memory);
        }
        torn = false;
    }
    if (q->condemned) queue_drop_all(q);
    detach(q);
    return 0;
}

void queue_forget(struct queue *q) {
    if (q->tail_left) {
        const struct run *r = runs_back(&q->sent);
        if (r->type == RUN_LOG) {
            struct gap g = gap_of(sent_tail_message(q));
            q->c.dropped++;
            q->c.events--;
            q->c.bytes -= sent_tail_len(q);
            pending_gap_front(q, &g);
        } else if (r->own->is_notice) {
            pending_gap_front(q, &r->own->gap);
        }
    }
    detach(q);
}

uint64_t queue_give_up(struct queue *q) {
    uint64_t given = 0;
    while (q->sent.n) {
        struct run *r = runs_front(&q->sent);
        bool keep_last = q->sent.n == 1 && q->tail_left;
        if (r->type != RUN_LOG) {
            if (keep_last) break;
            struct run gone = runs_pop_front(&q->sent);
            run_release(&gone, q->o.memory);
            q->read_off = 0;
            continue;
        }
        uint32_t go = r->log.count - keep_last;
        size_t bytes = go ? block_span(r->log.block, r->log.first, go) : 0;
        given += go - block_whole(r->log.block, r->log.first, go, q->read_off);
        if (keep_last) {
            if (q->read_off <= bytes)
                q->read_off = 0;
            else
                q->read_off -= bytes;
            r->log.first += go;
            r->log.count -= go;
            break;
        }
        q->read_off = 0;
        struct run gone = runs_pop_front(&q->sent);
        run_release(&gone, q->o.memory);
    }
    uint64_t kept = q->sent.n ? run_bytes(runs_front(&q->sent)) - q->tail_left : 0;
    if (q->written - kept + q->read_off > q->read) q->read = q->written - kept + q->read_off;
    return given;
}
