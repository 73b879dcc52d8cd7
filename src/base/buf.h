/* buf.h — growable bytes with a cap.
 *
 * Zero-initialise with BUF_INIT(max) (0 = no cap). Appends either succeed whole or leave the buffer as it was and
 * return -ENOMEM (out of memory) or -EMSGSIZE (over the cap). Consuming from the front is amortised O(1). The bytes are
 * not NUL-terminated unless buf_cstr() is asked for. */
#ifndef HOOKCAST_BASE_BUF_H
#define HOOKCAST_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *mem;       /* owned */
    size_t off, len; /* the live bytes are mem[off .. off+len) */
    size_t cap, max;
};

#define BUF_INIT(limit) ((struct buf){.max = (limit)})

void buf_deinit(struct buf *b); /* frees; the cap stays; twice is harmless */
static inline const char *buf_data(const struct buf *b) { return b->mem ? b->mem + b->off : ""; }
static inline void buf_clear(struct buf *b) { b->off = b->len = 0; }

int buf_reserve(struct buf *b, size_t more); /* room for `more` bytes behind the live ones */
int buf_put(struct buf *b, const void *p, size_t n);
int buf_puts(struct buf *b, const char *s);
int buf_putf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vputf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void buf_consume(struct buf *b, size_t n); /* drop n <= len bytes from the front */

/* NUL-terminate in place and return the bytes; NULL when out of memory. Valid until the next change. */
const char *buf_cstr(struct buf *b);

#endif
