#include "json/text.h"

#include <string.h>

#include "json/siphash.h"
#include "json/unescape.h"
#include "json/utf8.h"

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

int text_unescape(const struct scan *s, const struct node *n, enum text_lone lone, struct buf *out) {
    size_t total = 0;
    for (struct unescape u = unescape_begin(s, n); unescape_next(&u);) total += u.n; /* U+FFFD is three bytes as well */
    int r = buf_reserve(out, total);
    if (r < 0) return r;
    for (struct unescape u = unescape_begin(s, n); unescape_next(&u);) {
        const void *p = u.lone && lone == TEXT_LONE_REPLACE ? (const void *)replacement : u.piece;
        memcpy(out->mem + out->off + out->len, p, u.n);
        out->len += u.n;
    }
    return 0;
}

/* How many bytes from p on need no change. */
static size_t text_verbatim(const uint8_t *p, const uint8_t *end) {
    const uint8_t *start = p;
    while (p < end && *p >= 0x20 && *p != '"' && *p != '\\') {
        size_t n = utf8_len(p, end);
        if (!n) break;
        p += n;
    }
    return (size_t)(p - start);
}

static int text_put_escape(struct buf *out, uint8_t c) {
    static const char hex[] = "0123456789abcdef", letters[] = "btn\0fr"; /* 8..13; 11 has none */
    if (c >= 0x80) return buf_put(out, replacement, 3);
    if (c >= 0x20) return buf_put(out, (const char[]){'\\', (char)c}, 2);
    if (c >= 8 && c <= 13 && letters[c - 8]) return buf_put(out, (const char[]){'\\', letters[c - 8]}, 2);
    return buf_put(out, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

int text_escape(struct buf *out, const char *str, size_t len) {
    const uint8_t *p = (const uint8_t *)str, *end = p + len;
    size_t before = out->len;
    int r = buf_put(out, "\"", 1);
    while (!r && p < end) {
        size_t n = text_verbatim(p, end);
        r = n ? buf_put(out, p, n) : text_put_escape(out, *p);
        p += n ? n : 1;
    }
    if (!r) r = buf_put(out, "\"", 1);
    if (r) out->len = before;
    return r;
}

int text_compare(const struct scan *s, const struct node *a, const struct scan *t, const struct node *b) {
    struct unescape u = unescape_begin(s, a), v = unescape_begin(t, b);
    for (size_t i = 0, j = 0;;) { /* i of u's and j of v's current piece are compared already */
        if (i == u.n) {
            i = u.n = 0;
            (void)unescape_next(&u);
        }
        if (j == v.n) {
            j = v.n = 0;
            (void)unescape_next(&v);
        }
        size_t left = u.n - i, right = v.n - j, n = left < right ? left : right;
        if (!n) return (left > 0) - (right > 0); /* at least one has ended */
        int c = memcmp(u.piece + i, v.piece + j, n);
        if (c) return c;
        i += n;
        j += n;
    }
}

bool text_equal(const struct scan *s, const struct node *a, const struct scan *t, const struct node *b) {
    if (!((a->flags | b->flags) & NODE_ESCAPED))
        return a->len == b->len && !memcmp(scan_ptr(s, a), scan_ptr(t, b), a->len);
    return text_compare(s, a, t, b) == 0;
}

uint64_t text_hash(const struct scan *s, const struct node *n, const uint64_t key[2]) {
    struct siphash h;
    siphash_begin(&h, key);
    for (struct unescape u = unescape_begin(s, n); unescape_next(&u);) siphash_put(&h, u.piece, u.n);
    return siphash_end(&h);
}

/* Bytes that start a character, eight at a time. */
static size_t text_starts(const uint8_t *p, size_t n) {
    size_t tails = 0, total = n;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        tails += (size_t)__builtin_popcountll(w >> 7 & ~(w >> 6) & UINT64_C(0x0101010101010101));
    }
    for (; n; n--) tails += (size_t)utf8_is_tail(*p++);
    return total - tails;
}

size_t text_count(const struct scan *s, const struct node *n) {
    size_t count = 0;
    for (struct unescape u = unescape_begin(s, n); unescape_next(&u);) count += text_starts(u.piece, u.n);
    return count;
}
