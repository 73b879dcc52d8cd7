/* token.h — the scanner's lexical level: white space, strings, numbers, literals.
 *
 * Private to src/json. Each function starts at `p`, never reads at or beyond `end`, and returns the byte behind the
 * token (a string: its closing quote), or NULL after token_fail(). `simd` chooses between SSE2 and the plain loops,
 * which must accept exactly the same texts; where it is a constant the choice costs nothing. */
#ifndef HOOKCAST_JSON_TOKEN_H
#define HOOKCAST_JSON_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "json/scan.h"
#include "json/utf8.h"

#define TOKEN_INLINE static inline __attribute__((always_inline))

/* Remember where the text went wrong and why (static text). Returns NULL. */
const uint8_t *token_fail(struct scan *s, const uint8_t *at, const char *why);

/* Skip what is not interesting inside a string: ASCII but quote, backslash and control characters. */
TOKEN_INLINE const uint8_t *token_plain(const uint8_t *p, const uint8_t *end, bool simd) {
#ifdef __SSE2__
    if (simd) {
        const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
        for (; end - p >= 16; p += 16) {
            __m128i v = _mm_loadu_si128((const __m128i *)p);
            /* compared as signed bytes, both controls and everything from 0x80 up are below ' ' */
            __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)),
                                       _mm_cmplt_epi8(v, space));
            unsigned mask = (unsigned)_mm_movemask_epi8(hit);
            if (mask) return p + __builtin_ctz(mask);
        }
    }
#else
    (void)simd;
#endif
    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') p++;
    return p;
}

TOKEN_INLINE bool token_is_space(uint8_t c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

TOKEN_INLINE const uint8_t *token_space(struct scan *s, const uint8_t *p, const uint8_t *end, bool simd) {
    if (p<end && * p> ' ') return p; /* compact texts: nearly always */
    if (p < end && *p == ' ' && ++p<end && * p> ' ') return p;
    if (p < end) s->spaced = true;
#ifdef __SSE2__
    if (simd) {
        const __m128i sp = _mm_set1_epi8(' '), nl = _mm_set1_epi8('\n'), tab = _mm_set1_epi8('\t'),
                      cr = _mm_set1_epi8('\r');
        for (; end - p >= 16; p += 16) {
            __m128i v = _mm_loadu_si128((const __m128i *)p);
            __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, sp), _mm_cmpeq_epi8(v, nl)),
                                       _mm_or_si128(_mm_cmpeq_epi8(v, tab), _mm_cmpeq_epi8(v, cr)));
            unsigned mask = (unsigned)_mm_movemask_epi8(hit) ^ 0xFFFF;
            if (mask) return p + __builtin_ctz(mask);
        }
    }
#else
    (void)simd;
#endif
    while (p < end && token_is_space(*p)) p++;
    return p;
}

/* An escape, p at its backslash. */
static inline const uint8_t *token_escape(struct scan *s, const uint8_t *p, const uint8_t *end) {
    if (end - p < 2) return token_fail(s, end, "unexpected end inside a string");
    switch (p[1]) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't':
            return p + 2;
        case 'u':
            break;
        default:
            return token_fail(s, p + 1, "unknown escape in a string");
    }
    for (int i = 2; i < 6; i++) {
        if (p + i >= end) return token_fail(s, end, "unexpected end inside a string");
        uint8_t c = p[i] | 0x20;
        if (!(p[i] >= '0' && p[i] <= '9') && !(c >= 'a' && c <= 'f'))
            return token_fail(s, p + i, "expected four hexadecimal digits after \\u");
    }
    return p + 6;
}

/* A string's body, p behind the opening quote; returns the closing quote. Sets NODE_ESCAPED. */
TOKEN_INLINE const uint8_t *token_string(struct scan *s, const uint8_t *p, const uint8_t *end, uint32_t *flagsp,
                                         bool simd) {
    for (;;) {
        p = token_plain(p, end, simd);
        if (p == end) return token_fail(s, p, "unexpected end inside a string");
        if (*p == '"') return p;
        if (*p == '\\') {
            *flagsp |= NODE_ESCAPED;
            p = token_escape(s, p, end);
            if (!p) return NULL;
        } else if (*p < 0x20) {
            return token_fail(s, p, "control character in a string");
        } else {
            do { /* words in other scripts come with spaces in between: stay here for those */
                size_t n = utf8_len(p, end);
                if (!n) return token_fail(s, p, "not UTF-8");
                p += n;
            } while (p < end && (*p >= 0x80 || *p == ' '));
        }
    }
}

TOKEN_INLINE bool token_is_digit(const uint8_t *p, const uint8_t *end) { return p < end && *p >= '0' && *p <= '9'; }

/* A number, p at '-' or a digit. Sets NODE_INTEGER. */
TOKEN_INLINE const uint8_t *token_number(struct scan *s, const uint8_t *p, const uint8_t *end, uint32_t *flagsp) {
    bool integer = true;
    if (*p == '-') p++;
    if (!token_is_digit(p, end)) return token_fail(s, p, "expected a digit");
    if (*p++ != '0')
        while (token_is_digit(p, end)) p++;
    else if (token_is_digit(p, end))
        return token_fail(s, p, "a number starts with a superfluous 0");
    if (p < end && *p == '.') {
        integer = false;
        if (!token_is_digit(++p, end)) return token_fail(s, p, "expected a digit after '.'");
        while (token_is_digit(p, end)) p++;
    }
    if (p < end && (*p | 0x20) == 'e') {
        integer = false;
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        if (!token_is_digit(p, end)) return token_fail(s, p, "expected a digit in the exponent");
        while (token_is_digit(p, end)) p++;
    }
    if (integer) *flagsp |= NODE_INTEGER;
    return p;
}

/* true, false or null, p at its first letter. */
TOKEN_INLINE const uint8_t *token_literal(struct scan *s, const uint8_t *p, const uint8_t *end, uint32_t *typep) {
    if (end - p >= 4 && !memcmp(p, "true", 4)) {
        *typep = NODE_TRUE;
        return p + 4;
    }
    if (end - p >= 4 && !memcmp(p, "null", 4)) {
        *typep = NODE_NULL;
        return p + 4;
    }
    if (end - p >= 5 && !memcmp(p, "false", 5)) {
        *typep = NODE_FALSE;
        return p + 5;
    }
    return token_fail(s, p, p == end ? "unexpected end, expected a value" : "expected a value");
}

#endif
