/* fanout_books.h — what must be true of a queue at every moment, checked from the inside. */
#ifndef HOOKCAST_TESTS_FANOUT_BOOKS_H
#define HOOKCAST_TESTS_FANOUT_BOOKS_H

#include <check.h>

#include "fanout/queue_private.h"

/* As ck_assert*, but cheap while all is well: libcheck notes every assertion in a file, and we make millions. */
#define must_say(cond, ...)                     \
    do {                                        \
        if (!(cond)) ck_abort_msg(__VA_ARGS__); \
    } while (0)
#define must(cond) must_say(cond, "not so: %s", #cond)
#define must_eq(a, b) \
    must_say((intmax_t)(a) == (intmax_t)(b), "%s is %jd, %s is %jd", #a, (intmax_t)(a), #b, (intmax_t)(b))

static inline uint64_t books_stretch(const struct queue *q, const struct runs *s, uint64_t *lastp, uint64_t *eventsp) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct run *r = runs_at(s, i);
        if (r->type == RUN_GAP) {
            must_say(s == &q->pending, "a gap was sent");
            must_say(r->gap.count && r->gap.count <= r->gap.last - r->gap.first + 1, "a gap that cannot be");
            must_say(!i || runs_at(s, i - 1)->type != RUN_GAP, "two gaps side by side");
            must_say(r->gap.first > *lastp, "a gap out of place: %ju after %ju", (uintmax_t)r->gap.first,
                     (uintmax_t)*lastp);
            *lastp = r->gap.last;
        } else if (r->type == RUN_LOG) {
            const struct block *b = r->log.block;
            must_say(s != &q->own && r->log.count && r->log.first + r->log.count <= b->n, "a run out of bounds");
            must(b->runs > 0);
            must_say(b->table[r->log.first].seq > *lastp, "an event out of order");
            *lastp = b->table[r->log.first + r->log.count - 1].seq;
            *eventsp += r->log.count;
            bytes += run_bytes(r);
        } else {
            must(s != &q->pending && r->own->len);
            bytes += r->own->len;
        }
    }
    return bytes;
}

/* Accounting, marks, order and the slots kept free for gaps. */
static inline void books_check(const struct queue *q) {
    const struct queue_counters *c = &q->c;
    must_say(c->accepted + c->redelivered == c->delivered + c->dropped + c->events,
             "accepted %ju + redelivered %ju != delivered %ju + dropped %ju + events %ju", (uintmax_t)c->accepted,
             (uintmax_t)c->redelivered, (uintmax_t)c->delivered, (uintmax_t)c->dropped, (uintmax_t)c->events);
    uint64_t last = 0, sent_events = 0, events = 0;
    uint64_t sent = books_stretch(q, &q->sent, &last, &sent_events);
    uint64_t bytes = books_stretch(q, &q->pending, &last, &events);
    (void)books_stretch(q, &q->own, &last, &sent_events);
    if (q->tail_left) {
        must(q->sent.n && q->tail_left < sent_tail_len(q));
        if (sent_tail_is_event(q)) {
            events++;
            bytes += sent_tail_len(q);
        }
    }
    must_eq(c->events, events);
    must_eq(c->bytes, bytes);
    must_eq(q->written - q->read, sent - q->tail_left - q->read_off);
    if (q->sent.n) must(q->read_off < run_bytes(runs_front(&q->sent)));
    if (!q->sent.n) must(!q->read_off && !q->tail_left);
    const struct runs *p = &q->pending;
    uint32_t need = !p->n ? 1 : (runs_front(p)->type != RUN_GAP) + (uint32_t)(runs_back(p)->type != RUN_GAP);
    must_say(p->cap - p->n >= need, "no slot left for a gap");
}

#endif
