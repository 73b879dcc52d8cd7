#include "fanout/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fanout/queue_private.h"

struct queue *queue_new(const struct queue_options *o) {
    struct queue *q = calloc(1, sizeof *q);
    if (!q) return NULL;
    q->o = *o;
    q->fd = -1;
    runs_init(&q->sent, o->memory);
    runs_init(&q->own, o->memory);
    runs_init(&q->pending, o->memory);
    if (pending_reserve(q, 1) < 0) return queue_free(q);
    return q;
}

struct queue *queue_free(struct queue *q) {
    if (!q) return NULL;
    runs_deinit(&q->sent);
    runs_deinit(&q->own);
    runs_deinit(&q->pending);
    free(q);
    return NULL;
}

void queue_configure(struct queue *q, const struct queue_options *o) {
    q->o = *o;
    if (o->overflow != QUEUE_DROP_NEWEST) q->refusing = false;
}

void queue_attach(struct queue *q, int fd) {
    q->fd = fd;
    q->open = false;
    q->condemned = q->late = false;
    q->written = q->read = 0;
    q->allowed = UINT64_MAX;
}

void queue_open(struct queue *q) { q->open = true; }
void queue_pardon(struct queue *q) { q->condemned = false; }

void queue_hold(struct queue *q) { q->open = false; }
bool queue_at_rest(const struct queue *q) { return !q->tail_left && !q->own.n; }

void queue_move(struct queue *q, int fd) { q->fd = fd; }

void queue_allow(struct queue *q, uint64_t events) { q->allowed = events; }

void queue_allow_more(struct queue *q, uint64_t events) {
    if (q->allowed <= UINT64_MAX - 1 - events) q->allowed += events;
}

uint32_t queue_own_waiting(const struct queue *q) { return q->own.n; }

void queue_on_sent(struct queue *q, queue_sent_fn sent, void *ctx) {
    q->on_sent = sent;
    q->on_sent_ctx = ctx;
}

const struct queue_counters *queue_counters(const struct queue *q) { return &q->c; }
enum queue_overflow queue_policy(const struct queue *q) { return q->o.overflow; }

/* More than what dropping every whole event would free. */
static bool never_fits(const struct queue *q, uint32_t events, uint64_t bytes) {
    uint32_t torn = q->tail_left && sent_tail_is_event(q) ? sent_tail_len(q) : 0;
    return (uint64_t)events + (torn ? 1 : 0) > q->o.max_events || torn + bytes > q->o.max_size;
}

static bool over_limit(const struct queue *q, uint32_t events, uint64_t bytes) {
    return q->c.events + events > q->o.max_events || q->c.bytes + bytes > q->o.max_size;
}

/* Drop the oldest until so much fits, which it can. */
static void drop_oldest(struct queue *q, uint32_t events, uint64_t bytes) {
    while (over_limit(q, events, bytes)) {
        uint64_t e = q->c.events + events, b = q->c.bytes + bytes;
        pending_drop_front(q, e > q->o.max_events ? e - q->o.max_events : 0, b > q->o.max_size ? b - q->o.max_size : 0);
    }
}

/* drop_newest has refused, and half the limit is not free yet. */
static bool still_refusing(const struct queue *q) {
    return q->refusing && (q->c.events > q->o.max_events / 2 || q->c.bytes > q->o.max_size / 2);
}

bool queue_has_room(const struct queue *q, uint32_t events, uint64_t bytes) {
    return !q->condemned && !over_limit(q, events, bytes) && !still_refusing(q);
}

/* What does not get in: lost, and told at the tail. */
static int refuse(struct queue *q, const struct gap *g) {
    q->c.dropped += g->count;
    pending_gap_back(q, g);
    return QUEUE_E_REFUSED;
}

static int make_room(struct queue *q, const struct gap *g, uint32_t len) {
    switch (q->o.overflow) {
        case QUEUE_DROP_OLDEST:
            if (never_fits(q, 1, len)) return refuse(q, g); /* in vain would the others go */
            drop_oldest(q, 1, len);
            return QUEUE_E_DROPPED;
        case QUEUE_DROP_NEWEST:
            q->refusing = true;
            return refuse(q, g);
        case QUEUE_RESTART:
            queue_condemn(q);
            (void)refuse(q, g);
            return QUEUE_E_RESTART;
    }
    return refuse(q, g);
}

/* Append to pending, which lengthens its last run where that is adjacent. False: no memory. */
static bool append_run(struct queue *q, struct block *block, uint32_t first, uint32_t count) {
    struct run *last = runs_back(&q->pending);
    if (last && last->type == RUN_LOG && last->log.block == block && last->log.first + last->log.count == first) {
        last->log.count += count;
        return true;
    }
    if (pending_reserve(q, 1) < 0) return false;
    block_hold(block);
    runs_push_back_take(&q->pending, (struct run){.type = RUN_LOG, .log = {block, first, count}});
    return true;
}

/* None of them gets in, whatever their number. */
static bool closed(const struct queue *q) { return q->condemned || still_refusing(q); }

static int refuse_closed(struct queue *q, const struct gap *g) {
    (void)refuse(q, g);
    return q->condemned ? QUEUE_E_RESTART : QUEUE_E_REFUSED;
}

int queue_offer_run(struct queue *q, struct block *block, uint32_t first, uint32_t count) {
    uint64_t bytes = block_span(block, first, count);
    if (closed(q)) {
        struct gap all = gap_of_messages(block, first, count);
        q->c.accepted += count;
        return refuse_closed(q, &all);
    }
    bool over = over_limit(q, count, bytes);
    if (over && (q->o.overflow != QUEUE_DROP_OLDEST || never_fits(q, count, bytes))) return QUEUE_E_EACH;
    if (pending_reserve(q, 2) < 0) return QUEUE_E_EACH; /* the run, and a gap where the oldest were */
    if (over) drop_oldest(q, count, bytes);
    (void)append_run(q, block, first, count); /* with a slot reserved it cannot fail */
    q->refusing = false;
    q->c.accepted += count;
    q->c.events += count;
    q->c.bytes += bytes;
    return over ? QUEUE_E_DROPPED : 0;
}

int queue_offer(struct queue *q, struct block *block, uint32_t index) {
    const struct gap one = gap_of(&block->table[index]);
    uint32_t len = block_len(block, index);
    int result = 0;
    q->c.accepted++;
    if (closed(q)) return refuse_closed(q, &one);
    q->refusing = false;
    if (over_limit(q, 1, len)) {
        result = make_room(q, &one, len);
        if (result != QUEUE_E_DROPPED) return result;
    }
    if (!append_run(q, block, index, 1)) return refuse(q, &one);
    q->c.events++;
    q->c.bytes += len;
    return result;
}

void queue_miss(struct queue *q, uint64_t seq) {
    q->c.accepted++;
    (void)refuse(q, &(struct gap){.count = 1, .first = seq, .last = seq});
}

int queue_own(struct queue *q, const char *bytes, size_t len) {
    if (!len) return 0;
    if (len > UINT32_MAX / 2 || runs_reserve(&q->own, 1) < 0) return -ENOMEM;
    struct own *o = own_new(q->o.memory, (uint32_t)len);
    if (!o) return -ENOMEM;
    memcpy(o->bytes, bytes, len);
    runs_push_back_take(&q->own, (struct run){.type = RUN_OWN, .own = o});
    return 0;
}

bool queue_wants_write(const struct queue *q) {
    if (q->fd < 0) return false;
    return q->tail_left || q->own.n || pending_may_go(q);
}

/* The oldest event that is not completely in the pipe; NULL when there is none. */
static const struct message *oldest(const struct queue *q) {
    if (q->tail_left && sent_tail_is_event(q)) return sent_tail_message(q);
    for (uint32_t i = 0; i < q->pending.n; i++) {
        const struct run *r = runs_at(&q->pending, i);
        if (r->type == RUN_LOG) return &r->log.block->table[r->log.first];
    }
    return NULL;
}

nsec_t queue_oldest(const struct queue *q) {
    const struct message *m = oldest(q);
    return m ? m->accepted : 0;
}

uint64_t queue_oldest_seq(const struct queue *q) {
    const struct message *m = oldest(q);
    return m ? m->seq : 0;
}

/* The runs of one stretch that lie in `block`. A stretch is in the order of seq, so that the first run behind the
 * block's last message ends the search: for the oldest block it is short. Returns the next one at or after *ip. */
static struct run *next_held(const struct runs *runs, const struct block *block, uint32_t *ip) {
    uint64_t last = block->n ? block->table[block->n - 1].seq : 0;
    for (; *ip < runs->n; ++*ip) {
        struct run *r = runs_at(runs, *ip);
        if (r->type != RUN_LOG) continue;
        if (r->log.block == block) return r;
        if (r->log.block->table[r->log.first].seq > last) break;
    }
    return NULL;
}

size_t queue_holds(const struct queue *q, const struct block *block) {
    const struct runs *stretches[] = {&q->sent, &q->pending};
    const struct run *r;
    size_t held = 0;
    for (size_t k = 0; k < 2; k++)
        for (uint32_t i = 0; (r = next_held(stretches[k], block, &i)); i++) held += run_bytes(r);
    return held;
}

/* Append the run's messages to `copy` and let the run point there instead. */
static void move_run(struct run *r, struct block *copy) {
    struct block *from = r->log.block;
    uint32_t first = copy->n;
    for (uint32_t i = r->log.first; i < r->log.first + r->log.count; i++) {
        struct iovec part = {from->data + block_start(from, i), block_len(from, i)};
        (void)block_append(copy, &part, 1, from->table[i].hook, from->table[i].seq, from->table[i].accepted);
    }
    block_hold(copy);
    block_release(from);
    r->log.block = copy;
    r->log.first = first;
}

int queue_copy_out(struct queue *q, struct block *block) {
    const struct runs *stretches[] = {&q->sent, &q->pending};
    struct run *r;
    size_t bytes = 0;
    uint32_t messages = 0;
    for (size_t k = 0; k < 2; k++)
        for (uint32_t i = 0; (r = next_held(stretches[k], block, &i)); i++) {
            bytes += run_bytes(r);
            messages += r->log.count;
        }
    if (!messages) return 0;
    struct block *copy = block_new_private(q->o.memory, bytes, messages);
    if (!copy) return -ENOMEM;
    block_hold(block); /* it stays while we look for its runs */
    for (size_t k = 0; k < 2; k++)
        for (uint32_t i = 0; (r = next_held(stretches[k], block, &i)); i++) move_run(r, copy);
    block_release(block);
    return 0;
}
