/* fanout_model.h — a queue as one would write it without caring about speed: flat lists of single messages.
 *
 * It follows queue.h word for word. The test gives every call to both, compares what they say, and lets a reader at the
 * other end of the pipe check each byte against the model's list of what was sent. */
#ifndef HOOKCAST_TESTS_FANOUT_MODEL_H
#define HOOKCAST_TESTS_FANOUT_MODEL_H

#include <stdlib.h>

#include "fanout/queue.h"
#include "fanout_books.h"

enum item_type { ITEM_EVENT, ITEM_OWN, ITEM_NOTICE, ITEM_GAP };

#define OWN_ID (1ULL << 63)

struct item {
    enum item_type type;
    uint32_t len, hook;
    uint64_t id; /* an event's seq; an own message's number, with OWN_ID set; 0 for a notice */
    nsec_t accepted;
    struct gap gap;
    bool given_up; /* no redelivery */
};

/* A double-ended list; grows, never shrinks. */
struct items {
    struct item *v;
    size_t head, n, cap;
};

static inline struct item *items_at(const struct items *l, size_t i) { return &l->v[(l->head + i) & (l->cap - 1)]; }
static inline struct item *items_back(const struct items *l) { return l->n ? items_at(l, l->n - 1) : NULL; }
static inline struct item *items_front(const struct items *l) { return l->n ? items_at(l, 0) : NULL; }

static inline void items_grow(struct items *l) {
    if (l->n < l->cap) return;
    struct items more = {.cap = l->cap ? l->cap * 2 : 64, .n = l->n};
    more.v = calloc(more.cap, sizeof *more.v);
    must(more.v != NULL);
    for (size_t i = 0; i < l->n; i++) more.v[i] = *items_at(l, i);
    free(l->v);
    *l = more;
}

static inline void items_push_back(struct items *l, struct item it) {
    items_grow(l);
    l->n++;
    *items_back(l) = it;
}

static inline void items_push_front(struct items *l, struct item it) {
    items_grow(l);
    l->head = (l->head - 1) & (l->cap - 1);
    l->n++;
    *items_front(l) = it;
}

static inline struct item items_pop_front(struct items *l) {
    struct item it = *items_front(l);
    l->head = (l->head + 1) & (l->cap - 1);
    l->n--;
    return it;
}

static inline struct item items_pop_back(struct items *l) {
    struct item it = *items_back(l);
    l->n--;
    return it;
}

struct model {
    struct queue_options o;
    struct queue_counters c;
    bool attached, open, refusing, condemned;
    uint64_t half_seq, allowed;
    uint32_t tail_left;
    size_t read_off; /* what the child read of sent's first message: exact */
    struct items sent, own, pending;
    struct items due; /* every event offered whose fate the readers do not know yet, oldest first; given_up: dropped */
};

static inline void model_deinit(struct model *m) {
    free(m->sent.v);
    free(m->own.v);
    free(m->pending.v);
    free(m->due.v);
}

static inline void model_gap(struct model *m, bool front, struct gap g) {
    struct item *end = front ? items_front(&m->pending) : items_back(&m->pending);
    if (end && end->type == ITEM_GAP) {
        end->gap.count += g.count;
        if (g.first < end->gap.first) end->gap.first = g.first;
        if (g.last > end->gap.last) end->gap.last = g.last;
        return;
    }
    (front ? items_push_front : items_push_back)(&m->pending, (struct item){.type = ITEM_GAP, .gap = g});
}

/* The event is dropped: remembered among those due, which are in the order of seq. */
static inline void model_drop(struct model *m, uint64_t seq) {
    size_t lo = 0, hi = m->due.n;
    while (lo + 1 < hi) {
        size_t mid = (lo + hi) / 2;
        *(items_at(&m->due, mid)->id <= seq ? &lo : &hi) = mid;
    }
    struct item *due = items_at(&m->due, lo);
    must_say(m->due.n && due->id == seq && !due->given_up, "event %ju dropped twice, or after its end", (uintmax_t)seq);
    due->given_up = true;
    m->c.dropped++;
}

static inline struct gap model_gap_of(uint64_t seq) { return (struct gap){.count = 1, .first = seq, .last = seq}; }

static inline void model_drop_queued(struct model *m, const struct item *it, bool front) {
    model_drop(m, it->id);
    m->c.events--;
    m->c.bytes -= it->len;
    model_gap(m, front, model_gap_of(it->id));
}

/* Drop one event at an end of pending; a gap that stands before it swallows it. */
static inline bool model_drop_end(struct model *m, bool front) {
    struct items *p = &m->pending;
    struct item *end = front ? items_front(p) : items_back(p);
    bool has_gap = end && end->type == ITEM_GAP;
    if (!end || (has_gap && p->n == 1)) return false;
    struct item gap = {0};
    if (has_gap) gap = (front ? items_pop_front : items_pop_back)(p);
    struct item it = (front ? items_pop_front : items_pop_back)(p);
    model_drop_queued(m, &it, front);
    if (has_gap) model_gap(m, front, gap.gap);
    return true;
}

static inline void model_drop_all(struct model *m) {
    while (model_drop_end(m, true)) continue;
}

static inline int model_refuse(struct model *m, uint64_t seq) {
    model_drop(m, seq);
    model_gap(m, false, model_gap_of(seq));
    return QUEUE_E_REFUSED;
}

static inline bool model_over(const struct model *m, uint32_t len) {
    return m->c.events + 1 > m->o.max_events || m->c.bytes + len > m->o.max_size;
}

static inline int model_offer(struct model *m, struct item it) {
    items_push_back(&m->due, it);
    m->c.accepted++;
    if (m->condemned) return (void)model_refuse(m, it.id), QUEUE_E_RESTART;
    if (m->refusing && (m->c.events > m->o.max_events / 2 || m->c.bytes > m->o.max_size / 2))
        return model_refuse(m, it.id);
    m->refusing = false;
    int result = 0;
    if (model_over(m, it.len)) {
        if (m->o.overflow == QUEUE_DROP_NEWEST) {
            m->refusing = true;
            return model_refuse(m, it.id);
        }
        if (m->o.overflow == QUEUE_RESTART) {
            m->condemned = true;
            model_drop_all(m);
            return (void)model_refuse(m, it.id), QUEUE_E_RESTART;
        }
        const struct item *last = m->tail_left ? items_back(&m->sent) : NULL;
        bool torn = last && last->type == ITEM_EVENT;
        if ((torn ? 2u : 1u) > m->o.max_events || (torn ? last->len : 0) + it.len > m->o.max_size)
            return model_refuse(m, it.id);
        while (model_over(m, it.len)) must(model_drop_end(m, true));
        result = QUEUE_E_DROPPED;
    }
    items_push_back(&m->pending, it);
    m->c.events++;
    m->c.bytes += it.len;
    return result;
}

static inline bool model_wants_write(const struct model *m) {
    if (!m->attached) return false;
    if (m->tail_left || m->own.n) return true;
    if (!m->open || m->condemned) return false;
    for (size_t i = 0; i < m->pending.n; i++) {
        if (items_at(&m->pending, i)->type == ITEM_EVENT) return m->allowed > 0;
        if (m->o.notice) return true;
    }
    return false;
}

/* n more bytes are in the pipe. `done` is told each event completed. */
static inline void model_wrote(struct model *m, size_t n, void (*done)(const struct item *)) {
    while (n) {
        if (!m->tail_left) {
            struct item it;
            if (m->own.n) {
                it = items_pop_front(&m->own);
            } else {
                must_say(m->open && !m->condemned && m->pending.n, "%zu bytes too many were written", n);
                it = items_pop_front(&m->pending);
                if (it.type == ITEM_GAP) {
                    if (!m->o.notice) continue;
                    char text[QUEUE_NOTICE_MAX];
                    it.type = ITEM_NOTICE;
                    it.len = m->o.notice(&it.gap, text);
                } else {
                    must_say(m->allowed, "more events than allowed");
                    if (m->allowed != UINT64_MAX) m->allowed--;
                }
            }
            m->tail_left = it.len;
            items_push_back(&m->sent, it);
        }
        uint32_t k = n < m->tail_left ? (uint32_t)n : m->tail_left;
        n -= k;
        m->tail_left -= k;
        const struct item *last = items_back(&m->sent);
        if (m->tail_left || last->type != ITEM_EVENT) continue;
        m->c.delivered++;
        m->c.events--;
        m->c.bytes -= last->len;
        done(last);
    }
}

/* Nobody will ever read or be told of these. */
static inline void model_forgotten(struct model *m, uint64_t count) {
    while (count) {
        must(m->due.n);
        bool dropped = items_pop_front(&m->due).given_up;
        if (!m->o.notice && dropped) continue; /* silent, and not one of those meant */
        count--;
    }
}

static inline void model_detach(struct model *m) {
    m->sent.n = m->own.n = 0;
    m->tail_left = 0;
    m->read_off = 0;
    m->attached = m->open = false;
}

/* The child died and nobody knows what it had read (forget), or exactly what it read is known (rewind). */
static inline void model_forget(struct model *m) {
    struct item torn = {.type = ITEM_OWN};
    if (m->tail_left) torn = items_pop_back(&m->sent);
    for (size_t i = 0; i < m->sent.n; i++) {
        const struct item *it = items_at(&m->sent, i);
        if (it->type == ITEM_EVENT) model_forgotten(m, 1);
        if (it->type == ITEM_NOTICE) model_forgotten(m, it->gap.count);
    }
    if (torn.type == ITEM_EVENT) model_drop_queued(m, &torn, true);
    if (torn.type == ITEM_NOTICE) model_gap(m, true, torn.gap);
    model_detach(m);
}

static inline void model_rewind(struct model *m) {
    uint64_t half = m->read_off && !items_front(&m->sent)->given_up ? items_front(&m->sent)->id : 0;
    while (m->sent.n && items_front(&m->sent)->given_up) {
        struct item it = items_pop_front(&m->sent);
        if (it.type == ITEM_EVENT) model_forgotten(m, 1);
        if (it.type == ITEM_NOTICE) model_forgotten(m, it.gap.count);
    }
    for (bool torn = m->tail_left > 0; m->sent.n; torn = false) {
        struct item it = items_pop_back(&m->sent);
        if (it.type == ITEM_NOTICE) model_gap(m, true, it.gap);
        if (it.type != ITEM_EVENT) continue;
        if (!torn) {
            m->c.redelivered++;
            m->c.events++;
            m->c.bytes += it.len;
        }
        if (it.id == half && it.id == m->half_seq) {
            model_drop_queued(m, &it, true);
        } else {
            if (it.id == half) m->half_seq = half;
            items_push_front(&m->pending, it);
        }
    }
    if (m->condemned) model_drop_all(m);
    model_detach(m);
}

static inline uint64_t model_give_up(struct model *m) {
    uint64_t given = 0;
    for (size_t i = 0; i < m->sent.n - (m->tail_left > 0); i++) {
        struct item *it = items_at(&m->sent, i);
        given += it->type == ITEM_EVENT && !it->given_up;
        it->given_up = true;
    }
    return given;
}

/* The child read the whole of sent's first message: it must be the next that is due, all before it told as dropped. */
static inline void model_was_read(struct model *m) {
    struct item it = items_pop_front(&m->sent);
    m->read_off = 0;
    if (it.type == ITEM_EVENT) {
        while (!m->o.notice && m->due.n && items_front(&m->due)->given_up) (void)items_pop_front(&m->due);
        must_say(m->due.n, "an event that was not due");
        struct item due = items_pop_front(&m->due);
        must_say(due.id == it.id && !due.given_up, "read event %ju where %ju was due%s", (uintmax_t)it.id,
                 (uintmax_t)due.id, due.given_up ? " as dropped" : "");
    }
    for (uint64_t k = 0; it.type == ITEM_NOTICE && k < it.gap.count; k++) {
        must_say(m->due.n, "told of more drops than there were");
        struct item due = items_pop_front(&m->due);
        must_say(due.given_up, "told that event %ju was dropped", (uintmax_t)due.id);
        if (!k) must_eq(due.id, it.gap.first);
        if (k + 1 == it.gap.count) must_eq(due.id, it.gap.last);
    }
}

#endif
