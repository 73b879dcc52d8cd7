/* utf8.h — one UTF-8 sequence at a time (RFC 3629): no overlong forms, no surrogates, at most U+10FFFF.
 *
 * Private to src/json. Pure; never reads at or beyond `end`. */
#ifndef HOOKCAST_JSON_UTF8_H
#define HOOKCAST_JSON_UTF8_H

#include <stddef.h>
#include <stdint.h>

static inline int utf8_is_tail(uint8_t c) { return (c & 0xC0) == 0x80; }

/* The length (1..4) of the valid sequence at p < end; 0 when there is none. */
static inline size_t utf8_len(const uint8_t *p, const uint8_t *end) {
    size_t left = (size_t)(end - p);
    uint8_t c = p[0];
    if (c < 0x80) return 1;
    if (c < 0xC2 || c > 0xF4) return 0;
    if (c < 0xE0) return left >= 2 && utf8_is_tail(p[1]) ? 2 : 0;
    /* the second byte's range rules out overlong forms, surrogates and what lies above U+10FFFF */
    uint8_t lo = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    uint8_t hi = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (left < 2 || p[1] < lo || p[1] > hi) return 0;
    if (left < 3 || !utf8_is_tail(p[2])) return 0;
    if (c < 0xF0) return 3;
    return left >= 4 && utf8_is_tail(p[3]) ? 4 : 0;
}

/* Write code point c <= U+10FFFF; a surrogate becomes its three bytes (WTF-8). Returns the length, 1..4. */
static inline size_t utf8_encode(uint32_t c, uint8_t out[4]) {
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xC0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xE0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    out[3] = (uint8_t)(0x80 | (c & 0x3F));
    return 4;
}

#endif
