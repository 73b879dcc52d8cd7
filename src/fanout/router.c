#include "fanout/router.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/wire.h"

enum {
    RUN_LEN = 12,
    FEW_HELD = 2, /* less than one part in so many of a block is few */
    PROBES = 8,   /* blocks looked at in search of the oldest one that a queue holds */
};

struct router {
    struct topics *topics;
    struct memory memory;
    struct router_sink sink;
    struct subscriber **all;
    size_t n, cap;
    uint64_t seq, given_up;
    char run[RUN_LEN + 1];
    struct buf head;
    struct clock_stamp stamp;
    char scratch[QUEUE_WRITE_MAX];
};

/* A block is wanted: let every queue find out what its child has read. */
static void block_wanted(void *ctx) {
    struct router *r = ctx;
    for (size_t i = 0; i < r->n; i++) queue_sync(r->all[i]->queue);
}

struct router *router_new(const struct catalog *c, const char *run, size_t backlog_max,
                          const struct router_sink *sink) {
    struct router *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->memory.limit = backlog_max;
    r->sink = *sink;
    r->head = BUF_INIT(0);
    (void)snprintf(r->run, sizeof r->run, "%s", run);
    r->topics = topics_new(c, r->run, &r->memory, block_wanted, r);
    return r->topics ? r : router_free(r);
}

struct router *router_free(struct router *r) {
    if (!r) return NULL;
    r->topics = topics_free(r->topics);
    buf_deinit(&r->head);
    free(r->all);
    free(r);
    return NULL;
}

int router_find(const struct router *r, const char *kind, size_t kind_len, int major, const char *hook, size_t hook_len,
                struct topic **topicp, struct err *e) {
    return topics_find(r->topics, kind, kind_len, major, hook, hook_len, topicp, e);
}

int router_subscribe(struct router *r, struct subscriber *s) {
    router_unsubscribe(r, s);
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 16;
        struct subscriber **p = reallocarray(r->all, cap, sizeof(*p));
        if (!p) return -ENOMEM;
        r->all = p;
        r->cap = cap;
    }
    int c = topics_enter(r->topics, s);
    if (c == 0) r->all[r->n++] = s;
    return c;
}

void router_unsubscribe(struct router *r, struct subscriber *s) {
    topics_leave(r->topics, s);
    for (size_t i = 0; i < r->n; i++)
        if (r->all[i] == s) {
            r->all[i] = r->all[--r->n];
            return;
        }
}

void router_queue_options(struct router *r, struct queue_options *o) {
    o->memory = &r->memory;
    o->scratch = r->scratch;
}

struct topics *router_prepare(struct router *r, const struct catalog *c) {
    struct topics *t = topics_new(c, r->run, &r->memory, block_wanted, r);
    return t && topics_reserve(t, r->topics) < 0 ? topics_free(t) : t;
}

void router_commit_take(struct router *r, struct topics *t, size_t backlog_max) {
    topics_inherit_take(t, r->topics);
    r->topics = t;
    r->memory.limit = backlog_max;
    for (size_t i = 0; i < r->n; i++) (void)topics_enter(r->topics, r->all[i]); /* no memory: it is left out */
}

static bool over(const struct router *r, size_t more) { return r->memory.used + more > r->memory.limit; }

/* The oldest block of its kind's log that a queue holds; NULL when that is the newest one, which stays anyway. */
static struct block *oldest_held(const struct router *r, const struct subscriber *s, size_t *heldp) {
    uint64_t seq = queue_oldest_seq(s->queue);
    struct backlog *log = seq ? topics_log(r->topics, s->spec) : NULL;
    unsigned probes = 0;
    for (struct block *b = log ? backlog_oldest(log) : NULL; b && b->next && probes < PROBES; b = b->next) {
        if (!b->n || b->table[b->n - 1].seq < seq) continue;
        *heldp = queue_holds(s->queue, b);
        if (*heldp) return b;
        probes++;
    }
    return NULL;
}

/* Copy out the messages of plugins that hear less than half of the oldest block they hold, until a block went. False
 * when none did. */
static bool copy_out_minor(struct router *r) {
    size_t before = r->memory.used;
    for (size_t i = 0; i < r->n && r->memory.used >= before; i++) {
        size_t held = 0;
        struct block *b = oldest_held(r, r->all[i], &held);
        if (b && held < b->used / FEW_HELD) (void)queue_copy_out(r->all[i]->queue, b);
    }
    return r->memory.used < before;
}

/* In the order of queued bytes, most first, the plugin after the `*ip`th, which has `bytes`; NULL when it was the last.
 */
static struct subscriber *next_most(const struct router *r, uint64_t bytes, size_t *ip) {
    struct subscriber *most = NULL;
    size_t at = *ip;
    for (size_t i = 0; i < r->n; i++) {
        uint64_t has = queue_counters(r->all[i]->queue)->bytes;
        if (!has || has > bytes || (has == bytes && i <= at)) continue;
        if (most && has <= queue_counters(most->queue)->bytes) continue;
        most = r->all[i];
        *ip = i;
    }
    return most;
}

/* Apply the overflow policy to the plugin with the most queued bytes; where only a torn message is left, to the next.
 * False when nobody has anything to lose. */
static bool shed(struct router *r) {
    uint64_t bytes = UINT64_MAX;
    size_t at = 0;
    for (struct subscriber *s; (s = next_most(r, bytes, &at)); bytes = queue_counters(s->queue)->bytes) {
        int why = queue_shed(s->queue);
        if (why == QUEUE_E_REFUSED) continue;
        r->sink.lost(r->sink.ctx, s, why == 0 ? QUEUE_E_DROPPED : why);
        topics_trim(r->topics);
        return true;
    }
    return false;
}

/* DESIGN §6, in its order, until `more` bytes fit. What was shed may leave a block to plugins that hear little of it:
 * whenever about a block went, they are looked at again. */
static void make_room(struct router *r, size_t more) {
    block_wanted(r);
    if (over(r, more)) topics_trim(r->topics);
    for (size_t i = 0; i < r->n && over(r, more); i++) r->given_up += queue_give_up(r->all[i]->queue);
    if (over(r, more)) topics_trim(r->topics);
    size_t looked = SIZE_MAX;
    while (over(r, more)) {
        if (r->memory.used < looked) {
            while (over(r, more) && copy_out_minor(r)) continue;
            looked = r->memory.used > BLOCK_DATA / 2 ? r->memory.used - BLOCK_DATA / 2 : 0;
        } else if (!shed(r)) {
            break;
        }
    }
}

static void fail(struct router_result *res, const char *plugin, const char *error) {
    if (res->failed_total < ROUTER_FAILED_MAX) {
        res->failed[res->failed_total].plugin = plugin;
        res->failed[res->failed_total].error = error;
    }
    res->failed_total++;
}

static void offer(struct router *r, struct subscriber *s, struct block *block, uint32_t index,
                  struct router_result *res) {
    if (!queue_has_room(s->queue, block_len(block, index))) r->sink.full(r->sink.ctx, s);
    int why = queue_offer(s->queue, block, index);
    if (why == 0 || why == QUEUE_E_DROPPED)
        res->queued++;
    else if (why == QUEUE_E_REFUSED)
        fail(res, s->name,
             queue_policy(s->queue) == QUEUE_DROP_NEWEST ? "its queue is full and drops the newest"
                                                         : "it has no room for this event");
    if (why) r->sink.lost(r->sink.ctx, s, why);
    if (!s->signaled) {
        s->signaled = true;
        r->sink.ready(r->sink.ctx, s);
    }
}

/* Encode into the topic's log. Returns 0 or a negative code. */
static int encode(struct router *r, struct topic *t, const struct router_event *e, struct block **blockp,
                  uint32_t *indexp) {
    char time[CLOCK_RFC3339_LEN + 1];
    struct iovec parts[WIRE_PARTS];
    clock_rfc3339(&r->stamp, e->wall, time);
    struct wire_event w = {.time = time,
                           .seq = r->seq,
                           .uid = e->uid,
                           .pid = e->pid,
                           .scan = e->scan,
                           .payload = e->payload,
                           .metadata = e->metadata};
    int c = wire_native(&r->head, &t->prefix, &w, parts);
    if (c < 0) return c;
    size_t len = sizeof(struct message);
    for (size_t i = 0; i < WIRE_PARTS; i++) len += parts[i].iov_len;
    if (over(r, len)) make_room(r, len);
    return backlog_append(t->log, parts, WIRE_PARTS, t->hook, r->seq, e->now, blockp, indexp);
}

void router_publish(struct router *r, struct topic *t, const struct router_event *e, struct router_result *res) {
    res->seq = ++r->seq;
    res->queued = res->failed_total = 0;
    struct block *block = NULL;
    uint32_t index = 0;
    int encoded = 1; /* 1: not yet */
    for (size_t i = 0; i < t->n; i++) {
        struct subscriber *s = t->subscribers[i];
        if (s->state == SUBSCRIBER_OFF) continue;
        if (s->state == SUBSCRIBER_FAILED) {
            fail(res, s->name, s->error);
            continue;
        }
        if (encoded == 1) {
            encoded = encode(r, t, e, &block, &index);
            if (encoded == 0) block_hold(block); /* no overflow below may unmap it before all have been offered it */
        }
        if (encoded == 0) {
            offer(r, s, block, index, res);
        } else {
            queue_miss(s->queue, r->seq);
            fail(res, s->name, "the daemon is out of memory");
            r->sink.lost(r->sink.ctx, s, QUEUE_E_REFUSED);
        }
    }
    if (encoded == 0) block_release(block);
}

uint64_t router_seq(const struct router *r) { return r->seq; }
size_t router_backlog_bytes(const struct router *r) { return r->memory.used; }
uint64_t router_given_up(const struct router *r) { return r->given_up; }
