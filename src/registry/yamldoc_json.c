/* JSON in (with places) and out. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/jsonfile.h"
#include "registry/yamldoc_tree.h"

/* ---- JSON text -> tree ----
 * jansson has already accepted the text (and refused duplicate keys, so an object's members are in text order): this
 * walks its tree and the text side by side, which is how every value gets its line and column. */

struct walker {
    struct yamldoc *doc;
    const char *p, *end;
    unsigned line, col;
    struct err *e;
};

static void step(struct walker *w) {
    if (*w->p == '\n') {
        w->line++;
        w->col = 1;
    } else if (((unsigned char)*w->p & 0xC0) != 0x80) {
        w->col++;
    }
    w->p++;
}

/* To the start of the next value or closing bracket. */
static void skip_between(struct walker *w) {
    while (w->p < w->end && *w->p && strchr(" \t\r\n,:", *w->p)) step(w);
}

static void skip_string(struct walker *w) {
    step(w);
    while (w->p < w->end && *w->p != '"') {
        if (*w->p == '\\') step(w);
        if (w->p < w->end) step(w);
    }
    if (w->p < w->end) step(w);
}

static struct yamldoc_node *text_node(struct walker *w, const char *text, size_t len, bool quoted) {
    bool null = !quoted && len == 4 && memcmp(text, "null", 4) == 0;
    struct yamldoc_node *n = yamldoc_node_new(w->doc, null ? YAMLDOC_NULL : YAMLDOC_SCALAR, w->line, w->col, text, len);
    if (n) n->quoted = quoted;
    return n;
}

static int walk(struct walker *w, const json_t *j, unsigned depth, struct yamldoc_node **outp);

static int walk_children(struct walker *w, const json_t *j, unsigned depth, struct yamldoc_children *kids) {
    size_t n = json_is_array(j) ? json_array_size(j) : json_object_size(j);
    void *it = json_is_object(j) ? json_object_iter((json_t *)j) : NULL;
    for (size_t i = 0; i < n; i++) {
        struct yamldoc_node *key = NULL, *item = NULL;
        const json_t *value = it ? json_object_iter_value(it) : json_array_get(j, i);
        skip_between(w);
        if (it) {
            const char *k = json_object_iter_key(it);
            key = text_node(w, k, strlen(k), true);
            if (!key) return -ENOMEM;
            skip_string(w);
            skip_between(w);
            it = json_object_iter_next((json_t *)j, it);
        }
        int r = walk(w, value, depth, &item);
        if (r == 0) r = yamldoc_children_add(kids, key, item);
        if (r < 0) return r;
    }
    skip_between(w);
    if (w->p < w->end) step(w); /* the closing bracket */
    return 0;
}

static int walk_container(struct walker *w, const json_t *j, unsigned depth, struct yamldoc_node **outp) {
    if (depth >= YAMLDOC_DEPTH_MAX)
        return err_at(w->e, -EINVAL, w->doc->file, w->line, w->col, "nested more than %d levels deep",
                      YAMLDOC_DEPTH_MAX);
    struct yamldoc_node *n =
        yamldoc_node_new(w->doc, json_is_array(j) ? YAMLDOC_LIST : YAMLDOC_MAP, w->line, w->col, NULL, 0);
    if (!n) return -ENOMEM;
    step(w);
    struct yamldoc_children kids = {0};
    int r = walk_children(w, j, depth + 1, &kids);
    if (r == 0) r = yamldoc_node_fill(w->doc, n, &kids, w->e);
    yamldoc_children_deinit(&kids);
    if (r == 0) *outp = n;
    return r;
}

/* Of a number, true, false or null. */
static bool is_bare(char c) { return isalnum((unsigned char)c) || c == '+' || c == '-' || c == '.'; }

static int walk(struct walker *w, const json_t *j, unsigned depth, struct yamldoc_node **outp) {
    skip_between(w);
    if (json_is_array(j) || json_is_object(j)) return walk_container(w, j, depth, outp);
    if (json_is_string(j)) {
        *outp = text_node(w, json_string_value(j), json_string_length(j), true);
        skip_string(w);
    } else {
        size_t len = 0;
        while (w->p + len < w->end && is_bare(w->p[len])) len++;
        *outp = text_node(w, w->p, len, false);
        while (len--) step(w);
    }
    return *outp ? 0 : -ENOMEM;
}

int yamldoc_read_json(struct yamldoc *d, const char *text, size_t len, struct err *e) {
    cleanup(json_decrefp) json_t *j = NULL;
    int r = jsonfile_parse(d->file, text, len, &j, e);
    if (r < 0) return r;
    struct walker w = {.doc = d, .p = text, .end = text + len, .line = 1, .col = 1, .e = e};
    return walk(&w, j, 0, &d->root);
}

/* ---- tree -> JSON, by the YAML 1.2 core schema ---- */

static bool is_word(const char *s, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(s, words[i]) == 0) return true;
    return false;
}

static bool all_digits(const char *s, const char *digits) { return *s && s[strspn(s, digits)] == '\0'; }

/* 0o17, 0x1f; beyond 64 bits a double. */
static bool based_number(const char *s, json_t **jp) {
    bool octal = s[0] == '0' && s[1] == 'o' && all_digits(s + 2, "01234567");
    bool hex = s[0] == '0' && s[1] == 'x' && all_digits(s + 2, "0123456789abcdefABCDEF");
    if (!octal && !hex) return false;
    errno = 0;
    long long v = strtoll(s + 2, NULL, octal ? 8 : 16);
    if (errno == 0) {
        *jp = json_integer(v);
        return true;
    }
    double d = 0;
    for (const char *p = s + 2; *p; p++) {
        int digit = isdigit((unsigned char)*p) ? *p - '0' : (tolower((unsigned char)*p) - 'a') + 10;
        d = d * (octal ? 8 : 16) + digit;
    }
    *jp = json_real(d); /* NULL when infinite: json_real refuses that */
    return true;
}

/* [-+]? ( digits [. digits*] | . digits ) ( [eE] [-+]? digits )? */
static bool looks_decimal(const char *s, bool *integerp) {
    if (*s == '-' || *s == '+') s++;
    size_t whole = strspn(s, "0123456789");
    s += whole;
    *integerp = *s == '\0';
    if (*s == '.') {
        size_t frac = strspn(s + 1, "0123456789");
        if (whole + frac == 0) return false;
        s += 1 + frac;
    } else if (whole == 0) {
        return false;
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        if (*s == '-' || *s == '+') s++;
        return all_digits(s, "0123456789");
    }
    return *s == '\0';
}

/* Sets *jp, or leaves it NULL for a number that JSON cannot hold. False: not a number at all. */
static bool core_number(const char *s, json_t **jp) {
    if (based_number(s, jp)) return true;
    bool integer;
    if (looks_decimal(s, &integer)) {
        errno = 0;
        long long v = integer ? strtoll(s, NULL, 10) : 0;
        if (integer && errno == 0) {
            *jp = json_integer(v);
        } else {
            double d = strtod(s, NULL);
            *jp = isfinite(d) ? json_real(d) : NULL;
        }
        return true;
    }
    static const char *const nan_words[] = {".nan", ".NaN", ".NAN"}, *const inf_words[] = {".inf", ".Inf", ".INF"};
    if (is_word(s, nan_words, ARRAY_LEN(nan_words))) return true;
    if (*s == '-' || *s == '+') s++;
    return is_word(s, inf_words, ARRAY_LEN(inf_words));
}

static int scalar_to_json(const struct yamldoc *d, const struct yamldoc_node *n, json_t **jp, struct err *e) {
    static const char *const yes[] = {"true", "True", "TRUE"}, *const no[] = {"false", "False", "FALSE"};
    json_t *j = NULL;
    errno = 0;
    if (n->quoted) { /* NOLINT(bugprone-branch-clone): what is no other word is text, too */
        j = json_string(n->text);
    } else if (is_word(n->text, yes, ARRAY_LEN(yes))) {
        j = json_true();
    } else if (is_word(n->text, no, ARRAY_LEN(no))) {
        j = json_false();
    } else if (core_number(n->text, &j)) {
        char q[YAMLDOC_QUOTE_MAX];
        if (!j && errno != ENOMEM)
            return err_at(e, -EINVAL, yamldoc_file(d), n->line, n->col,
                          "the number %s cannot be written in JSON: write it in quotes if it is meant as text",
                          yamldoc_quote(n->text, q));
    } else {
        j = json_string(n->text);
    }
    if (!j) return -ENOMEM;
    *jp = j;
    return 0;
}

int yamldoc_to_json(const struct yamldoc *d, const struct yamldoc_node *n, json_t **jp, struct err *e) {
    if (n->type == YAMLDOC_SCALAR) return scalar_to_json(d, n, jp, e);
    cleanup(json_decrefp) json_t *j = n->type == YAMLDOC_MAP    ? json_object()
                                      : n->type == YAMLDOC_LIST ? json_array()
                                                                : json_null();
    if (!j) return -ENOMEM;
    for (size_t i = 0; i < n->n; i++) {
        json_t *child = NULL;
        int r = yamldoc_to_json(d, n->items[i], &child, e);
        if (r < 0) return r;
        r = n->type == YAMLDOC_MAP ? json_object_set_new(j, n->keys[i]->text, child) : json_array_append_new(j, child);
        if (r < 0) return -ENOMEM;
    }
    *jp = json_incref(j);
    return 0;
}
