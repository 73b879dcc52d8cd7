/* pointer.c — JSON pointers (RFC 6901), there and back. */
#include <errno.h>
#include <string.h>

#include "json/text.h"
#include "schema/document.h"

static int put_token(struct buf *out, const char *p, size_t len) {
    int r = buf_put(out, "/", 1);
    for (size_t i = 0; !r && i < len; i++) {
        if (p[i] == '~')
            r = buf_put(out, "~0", 2);
        else if (p[i] == '/')
            r = buf_put(out, "~1", 2);
        else
            r = buf_put(out, p + i, 1);
    }
    return r;
}

static int put_key(const struct scan *s, const struct node *key, struct buf *out) {
    struct buf b = BUF_INIT(0);
    int r = text_unescape(s, key, TEXT_LONE_REPLACE, &b);
    if (!r) r = put_token(out, buf_data(&b), b.len);
    buf_deinit(&b);
    return r;
}

int pointer_between(const struct scan *s, const struct node *from, const struct node *to, struct buf *out) {
    size_t before = out->len;
    int r = 0;
    while (!r && from != to) {
        const struct node *child = NULL;
        uint32_t i = 0;
        if (from->type == NODE_OBJECT) {
            for (const struct node *k = scan_first(s, from); k; k = scan_next_key(s, from, k)) {
                if (to >= s->nodes + k[1].next) continue;
                r = put_key(s, k, out);
                child = to == k ? k : k + 1;
                break;
            }
        } else if (from->type == NODE_ARRAY) {
            for (const struct node *e = scan_first(s, from); e; e = scan_next(s, from, e), i++) {
                if (to >= s->nodes + e->next) continue;
                r = buf_putf(out, "/%u", i);
                child = e;
                break;
            }
        }
        if (!child) break;
        from = child;
    }
    if (r) out->len = before;
    return r;
}

/* Does the token (with ~0 and ~1) name this key? */
static bool token_equal(const char *p, size_t len, const struct scan *s, const struct node *key, struct buf *scratch,
                        int *errp) {
    buf_clear(scratch);
    int r = 0;
    for (size_t i = 0; !r && i < len; i++) {
        if (p[i] == '~' && i + 1 < len && (p[i + 1] == '0' || p[i + 1] == '1'))
            r = buf_put(scratch, p[++i] == '0' ? "~" : "/", 1);
        else
            r = buf_put(scratch, p + i, 1);
    }
    if (r) *errp = r;
    return !r && scan_equal(s, key, buf_data(scratch), scratch->len);
}

static const struct node *element(const struct scan *s, const struct node *array, const char *p, size_t len) {
    if (!len || len > 9 || (len > 1 && *p == '0')) return NULL;
    uint32_t index = 0;
    for (size_t i = 0; i < len; i++) {
        if (p[i] < '0' || p[i] > '9') return NULL;
        index = index * 10 + (uint32_t)(p[i] - '0');
    }
    const struct node *e = scan_first(s, array);
    while (e && index--) e = scan_next(s, array, e);
    return e;
}

const struct node *pointer_follow(const struct document *d, const struct node *from, const char *p, size_t len,
                                  const struct node **atp, size_t *badp, struct resource **innerp) {
    struct buf scratch = BUF_INIT(0);
    const struct scan *s = &d->scan;
    const char *start = p, *end = p + len;
    const struct node *at = from;
    *atp = at;
    *badp = 0;
    if (p < end && *p != '/') at = NULL;
    while (at && p < end) {
        p++;
        const char *slash = memchr(p, '/', (size_t)(end - p));
        size_t n = (size_t)((slash ? slash : end) - p);
        const struct node *next = NULL;
        int r = 0;
        if (at->type == NODE_ARRAY) next = element(s, at, p, n);
        if (at->type == NODE_OBJECT)
            for (const struct node *k = scan_first(s, at); k && !next && !r; k = scan_next_key(s, at, k))
                if (token_equal(p, n, s, k, &scratch, &r)) next = k + 1;
        at = next;
        if (r) *badp = SIZE_MAX;
        if (!at) break;
        p += n;
        *atp = at;
        *badp = (size_t)(p - start);
        struct resource *inner = d->resource[document_index(d, at)];
        if (inner) *innerp = inner;
    }
    buf_deinit(&scratch);
    return at;
}
