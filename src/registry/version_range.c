/* PEP 440 ranges, as packaging's SpecifierSet answers. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "registry/version.h"
#include "registry/yamldoc.h"

enum op { OP_IDENTICAL, OP_COMPATIBLE, OP_EQUAL, OP_NOT_EQUAL, OP_AT_MOST, OP_AT_LEAST, OP_BELOW, OP_ABOVE, OPS };

/* Longer ones first: "===" before "==", "<=" before "<". */
static const char *const op_words[] = {
    [OP_IDENTICAL] = "===", [OP_COMPATIBLE] = "~=", [OP_EQUAL] = "==", [OP_NOT_EQUAL] = "!=",
    [OP_AT_MOST] = "<=",    [OP_AT_LEAST] = ">=",   [OP_BELOW] = "<",  [OP_ABOVE] = ">"};
_Static_assert(ARRAY_LEN(op_words) == OPS, "a word per operator");

struct part {
    enum op op;
    bool wild;  /* "==1.2.*" */
    bool valid; /* `v` holds; always so but for === */
    struct version v;
    char text[256];
};

static bool is_blank(char c) { return c && strchr(" \t\n\r\f\v", c); }

static int bad_part(struct err *e, const char *text, const char *why) {
    char q[YAMLDOC_QUOTE_MAX];
    return err_set(e, -EINVAL, "%s is not a version range such as \">=0.1,<2\": %s", yamldoc_quote(text, q), why);
}

/* The version behind the operator, and what the operator allows of it. */
static int parse_operand(struct part *p, const char *text, struct err *e) {
    size_t n = strlen(text);
    (void)snprintf(p->text, sizeof p->text, "%s", text);
    if (p->op == OP_IDENTICAL) {
        if (text[strcspn(text, " \t\n\r\f\v;)")]) return bad_part(e, text, "blanks, \";\" and \")\" cannot follow ===");
        p->valid = version_parse(text, &p->v) == 0;
        return 0;
    }
    char body[256];
    (void)snprintf(body, sizeof body, "%s", text);
    if (n > 2 && strcmp(text + n - 2, ".*") == 0) {
        if (p->op != OP_EQUAL && p->op != OP_NOT_EQUAL) return bad_part(e, text, "\".*\" goes with == and != only");
        p->wild = true;
        body[n - 2] = '\0';
        if (n > 2 && is_blank(body[n - 3])) return bad_part(e, text, "\".*\" must follow plain numbers");
    }
    if (version_parse(body, &p->v) < 0) return bad_part(e, text, "no version stands behind the operator");
    p->valid = true;
    bool suffix = p->v.pre || p->v.has_post || p->v.has_dev;
    if (p->wild && (suffix || p->v.local[0])) return bad_part(e, text, "\".*\" must follow plain numbers");
    if (p->v.local[0] && p->op != OP_EQUAL && p->op != OP_NOT_EQUAL)
        return bad_part(e, text, "a local version (+...) goes with == and != only");
    if (p->op == OP_COMPATIBLE && p->v.n_release < 2) return bad_part(e, text, "~= needs at least two numbers");
    return 0;
}

/* The next part of the range at *sp. Returns 1, 0 at the end, or -EINVAL. */
static int next_part(const char **sp, struct part *p, struct err *e) {
    for (;;) {
        const char *s = *sp;
        while (is_blank(*s) || *s == ',') s++;
        if (!*s) return 0;
        size_t n = strcspn(s, ",");
        *sp = s + n;
        while (n && is_blank(s[n - 1])) n--;
        char text[256] = "";
        if (n >= sizeof text) return bad_part(e, s, "it is too long");
        memcpy(text, s, n);
        text[n] = '\0';
        *p = (struct part){.op = OPS};
        for (int i = 0; i < OPS && p->op == OPS; i++)
            if (strncmp(text, op_words[i], strlen(op_words[i])) == 0) p->op = (enum op)i;
        if (p->op == OPS) return bad_part(e, text, "it begins with none of ~= == != <= >= < > ===");
        const char *body = text + strlen(op_words[p->op]);
        while (is_blank(*body)) body++;
        int r = parse_operand(p, body, e);
        return r < 0 ? r : 1;
    }
}

static bool has_prefix(const struct version *v, const struct version *prefix, unsigned n) {
    if (v->epoch != prefix->epoch) return false;
    for (unsigned i = 0; i < n; i++)
        if (v->release[i] != prefix->release[i]) return false;
    return true;
}

static bool is_pre(const struct version *v) { return v->pre || v->has_dev; }

static bool same_base(const struct version *a, const struct version *b) {
    return has_prefix(a, b, VERSION_RELEASE_MAX);
}

static bool equal(const struct part *p, const struct version *v, const struct version *public) {
    if (p->wild) return has_prefix(v, &p->v, p->v.n_release);
    return version_compare(p->v.local[0] ? v : public, &p->v) == 0;
}

static bool satisfies(const struct part *p, const struct version *v) {
    struct version public = *v;
    public.local[0] = '\0';
    char text[VERSION_TEXT_MAX];
    switch (p->op) {
        case OP_IDENTICAL:
            return strcasecmp(version_format(v, text), p->text) == 0;
        case OP_COMPATIBLE:
            return version_compare(&public, &p->v) >= 0 && has_prefix(v, &p->v, p->v.n_release - 1);
        case OP_EQUAL:
            return equal(p, v, &public);
        case OP_NOT_EQUAL:
            return !equal(p, v, &public);
        case OP_AT_MOST:
            return version_compare(&public, &p->v) <= 0;
        case OP_AT_LEAST:
            return version_compare(&public, &p->v) >= 0;
        case OP_BELOW:
            return version_compare(v, &p->v) < 0 && (is_pre(&p->v) || !is_pre(v) || !same_base(v, &p->v));
        case OP_ABOVE:
            if (version_compare(v, &p->v) <= 0) return false;
            if (!p->v.has_post && v->has_post && same_base(v, &p->v)) return false;
            return !(v->local[0] && same_base(v, &p->v));
        case OPS:
            break;
    }
    return false;
}

/* Does this part name a pre-release, and so admit them? */
static bool admits_pre(const struct part *p) {
    return p->valid && is_pre(&p->v) &&
           (p->op == OP_EQUAL || p->op == OP_AT_LEAST || p->op == OP_AT_MOST || p->op == OP_COMPATIBLE ||
            p->op == OP_IDENTICAL);
}

int version_range_check(const char *range, struct err *e) {
    struct part p = {0};
    int r;
    while ((r = next_part(&range, &p, e)) > 0) continue;
    return r;
}

int version_range_has(const char *range, const char *version, struct err *e) {
    struct version v;
    char q[YAMLDOC_QUOTE_MAX];
    if (version_parse(version, &v) < 0) return err_set(e, -EINVAL, "%s is not a version", yamldoc_quote(version, q));
    struct part p = {0};
    bool all = true, pre_ok = false;
    int r;
    while ((r = next_part(&range, &p, e)) > 0) {
        all = all && satisfies(&p, &v);
        pre_ok = pre_ok || admits_pre(&p);
    }
    if (r < 0) return r;
    return all && (pre_ok || !is_pre(&v));
}
