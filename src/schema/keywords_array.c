/* keywords_array.c — arrays (validation, section 6.4; core, section 10.3.1). */
#include "schema/equal.h"
#include "schema/run.h"

static int check_size(struct schema_run *r, const struct frame *f) {
    const struct array_rules *a = f->sub->array;
    uint32_t n = run_count(r, f->v);
    int rc, bad = 0;
    if (n < a->min) {
        rc = RUN_ERROR(r, f, f->v, "minItems", "expected at least %llu items, got %u", (unsigned long long)a->min, n);
        if (run_ends(r, rc, &bad)) return rc;
    }
    if (n > a->max) {
        rc = RUN_ERROR(r, f, f->v, "maxItems", "expected at most %llu items, got %u", (unsigned long long)a->max, n);
        if (run_ends(r, rc, &bad)) return rc;
    }
    return bad;
}

/* prefixItems, then items for the rest. */
static int check_items(struct schema_run *r, const struct frame *f, struct track *t) {
    const struct array_rules *a = f->sub->array;
    int rc = run_charge(r, f, f->v->count / 4), bad = 0;
    if (rc) return rc;
    uint32_t i = 0;
    const struct node *e = scan_first(r->scan, f->v);
    for (; e && i < a->prefix.n; e = scan_next(r->scan, f->v, e), i++) {
        if ((rc = run_check(r, f, a->prefix.at[i], e)) && run_ends(r, rc, &bad)) return rc;
        if (t) track_set(t, i);
    }
    if (!a->items || !e) return bad;
    for (; e; e = scan_next(r->scan, f->v, e))
        if ((rc = run_check(r, f, a->items, e)) && run_ends(r, rc, &bad)) return rc;
    if (t) track_all(t);
    return bad;
}

static int count_contained(struct schema_run *r, const struct frame *f, struct track *t, uint64_t *countp) {
    const struct array_rules *a = f->sub->array;
    bool collect = r->collect;
    uint32_t i = 0;
    int rc = 0;
    r->collect = false; /* an item that is not of the kind is no error */
    for (const struct node *e = scan_first(r->scan, f->v); e; e = scan_next(r->scan, f->v, e), i++) {
        rc = run_check(r, f, a->contains, e);
        if (rc && rc != SCHEMA_E_INVALID) break;
        if (!rc) {
            ++*countp;
            if (t)
                track_set(t, i);
            else if (*countp > a->max_contains || (*countp >= a->min_contains && a->max_contains == UINT64_MAX))
                break; /* more would not matter */
        }
        rc = 0;
    }
    r->collect = collect;
    return rc;
}

static int check_contains(struct schema_run *r, const struct frame *f, struct track *t) {
    const struct array_rules *a = f->sub->array;
    uint64_t count = 0;
    int rc = run_charge(r, f, f->v->count / 4);
    if (!rc) rc = count_contained(r, f, t, &count);
    if (rc) return rc;
    if (count < a->min_contains) {
        if (a->min_contains == 1) return RUN_ERROR(r, f, f->v, "contains", "no item is of the kind that is required");
        return RUN_ERROR(r, f, f->v, "minContains", "expected at least %llu items of the kind in 'contains', got %llu",
                         (unsigned long long)a->min_contains, (unsigned long long)count);
    }
    if (count > a->max_contains)
        return RUN_ERROR(r, f, f->v, "maxContains", "expected at most %llu items of the kind in 'contains'",
                         (unsigned long long)a->max_contains);
    return 0;
}

static uint32_t index_of(const struct schema_run *r, const struct node *array, const struct node *element) {
    uint32_t i = 0;
    for (const struct node *e = scan_first(r->scan, array); e && e != element; e = scan_next(r->scan, array, e)) i++;
    return i;
}

static int check_unique(struct schema_run *r, const struct frame *f) {
    const struct node *a, *b;
    int unique = equal_unique(r->scan, f->v, r->key, &r->scratch, &r->steps, &a, &b);
    if (unique < 0) return unique;
    int rc = run_charge(r, f, 0);
    if (rc || unique) return rc;
    if (!r->collect) return SCHEMA_E_INVALID;
    return output_error(r, f, f->v, "uniqueItems", "items %u and %u are equal", index_of(r, f->v, a),
                        index_of(r, f->v, b));
}

int array_check(struct schema_run *r, const struct frame *f, struct track *t) {
    const struct array_rules *a = f->sub->array;
    int rc, bad = 0;
    if ((a->min || a->max != UINT64_MAX) && (rc = check_size(r, f)) && run_ends(r, rc, &bad)) return rc;
    if ((a->prefix.n || a->items) && (rc = check_items(r, f, t)) && run_ends(r, rc, &bad)) return rc;
    if (a->contains && (rc = check_contains(r, f, t)) && run_ends(r, rc, &bad)) return rc;
    if (a->unique && (rc = check_unique(r, f)) && run_ends(r, rc, &bad)) return rc;
    return bad;
}

/* unevaluatedItems (core, section 11.2). */
int array_unevaluated(struct schema_run *r, const struct frame *f, struct track *t) {
    int rc = run_charge(r, f, f->v->count / 4), bad = 0;
    if (rc) return rc;
    uint32_t i = 0;
    for (const struct node *e = scan_first(r->scan, f->v); e; e = scan_next(r->scan, f->v, e), i++) {
        if (track_has(t, i)) continue;
        if ((rc = run_check(r, f, f->sub->array->unevaluated, e)) && run_ends(r, rc, &bad)) return rc;
    }
    track_all(t);
    return bad;
}
