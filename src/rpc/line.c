#include "rpc/line.h"

#include <string.h>

void line_init(struct line *l, size_t max) { *l = (struct line){.max = max, .partial = BUF_INIT(0)}; }

void line_deinit(struct line *l) {
    buf_deinit(&l->partial);
    line_init(l, l->max);
}

void line_feed(struct line *l, const char *p, size_t n) {
    l->p = p;
    l->end = p + n;
}

static void forget(struct line *l) { buf_deinit(&l->partial); /* ten thousand idle streams hold no buffer */ }

static enum line_result too_long(struct line *l, const char **linep, size_t *lenp, const char *p, size_t n) {
    *linep = l->partial.len ? buf_data(&l->partial) : p;
    *lenp = l->partial.len ? l->partial.len : n;
    l->handed_out = true;
    return LINE_TOO_LONG;
}

static enum line_result whole(const char **linep, size_t *lenp, const char *p, size_t n) {
    if (n && p[n - 1] == '\r') n--;
    *linep = p;
    *lenp = n;
    return LINE_WHOLE;
}

enum line_result line_next(struct line *l, const char **linep, size_t *lenp) {
    if (l->handed_out) {
        forget(l);
        l->handed_out = false;
    }
    while (l->p < l->end) {
        const char *start = l->p;
        const char *nl = memchr(start, '\n', (size_t)(l->end - start));
        size_t n = (size_t)((nl ? nl : l->end) - start);
        l->p = nl ? nl + 1 : l->end;
        if (l->skipping) {
            l->skipping = !nl;
            continue;
        }
        size_t total = l->partial.len + n;
        bool cr = n ? start[n - 1] == '\r' : l->partial.len && buf_data(&l->partial)[l->partial.len - 1] == '\r';
        if (total > l->max + cr) {
            l->skipping = !nl;
            return too_long(l, linep, lenp, start, n);
        }
        if (nl && !l->partial.len) return whole(linep, lenp, start, n);
        if (buf_put(&l->partial, start, n) < 0) {
            l->skipping = !nl;
            return too_long(l, linep, lenp, start, n);
        }
        if (nl) {
            l->handed_out = true;
            return whole(linep, lenp, buf_data(&l->partial), l->partial.len);
        }
    }
    return LINE_NONE;
}

size_t line_tail(const struct line *l, const char **linep) {
    *linep = buf_data(&l->partial);
    return l->skipping || l->handed_out ? 0 : l->partial.len;
}
