/* scan.h — the event path's JSON parser: a line, read once, becomes a flat tree of spans.
 *
 *     {"a":[1,"x"],"b":null}            node  type    count  next
 *                                        0    OBJECT   2      6
 *                                        1    STRING   (key a) 2
 *                                        2    ARRAY    2      5
 *                                        3    NUMBER          4
 *                                        4    STRING          5      ... 5 STRING (key b), 6 NULL
 *
 * Nodes stand in document order; `next` is the index just behind a node's subtree, so a sibling is one step away. An
 * object's children are key, value, key, value. Nothing is unescaped or converted here (see text.h, number.h) and the
 * bytes are never copied: a node is a span of the caller's line, which must outlive the tree.
 *
 * Checked on the way, per RFC 8259: grammar, UTF-8 (no overlong forms, no surrogates, at most U+10FFFF), no raw control
 * characters; and beyond it: nesting depth and duplicate keys (compared unescaped). Escapes of lone surrogates and
 * \u0000 are legal. Depth and duplicates do not stop the scan, so that the caller can still find a request's id: the
 * whole text is checked, and the verdict is told last. What is nested deeper than the limit is checked but not
 * recorded.
 *
 * One `struct scan` is reused for every line: after warm-up nothing is allocated, and what a line has in common with
 * the one before, up to its payload, is not read again. Not thread-safe. */
#ifndef HOOKCAST_JSON_SCAN_H
#define HOOKCAST_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum node_type {
    NODE_NULL,
    NODE_FALSE,
    NODE_TRUE,
    NODE_NUMBER,
    NODE_STRING,
    NODE_ARRAY,
    NODE_OBJECT,
};

enum {
    NODE_ESCAPED = 1, /* string: holds a backslash */
    NODE_INTEGER = 2, /* number: no fraction and no exponent */
    NODE_CUT = 4,     /* array or object beyond the depth limit: its children were not recorded, count is 0 */
};

struct node {
    uint32_t off, len;   /* span in the text: strings without their quotes, containers with their brackets */
    uint32_t next;       /* index just behind this node's subtree */
    uint32_t count : 24; /* array: elements; object: members; saturates at 2^24-1 */
    uint32_t type : 4;   /* enum node_type */
    uint32_t flags : 4;
};

enum { SCAN_OPENING_MAX = 256, SCAN_SEEN_WORDS = 32 };

/* Private, see opening.h: where a text's first container of depth 2 begins, and how far the scan had come there. */
struct opening {
    bool kept;                      /* nodes[0 .. n_nodes) are those of `text` */
    uint16_t len;                   /* of `text` */
    uint8_t where;                  /* in what the container stands */
    uint32_t n_nodes, up, children; /* `up`: the index of what it stands in, which has so many children so far */
    struct node outer[2];           /* node 0 and node `up`, not closed yet */
    uint64_t seen[SCAN_SEEN_WORDS];
    char text[SCAN_OPENING_MAX];
};

enum {
    SCAN_E_SYNTAX = 1,    /* not JSON: nodes are not valid; error_off and error say where and what */
    SCAN_E_UTF8 = 2,      /* not UTF-8; likewise */
    SCAN_E_DEPTH = 3,     /* well-formed but nested deeper than the limit; nodes valid except NODE_CUT ones' children */
    SCAN_E_DUPLICATE = 4, /* well-formed but an object names a key twice; nodes valid; `duplicate` is the second key */
};

struct scan {
    const char *text; /* borrowed */
    size_t len;
    struct node *nodes; /* nodes[0] is the root */
    uint32_t n_nodes;

    size_t error_off;   /* after SYNTAX, UTF8: the offending byte's offset */
    const char *error;  /* after SYNTAX, UTF8: static text, e.g. "expected ',' or '}'" */
    uint32_t duplicate; /* node index of the first duplicate key found; 0 = none (node 0 is never a key) */
    bool too_deep;      /* DEPTH is reported before DUPLICATE when both hold */
    bool spaced;        /* more than single blanks between tokens: only then can there be a CR */

    /* private */
    uint32_t max_depth;
    size_t cap_nodes;
    uint32_t *stack; /* one bit per level beyond the limit: array or object */
    size_t cap_stack;
    uint32_t *table; /* hash table for the duplicate check of large objects */
    size_t cap_table;
    uint64_t key[2];                /* of its hash */
    uint64_t seen[SCAN_SEEN_WORDS]; /* a filter of the keys so far */
    struct opening opening;
};

/* 128 is the house's depth: a scalar has depth 0, [] has 1. Zero-fills *s. Nothing is allocated yet. */
void scan_init(struct scan *s, uint32_t max_depth);
void scan_deinit(struct scan *s); /* twice is harmless */

/* Scan one JSON text (surrounding white space allowed). `len` < 2^32-1 (else -EMSGSIZE). Returns 0, a SCAN_E_* code, or
 * -ENOMEM (the tree is then not valid; the scan stays usable). A BOM is a syntax error. */
int scan_text(struct scan *s, const char *text, size_t len);

/* Give back memory after an unusually large line, if more than `bytes` is held (0: all). The tree is gone then. */
void scan_shrink(struct scan *s, size_t bytes);

static inline const struct node *scan_root(const struct scan *s) { return s->nodes; }
static inline const char *scan_ptr(const struct scan *s, const struct node *n) { return s->text + n->off; }

/* The value of `key` (compared unescaped, byte-wise) in object `obj` (a node of s); NULL when absent or not an object.
 */
const struct node *scan_get(const struct scan *s, const struct node *obj, const char *key);

/* True when string node `n`, unescaped, equals the `len` bytes at `str`. */
bool scan_equal(const struct scan *s, const struct node *n, const char *str, size_t len);

/* The same for a literal, fast: an escaped name goes the long way. */
#define scan_is(s, n, literal) scan_is_(s, n, "" literal, sizeof(literal) - 1)
static inline bool scan_is_(const struct scan *s, const struct node *n, const char *str, size_t len) {
    if (n->flags & NODE_ESCAPED) return scan_equal(s, n, str, len);
    return n->len == len && memcmp(scan_ptr(s, n), str, len) == 0;
}

/* Iterate an object:
 *   for (const struct node *k = scan_first(s, obj); k; k = scan_next_key(s, obj, k)) { v = k + 1; ... }
 * and an array: for (e = scan_first(s, arr); e; e = scan_next(s, arr, e)) */
static inline const struct node *scan_first(const struct scan *s, const struct node *c) {
    return c->next > (uint32_t)(c - s->nodes) + 1 ? c + 1 : NULL;
}
static inline const struct node *scan_next(const struct scan *s, const struct node *c, const struct node *e) {
    return e->next < c->next ? s->nodes + e->next : NULL;
}
static inline const struct node *scan_next_key(const struct scan *s, const struct node *obj, const struct node *key) {
    return scan_next(s, obj, key + 1);
}

#endif
