#include "schema/ecma.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SPACES \
    "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NOT_SPACES                                                                                                \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-" \
    "\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define NONE UINT32_MAX /* no single character: a set */

struct ecma {
    const char *start, *p, *end;
    struct buf *out, *why;
    unsigned groups; /* in the whole expression */
    bool repeats;    /* a quantifier was seen */
};

static int refuse(struct ecma *t, const char *at, const char *why) {
    int r = buf_putf(t->why, "%s, at character %u", why, (unsigned)(at - t->start) + 1);
    return r ? r : -EINVAL;
}

static int put(struct ecma *t, const char *s) { return buf_puts(t->out, s); }
static int put_code(struct ecma *t, uint32_t c) { return buf_putf(t->out, "\\x{%x}", c); }

static bool is_alnum(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* `digits` hexadecimal digits at p; false when there are not that many. */
static bool hex(const struct ecma *t, const char *p, int digits, uint32_t *out) {
    uint32_t v = 0;
    for (; digits; digits--, p++) {
        if (p >= t->end || !is_alnum(*p)) return false;
        uint32_t d = (uint32_t)(is_digit(*p) ? *p - '0' : (*p | 0x20) - 'a' + 10);
        if (d > 15) return false;
        v = v << 4 | d;
    }
    *out = v;
    return true;
}

/* ---- groups and their names ---- */

/* Walks over the expression's capturing groups. `name`: the number of that one, 0 when there is none. NULL: just count.
 */
static unsigned group_find(const struct ecma *t, const char *name, size_t len, unsigned *totalp) {
    unsigned n = 0, found = 0;
    bool inside = false;
    for (const char *p = t->start; p < t->end; p++) {
        if (*p == '\\') {
            p++;
        } else if (*p == '[') {
            inside = true;
        } else if (*p == ']') {
            inside = false;
        } else if (*p == '(' && !inside) {
            bool plain = t->end - p < 2 || p[1] != '?';
            bool named = t->end - p > 3 && p[1] == '?' && p[2] == '<' && p[3] != '=' && p[3] != '!';
            n += plain || named;
            if (named && name && (size_t)(t->end - p) > len + 3 && !memcmp(p + 3, name, len) && p[3 + len] == '>' &&
                !found)
                found = n;
        }
    }
    if (totalp) *totalp = n;
    return found;
}

/* `<name>` at p: its length, 0 when it is none. */
static size_t name_len(const struct ecma *t, const char *p) {
    if (p >= t->end || *p != '<') return 0;
    const char *q = p + 1;
    if (q < t->end && is_digit(*q)) return 0;
    while (q < t->end && (is_alnum(*q) || *q == '_' || *q == '$' || (unsigned char)*q >= 0x80)) q++;
    return q < t->end && *q == '>' ? (size_t)(q - p - 1) : 0;
}

/* ---- escapes ---- */

/* \uXXXX, a pair of them, \u{...}; p at the 'u'. Moves t->p behind it. */
static int unicode(struct ecma *t, const char *at, uint32_t *cp) {
    const char *p = t->p + 1;
    uint32_t c = 0, low;
    if (p < t->end && *p == '{') {
        for (p++; p < t->end && *p != '}'; p++) {
            uint32_t d;
            if (!hex(t, p, 1, &d) || (c = c << 4 | d) > 0x10FFFF) return refuse(t, at, "\\u{...} holds no character");
        }
        if (p >= t->end || p[-1] == '{') return refuse(t, at, "\\u{...} holds no character");
        t->p = p + 1;
    } else {
        if (!hex(t, p, 4, &c)) return refuse(t, at, "\\u must be followed by four hexadecimal digits");
        t->p = p + 4;
        if (c >= 0xD800 && c < 0xDC00 && t->end - t->p >= 6 && t->p[0] == '\\' && t->p[1] == 'u' &&
            hex(t, t->p + 2, 4, &low) && low >= 0xDC00 && low < 0xE000) {
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            t->p += 6;
        }
    }
    *cp = c;
    return 0;
}

static int property(struct ecma *t, const char *at) {
    const char *p = t->p + 1, *close = p < t->end && *p == '{' ? memchr(p, '}', (size_t)(t->end - p)) : NULL;
    if (!close) return refuse(t, at, "\\p must be followed by {property}");
    int r = buf_putf(t->out, "\\%c{", *t->p);
    if (!r) r = ecma_property(p + 1, (size_t)(close - p - 1), t->out);
    if (r == -EINVAL) return refuse(t, at, "unknown Unicode property");
    if (!r) r = put(t, "}");
    t->p = close + 1;
    return r;
}

static int class_escape(struct ecma *t, char c, bool in_class) {
    t->p++;
    if (c == 's') return put(t, in_class ? SPACES : "[" SPACES "]");
    if (c == 'S') return put(t, in_class ? NOT_SPACES : "[^" SPACES "]");
    return buf_putf(t->out, "\\%c", c); /* d D w W: ASCII without PCRE2_UCP */
}

/* An escape that stands for one character (*cp) or a set (NONE, and then it is put out). t->p is at the backslash. */
static int escape(struct ecma *t, bool in_class, uint32_t *cp) {
    static const char letters[] = "tnvfr", codes[] = "\t\n\v\f\r";
    const char *at = t->p++, *found;
    if (t->p >= t->end) return refuse(t, at, "a backslash at the end");
    char c = *t->p;
    *cp = NONE;
    if (strchr("dDwWsS", c)) return class_escape(t, c, in_class);
    if (c == 'p' || c == 'P') return property(t, at);
    if (c == 'u') return unicode(t, at, cp);
    if ((found = strchr(letters, c))) {
        *cp = (uint32_t)codes[found - letters];
    } else if (c == 'c') {
        if (t->end - t->p < 2 || is_digit(t->p[1]) || !is_alnum(t->p[1]))
            return refuse(t, at, "\\c must be followed by a letter");
        *cp = (uint32_t)t->p[1] & 31;
        t->p++;
    } else if (c == 'x') {
        if (!hex(t, t->p + 1, 2, cp)) return refuse(t, at, "\\x must be followed by two hexadecimal digits");
        t->p += 2;
    } else if (c == '0') {
        if (t->end - t->p > 1 && is_digit(t->p[1])) return refuse(t, at, "octal escapes are not ECMA-262");
        *cp = 0;
    } else if (c == 'b' && in_class) {
        *cp = 8;
    } else if (is_alnum(c) || (unsigned char)c >= 0x80) {
        if (c == 'A') return refuse(t, at, "\\A is not ECMA-262; use ^");
        if (c == 'Z' || c == 'z') return refuse(t, at, "\\Z and \\z are not ECMA-262; use $");
        return refuse(t, at, "unknown escape");
    } else {
        *cp = (unsigned char)c; /* punctuation */
    }
    t->p++;
    return 0;
}

/* ---- classes ---- */

/* One member of a class; a single character is not put out yet. */
static int class_atom(struct ecma *t, uint32_t *cp) {
    if (*t->p == '\\') return escape(t, true, cp);
    unsigned char c = (unsigned char)*t->p;
    size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if ((size_t)(t->end - t->p) < n) n = (size_t)(t->end - t->p);
    uint32_t v = n == 1 ? c : c & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) v = v << 6 | ((unsigned char)t->p[i] & 0x3F);
    *cp = v;
    t->p += n;
    return 0;
}

static int char_class(struct ecma *t) {
    const char *at = t->p++;
    bool negated = t->p < t->end && *t->p == '^';
    t->p += negated;
    if (t->p < t->end && *t->p == ']') { /* nothing, or anything */
        t->p++;
        return put(t, negated ? "[\\x{0}-\\x{10ffff}]" : "(?!)");
    }
    int r = put(t, negated ? "[^" : "[");
    while (!r && t->p < t->end && *t->p != ']') {
        uint32_t from = NONE, to = NONE;
        const char *first = t->p;
        if ((r = class_atom(t, &from))) break;
        bool range = t->end - t->p >= 2 && t->p[0] == '-' && t->p[1] != ']';
        if (from != NONE) r = put_code(t, from);
        if (r || !range) continue;
        const char *hyphen = t->p++;
        if (from == NONE) { /* [\w-x]: the hyphen is one */
            r = put(t, "\\-");
            continue;
        }
        if (*t->p == '\\' && t->end - t->p > 1 && strchr("dDwWsSpP", t->p[1])) { /* [x-\w] as well */
            r = put(t, "\\-");
            continue;
        }
        if ((r = class_atom(t, &to))) break;
        if (to == NONE) return refuse(t, hyphen, "a range must end with a character");
        if (to < from) return refuse(t, first, "a range that runs backwards");
        r = put(t, "-");
        if (!r) r = put_code(t, to);
    }
    if (r) return r;
    if (t->p >= t->end) return refuse(t, at, "this [ is never closed");
    t->p++;
    return put(t, "]");
}

/* ---- the rest ---- */

/* A quantifier in braces at t->p: its length, or 0. */
static size_t braces(const struct ecma *t) {
    const char *p = t->p + 1;
    if (p >= t->end || !is_digit(*p)) return 0;
    while (p < t->end && is_digit(*p)) p++;
    if (p < t->end && *p == ',') p++;
    while (p < t->end && is_digit(*p)) p++;
    return p < t->end && *p == '}' ? (size_t)(p - t->p) + 1 : 0;
}

static int group(struct ecma *t) {
    const char *at = t->p++;
    if (t->p < t->end && *t->p == '*') return refuse(t, at, "nothing to repeat");
    if (t->p >= t->end || *t->p != '?') return put(t, "(");
    static const char *const kinds[] = {"?:", "?=", "?!", "?<=", "?<!"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = strlen(kinds[i]);
        if ((size_t)(t->end - t->p) < n || memcmp(t->p, kinds[i], n) != 0) continue;
        t->p += n;
        int r = put(t, "(");
        return r ? r : put(t, kinds[i]);
    }
    size_t n = name_len(t, t->p + 1);
    if (!n) return refuse(t, at, "this kind of group is not ECMA-262");
    unsigned before = 0;
    struct ecma head = *t;
    head.end = at;
    (void)group_find(&head, NULL, 0, &before);
    if (group_find(t, t->p + 2, n, NULL) != before + 1) return refuse(t, at, "a group's name stands twice");
    t->p += n + 3;
    return put(t, "("); /* by number: names may hold what PCRE2 does not allow */
}

static int back_reference(struct ecma *t, bool *donep) {
    const char *at = t->p, *p = at + 1;
    unsigned n = 0;
    *donep = p < t->end && ((*p >= '1' && *p <= '9') || *p == 'k');
    if (!*donep) return 0;
    if (*p == 'k') {
        size_t len = name_len(t, p + 1);
        n = len ? group_find(t, p + 2, len, NULL) : 0;
        if (!n) return refuse(t, at, "there is no group of this name");
        t->p = p + len + 3;
    } else {
        for (; p < t->end && is_digit(*p) && n < 100000; p++) n = n * 10 + (unsigned)(*p - '0');
        if (n > t->groups) return refuse(t, at, "there is no group of this number");
        t->p = p;
    }
    return buf_putf(t->out, "\\g{%u}", n);
}

/* \b \B, a back reference, or another escape. */
static int term_escape(struct ecma *t, bool *atomp) {
    bool done;
    uint32_t c = NONE;
    int r = back_reference(t, &done);
    if (r || done) return r;
    if (t->end - t->p > 1 && (t->p[1] == 'b' || t->p[1] == 'B')) {
        *atomp = false;
        r = buf_put(t->out, t->p, 2);
        t->p += 2;
        return r;
    }
    if ((r = escape(t, false, &c))) return r;
    return c == NONE ? 0 : put_code(t, c);
}

static int quantifier(struct ecma *t, bool *atomp, size_t n) {
    if (!*atomp) return refuse(t, t->p, "nothing to repeat");
    t->repeats = true;
    *atomp = false; /* a second one in a row would be possessive to PCRE2; ECMA-262 has none */
    int r = buf_put(t->out, t->p, n);
    t->p += n;
    if (r || t->p >= t->end || *t->p != '?') return r;
    t->p++;
    return put(t, "?");
}

/* One term; *atomp: may a quantifier follow? */
static int term(struct ecma *t, bool *atomp, unsigned *depthp) {
    char c = *t->p;
    size_t n = c == '{' ? braces(t) : strchr("*+?", c) && c ? 1 : 0;
    if (n) return quantifier(t, atomp, n);
    *atomp = c != '^' && c != '$' && c != '|' && c != '(';
    switch (c) {
        case '\\':
            return term_escape(t, atomp);
        case '[':
            return char_class(t);
        case '(':
            ++*depthp;
            return group(t);
        case ')':
            if (!*depthp) return refuse(t, t->p, "this ) was never opened");
            --*depthp;
            t->p++;
            return put(t, ")");
        case '.':
            t->p++;
            return put(t, "[^\\n\\r\\x{2028}\\x{2029}]");
        case '^':
        case '$':
        case '|':
            t->p++;
            return buf_put(t->out, &c, 1);
        default:
            t->p++;
            if (is_alnum(c) || (unsigned char)c >= 0x80) return buf_put(t->out, &c, 1);
            return put_code(t, (unsigned char)c);
    }
}

int ecma_translate(const char *p, size_t len, struct buf *out, bool *repeatsp, struct buf *why) {
    struct ecma t = {.start = p, .p = p, .end = p + len, .out = out, .why = why};
    size_t before = out->len;
    unsigned depth = 0;
    bool atom = false;
    int r = 0;
    (void)group_find(&t, NULL, 0, &t.groups);
    while (!r && t.p < t.end) r = term(&t, &atom, &depth);
    if (!r && depth) r = refuse(&t, t.end, "a ( is never closed");
    if (r) out->len = before;
    *repeatsp = t.repeats;
    return r;
}
