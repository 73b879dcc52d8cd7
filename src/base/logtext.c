#include "base/logtext.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TAIL = 8 }; /* kept free for a value's "..." and closing quote, and the line's end */

void logtext_init(struct logtext *t, char *out, size_t cap, bool json) {
    *t = (struct logtext){.out = out, .cap = cap, .json = json};
    if (json) t->out[t->len++] = '{';
}

size_t logtext_utf8(const unsigned char *p, size_t n) {
    if (p[0] < 0x80) return 1;
    size_t k = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || k > n) return 0;
    for (size_t i = 1; i < k; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)) return 0;
    if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) return 0;
    return k;
}

static bool room(const struct logtext *t, size_t n) { return t->len + n + TAIL <= t->cap; }

static void raw(struct logtext *t, const char *s, size_t n) {
    memcpy(t->out + t->len, s, n);
    t->len += n;
}

static bool key_put(struct logtext *t, const char *key) {
    size_t k = strlen(key);
    if (!room(t, k + 24)) return false;
    bool first = t->len <= (t->json ? 1u : 0u);
    if (!first) t->out[t->len++] = t->json ? ',' : ' ';
    if (t->json) t->out[t->len++] = '"';
    raw(t, key, k);
    if (t->json) t->out[t->len++] = '"';
    t->out[t->len++] = t->json ? ':' : '=';
    return true;
}

static bool is_plain(const char *s, size_t n) {
    if (n == 0) return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f) return false;
    }
    return true;
}

/* Line and paragraph separators, and what changes the direction of text: U+2028-202E, U+2066-2069. */
static bool rules_line(const unsigned char *p, size_t k) {
    if (k != 3 || p[0] != 0xe2) return false;
    return (p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) || (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

/* One character of the value, escaped; returns the bytes consumed, 0 when there is no room. */
static size_t put_char(struct logtext *t, const unsigned char *p, size_t n) {
    char e[8];
    size_t len, used = 1;
    size_t k = logtext_utf8(p, n);
    bool c1 = k == 2 && p[0] == 0xc2 && p[1] < 0xa0; /* C1 controls move terminals too */
    if (rules_line(p, k)) {
        used = 3;
        len = (size_t)snprintf(e, sizeof e, "\\u%04x", 0x2000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu));
    } else if (k > 1 && !c1) {
        memcpy(e, p, k);
        len = used = k;
    } else if (k == 0 || c1) {
        if (c1) used = 2;
        len = (size_t)snprintf(e, sizeof e, t->json ? "\\u%04x" : "\\x%02x", c1 ? p[1] : p[0]);
    } else if (p[0] == '"' || p[0] == '\\') {
        e[0] = '\\';
        e[1] = (char)p[0];
        len = 2;
    } else if (p[0] == '\n' || p[0] == '\t' || p[0] == '\r') {
        e[0] = '\\';
        e[1] = p[0] == '\n' ? 'n' : p[0] == '\t' ? 't' : 'r';
        len = 2;
    } else if (p[0] < 0x20 || p[0] == 0x7f) {
        len = (size_t)snprintf(e, sizeof e, t->json ? "\\u%04x" : "\\x%02x", p[0]);
    } else {
        e[0] = (char)p[0];
        len = 1;
    }
    if (!room(t, len)) return 0;
    raw(t, e, len);
    return used;
}

void logtext_str(struct logtext *t, const char *key, const char *s, size_t n) {
    if (!key_put(t, key)) return;
    if (!t->json && is_plain(s, n) && room(t, n)) {
        raw(t, s, n);
        return;
    }
    t->out[t->len++] = '"';
    for (size_t i = 0; i < n;) {
        size_t used = put_char(t, (const unsigned char *)s + i, n - i);
        if (!used) {
            raw(t, "...", 3);
            break;
        }
        i += used;
    }
    t->out[t->len++] = '"';
}

void logtext_num(struct logtext *t, const char *key, int64_t v) {
    if (!key_put(t, key)) return;
    char d[24];
    int n = snprintf(d, sizeof d, "%" PRId64, v);
    raw(t, d, (size_t)n);
}

size_t logtext_end(struct logtext *t) {
    if (t->json) t->out[t->len++] = '}';
    t->out[t->len++] = '\n';
    return t->len;
}
