/* keys.c — an object's keys: is one named twice, and where is this one.
 *
 * The scan enters each key in a filter, and only an object that this finds suspect comes here. A few plain keys are
 * then compared pair by pair through a 64-bit digest of each; many keys, or escaped ones, go through a hash table keyed
 * with a secret, so that nobody can choose keys that collide. */
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

#include "json/inner.h"
#include "json/scan.h"
#include "json/siphash.h"
#include "json/text.h"
#include "json/unescape.h"

#define PAIRWISE_MAX 16

void keys_seed(uint64_t key[2]) {
    /* 16 random bytes that the kernel gives every process: no system call, no failure. Hashed, because the C library
     * makes the stack protector's secret of them. */
    uint64_t random[2] = {0, 0};
    const void *at = (const void *)getauxval(AT_RANDOM); /* NOLINT(performance-no-int-to-ptr) */
    if (at) memcpy(random, at, sizeof random);
    for (uint8_t i = 0; i < 2; i++) {
        struct siphash h;
        siphash_begin(&h, random);
        siphash_put(&h, &i, 1);
        key[i] = siphash_end(&h);
    }
}

static uint64_t digest_of(const struct scan *s, const struct node *k) {
    return keys_digest(scan_ptr(s, k), k->len, s->text + s->len);
}

/* With the secret, which nobody outside knows. */
static inline uint64_t mixed(const struct scan *s, uint64_t digest) {
    unsigned __int128 m = (unsigned __int128)(digest ^ s->key[0]) * (s->key[1] | 1);
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Open addressing, at most half full; a slot is {part of the hash, key's index}, index 0 is an empty one. Of each key
 * its digest is hashed, or all of it with `whole`. Returns 0, -ENOMEM, or 1: there are escaped keys, or too many with
 * one digest (which can be chosen); then only `whole` will do. */
static int keys_table(struct scan *s, uint32_t obj, uint32_t members, bool whole) {
    size_t slots = 32, probes = 0;
    while (slots < (size_t)members * 2) slots *= 2;
    if (s->cap_table < slots * 2) {
        void *p = s->table;
        int r = scan_grow(&p, &s->cap_table, slots * 2, sizeof *s->table);
        s->table = p;
        if (r) return r;
    }
    memset(s->table, 0, slots * 2 * sizeof *s->table);
    uint32_t k = obj + 1;
    for (uint32_t i = 0; i < members; i++, k = s->nodes[k + 1].next) {
        if (!whole && s->nodes[k].flags & NODE_ESCAPED) return 1;
        uint64_t hash = whole ? text_hash(s, s->nodes + k, s->key) : mixed(s, digest_of(s, s->nodes + k));
        uint32_t tag = (uint32_t)(hash >> 32);
        for (size_t slot = (size_t)hash & (slots - 1);; slot = (slot + 1) & (slots - 1)) {
            uint32_t *at = s->table + slot * 2;
            if (!at[1]) {
                at[0] = tag;
                at[1] = k;
                break;
            }
            if (!whole && ++probes > (size_t)members * 4) return 1;
            if (at[0] == tag && text_equal(s, s->nodes + at[1], s, s->nodes + k)) {
                s->duplicate = k;
                return 0;
            }
        }
    }
    return 0;
}

static int keys_check_table(struct scan *s, uint32_t obj, uint32_t members) {
    int r = keys_table(s, obj, members, false);
    return r > 0 ? keys_table(s, obj, members, true) : r;
}

int keys_check(struct scan *s, uint32_t obj, uint32_t members) {
    if (members > PAIRWISE_MAX) return keys_check_table(s, obj, members);
    uint64_t digest[PAIRWISE_MAX];
    uint32_t key[PAIRWISE_MAX], k = obj + 1;
    for (uint32_t i = 0; i < members; i++, k = s->nodes[k + 1].next) {
        if (s->nodes[k].flags & NODE_ESCAPED) return keys_check_table(s, obj, members);
        key[i] = k;
        digest[i] = digest_of(s, s->nodes + k);
        for (uint32_t j = 0; j < i; j++) {
            if (digest[i] == digest[j] && text_equal(s, s->nodes + key[j], s, s->nodes + k)) {
                s->duplicate = k;
                return 0;
            }
        }
    }
    return 0;
}

bool scan_equal(const struct scan *s, const struct node *n, const char *str, size_t len) {
    struct unescape u = unescape_begin(s, n);
    if (u.plain) return n->len == len && !memcmp(u.p, str, len);
    if (n->len < len) return false; /* an escape is never shorter than what it stands for */
    while (unescape_next(&u)) {
        if (u.n > len || memcmp(u.piece, str, u.n) != 0) return false;
        str += u.n;
        len -= u.n;
    }
    return !len;
}

const struct node *scan_get(const struct scan *s, const struct node *obj, const char *key) {
    if (obj->type != NODE_OBJECT) return NULL;
    size_t len = strlen(key);
    for (const struct node *k = scan_first(s, obj); k; k = scan_next_key(s, obj, k))
        if (scan_equal(s, k, key, len)) return k + 1;
    return NULL;
}
