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

/* Larger than what dropping every whole event would free. */
static bool never_fits(const struct queue *q, uint32_t len) {
    uint32_t torn = q->tail_left && sent_tail_is_event(q) ? sent_tail_len(q) : 0;
    return (torn ? 2 : 1) > q->o.max_events || (uint64_t)torn + len > q->o.max_size;
}

static bool over_limit(const struct queue *q, uint32_t len) {
    return q->c.events + 1 > q->o.max_events || q->c.bytes + len > q->o.max_size;
}

/* drop_newest has refused, and half the limit is not free yet. */
static bool still_refusing(const struct queue *q) {
    return q->refusing && (q->c.events > q->o.max_events / 2 || q->c.bytes > q->o.max_size / 2);
}

bool queue_has_room(const struct queue *q, uint32_t len) {
    return !q->condemned && !over_limit(q, len) && !still_refusing(q);
}

/* An event that does not get in: counted as taken and lost, and told at the tail. */
static int refuse(struct queue *q, const struct message *m) {
    struct gap g = gap_of(m);
    q->c.dropped++;
    pending_gap_back(q, &g);
    return QUEUE_E_REFUSED;
}

static int make_room(struct queue *q, const struct message *m, uint32_t len) {
    switch (q->o.overflow) {
        case QUEUE_DROP_OLDEST:
            if (never_fits(q, len)) return refuse(q, m); /* in vain would the others go */
            while (over_limit(q, len)) pending_drop_front(q);
            return QUEUE_E_DROPPED;
        case QUEUE_DROP_NEWEST:
            q->refusing = true;
            return refuse(q, m);
        case QUEUE_RESTART:
            queue_condemn(q);
            (void)refuse(q, m);
            return QUEUE_E_RESTART;
    }
    return refuse(q, m);
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

bool queue_offer_run(struct queue *q, struct block *block, uint32_t first, uint32_t count) {
    uint64_t bytes = block_span(block, first, count);
    if (q->condemned || still_refusing(q)) return false;
    if (q->c.events + count > q->o.max_events || q->c.bytes + bytes > q->o.max_size) return false;
    if (!append_run(q, block, first, count)) return false;
    q->refusing = false;
    q->c.accepted += count;
    q->c.events += count;
    q->c.bytes += bytes;
    return true;
}

int queue_offer(struct queue *q, struct block *block, uint32_t index) {
    const struct message *m = &block->table[index];
    uint32_t len = block_len(block, index);
    int result = 0;
    q->c.accepted++;
    if (q->condemned) {
        (void)refuse(q, m);
        return QUEUE_E_RESTART;
    }
    if (still_refusing(q)) return refuse(q, m);
    q->refusing = false;
    if (over_limit(q, len)) {
        result = make_room(q, m, len);
        if (result != QUEUE_E_DROPPED) return result;
    }
    if (!append_run(q, block, index, 1)) return refuse(q, m);
    q->c.events++;
    q->c.bytes += len;
    return result;
}

void queue_miss(struct queue *q, uint64_t seq) {
    q->c.accepted++;
    (void)refuse(q, &(struct message){.seq = seq});
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
