#include "schema/equal.h"

#include <errno.h>
#include <string.h>

#include "json/number.h"
#include "json/text.h"

#define FEW 8           /* members that are looked up one by one */
#define BYTES_A_STEP 64 /* of strings and numbers */

/* ---- equality ---- */

static void sift(const struct scan *s, uint32_t *at, uint32_t i, uint32_t n) {
    for (uint32_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && text_compare(s, s->nodes + at[child], s, s->nodes + at[child + 1]) < 0) child++;
        if (text_compare(s, s->nodes + at[i], s, s->nodes + at[child]) >= 0) return;
        uint32_t swap = at[i];
        at[i] = at[child];
        at[child] = swap;
    }
}

/* The keys of an object, by index, in order (heap sort: no recursion, no allocation, no bad case). */
static uint32_t *sorted_keys(const struct scan *s, const struct node *object, struct arena *scratch, uint32_t count) {
    uint32_t *at = arena_take(scratch, count * sizeof *at), n = 0;
    if (!at) return NULL;
    for (const struct node *k = scan_first(s, object); k && n < count; k = scan_next_key(s, object, k))
        at[n++] = (uint32_t)(k - s->nodes);
    for (uint32_t i = n / 2; i-- > 0;) sift(s, at, i, n);
    while (n > 1) {
        uint32_t swap = at[0];
        at[0] = at[--n];
        at[n] = swap;
        sift(s, at, 0, n);
    }
    return at;
}

static uint32_t count_keys(const struct scan *s, const struct node *object) {
    uint32_t n = 0;
    for (const struct node *k = scan_first(s, object); k; k = scan_next_key(s, object, k)) n++;
    return n;
}

static int equal_many(const struct scan *s, const struct node *a, const struct scan *t, const struct node *b,
                      struct arena *scratch, int64_t *steps) {
    uint32_t n = count_keys(s, a);
    if (n != count_keys(t, b)) return 0;
    struct arena_mark mark = arena_mark(scratch);
    const uint32_t *p = sorted_keys(s, a, scratch, n), *q = sorted_keys(t, b, scratch, n);
    int r = p && q ? 1 : -ENOMEM;
    *steps -= n;
    for (uint32_t i = 0; i < n && r == 1; i++)
        if (!text_equal(s, s->nodes + p[i], t, t->nodes + q[i])) r = 0;
    for (uint32_t i = 0; i < n && r == 1; i++)
        r = equal_values(s, s->nodes + p[i] + 1, t, t->nodes + q[i] + 1, scratch, steps);
    arena_release(scratch, mark);
    return r;
}

static int equal_objects(const struct scan *s, const struct node *a, const struct scan *t, const struct node *b,
                         struct arena *scratch, int64_t *steps) {
    if (a->count != b->count) return 0;
    if (a->count > FEW) return equal_many(s, a, t, b, scratch, steps);
    for (const struct node *k = scan_first(s, a); k; k = scan_next_key(s, a, k)) {
        const struct node *l = scan_first(t, b);
        while (l && !text_equal(s, k, t, l)) l = scan_next_key(t, b, l);
        int r = l ? equal_values(s, k + 1, t, l + 1, scratch, steps) : 0;
        if (r != 1) return r;
    }
    return 1;
}

int equal_values(const struct scan *s, const struct node *a, const struct scan *t, const struct node *b,
                 struct arena *scratch, int64_t *steps) {
    if (a->type != b->type || --*steps < 0) return 0;
    const struct node *x, *y;
    switch ((enum node_type)a->type) {
        case NODE_NULL:
        case NODE_FALSE:
        case NODE_TRUE:
            return 1;
        case NODE_NUMBER:
            *steps -= (a->len + b->len) / BYTES_A_STEP;
            return number_compare(number_of(s, a), number_of(t, b)) == 0;
        case NODE_STRING:
            *steps -= (a->len < b->len ? a->len : b->len) / BYTES_A_STEP;
            return text_equal(s, a, t, b);
        case NODE_OBJECT:
            return equal_objects(s, a, t, b, scratch, steps);
        case NODE_ARRAY:
            if (a->count != b->count) return 0;
            x = scan_first(s, a);
            y = scan_first(t, b);
            for (; x && y; x = scan_next(s, a, x), y = scan_next(t, b, y)) {
                int r = equal_values(s, x, t, y, scratch, steps);
                if (r != 1) return r;
            }
            return !x && !y;
    }
    return 0;
}

/* ---- hashes ---- */

static uint64_t mix(uint64_t h, uint64_t v) {
    h = (h ^ v) * UINT64_C(0x9FB21C651E98DF25);
    return h ^ h >> 29;
}

/* Digits without zeros in front and behind, and the power of ten of the first: the same for 100, 1e2 and 100.0. */
static uint64_t hash_number(const struct scan *s, const struct node *n, uint64_t h) {
    const char *p = scan_ptr(s, n), *end = p + n->len;
    bool negative = *p == '-', point = false;
    int64_t top = 0, zeros = 0;
    uint64_t digits = 0;
    for (p += negative; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (*p == '0' && !digits) {
            top -= point;
            continue;
        }
        top += !point;
        if (*p == '0') {
            zeros++;
            continue;
        }
        for (; zeros; zeros--, digits++) h = mix(h, 0);
        h = mix(h, (uint64_t)*p);
        digits++;
    }
    if (!digits) return mix(h, 0); /* zero, whatever its sign and exponent */
    int64_t exponent = 0;
    if (p < end) {
        bool minus = *++p == '-';
        if (*p == '-' || *p == '+') p++;
        for (; p < end; p++) exponent = exponent < (int64_t)1e17 ? exponent * 10 + (*p - '0') : (int64_t)1e18;
        if (minus) exponent = -exponent;
    }
    return mix(mix(h, (uint64_t)(top + exponent)), negative);
}

uint64_t equal_hash(const struct scan *s, const struct node *n, const uint64_t key[2], int64_t *steps) {
    uint64_t h = key[0] ^ (n->type + UINT64_C(1)) * UINT64_C(0x9E3779B97F4A7C15), sum = 0;
    if (--*steps < 0) return 0;
    switch ((enum node_type)n->type) {
        case NODE_NULL:
        case NODE_FALSE:
        case NODE_TRUE:
            break;
        case NODE_NUMBER:
            *steps -= n->len / BYTES_A_STEP;
            return hash_number(s, n, mix(h, key[1]));
        case NODE_STRING:
            *steps -= n->len / BYTES_A_STEP;
            return mix(h, text_hash(s, n, key));
        case NODE_ARRAY:
            for (const struct node *e = scan_first(s, n); e; e = scan_next(s, n, e))
                h = mix(h, equal_hash(s, e, key, steps));
            break;
        case NODE_OBJECT:
            for (const struct node *k = scan_first(s, n); k; k = scan_next_key(s, n, k))
                sum += mix(text_hash(s, k, key), equal_hash(s, k + 1, key, steps));
            h = mix(h, sum);
            break;
    }
    return mix(h, key[1]);
}

/* ---- uniqueItems ---- */

static int unique_few(const struct scan *s, const struct node *array, struct arena *scratch, int64_t *steps,
                      const struct node **ap, const struct node **bp) {
    for (const struct node *e = scan_first(s, array); e; e = scan_next(s, array, e))
        for (const struct node *f = scan_first(s, array); f != e; f = scan_next(s, array, f)) {
            int r = equal_values(s, f, s, e, scratch, steps);
            if (r < 0) return r;
            if (!r) continue;
            *ap = f;
            *bp = e;
            return 0;
        }
    return 1;
}

struct slot {
    uint32_t tag, node; /* part of the hash; 0: empty (an element is never node 0) */
};

int equal_unique(const struct scan *s, const struct node *array, const uint64_t key[2], struct arena *scratch,
                 int64_t *steps, const struct node **ap, const struct node **bp) {
    if (array->count <= FEW) return unique_few(s, array, scratch, steps, ap, bp);
    uint64_t n = 0, slots = 32;
    for (const struct node *e = scan_first(s, array); e; e = scan_next(s, array, e)) n++;
    while (slots < n * 2) slots *= 2;
    *steps -= (int64_t)(slots / 32); /* for clearing the table */
    struct arena_mark mark = arena_mark(scratch);
    struct slot *table = arena_zero(scratch, slots, sizeof *table);
    int r = table ? 1 : -ENOMEM;
    for (const struct node *e = scan_first(s, array); e && r == 1 && *steps >= 0; e = scan_next(s, array, e)) {
        uint64_t h = equal_hash(s, e, key, steps);
        uint32_t tag = (uint32_t)(h >> 32);
        uint64_t i = h & (slots - 1);
        for (; table[i].node; i = (i + 1) & (slots - 1)) {
            if (--*steps < 0) break;
            if (table[i].tag != tag) continue;
            int same = equal_values(s, s->nodes + table[i].node, s, e, scratch, steps);
            if (!same) continue;
            *ap = s->nodes + table[i].node;
            *bp = e;
            r = same < 0 ? same : 0;
            break;
        }
        if (!table[i].node) table[i] = (struct slot){tag, (uint32_t)(e - s->nodes)};
    }
    arena_release(scratch, mark);
    return r;
}
