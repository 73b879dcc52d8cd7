/* unescape.h — walk a scanned string's body piece by piece, as the bytes it stands for.
 *
 * Private to src/json. A piece is either a run of the text without a backslash (pointing into the text) or one decoded
 * escape (in the iterator). Lone surrogates come out as their three WTF-8 bytes: raw text can never hold those, so two
 * strings are equal exactly when their pieces' bytes are. The body must have passed scan_text(). Nothing fails. */
#ifndef HOOKCAST_JSON_UNESCAPE_H
#define HOOKCAST_JSON_UNESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "json/scan.h"
#include "json/utf8.h"

struct unescape {
    const uint8_t *p, *end; /* what is still to read */
    const uint8_t *piece;   /* the current piece's bytes */
    size_t n;               /* and their number */
    bool lone;              /* the current piece is a lone surrogate */
    bool plain;             /* no backslash in the whole string */
    uint8_t own[4];
};

static inline struct unescape unescape_begin(const struct scan *s, const struct node *n) {
    const uint8_t *p = (const uint8_t *)scan_ptr(s, n);
    return (struct unescape){.p = p, .end = p + n->len, .plain = !(n->flags & NODE_ESCAPED)};
}

static inline uint32_t unescape_hex4(const uint8_t *p) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t c = p[i];
        v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

/* Step to the next piece; false at the end. */
static inline bool unescape_next(struct unescape *u) {
    if (u->p == u->end) return false;
    size_t left = (size_t)(u->end - u->p);
    u->lone = false;
    const uint8_t *stop = u->plain ? NULL : memchr(u->p, '\\', left);
    if (!stop || stop != u->p) {
        u->piece = u->p;
        u->n = stop ? (size_t)(stop - u->p) : left;
        u->p += u->n;
        return true;
    }
    uint32_t c = u->p[1];
    u->p += 2;
    switch (c) {
        case 'b':
            c = '\b';
            break;
        case 'f':
            c = '\f';
            break;
        case 'n':
            c = '\n';
            break;
        case 'r':
            c = '\r';
            break;
        case 't':
            c = '\t';
            break;
        case 'u':
            c = unescape_hex4(u->p);
            u->p += 4;
            if (c < 0xD800 || c > 0xDFFF) break;
            if (c < 0xDC00 && u->end - u->p >= 6 && u->p[0] == '\\' && u->p[1] == 'u') {
                uint32_t low = unescape_hex4(u->p + 2);
                if (low >= 0xDC00 && low <= 0xDFFF) {
                    c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
                    u->p += 6;
                    break;
                }
            }
            u->lone = true;
            break;
        default:
            break; /* a quote, a backslash, a slash: itself */
    }
    u->n = utf8_encode(c, u->own);
    u->piece = u->own;
    return true;
}

#endif
