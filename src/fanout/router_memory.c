/* router_memory.c — what the router does when all backlogs together reach their limit (DESIGN §6), in its order: what
 * was read is let go, redelivery is given up, who hears little is copied out, then the overflow policy strikes. */
#include "fanout/router_private.h"

enum {
    FEW_HELD = 2, /* less than one part in so many of a block is few */
    SPARE = 1024, /* one part in so many of the limit is freed beyond what is needed */
    LOOK_AGAIN = BLOCK_DATA / 4,
    SHED_BYTES = BLOCK_DATA / 16, /* of one plugin at a time: runs may be as short as one event */
    EFFORT_STEPS = 50 * 1000,
    EFFORT_BYTES = 1024 * 1024,
};

bool router_over(const struct router *r, size_t more) { return r->memory.used + more > r->memory.limit; }

/* What may still be spent on one shortage: runs and blocks looked at, bytes copied that freed nothing. */
struct effort {
    uint64_t steps;
    size_t bytes;
};

static bool spend(struct effort *e, uint64_t steps) {
    if (e->steps < steps) return false;
    e->steps -= steps;
    return true;
}

/* The block where the oldest event of a queue lies that was not copied out yet, or where it would lie; NULL when that
 * is the newest block, which stays anyway. */
static struct block *oldest_block(const struct router *r, const struct subscriber *s, uint64_t oldest,
                                  struct effort *e) {
    uint64_t seq = oldest > s->copied ? oldest : s->copied + 1;
    struct backlog *log = s->tools ? NULL : topics_log(r->topics, s->spec);
    struct block *b = log ? backlog_oldest(log) : NULL;
    for (; b && b->table[b->n - 1].seq < seq; b = b->next)
        if (!spend(e, 1)) return NULL;
    return b && b->next ? b : NULL;
}

/* Copy a plugin's messages out of the oldest block it holds, if it hears less than half of that. False if not. */
static bool copy_out_oldest(const struct router *r, struct subscriber *s, struct effort *e) {
    for (uint64_t oldest; (oldest = queue_oldest_seq(s->queue));) {
        struct block *b = oldest_block(r, s, oldest, e);
        if (!b || !spend(e, oldest >= b->table[0].seq ? b->n : queue_counters(s->queue)->events)) return false;
        size_t held = queue_holds(s->queue, b);
        if (held * FEW_HELD >= b->used) return false;
        uint64_t last = b->table[b->n - 1].seq;
        if (held && queue_copy_out(s->queue, b) < 0) return false;
        s->copied = last;
        if (held) return true;
    }
    return false;
}

/* A block for each plugin that hears little, until memory was given back. False when there was nothing to copy. */
static bool copy_out_minor(struct router *r, struct effort *e) {
    size_t before = r->memory.used;
    bool copied = false;
    for (size_t i = 0; i < r->n && r->memory.used >= before; i++) {
        r->turn = (r->turn + 1) % r->n; /* so that nobody is left out when there is much to look at */
        copied |= copy_out_oldest(r, r->all[r->turn], e);
    }
    if (r->memory.used > before) e->bytes -= r->memory.used - before < e->bytes ? r->memory.used - before : e->bytes;
    return copied && e->bytes;
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

/* Apply the overflow policy to the plugin with the most queued bytes, to some of them at a time; where only a torn
 * message is left, to the next. Returns the bytes dropped; 0 when nobody has anything to lose. */
static uint64_t shed(struct router *r, size_t more) {
    uint64_t bytes = UINT64_MAX;
    size_t at = 0;
    for (struct subscriber *s; (s = next_most(r, bytes, &at));) {
        const struct queue_counters *c = queue_counters(s->queue);
        bytes = c->bytes;
        int why = queue_shed(s->queue);
        if (why == QUEUE_E_REFUSED) continue;
        while (why == 0 && bytes - c->bytes < SHED_BYTES && router_over(r, more) && queue_shed(s->queue) == 0) continue;
        r->sink.lost(r->sink.ctx, s, why == 0 ? QUEUE_E_DROPPED : why);
        topics_trim(r->topics);
        return bytes - c->bytes;
    }
    return 0;
}

/* DESIGN §6, in its order, until `more` bytes fit, and a little more, so that a shortage is not met for every single
 * event. What is shed leaves blocks to plugins that hear little of them: for every so many bytes, these are looked at
 * again. */
void router_make_room(struct router *r, size_t more) {
    struct effort e = {.steps = EFFORT_STEPS, .bytes = EFFORT_BYTES};
    router_block_wanted(r);
    if (router_over(r, more)) topics_trim(r->topics);
    for (size_t i = 0; i < r->n && router_over(r, more); i++) r->given_up += queue_give_up(r->all[i]->queue);
    if (router_over(r, more)) topics_trim(r->topics);
    if (!router_over(r, more)) return;
    more += r->memory.limit / SPARE;
    for (uint64_t dropped = LOOK_AGAIN; dropped && router_over(r, more);) {
        if (dropped >= LOOK_AGAIN)
            for (dropped = 0; router_over(r, more) && copy_out_minor(r, &e);) continue;
        if (!router_over(r, more)) return;
        uint64_t n = shed(r, more);
        dropped = n ? dropped + n : 0;
    }
}
