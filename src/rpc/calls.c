#include "rpc/calls.h"

#include <errno.h>
#include <stdlib.h>

#define NONE UINT32_MAX

struct call {
    uint64_t seq;
    nsec_t sent;
    uint32_t hook;
    uint32_t older, newer; /* the list by age; `newer` also links the free slots */
    uint32_t next;         /* in its bucket */
};

struct calls {
    struct call *slot;
    uint32_t *bucket; /* a power of two of them */
    uint32_t mask;
    size_t max, cap, n; /* the limit; slots, >= both others; in flight */
    uint32_t oldest, newest, free;
};

/* Seqs are near each other: they spread by themselves, and nobody outside chooses them. */
static uint32_t *bucket_of(const struct calls *c, uint64_t seq) { return &c->bucket[(uint32_t)seq & c->mask]; }

static int reserve(struct calls *c, size_t cap) {
    size_t buckets = 2;
    if (cap >= NONE / 4) return -ENOMEM;
    while (buckets < cap * 2) buckets *= 2;
    c->slot = calloc(cap, sizeof *c->slot);
    c->bucket = malloc(buckets * sizeof *c->bucket);
    c->mask = (uint32_t)(buckets - 1);
    c->cap = cap;
    if (!c->slot || !c->bucket) return -ENOMEM;
    calls_clear(c);
    return 0;
}

struct calls *calls_new(size_t max) {
    struct calls *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->max = max ? max : 1;
    return reserve(c, c->max) < 0 ? calls_free(c) : c;
}

struct calls *calls_free(struct calls *c) {
    if (!c) return NULL;
    free(c->slot);
    free(c->bucket);
    free(c);
    return NULL;
}

static void add(struct calls *c, uint64_t seq, uint32_t hook, nsec_t now) {
    uint32_t i = c->free, *b = bucket_of(c, seq);
    c->free = c->slot[i].newer;
    c->slot[i] = (struct call){.seq = seq, .sent = now, .hook = hook, .older = c->newest, .newer = NONE, .next = *b};
    *b = i;
    if (c->newest != NONE) c->slot[c->newest].newer = i;
    if (c->oldest == NONE) c->oldest = i;
    c->newest = i;
    c->n++;
}

size_t calls_in_flight(const struct calls *c) { return c->n; }
size_t calls_room(const struct calls *c) { return c->n < c->max ? c->max - c->n : 0; }

/* The link that leads to this seq; it holds NONE when there is none. */
static uint32_t *find(struct calls *c, uint64_t seq) {
    uint32_t *link = bucket_of(c, seq);
    while (*link != NONE && c->slot[*link].seq != seq) link = &c->slot[*link].next;
    return link;
}

int calls_sent(struct calls *c, uint64_t seq, uint32_t hook, nsec_t now) {
    if (!calls_room(c)) return -ENOSPC;
    if (*find(c, seq) != NONE) return -EEXIST;
    add(c, seq, hook, now);
    return 0;
}

static void take(struct calls *c, uint32_t *link) {
    uint32_t i = *link;
    struct call *k = &c->slot[i];
    *link = k->next;
    if (k->older != NONE)
        c->slot[k->older].newer = k->newer;
    else
        c->oldest = k->newer;
    if (k->newer != NONE)
        c->slot[k->newer].older = k->older;
    else
        c->newest = k->older;
    k->newer = c->free;
    c->free = i;
    c->n--;
}

bool calls_answered(struct calls *c, uint64_t seq, uint32_t *hookp) {
    uint32_t *link = find(c, seq);
    if (*link == NONE) return false;
    if (hookp) *hookp = c->slot[*link].hook;
    take(c, link);
    return true;
}

bool calls_expired(struct calls *c, nsec_t now, nsec_t timeout, uint64_t *seqp, uint32_t *hookp) {
    if (c->oldest == NONE || now - c->slot[c->oldest].sent < timeout) return false;
    *seqp = c->slot[c->oldest].seq;
    return calls_answered(c, *seqp, hookp);
}

nsec_t calls_next_expiry(const struct calls *c, nsec_t timeout) {
    return c->oldest == NONE ? 0 : c->slot[c->oldest].sent + timeout;
}

void calls_clear(struct calls *c) {
    for (uint32_t i = 0; i < c->cap; i++) c->slot[i].newer = i + 1 < c->cap ? i + 1 : NONE;
    for (uint32_t i = 0; i <= c->mask; i++) c->bucket[i] = NONE;
    c->oldest = c->newest = NONE;
    c->free = 0;
    c->n = 0;
}
