/* scan.c — the main loop: one pass over the text, one node per value and key, no recursion.
 *
 * There is no stack for what is recorded: until a container is closed its node's own fields are free, so `next` holds
 * the enclosing container's index and `len` the children counted so far. */
#include "json/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json/inner.h"
#include "json/opening.h"
#include "json/token.h"

#define COUNT_MAX 0xFFFFFFu
#define NODES_MIN 64

void scan_init(struct scan *s, uint32_t max_depth) {
    *s = (struct scan){.max_depth = max_depth};
    keys_seed(s->key);
}

static void scan_forget(struct scan *s) {
    s->text = NULL;
    s->len = 0;
    s->n_nodes = 0;
    s->error_off = 0;
    s->error = NULL;
    s->duplicate = 0;
    s->too_deep = s->spaced = false;
}

void scan_deinit(struct scan *s) { scan_shrink(s, 0); }

void scan_shrink(struct scan *s, size_t bytes) {
    size_t held = s->cap_nodes * sizeof *s->nodes + (s->cap_stack + s->cap_table) * sizeof(uint32_t);
    if (held <= bytes) return;
    free(s->nodes);
    free(s->stack);
    free(s->table);
    s->nodes = NULL;
    s->stack = s->table = NULL;
    s->cap_nodes = s->cap_stack = s->cap_table = 0;
    s->opening.kept = false;
    scan_forget(s);
}

int scan_grow(void **arrayp, size_t *capp, size_t want, size_t size) {
    size_t cap = *capp ? *capp : NODES_MIN;
    while (cap < want) cap *= 2;
    void *p = reallocarray(*arrayp, cap, size);
    if (!p) return -ENOMEM;
    *arrayp = p;
    *capp = cap;
    return 0;
}

static int __attribute__((noinline, cold)) scan_grow_nodes(struct scan *s) {
    void *p = s->nodes;
    int r = scan_grow(&p, &s->cap_nodes, s->cap_nodes + 1, sizeof *s->nodes);
    s->nodes = p;
    return r;
}

const uint8_t *__attribute__((noinline, cold)) token_fail(struct scan *s, const uint8_t *at, const char *why) {
    s->error_off = (size_t)(at - (const uint8_t *)s->text);
    s->error = why;
    return NULL;
}

/* After token_fail(): bytes that are not UTF-8 are named as such wherever they stand. */
static int __attribute__((noinline, cold)) scan_failed(struct scan *s) {
    const uint8_t *at = (const uint8_t *)s->text + s->error_off, *end = (const uint8_t *)s->text + s->len;
    if (at < end && !utf8_len(at, end)) {
        s->error = "not UTF-8";
        return SCAN_E_UTF8;
    }
    if (end - at >= 3 && !memcmp(at, "\xEF\xBB\xBF", 3) && !s->error_off) s->error = "a byte order mark";
    return SCAN_E_SYNTAX;
}

enum where { IN_TEXT, IN_ARRAY, IN_OBJECT };

/* One without children, or a container that is still open. */
TOKEN_INLINE void put_node(struct node *at, size_t off, size_t len, uint32_t next, uint32_t type, uint32_t flags) {
    *at = (struct node){.off = (uint32_t)off, .len = (uint32_t)len, .next = next, .type = type & 15};
    if (flags) at->flags = flags & 15;
}

/* Returns 0, SCAN_E_SYNTAX (which scan_failed() refines) or -ENOMEM. */
TOKEN_INLINE int scan_run(struct scan *s, bool simd) {
    const uint8_t *const text = (const uint8_t *)s->text, *const end = text + s->len;
    const uint8_t *p = text, *q;
    struct node *nodes = s->nodes;
    uint32_t n = 0;                   /* nodes so far */
    uint32_t up = 0;                  /* the innermost open container ... */
    uint32_t depth = 0, children = 0; /* ... its depth and its children so far (a member is one) */
    enum where where = IN_TEXT;
    uint32_t type = NODE_NULL, flags;
    int r;

    if (simd && opening_recall(s)) {
        const struct opening *o = &s->opening;
        p += o->len;
        n = o->n_nodes;
        up = o->up;
        children = o->children;
        where = o->where;
        depth = 2;
    } else {
        p = token_space(s, p, end, simd);
    }

value: /* p: its first byte */
    if (n == s->cap_nodes) {
        if ((r = scan_grow_nodes(s))) return r;
        nodes = s->nodes;
    }
    flags = 0;
    switch (p < end ? *p : 0) {
        case '"':
            q = token_string(s, p + 1, end, &flags, simd);
            if (!q) return SCAN_E_SYNTAX;
            put_node(nodes + n, (size_t)(p + 1 - text), (size_t)(q - p - 1), n + 1, NODE_STRING, flags);
            n++;
            p = q + 1;
            break;
        case '-':
        case '0':
        case '1':
        case '2':
        case '3':
        case '4':
        case '5':
        case '6':
        case '7':
        case '8':
        case '9':
            q = token_number(s, p, end, &flags);
            if (!q) return SCAN_E_SYNTAX;
            put_node(nodes + n, (size_t)(p - text), (size_t)(q - p), n + 1, NODE_NUMBER, flags);
            n++;
            p = q;
            break;
        case '{':
        case '[':
            if (simd && depth == 2) opening_keep(s, (size_t)(p - text), n, up, children, where);
            type = *p == '{' ? NODE_OBJECT : NODE_ARRAY;
            put_node(nodes + n, (size_t)(p - text), 0, up, type, 0);
            if (depth == s->max_depth) { /* checked, not recorded */
                q = p;
                if ((r = cut_skip(s, &q, end, simd))) return r;
                nodes[n].len = (uint32_t)(q - p);
                nodes[n].next = n + 1;
                nodes[n].flags = NODE_CUT;
                s->too_deep = true;
                n++;
                p = q;
                break;
            }
            if (depth++) nodes[up].len = children;
            up = n++;
            children = 0;
            p = token_space(s, p + 1, end, simd);
            if (type == NODE_OBJECT) {
                where = IN_OBJECT;
                if (p < end && *p == '}') goto close;
                goto key;
            }
            where = IN_ARRAY;
            if (p < end && *p == ']') goto close;
            goto value;
        default:
            q = token_literal(s, p, end, &type);
            if (!q) return SCAN_E_SYNTAX;
            put_node(nodes + n, (size_t)(p - text), (size_t)(q - p), n + 1, type, 0);
            n++;
            p = q;
            break;
    }

behind: /* p: the byte behind a value */
    children++;
    p = token_space(s, p, end, simd);
    if (where == IN_OBJECT) {
        if (p < end && *p == ',') {
            p = token_space(s, p + 1, end, simd);
            goto key;
        }
        if (p < end && *p == '}') goto close;
        token_fail(s, p, p < end ? "expected ',' or '}'" : "unexpected end, expected ',' or '}'");
        return SCAN_E_SYNTAX;
    }
    if (where == IN_ARRAY) {
        if (p < end && *p == ',') {
            p = token_space(s, p + 1, end, simd);
            goto value;
        }
        if (p < end && *p == ']') goto close;
        token_fail(s, p, p < end ? "expected ',' or ']'" : "unexpected end, expected ',' or ']'");
        return SCAN_E_SYNTAX;
    }
    if (p < end) {
        token_fail(s, p, "something follows the value");
        return SCAN_E_SYNTAX;
    }
    s->n_nodes = n;
    return 0;

key: /* p: its opening quote, if all is well */
    if (n == s->cap_nodes) {
        if ((r = scan_grow_nodes(s))) return r;
        nodes = s->nodes;
    }
    if (p == end || *p != '"') {
        token_fail(s, p, p < end ? "expected a key in quotes" : "unexpected end, expected a key");
        return SCAN_E_SYNTAX;
    }
    flags = 0;
    q = token_string(s, p + 1, end, &flags, simd);
    if (!q) return SCAN_E_SYNTAX;
    put_node(nodes + n, (size_t)(p + 1 - text), (size_t)(q - p - 1), n + 1, NODE_STRING, flags);
    n++;
    if (flags || !keys_note(s, up, p + 1, (size_t)(q - p - 1), end)) nodes[up].flags |= NODE_SUSPECT;
    p = token_space(s, q + 1, end, simd);
    if (p == end || *p != ':') {
        token_fail(s, p, p < end ? "expected ':'" : "unexpected end, expected ':'");
        return SCAN_E_SYNTAX;
    }
    p = token_space(s, p + 1, end, simd);
    goto value;

close: /* p: the closing bracket of container `up` */
    p++;
    {
        struct node *c = nodes + up;
        uint32_t outer = c->next;
        c->len = (uint32_t)(p - text) - c->off;
        c->next = n;
        c->count = children < COUNT_MAX ? children & COUNT_MAX : COUNT_MAX;
        if (c->flags) { /* NODE_SUSPECT */
            c->flags = 0;
            if (children > 1 && !s->duplicate && (r = keys_check(s, up, children))) return r;
        }
        up = outer;
        if (--depth) {
            children = nodes[up].len;
            where = nodes[up].type == NODE_OBJECT ? IN_OBJECT : IN_ARRAY;
        } else {
            children = 0;
            where = IN_TEXT;
        }
    }
    goto behind;
}

static int scan_begin(struct scan *s, const char *text, size_t len) {
    scan_forget(s);
    if (len >= UINT32_MAX) return -EMSGSIZE;
    s->text = len ? text : "";
    s->len = len;
    return 0;
}

static int scan_end(struct scan *s, int r) {
    if (r > 0) return scan_failed(s);
    if (r < 0) return r;
    return s->too_deep ? SCAN_E_DEPTH : s->duplicate ? SCAN_E_DUPLICATE : 0;
}

int scan_text(struct scan *s, const char *text, size_t len) {
    int r = scan_begin(s, text, len);
    return r ? r : scan_end(s, scan_run(s, true));
}

int scan_text_scalar(struct scan *s, const char *text, size_t len) {
    int r = scan_begin(s, text, len);
    s->opening.kept = false;
    memset(s->seen, 0, sizeof s->seen);
    return r ? r : scan_end(s, scan_run(s, false));
}
