/* What a field wants: scalars typed by their reader. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "registry/yamldoc.h"

const char *yamldoc_quote(const char *s, char out[YAMLDOC_QUOTE_MAX]) {
    size_t o = 0;
    out[o++] = '"';
    for (; *s; s++) {
        unsigned char ch = (unsigned char)*s;
        if (o + 10 > YAMLDOC_QUOTE_MAX && (ch & 0xC0) != 0x80) { /* room for one character, "..." and the end */
            memcpy(out + o, "...", 3);
            o += 3;
            break;
        }
        if (ch == '\n' || ch == '\t' || ch == '\r' || ch == '"' || ch == '\\') {
            out[o++] = '\\';
            out[o++] = ch == '\n' ? 'n' : ch == '\t' ? 't' : ch == '\r' ? 'r' : (char)ch;
        } else if (ch < 0x20 || ch == 0x7F) {
            o += (size_t)snprintf(out + o, YAMLDOC_QUOTE_MAX - o, "\\x%02X", ch);
        } else if (ch == 0xC2 && (unsigned char)s[1] < 0xA0 && s[1]) { /* C1: a terminal may obey it */
            o += (size_t)snprintf(out + o, YAMLDOC_QUOTE_MAX - o, "\\x%02X", (unsigned char)*++s);
        } else {
            out[o++] = (char)ch;
        }
    }
    out[o++] = '"';
    out[o] = '\0';
    return out;
}

const char *yamldoc_show(const struct yamldoc_node *n, char out[YAMLDOC_QUOTE_MAX]) {
    switch (n->type) {
        case YAMLDOC_NULL:
            return "nothing";
        case YAMLDOC_LIST:
            return "a list";
        case YAMLDOC_MAP:
            return "a map";
        case YAMLDOC_SCALAR:
            break;
    }
    return yamldoc_quote(n->text, out);
}

static int expected(const struct yamldoc *d, const struct yamldoc_node *n, struct err *e, const char *what) {
    char q[YAMLDOC_QUOTE_MAX];
    return err_at(e, -EINVAL, yamldoc_file(d), n->line, n->col, "expected %s, got %s", what, yamldoc_show(n, q));
}

int yamldoc_string(const struct yamldoc *d, const struct yamldoc_node *n, const char **sp, struct err *e) {
    if (n->type == YAMLDOC_NULL && *n->text) {
        char q[YAMLDOC_QUOTE_MAX];
        (void)yamldoc_quote(n->text, q);
        return err_at(e, -EINVAL, yamldoc_file(d), n->line, n->col,
                      "expected text, got nothing (write %s in quotes if it is meant as a word)", q);
    }
    if (n->type != YAMLDOC_SCALAR) return expected(d, n, e, "text");
    *sp = n->text;
    return 0;
}

int yamldoc_int(const struct yamldoc *d, const struct yamldoc_node *n, uint64_t min, uint64_t max, uint64_t *vp,
                struct err *e) {
    char what[96];
    if (max == UINT64_MAX)
        (void)snprintf(what, sizeof what, "a whole number of at least %" PRIu64, min);
    else
        (void)snprintf(what, sizeof what, "a whole number from %" PRIu64 " to %" PRIu64, min, max);
    if (n->type != YAMLDOC_SCALAR) return expected(d, n, e, what);
    uint64_t v = 0;
    const char *p = n->text;
    for (; isdigit((unsigned char)*p); p++)
        if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return expected(d, n, e, what);
    if (p == n->text || *p || v < min || v > max) return expected(d, n, e, what);
    if (n->quoted) {
        char q[YAMLDOC_QUOTE_MAX];
        return err_at(e, -EINVAL, yamldoc_file(d), n->line, n->col,
                      "expected %s, got the text %s: write it without quotes", what, yamldoc_quote(n->text, q));
    }
    *vp = v;
    return 0;
}

int yamldoc_bool(const struct yamldoc *d, const struct yamldoc_node *n, bool *bp, struct err *e) {
    bool t = n->type == YAMLDOC_SCALAR && !n->quoted && strcmp(n->text, "true") == 0;
    bool f = n->type == YAMLDOC_SCALAR && !n->quoted && strcmp(n->text, "false") == 0;
    if (!t && !f) {
        char q[YAMLDOC_QUOTE_MAX];
        return err_at(e, -EINVAL, yamldoc_file(d), n->line, n->col, "write true or false (without quotes), not %s",
                      yamldoc_show(n, q));
    }
    *bp = t;
    return 0;
}

int yamldoc_size(const struct yamldoc *d, const struct yamldoc_node *n, uint64_t min, uint64_t max, uint64_t *bytesp,
                 struct err *e) {
    uint64_t v;
    int r = n->type == YAMLDOC_SCALAR ? units_parse_size(n->text, &v, NULL) : -EINVAL;
    if (r == -EINVAL) return expected(d, n, e, "a size such as 16MiB (units: B, KiB, MiB, GiB)");
    char a[32], b[32], q[YAMLDOC_QUOTE_MAX];
    if (r < 0 || v < min || v > max)
        return err_at(e, -EINVAL, yamldoc_file(d), n->line, n->col, "must be from %s to %s, got %s",
                      units_format_size(min, a, sizeof a), units_format_size(max, b, sizeof b), yamldoc_show(n, q));
    *bytesp = v;
    return 0;
}

static int in_range(const struct yamldoc *d, const struct yamldoc_node *n, int r, nsec_t v, nsec_t min, nsec_t max,
                    struct err *e) {
    if (r == 0 && v >= min && v <= max) return 0;
    char a[32], b[32], q[YAMLDOC_QUOTE_MAX];
    return err_at(e, -EINVAL, yamldoc_file(d), n->line, n->col, "must be from %s to %s, got %s",
                  units_format_duration(min, a, sizeof a), units_format_duration(max, b, sizeof b), yamldoc_show(n, q));
}

int yamldoc_duration(const struct yamldoc *d, const struct yamldoc_node *n, nsec_t min, nsec_t max, nsec_t *nsp,
                     struct err *e) {
    nsec_t v = 0;
    int r = n->type == YAMLDOC_SCALAR ? units_parse_duration(n->text, &v, NULL) : -EINVAL;
    if (r == -EINVAL) return expected(d, n, e, "a duration such as 500ms (units: ms, s, min, h)");
    r = in_range(d, n, r, v, min, max, e);
    if (r == 0) *nsp = v;
    return r;
}

int yamldoc_seconds(const struct yamldoc *d, const struct yamldoc_node *n, nsec_t min, nsec_t max, nsec_t *nsp,
                    struct err *e) {
    static const char what[] = "a number of seconds such as 30 or 0.5";
    char text[64];
    if (n->type != YAMLDOC_SCALAR || n->quoted || strlen(n->text) > sizeof text - 2) return expected(d, n, e, what);
    if (n->text[strspn(n->text, "0123456789.")] || n->text[0] == '.') return expected(d, n, e, what);
    (void)snprintf(text, sizeof text, "%ss", n->text);
    nsec_t v = 0;
    int r = units_parse_duration(text, &v, NULL);
    if (r == -EINVAL) return expected(d, n, e, what);
    r = in_range(d, n, r, v, min, max, e);
    if (r == 0) *nsp = v;
    return r;
}

int yamldoc_list(const struct yamldoc *d, const struct yamldoc_node *n, struct err *e) {
    return n->type == YAMLDOC_LIST ? 0 : expected(d, n, e, "a list");
}

int yamldoc_map(const struct yamldoc *d, const struct yamldoc_node *n, struct err *e) {
    return n->type == YAMLDOC_MAP ? 0 : expected(d, n, e, "a map (key: value)");
}
