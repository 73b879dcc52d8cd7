/* cut.c — what is nested beyond the depth limit: checked like everything else, but not recorded. */
#include <errno.h>

#include "json/inner.h"
#include "json/token.h"

static int cut_push(struct scan *s, size_t level, bool object) {
    if (level / 32 >= s->cap_stack) {
        void *p = s->stack;
        int r = scan_grow(&p, &s->cap_stack, level / 32 + 1, sizeof *s->stack);
        s->stack = p;
        if (r) return r;
    }
    uint32_t bit = 1u << (level % 32);
    s->stack[level / 32] = object ? s->stack[level / 32] | bit : s->stack[level / 32] & ~bit;
    return 0;
}

static bool cut_in_object(const struct scan *s, size_t level) { return s->stack[level / 32] >> (level % 32) & 1; }

/* `"key":` with the white space behind it. */
static const uint8_t *cut_key(struct scan *s, const uint8_t *p, const uint8_t *end, bool simd) {
    uint32_t flags = 0;
    if (p == end || *p != '"')
        return token_fail(s, p, p < end ? "expected a key in quotes" : "unexpected end, expected a key");
    p = token_string(s, p + 1, end, &flags, simd);
    if (!p) return NULL;
    p = token_space(s, p + 1, end, simd);
    if (p == end || *p != ':') return token_fail(s, p, p < end ? "expected ':'" : "unexpected end, expected ':'");
    return token_space(s, p + 1, end, simd);
}

static const uint8_t *cut_scalar(struct scan *s, const uint8_t *p, const uint8_t *end, bool simd) {
    uint32_t ignored = 0;
    if (p < end && *p == '"') {
        p = token_string(s, p + 1, end, &ignored, simd);
        return p ? p + 1 : NULL;
    }
    if (p < end && (*p == '-' || token_is_digit(p, end))) return token_number(s, p, end, &ignored);
    return token_literal(s, p, end, &ignored);
}

int cut_skip(struct scan *s, const uint8_t **pp, const uint8_t *end, bool simd) {
    const uint8_t *p = *pp;
    size_t level = 0; /* open containers; the innermost one's bit is level - 1 */
    do {
        if (p < end && (*p == '{' || *p == '[')) {
            bool object = *p == '{';
            int r = cut_push(s, level, object);
            if (r) return r;
            level++;
            p = token_space(s, p + 1, end, simd);
            if (p == end || *p != (object ? '}' : ']')) { /* not empty: on to its first child */
                if (object && !(p = cut_key(s, p, end, simd))) return SCAN_E_SYNTAX;
                continue;
            }
        } else {
            p = cut_scalar(s, p, end, simd);
            if (!p) return SCAN_E_SYNTAX;
            p = token_space(s, p, end, simd);
        }
        /* behind a value, or at an empty container's closing bracket: close what ends here */
        while (p < end && *p == (cut_in_object(s, level - 1) ? '}' : ']')) {
            p++;
            if (!--level) break;
            p = token_space(s, p, end, simd);
        }
        if (!level) break;
        bool object = cut_in_object(s, level - 1);
        if (p == end || *p != ',') {
            token_fail(s, p,
                       p == end
                           ? (object ? "unexpected end, expected ',' or '}'" : "unexpected end, expected ',' or ']'")
                           : (object ? "expected ',' or '}'" : "expected ',' or ']'"));
            return SCAN_E_SYNTAX;
        }
        p = token_space(s, p + 1, end, simd);
        if (object && !(p = cut_key(s, p, end, simd))) return SCAN_E_SYNTAX;
    } while (level);
    *pp = p;
    return 0;
}
