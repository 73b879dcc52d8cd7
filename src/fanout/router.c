#include "fanout/router_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fanout/stage.h"

enum {
    STAGE_MIN = 16 * 1024, /* below it, copying is as cheap */
    STAGE_RUNS = 3,        /* more than one busy reader */
};

static bool may_hold(const struct subscriber *s) { return queue_in_pipe(s->queue) || queue_counters(s->queue)->events; }

static void block_wanted(void *ctx) { router_block_wanted(ctx); }

/* A block is wanted: let every queue that may hold one find out what its child has read. Idle plugins, however many,
 * are not looked at: those with nothing left leave the list, until they are offered something. */
void router_block_wanted(struct router *r) {
    size_t n = 0;
    for (size_t i = 0; i < r->n_active; i++) {
        struct subscriber *s = r->active[i];
        queue_sync(s->queue);
        s->active = may_hold(s);
        if (s->active) r->active[n++] = s;
    }
    r->n_active = n;
}

static void activate(struct router *r, struct subscriber *s) {
    if (s->active) return;
    s->active = true;
    r->active[r->n_active++] = s;
}

static void deactivate(struct router *r, struct subscriber *s) {
    for (size_t i = 0; s->active && i < r->n_active; i++)
        if (r->active[i] == s) {
            r->active[i] = r->active[--r->n_active];
            s->active = false;
        }
}

struct router *router_new(const struct catalog *c, const char *run, size_t backlog_max,
                          const struct router_sink *sink) {
    struct router *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->memory.limit = backlog_max;
    r->memory.stages = stages_new();
    r->sink = *sink;
    r->head = BUF_INIT(0);
    (void)snprintf(r->run, sizeof r->run, "%s", run);
    r->topics = topics_new(c, r->run, &r->memory, block_wanted, r);
    return r->topics ? r : router_free(r);
}

void router_copy_only(struct router *r) { r->memory.stages = stages_free(r->memory.stages); }

struct router *router_free(struct router *r) {
    if (!r) return NULL;
    router_settle(r);
    r->topics = topics_free(r->topics);
    memory_deinit(&r->memory);
    (void)stages_free(r->memory.stages);
    buf_deinit(&r->head);
    free(r->all);
    free(r->active);
    free(r);
    return NULL;
}

int router_find(const struct router *r, const char *kind, size_t kind_len, int major, const char *hook, size_t hook_len,
                struct topic **topicp, struct err *e) {
    return topics_find(r->topics, kind, kind_len, major, hook, hook_len, topicp, e);
}

int router_subscribe(struct router *r, struct subscriber *s) {
    router_settle(r);
    router_unsubscribe(r, s);
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 16;
        struct subscriber **a = reallocarray(r->active, cap, sizeof(*a));
        if (a) r->active = a;
        struct subscriber **p = a ? reallocarray(r->all, cap, sizeof(*p)) : NULL;
        if (!p) return -ENOMEM;
        r->all = p;
        r->cap = cap;
    }
    int c = topics_enter(r->topics, s);
    if (c < 0) return c;
    r->all[r->n++] = s;
    if (may_hold(s)) activate(r, s);
    return c;
}

void router_unsubscribe(struct router *r, struct subscriber *s) {
    router_settle(r);
    topics_leave(r->topics, s);
    deactivate(r, s);
    for (size_t i = 0; i < r->n; i++)
        if (r->all[i] == s) {
            r->all[i] = r->all[--r->n];
            return;
        }
}

void router_queue_options(struct router *r, struct queue_options *o) {
    o->memory = &r->memory;
    o->scratch = r->scratch;
    o->stage_min = STAGE_MIN;
    o->stage_runs = STAGE_RUNS;
}

struct topics *router_prepare(struct router *r, const struct catalog *c) {
    struct topics *t = topics_new(c, r->run, &r->memory, block_wanted, r);
    return t && topics_reserve(t, r->topics) < 0 ? topics_free(t) : t;
}

void router_commit_take(struct router *r, struct topics *t, size_t backlog_max) {
    router_settle(r);
    topics_inherit_take(t, r->topics);
    r->topics = t;
    r->memory.limit = backlog_max;
    for (size_t i = 0; i < r->n; i++) (void)topics_enter(r->topics, r->all[i]); /* no memory: it is left out */
}

static void fail(struct router_result *res, const char *plugin, const char *error) {
    if (res->failed_total < ROUTER_FAILED_MAX) {
        res->failed[res->failed_total].plugin = plugin;
        res->failed[res->failed_total].error = error;
    }
    res->failed_total++;
}

static void signal_ready(struct router *r, struct subscriber *s) {
    activate(r, s);
    if (s->signaled) return;
    s->signaled = true;
    r->sink.ready(r->sink.ctx, s);
}

/* Returns what queue_offer() says. */
static int offer(struct router *r, struct subscriber *s, struct block *block, uint32_t index,
                 struct router_result *res) {
    if (!queue_has_room(s->queue, 1, block_len(block, index))) r->sink.full(r->sink.ctx, s);
    int why = queue_offer(s->queue, block, index);
    if (why == 0 || why == QUEUE_E_DROPPED)
        res->queued++;
    else if (why == QUEUE_E_REFUSED)
        fail(res, s->name,
             queue_policy(s->queue) == QUEUE_DROP_NEWEST ? "its queue is full and drops the newest"
                                                         : "it has no room for this event");
    return why;
}

static void offered(struct router *r, struct subscriber *s, int why) {
    if (why) r->sink.lost(r->sink.ctx, s, why);
    signal_ready(r, s);
}

/* When and from whom an event comes is the same for a chunk of input. */
static void set_origin(struct router *r, const struct router_event *e) {
    char time[CLOCK_RFC3339_LEN + 1];
    if (r->origin.len && e->wall == r->wall && e->uid == r->uid && e->pid == r->pid) return;
    r->wall = e->wall;
    r->uid = e->uid;
    r->pid = e->pid;
    clock_rfc3339(&r->stamp, e->wall, time);
    wire_origin_set(&r->origin, time, e->uid, e->pid);
}

/* Encode into the encoding's log. Returns 0 or a negative code. */
static int encode(struct router *r, const struct encoding *enc, uint32_t hook, const struct router_event *e,
                  struct block **blockp, uint32_t *indexp) {
    struct iovec parts[WIRE_PARTS];
    set_origin(r, e);
    struct wire_event w = {
        .origin = &r->origin, .seq = r->seq, .scan = e->scan, .payload = e->payload, .metadata = e->metadata};
    int c = encoding_build(enc, &r->head, &w, parts);
    if (c < 0) return c;
    size_t len = sizeof(struct message);
    for (size_t i = 0; i < WIRE_PARTS; i++) len += parts[i].iov_len;
    if (router_over(r, len)) router_make_room(r, len);
    return backlog_append(enc->log, parts, WIRE_PARTS, hook, r->seq, e->now, blockp, indexp);
}

/* Offer all of the batch at once. QUEUE_E_EACH: that is not possible. */
static int offer_whole(struct router *r, struct subscriber *s, const struct batch *b) {
    if (b->others || (s->hooks & b->hooks) != b->hooks) return QUEUE_E_EACH; /* not all of it is heard */
    if (!queue_has_room(s->queue, b->count, block_span(b->block, b->first, b->count))) r->sink.full(r->sink.ctx, s);
    return queue_offer_run(s->queue, b->block, b->first, b->count);
}

/* Offer it message by message. What becomes of it is told once. */
static void offer_each(struct router *r, struct subscriber *s, const struct batch *b) {
    struct router_result unused = {0};
    int lost = 0;
    bool any = false;
    for (uint32_t i = b->first; i < b->first + b->count; i++) {
        if (!s->hears[b->block->table[i].hook]) continue;
        int why = offer(r, s, b->block, i, &unused);
        if (why) lost = why; /* what may follow QUEUE_E_RESTART is the same again */
        any = true;
    }
    if (any) offered(r, s, lost);
}

static void offer_batch(struct router *r, struct subscriber *s, const struct batch *b) {
    int why = offer_whole(r, s, b);
    if (why == QUEUE_E_EACH)
        offer_each(r, s, b);
    else
        offered(r, s, why);
}

/* Offer the batch to those of `h` that were not offered it yet: who hears several hooks stands in several lists. */
static void offer_to(struct router *r, const struct hearers *h, const struct batch *b) {
    for (size_t i = 0; i < h->n; i++) {
        struct subscriber *s = h->v[i];
        if (s->settled == r->settled) continue;
        s->settled = r->settled;
        if (s->state == SUBSCRIBER_ON) offer_batch(r, s, b);
    }
}

void router_settle(struct router *r) {
    struct batch b = r->batch;
    if (!b.block) return;
    r->batch.block = NULL;
    r->settled++;
    if (b.others) {
        offer_to(r, &b.kind->natives, &b);
    } else {
        for (uint64_t left = b.hooks; left; left &= left - 1) /* its lowest bit goes */
            offer_to(r, &b.kind->topics[__builtin_ctzll(left)].encodings[0].hearers, &b);
    }
    block_release(b.block);
}

static void join_batch(struct router *r, const struct topic *t, struct block *block, uint32_t index) {
    struct batch *b = &r->batch;
    if (b->block != block || b->first + b->count != index) {
        block_hold(block); /* first: settling may release it */
        router_settle(r);
        *b = (struct batch){.kind = t->kind, .block = block, .first = index};
    }
    b->count++;
    if (t->hook < TOPICS_MASK)
        b->hooks |= UINT64_C(1) << t->hook;
    else
        b->others = true;
}

static bool anybody(const struct hearers *h) {
    for (size_t i = 0; i < h->n; i++)
        if (h->v[i]->state == SUBSCRIBER_ON) return true;
    return false;
}

/* It could not be encoded: counted and told for everyone who would have got it. */
static void miss(struct router *r, const struct hearers *h, struct router_result *res) {
    for (size_t i = 0; i < h->n; i++) {
        struct subscriber *s = h->v[i];
        if (s->state != SUBSCRIBER_ON) continue;
        queue_miss(s->queue, r->seq);
        fail(res, s->name, "the daemon is out of memory");
        r->sink.lost(r->sink.ctx, s, QUEUE_E_REFUSED);
    }
}

static void publish_as(struct router *r, const struct encoding *enc, uint32_t hook, const struct router_event *e,
                       struct router_result *res) {
    struct block *block;
    uint32_t index;
    for (size_t i = 0; i < enc->hearers.n; i++)
        if (enc->hearers.v[i]->state == SUBSCRIBER_FAILED) fail(res, enc->hearers.v[i]->name, enc->hearers.v[i]->error);
    if (!anybody(&enc->hearers)) return;
    if (encode(r, enc, hook, e, &block, &index) < 0) {
        miss(r, &enc->hearers, res);
        return;
    }
    block_hold(block); /* no overflow below may unmap it before all have been offered it */
    for (size_t i = 0; i < enc->hearers.n; i++)
        if (enc->hearers.v[i]->state == SUBSCRIBER_ON)
            offered(r, enc->hearers.v[i], offer(r, enc->hearers.v[i], block, index, res));
    block_release(block);
}

void router_publish(struct router *r, struct topic *t, const struct router_event *e, struct router_result *res) {
    router_settle(r);
    res->seq = ++r->seq;
    res->queued = res->failed_total = 0;
    for (size_t i = 0; i < t->n_encodings; i++) publish_as(r, &t->encodings[i], t->hook, e, res);
}

void router_post(struct router *r, struct topic *t, const struct router_event *e) {
    struct router_result unused;
    struct block *block;
    uint32_t index;
    unused.queued = unused.failed_total = 0;
    r->seq++;
    for (size_t i = 1; i < t->n_encodings; i++) publish_as(r, &t->encodings[i], t->hook, e, &unused);
    const struct encoding *native = &t->encodings[0];
    if (!anybody(&native->hearers)) return;
    if (encode(r, native, t->hook, e, &block, &index) == 0) {
        join_batch(r, t, block, index);
    } else {
        router_settle(r);
        miss(r, &native->hearers, &unused);
    }
}

uint64_t router_seq(const struct router *r) { return r->seq; }
size_t router_backlog_bytes(const struct router *r) { return r->memory.used; }
uint64_t router_given_up(const struct router *r) { return r->given_up; }
