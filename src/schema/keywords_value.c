/* keywords_value.c — enum, const, numbers and strings (validation, sections 6.1 to 6.3, and format, section 7). */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "json/text.h"
#include "schema/equal.h"
#include "schema/format.h"
#include "schema/pattern.h"
#include "schema/run.h"

#define SHOWN 60 /* bytes of a value in a sentence */

static int shown(const struct node *n) { return (int)(n->len > SHOWN ? SHOWN : n->len); }

/* ---- enum, const ---- */

static int in_enum(struct schema_run *r, const struct frame *f, bool *yesp) {
    const struct value_rules *v = f->sub->value;
    if (f->v->type == NODE_STRING) {
        const char *p;
        size_t len;
        int rc = run_text(r, f->v, &p, &len);
        *yesp = !rc && names_find(&v->strings, p, len, p + len);
        return rc;
    }
    for (uint32_t i = 0; i < v->n_list; i++) {
        int same = equal_values(v->list[i].scan, v->list[i].node, r->scan, f->v, &r->scratch, &r->steps);
        if (same < 0) return same;
        if (same) {
            *yesp = true;
            return run_charge(r, f, 0);
        }
    }
    *yesp = false;
    return run_charge(r, f, v->n_list / 8);
}

static int enum_error(struct schema_run *r, const struct frame *f) {
    const struct value_rules *v = f->sub->value;
    char text[240];
    size_t len = 0;
    uint32_t i = 0;
    for (; i < v->strings.n && len < sizeof text - 80 && i < 8; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s\"%.*s\"", i ? ", " : "",
                                (int)(v->strings.at[i].len > 40 ? 40 : v->strings.at[i].len), v->strings.at[i].p);
    if (!i || i < v->strings.n || v->n_list)
        return output_error(r, f, f->v, "enum", "not one of the %u allowed values", v->strings.n + v->n_list);
    return output_error(r, f, f->v, "enum", "expected one of %s", text);
}

int value_check(struct schema_run *r, const struct frame *f) {
    const struct value_rules *v = f->sub->value;
    int rc, bad = 0;
    if (v->has_enum) {
        bool yes;
        if ((rc = in_enum(r, f, &yes))) return rc;
        if (!yes) {
            rc = r->collect ? enum_error(r, f) : SCHEMA_E_INVALID;
            if (run_ends(r, rc, &bad)) return rc;
        }
    }
    if (!v->constant) return bad;
    int same = equal_values(v->constant->scan, v->constant->node, r->scan, f->v, &r->scratch, &r->steps);
    if (same < 0) return same;
    if ((rc = run_charge(r, f, 0))) return rc;
    if (same) return bad;
    const struct scan *s = v->constant->scan;
    const struct node *n = v->constant->node;
    if (n->type == NODE_ARRAY || n->type == NODE_OBJECT)
        return RUN_ERROR(r, f, f->v, "const", "not the required value");
    bool string = n->type == NODE_STRING;
    return RUN_ERROR(r, f, f->v, "const", "expected %.*s", shown(n) + 2 * string, scan_ptr(s, n) - string);
}

/* ---- numbers ---- */

/* Is the value beyond what a double can hold? Then it is refused (DESIGN, section 3). */
static bool out_of_range(const struct scan *s, const struct node *n) {
    if (n->len < 300 &&
        ((n->flags & NODE_INTEGER) || (!memchr(scan_ptr(s, n), 'e', n->len) && !memchr(scan_ptr(s, n), 'E', n->len))))
        return false;
    double v;
    return number_to_double(number_of(s, n), &v) != 0;
}

/* -1, 0, 1; integers of up to 18 digits without looking at texts. */
static inline int compare(const struct scan *s, const struct node *n, const struct limit *l) {
    if (l->is_small && (n->flags & NODE_INTEGER) && n->len <= 18) {
        const char *p = scan_ptr(s, n), *end = p + n->len;
        bool negative = *p == '-';
        int64_t v = 0;
        for (p += negative; p < end; p++) v = v * 10 + (*p - '0');
        if (negative) v = -v;
        return v < l->small ? -1 : v > l->small;
    }
    return number_compare(number_of(s, n), l->number);
}

static int limit_error(struct schema_run *r, const struct frame *f, int which) {
    static const struct {
        const char *keyword, *words;
    } names[] = {[LIMIT_MINIMUM] = {"minimum", "at least"},
                 [LIMIT_MAXIMUM] = {"maximum", "at most"},
                 [LIMIT_ABOVE] = {"exclusiveMinimum", "greater than"},
                 [LIMIT_BELOW] = {"exclusiveMaximum", "less than"},
                 [LIMIT_MULTIPLE] = {"multipleOf", "a multiple of"}};
    struct number n = f->sub->number->limit[which].number;
    return output_error(r, f, f->v, names[which].keyword, "must be %s %.*s, got %.*s", names[which].words,
                        (int)(n.len > SHOWN ? SHOWN : n.len), n.p, shown(f->v), scan_ptr(r->scan, f->v));
}

int number_check(struct schema_run *r, const struct frame *f) {
    const struct number_rules *n = f->sub->number;
    const struct scan *s = r->scan;
    const struct node *v = f->v;
    int rc, bad = 0;
    if (v->len > 64 && (rc = run_charge(r, f, v->len / 2))) return rc;
    if (out_of_range(s, v))
        return run_stop(r, f, SCHEMA_E_NUMBER_RANGE, "the number %.*s is beyond the range of a double", shown(v),
                        scan_ptr(s, v));
    for (int i = 0; i < LIMITS; i++) {
        if (!(n->set & 1u << i)) continue;
        const struct limit *l = n->limit + i;
        bool ok = true;
        if (i == LIMIT_MINIMUM && l->number.len == 1 && *l->number.p == '0' && *scan_ptr(s, v) != '-')
            continue; /* "minimum": 0 and no sign */
        int order = i == LIMIT_MULTIPLE ? 0 : compare(s, v, l);
        if (i == LIMIT_MINIMUM) ok = order >= 0;
        if (i == LIMIT_MAXIMUM) ok = order <= 0;
        if (i == LIMIT_ABOVE) ok = order > 0;
        if (i == LIMIT_BELOW) ok = order < 0;
        if (i == LIMIT_MULTIPLE) (void)number_is_multiple(number_of(s, v), l->number, &ok); /* checked at compilation */
        if (ok) continue;
        rc = r->collect ? limit_error(r, f, i) : SCHEMA_E_INVALID;
        if (run_ends(r, rc, &bad)) return rc;
    }
    return bad;
}

/* ---- strings ---- */

static int check_length(struct schema_run *r, const struct frame *f) {
    const struct string_rules *s = f->sub->string;
    int rc, bad = 0;
    /* a character is 1 to 4 bytes, in escapes up to 12 */
    uint64_t bytes = f->v->len, most = f->v->flags & NODE_ESCAPED ? 12 : 4;
    if (bytes <= s->max && (bytes + most - 1) / most >= s->min) return 0;
    if ((rc = run_charge(r, f, bytes / 256))) return rc;
    uint64_t n = text_count(r->scan, f->v);
    if (n < s->min) {
        rc = n ? RUN_ERROR(r, f, f->v, "minLength", "expected at least %llu characters, got %llu",
                           (unsigned long long)s->min, (unsigned long long)n)
               : RUN_ERROR(r, f, f->v, "minLength", "must not be empty");
        if (run_ends(r, rc, &bad)) return rc;
    }
    if (n > s->max) {
        rc = RUN_ERROR(r, f, f->v, "maxLength", "expected at most %llu characters, got %llu",
                       (unsigned long long)s->max, (unsigned long long)n);
        if (run_ends(r, rc, &bad)) return rc;
    }
    return bad;
}

int string_search(struct schema_run *r, const struct frame *f, const struct pattern *p, const struct node *n) {
    const char *text;
    size_t len;
    int rc = run_charge(r, f, 1 + n->len / 256);
    if (!rc) rc = run_text(r, n, &text, &len);
    if (!rc && !r->pattern && !(r->pattern = pattern_run_new())) rc = -ENOMEM;
    if (rc) return rc;
    rc = pattern_search(p, r->pattern, text, len);
    if (rc != PATTERN_E_LIMIT) return rc;
    return run_stop(r, f, SCHEMA_E_TOO_COMPLEX, "the pattern \"%.200s\" takes too long on this value", pattern_text(p));
}

static int check_format(struct schema_run *r, const struct frame *f) {
    const struct string_rules *s = f->sub->string;
    const char *text;
    size_t len;
    int rc = run_charge(r, f, 1 + f->v->len / 64);
    if (!rc) rc = run_text(r, f->v, &text, &len);
    if (!rc) rc = format_check(s->format, text, len);
    if (rc < 0) return rc;
    if (rc) return 0;
    return RUN_ERROR(r, f, f->v, "format", "not a valid %s", format_name(s->format));
}

int string_check(struct schema_run *r, const struct frame *f) {
    const struct string_rules *s = f->sub->string;
    int rc, bad = 0;
    if ((rc = check_length(r, f)) && run_ends(r, rc, &bad)) return rc;
    if (s->pattern) {
        rc = string_search(r, f, s->pattern, f->v);
        if (rc == PATTERN_NO_MATCH)
            rc = RUN_ERROR(r, f, f->v, "pattern", "does not match the pattern \"%.200s\"", pattern_text(s->pattern));
        else if (rc == PATTERN_MATCH)
            rc = 0;
        if (rc && run_ends(r, rc, &bad)) return rc;
    }
    if (s->format && (rc = check_format(r, f)) && run_ends(r, rc, &bad)) return rc;
    return bad;
}
