/* keywords_applicator.c — $ref, $dynamicRef, allOf, anyOf, oneOf, not, if (core, sections 8.2.3 and 10.2). */
#include <errno.h>

#include "schema/run.h"

/* Evaluate something that may fail without harm: nothing is collected, and what it evaluated counts only if it did not
 * fail. */
static int attempt(struct schema_run *r, const struct frame *f, const struct sub *s, struct track *t) {
    struct arena_mark mark = arena_mark(&r->scratch);
    struct track own;
    int rc = t ? track_new(r, t->n, &own) : 0;
    if (!rc && t) rc = run_charge(r, f, t->n / 256);
    if (rc) return rc;
    bool collect = r->collect;
    r->collect = false;
    rc = run_sub(r, f, VIA_KEYWORD, s, f->v, t ? &own : NULL);
    r->collect = collect;
    if (!rc && t) track_or(t, &own);
    arena_release(&r->scratch, mark);
    return rc;
}

/* All of them have failed: say so, then why each did. */
static int explain_all(struct schema_run *r, const struct frame *f, const struct subs *all, const char *keyword) {
    if (!r->collect) return SCHEMA_E_INVALID;
    int rc = output_error(r, f, f->v, keyword, "none of the %u schemas in %s accepts this", all->n, keyword);
    for (uint32_t i = 0; i < all->n && rc == SCHEMA_E_INVALID; i++)
        rc = run_sub(r, f, VIA_KEYWORD, all->at[i], f->v, NULL);
    return rc ? rc : SCHEMA_E_INVALID;
}

static int check_all(struct schema_run *r, const struct frame *f, const struct subs *all, struct track *t) {
    int rc, bad = 0;
    for (uint32_t i = 0; i < all->n; i++)
        if ((rc = run_sub(r, f, VIA_KEYWORD, all->at[i], f->v, t)) && run_ends(r, rc, &bad)) return rc;
    return bad;
}

static int check_any(struct schema_run *r, const struct frame *f, const struct subs *any, struct track *t) {
    bool found = false;
    for (uint32_t i = 0; i < any->n && (!found || t); i++) { /* where it is tracked, all have their say */
        int rc = attempt(r, f, any->at[i], t);
        if (rc && rc != SCHEMA_E_INVALID) return rc;
        found |= !rc;
    }
    int rc = run_charge(r, f, any->n / 4);
    return rc || found ? rc : explain_all(r, f, any, "anyOf");
}

static int check_one(struct schema_run *r, const struct frame *f, const struct subs *one, struct track *t) {
    uint32_t first = 0, found = 0;
    for (uint32_t i = 0; i < one->n; i++) {
        int rc = attempt(r, f, one->at[i], t);
        if (rc && rc != SCHEMA_E_INVALID) return rc;
        if (rc) continue;
        if (found++)
            return RUN_ERROR(r, f, f->v, "oneOf", "more than one schema in oneOf accepts this (%u and %u)", first, i);
        first = i;
    }
    int rc = run_charge(r, f, one->n / 4);
    return rc || found ? rc : explain_all(r, f, one, "oneOf");
}

static int check_not(struct schema_run *r, const struct frame *f, const struct sub *s) {
    int rc = attempt(r, f, s, NULL);
    if (rc) return rc == SCHEMA_E_INVALID ? 0 : rc;
    return RUN_ERROR(r, f, f->v, "not", "this is what 'not' forbids");
}

static int check_if(struct schema_run *r, const struct frame *f, struct track *t) {
    const struct apply_rules *a = f->sub->apply;
    int rc = attempt(r, f, a->if_, t);
    if (rc && rc != SCHEMA_E_INVALID) return rc;
    const struct sub *next = rc ? a->else_ : a->then_;
    return next ? run_sub(r, f, VIA_KEYWORD, next, f->v, t) : 0;
}

/* The outermost resource in the dynamic scope that has the anchor (core, section 8.2.3.2). */
static const struct sub *dynamic_target(const struct apply_rules *a, const struct frame *f) {
    const struct sub *found = a->dynamic_ref;
    const struct dynamic *d = a->dynamic;
    if (!d) return found;
    for (; f; f = f->up) {
        uint32_t id = f->sub->resource->id;
        if (id < d->n && d->by_resource[id]) found = d->by_resource[id];
    }
    return found;
}

int apply_check(struct schema_run *r, const struct frame *f, struct track *t) {
    const struct apply_rules *a = f->sub->apply;
    int rc, bad = 0;
    if (a->ref && (rc = run_sub(r, f, VIA_REF, a->ref, f->v, t)) && run_ends(r, rc, &bad)) return rc;
    if (a->dynamic_ref) {
        if ((rc = run_charge(r, f, f->depth / 16))) return rc;
        rc = run_sub(r, f, VIA_DYNAMIC_REF, dynamic_target(a, f), f->v, t);
        if (rc && run_ends(r, rc, &bad)) return rc;
    }
    if (a->all_of.n && (rc = check_all(r, f, &a->all_of, t)) && run_ends(r, rc, &bad)) return rc;
    if (a->any_of.n && (rc = check_any(r, f, &a->any_of, t)) && run_ends(r, rc, &bad)) return rc;
    if (a->one_of.n && (rc = check_one(r, f, &a->one_of, t)) && run_ends(r, rc, &bad)) return rc;
    if (a->not_ && (rc = check_not(r, f, a->not_)) && run_ends(r, rc, &bad)) return rc;
    if (a->if_ && (rc = check_if(r, f, t)) && run_ends(r, rc, &bad)) return rc;
    return bad;
}
