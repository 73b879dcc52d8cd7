/* names.c — sets of names: a hash of the length and the first and last bytes, chosen so that the schema's own names
 * rarely collide. A name in an instance that collides costs a comparison, never a search. */
#include <errno.h>
#include <string.h>

#include "schema/program.h"

#define SHIFTS 8

/* What a name is found by. Of up to sixteen bytes head, tail and length leave nothing out. */
struct digest {
    uint64_t head, tail, hash;
};

/* The first eight bytes, the last eight, and for long names those between. May read up to `end`. */
static inline struct digest digest_of(const char *p, size_t len, const char *end) {
    struct digest d = {0};
    uint64_t between = 0, w;
    if (len >= 8) {
        memcpy(&d.head, p, 8);
        memcpy(&d.tail, p + len - 8, 8);
        for (size_t i = 8; i + 8 < len; i += 8) {
            memcpy(&w, p + i, 8);
            between = (between ^ w) * UINT64_C(0x9FB21C651E98DF25);
            between ^= between >> 32;
        }
    } else if (end - p >= 8) { /* reads on behind the name, then masks that */
        memcpy(&d.head, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        d.head = __builtin_bswap64(d.head);
#endif
        d.head &= (UINT64_C(1) << (8 * len)) - 1;
    } else {
        for (size_t i = 0; i < len; i++) d.head |= (uint64_t)(uint8_t)p[i] << (8 * i);
    }
    d.hash = (d.head ^ (d.tail << 29 | d.tail >> 35) ^ between ^ len) * UINT64_C(0x9E3779B97F4A7C15);
    return d;
}

static inline uint32_t slot_of(const struct names *t, uint64_t hash) { return (uint32_t)(hash >> t->shift) & t->mask; }

static uint32_t home_of(const struct names *t, const struct name *n) {
    return slot_of(t, digest_of(n->p, n->len, n->p + n->len).hash);
}

const struct name *names_find(const struct names *t, const char *p, size_t len, const char *end) {
    if (!(t->lengths >> (len % 64) & 1)) return NULL;
    struct digest d = digest_of(p, len, end);
    for (uint32_t i = slot_of(t, d.hash); t->slot[i]; i = (i + 1) & t->mask) {
        const struct name *n = t->at + t->slot[i] - 1;
        if (n->head == d.head && n->tail == d.tail && n->len == len && (len <= 16 || !memcmp(n->p, p, len))) return n;
    }
    return NULL;
}

static void fill(struct names *t) {
    memset(t->slot, 0, ((size_t)t->mask + 1) * sizeof *t->slot);
    for (uint32_t k = 0; k < t->n; k++) {
        const struct name *n = t->at + k;
        uint32_t i = home_of(t, n);
        while (t->slot[i]) i = (i + 1) & t->mask;
        t->slot[i] = k + 1;
    }
}

static uint32_t collisions(struct names *t) {
    uint32_t count = 0;
    fill(t);
    for (uint32_t k = 0; k < t->n; k++) {
        const struct name *n = t->at + k;
        count += t->slot[home_of(t, n)] != k + 1;
    }
    return count;
}

/* While names are still added the table is rebuilt whenever it is a quarter full. */
static int rebuild(struct names *t, struct arena *a, uint32_t room) {
    uint32_t slots = 8;
    while (slots < room * 4) slots *= 2;
    t->slot = arena_zero(a, slots, sizeof *t->slot);
    if (!t->slot) return -ENOMEM;
    t->mask = slots - 1;
    t->shift = 32;
    fill(t);
    return 0;
}

int64_t names_add(struct names *t, struct arena *a, const char *p, size_t len) {
    const struct name *found = names_find(t, p, len, p + len);
    if (found) return found - t->at;
    if (len >= UINT32_MAX) return -ENOMEM;
    if (t->n == t->cap) {
        uint32_t cap = t->cap ? t->cap * 2 : 8;
        struct name *at = arena_zero(a, cap, sizeof *at);
        if (!at) return -ENOMEM;
        if (t->n) memcpy(at, t->at, t->n * sizeof *at);
        t->at = at;
        t->cap = cap;
        if (rebuild(t, a, cap)) return -ENOMEM;
    }
    struct digest d = digest_of(p, len, p + len);
    t->at[t->n++] = (struct name){.p = p, .head = d.head, .tail = d.tail, .len = (uint32_t)len, .bit = NO_BIT};
    t->lengths |= UINT64_C(1) << (len % 64);
    uint32_t i = slot_of(t, d.hash);
    while (t->slot[i]) i = (i + 1) & t->mask;
    t->slot[i] = t->n;
    return t->n - 1;
}

int names_finish(struct names *t, struct arena *a) {
    if (!t->n) return 0;
    if (rebuild(t, a, t->n)) return -ENOMEM;
    uint32_t least = UINT32_MAX;
    unsigned best = 32;
    for (unsigned i = 0; i < SHIFTS && least; i++) {
        t->shift = 24 + i * 4;
        uint32_t count = collisions(t);
        if (count >= least) continue;
        least = count;
        best = t->shift;
    }
    t->shift = best;
    fill(t);
    return 0;
}
