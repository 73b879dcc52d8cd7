/* keywords_object.c — objects (validation, section 6.5; core, section 10.3.2), all members in one pass. */
#include <errno.h>

#include "json/text.h"
#include "schema/pattern.h"
#include "schema/run.h"

/* Which of the names that matter are there. */
struct seen {
    uint64_t word;  /* when there are no more than 64 */
    uint64_t *bits; /* otherwise */
};

static inline bool seen_has(const struct seen *s, uint32_t bit) {
    return (s->bits ? s->bits[bit / 64] : s->word) >> (bit % 64) & 1;
}

static inline void seen_set(struct seen *s, uint32_t bit) {
    if (s->bits)
        s->bits[bit / 64] |= UINT64_C(1) << (bit % 64);
    else
        s->word |= UINT64_C(1) << bit;
}

static inline int find_name(struct schema_run *r, const struct names *t, const struct node *key,
                            const struct name **np) {
    if (__builtin_expect(!(key->flags & NODE_ESCAPED), 1)) {
        *np = names_find(t, scan_ptr(r->scan, key), key->len, r->scan->text + r->scan->len);
        return 0;
    }
    const char *p;
    size_t len;
    int rc = run_text(r, key, &p, &len);
    *np = rc ? NULL : names_find(t, p, len, p + len);
    return rc;
}

/* patternProperties: every pattern that matches has its say. */
static int match_patterns(struct schema_run *r, const struct frame *f, const struct node *key, bool *evaluatedp) {
    const struct object_rules *o = f->sub->object;
    int rc, bad = 0;
    for (uint32_t i = 0; i < o->n_pattern; i++) {
        rc = string_search(r, f, o->pattern[i].pattern, key);
        if (rc == PATTERN_NO_MATCH) continue;
        if (rc != PATTERN_MATCH) return rc;
        *evaluatedp = true;
        if ((rc = run_check(r, f, o->pattern[i].sub, key + 1)) && run_ends(r, rc, &bad)) return rc;
    }
    return bad;
}

static int check_member(struct schema_run *r, const struct frame *f, const struct node *key, struct seen *seen,
                        bool *evaluatedp) {
    const struct object_rules *o = f->sub->object;
    const struct name *name;
    int rc, bad = 0;
    if ((rc = find_name(r, &o->names, key, &name))) return rc;
    if (name) {
        if (name->bit != NO_BIT) seen_set(seen, name->bit);
        if (name->sub) {
            *evaluatedp = true;
            if ((rc = run_check(r, f, name->sub, key + 1)) && run_ends(r, rc, &bad)) return rc;
        }
    }
    if (o->n_pattern && (rc = match_patterns(r, f, key, evaluatedp)) && run_ends(r, rc, &bad)) return rc;
    if (o->additional && !*evaluatedp) {
        *evaluatedp = true;
        if ((rc = run_check(r, f, o->additional, key + 1)) && run_ends(r, rc, &bad)) return rc;
    }
    if (o->property_names && (rc = run_check(r, f, o->property_names, key)) && run_ends(r, rc, &bad)) return rc;
    return bad;
}

static int check_members(struct schema_run *r, const struct frame *f, struct seen *seen, struct track *t) {
    int rc = run_charge(r, f, f->v->count / 4), bad = 0;
    if (rc) return rc;
    uint32_t i = 0;
    for (const struct node *k = scan_first(r->scan, f->v); k; k = scan_next_key(r->scan, f->v, k), i++) {
        bool evaluated = false;
        if ((rc = check_member(r, f, k, seen, &evaluated)) && run_ends(r, rc, &bad)) return rc;
        if (t && evaluated) track_set(t, i);
    }
    return bad;
}

static const char *quote_name(const struct name *n, char out[QUOTE_MAX]) {
    size_t len = 0;
    for (; len < n->len && len < QUOTE_MAX - 1; len++)
        out[len] = (char)((unsigned char)n->p[len] < 0x20 || n->p[len] == 0x7F ? '?' : n->p[len]);
    out[len] = 0;
    return out;
}

static int check_required(struct schema_run *r, const struct frame *f, const struct seen *seen) {
    const struct object_rules *o = f->sub->object;
    char quote[QUOTE_MAX];
    int rc, bad = 0;
    if (!seen->bits) {
        uint64_t all = o->n_required == 64 ? UINT64_MAX : (UINT64_C(1) << o->n_required) - 1;
        if (__builtin_expect((seen->word & all) == all, 1)) return 0;
        if (!r->collect) return SCHEMA_E_INVALID;
    }
    for (uint32_t i = 0; i < o->n_required; i++) {
        if (seen_has(seen, i)) continue;
        rc = RUN_ERROR(r, f, f->v, "required", "missing required property '%s'",
                       quote_name(o->names.at + o->name[i], quote));
        if (run_ends(r, rc, &bad)) return rc;
    }
    return bad;
}

static int check_needs(struct schema_run *r, const struct frame *f, const struct dependent *d,
                       const struct seen *seen) {
    const struct object_rules *o = f->sub->object;
    char need[QUOTE_MAX], given[QUOTE_MAX];
    int rc, bad = 0;
    for (uint32_t i = 0; i < d->n_needs; i++) {
        if (seen_has(seen, d->needs[i])) continue;
        rc = RUN_ERROR(
            r, f, f->v, d->old ? "dependencies" : "dependentRequired", "missing property '%s', which '%s' requires",
            quote_name(o->names.at + o->name[d->needs[i]], need), quote_name(o->names.at + o->name[d->bit], given));
        if (run_ends(r, rc, &bad)) return rc;
    }
    return bad;
}

static int check_dependents(struct schema_run *r, const struct frame *f, const struct seen *seen, struct track *t) {
    const struct object_rules *o = f->sub->object;
    int rc = run_charge(r, f, o->n_dependent / 8), bad = 0;
    if (rc) return rc;
    for (uint32_t i = 0; i < o->n_dependent; i++) {
        const struct dependent *d = o->dependent + i;
        if (!seen_has(seen, d->bit)) continue;
        if (d->n_needs && (rc = check_needs(r, f, d, seen)) && run_ends(r, rc, &bad)) return rc;
        if (d->sub && (rc = run_sub(r, f, VIA_KEYWORD, d->sub, f->v, t)) && run_ends(r, rc, &bad)) return rc;
    }
    return bad;
}

static int check_size(struct schema_run *r, const struct frame *f) {
    const struct object_rules *o = f->sub->object;
    uint32_t n = run_count(r, f->v);
    int rc, bad = 0;
    if (n < o->min) {
        rc = RUN_ERROR(r, f, f->v, "minProperties", "expected at least %llu properties, got %u",
                       (unsigned long long)o->min, n);
        if (run_ends(r, rc, &bad)) return rc;
    }
    if (n > o->max) {
        rc = RUN_ERROR(r, f, f->v, "maxProperties", "expected at most %llu properties, got %u",
                       (unsigned long long)o->max, n);
        if (run_ends(r, rc, &bad)) return rc;
    }
    return bad;
}

int object_check(struct schema_run *r, const struct frame *f, struct track *t) {
    const struct object_rules *o = f->sub->object;
    struct seen seen = {0};
    int rc, bad = 0;
    if ((o->min || o->max != UINT64_MAX) && (rc = check_size(r, f)) && run_ends(r, rc, &bad)) return rc;
    if (!o->members) return bad;
    struct arena_mark mark = arena_mark(&r->scratch);
    if (o->n_bits > 64) {
        seen.bits = arena_zero(&r->scratch, o->n_bits / 64 + 1, sizeof *seen.bits);
        if (!seen.bits) return -ENOMEM;
        if ((rc = run_charge(r, f, o->n_bits / 16))) return rc;
    }
    rc = check_members(r, f, &seen, t);
    if (rc && !run_ends(r, rc, &bad)) rc = 0;
    if (!rc && o->n_required) {
        rc = check_required(r, f, &seen);
        if (rc && !run_ends(r, rc, &bad)) rc = 0;
    }
    if (!rc && o->n_dependent) {
        rc = check_dependents(r, f, &seen, t);
        if (rc && !run_ends(r, rc, &bad)) rc = 0;
    }
    arena_release(&r->scratch, mark);
    return rc ? rc : bad;
}

/* unevaluatedProperties (core, section 11.3). */
int object_unevaluated(struct schema_run *r, const struct frame *f, struct track *t) {
    int rc = run_charge(r, f, f->v->count / 4), bad = 0;
    if (rc) return rc;
    uint32_t i = 0;
    for (const struct node *k = scan_first(r->scan, f->v); k; k = scan_next_key(r->scan, f->v, k), i++) {
        if (track_has(t, i)) continue;
        if ((rc = run_check(r, f, f->sub->object->unevaluated, k + 1)) && run_ends(r, rc, &bad)) return rc;
    }
    track_all(t);
    return bad;
}
