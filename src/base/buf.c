#include "base/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_deinit(struct buf *b) {
    free(b->mem);
    *b = BUF_INIT(b->max);
}

int buf_reserve(struct buf *b, size_t more) {
    if (more > SIZE_MAX / 4 || b->len > SIZE_MAX / 4) return -ENOMEM;
    size_t want = b->len + more;
    if (b->max && want > b->max) return -EMSGSIZE;
    if (b->off + want <= b->cap) return 0;
    if (b->off >= b->len && want <= b->cap) { /* as many bytes were consumed as are moved now */
        memmove(b->mem, b->mem + b->off, b->len);
        b->off = 0;
        return 0;
    }
    size_t cap = b->cap ? b->cap : 64;
    while (cap < want || cap == b->cap) cap *= 2;
    char *p = malloc(cap);
    if (!p) return -ENOMEM;
    if (b->len) memcpy(p, b->mem + b->off, b->len);
    free(b->mem);
    b->mem = p;
    b->off = 0;
    b->cap = cap;
    return 0;
}

/* Room for `more` bytes and a terminator, which is not content: it does not count against the cap. */
static int reserve_terminated(struct buf *b, size_t more) {
    if (b->max && (more > b->max || b->len > b->max - more)) return -EMSGSIZE;
    size_t max = b->max;
    b->max = 0;
    int r = buf_reserve(b, more + 1);
    b->max = max;
    return r;
}

int buf_put(struct buf *b, const void *p, size_t n) {
    int r = buf_reserve(b, n);
    if (r < 0) return r;
    if (n) memcpy(b->mem + b->off + b->len, p, n);
    b->len += n;
    return 0;
}

int buf_puts(struct buf *b, const char *s) { return buf_put(b, s, strlen(s)); }

int buf_vputf(struct buf *b, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0) return -EINVAL;
    int r = reserve_terminated(b, (size_t)n);
    if (r < 0) return r;
    (void)vsnprintf(b->mem + b->off + b->len, (size_t)n + 1, fmt, ap);
    b->len += (size_t)n;
    return 0;
}

int buf_putf(struct buf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int r = buf_vputf(b, fmt, ap);
    va_end(ap);
    return r;
}

void buf_consume(struct buf *b, size_t n) {
    b->off += n;
    b->len -= n;
    if (!b->len) b->off = 0;
}

const char *buf_cstr(struct buf *b) {
    if (reserve_terminated(b, 0) < 0) return NULL;
    b->mem[b->off + b->len] = '\0';
    return b->mem + b->off;
}
