/* compile_object.c — the keywords for objects (validation, section 6.5; core, sections 10.2.2, 10.3.2 and 11.3).
 *
 * The names of all of them share one table. Those whose presence matters get a bit each: first the required ones, then
 * what dependent* needs. */
#include <errno.h>
#include <string.h>

#include "schema/compile.h"

/* The bit of a name, given to it if it has none yet. */
static int name_bit(struct build *b, const struct node *key, uint32_t *bitp) {
    struct object_rules *o = b->object;
    size_t len;
    const char *text = document_string(b->doc, key, b->c->arena, &len);
    int64_t i = text ? names_add(&o->names, b->c->arena, text, len) : -ENOMEM;
    if (i < 0) return compile_nomem(b->c);
    struct name *n = o->names.at + i;
    if (n->bit == NO_BIT) n->bit = o->n_bits++;
    *bitp = n->bit;
    return 0;
}

static int expect_object(struct build *b, const char *keyword, const struct node *v) {
    if (v->type == NODE_OBJECT) return 0;
    return document_error(b->doc, v, b->c->e, -EINVAL, "%s must be an object", keyword);
}

static int expect_names(struct build *b, const char *keyword, const struct node *v) {
    const struct scan *s = &b->doc->scan;
    if (v->type != NODE_ARRAY)
        return document_error(b->doc, v, b->c->e, -EINVAL, "%s must be an array of names", keyword);
    for (const struct node *e = scan_first(s, v); e; e = scan_next(s, v, e))
        if (e->type != NODE_STRING)
            return document_error(b->doc, e, b->c->e, -EINVAL, "%s must hold only names (strings)", keyword);
    return 0;
}

static int compile_properties(struct build *b, const struct node *v) {
    const struct scan *s = &b->doc->scan;
    struct object_rules *o = b->object;
    int r = expect_object(b, "properties", v);
    for (const struct node *k = r ? NULL : scan_first(s, v); k && !r; k = scan_next_key(s, v, k)) {
        size_t len;
        const char *text = document_string(b->doc, k, b->c->arena, &len);
        int64_t i = text ? names_add(&o->names, b->c->arena, text, len) : -ENOMEM;
        if (i < 0) return compile_nomem(b->c);
        r = compile_sub(b->c, b->doc, k + 1, &o->names.at[i].sub);
    }
    return r;
}

static int compile_pattern_properties(struct build *b, const struct node *v) {
    const struct scan *s = &b->doc->scan;
    int r = expect_object(b, "patternProperties", v);
    if (r) return r;
    struct pattern_property *p = arena_zero(b->c->arena, v->count, sizeof *p);
    if (!p) return compile_nomem(b->c);
    b->object->pattern = p;
    for (const struct node *k = scan_first(s, v); k && !r; k = scan_next_key(s, v, k), p++) {
        r = compile_pattern(b, k, &p->pattern);
        if (!r) r = compile_sub(b->c, b->doc, k + 1, &p->sub);
        if (!r) b->object->n_pattern++;
    }
    return r;
}

static int fill_needs(struct build *b, const struct node *v, struct dependent *d) {
    const struct scan *s = &b->doc->scan;
    uint32_t n = 0;
    for (const struct node *e = scan_first(s, v); e; e = scan_next(s, v, e)) n++;
    uint32_t *needs = arena_zero(b->c->arena, n, sizeof *needs);
    if (!needs) return compile_nomem(b->c);
    d->needs = needs;
    int r = 0;
    for (const struct node *e = scan_first(s, v); e && !r; e = scan_next(s, v, e))
        r = name_bit(b, e, &needs[d->n_needs++]);
    return r;
}

/* dependentRequired, dependentSchemas, and dependencies, which was both. Run after `required` has its bits. */
static int add_dependents(struct build *b, const char *keyword, const struct node *v, bool old) {
    const struct scan *s = &b->doc->scan;
    struct object_rules *o = b->object;
    struct dependent *all = arena_zero(b->c->arena, o->n_dependent + (size_t)v->count, sizeof *all);
    if (!all) return compile_nomem(b->c);
    if (o->n_dependent) memcpy(all, o->dependent, o->n_dependent * sizeof *all);
    o->dependent = all;
    int r = 0;
    for (const struct node *k = scan_first(s, v); k && !r; k = scan_next_key(s, v, k)) {
        struct dependent *d = all + o->n_dependent;
        bool names = keyword_find(s, v - 1) == KEYWORD_DEPENDENT_REQUIRED || (old && k[1].type == NODE_ARRAY);
        d->old = old;
        r = name_bit(b, k, &d->bit);
        if (!r && names) r = expect_names(b, keyword, k + 1);
        if (!r) r = names ? fill_needs(b, k + 1, d) : compile_sub(b->c, b->doc, k + 1, &d->sub);
        if (!r) o->n_dependent++;
    }
    return r;
}

static int add_required(struct build *b, const struct node *v) {
    const struct scan *s = &b->doc->scan;
    int r = 0;
    uint32_t ignored;
    for (const struct node *e = scan_first(s, v); e && !r; e = scan_next(s, v, e)) r = name_bit(b, e, &ignored);
    b->object->n_required = b->object->n_bits;
    return r;
}

int compile_object(struct build *b, enum keyword_id id, const struct node *v) {
    const char *name = keyword_info(id)->name;
    struct object_rules *o = build_object(b);
    if (!o) return compile_nomem(b->c);
    switch (id) {
        case KEYWORD_ADDITIONAL_PROPERTIES:
            return compile_sub(b->c, b->doc, v, &o->additional);
        case KEYWORD_PROPERTIES:
            return compile_properties(b, v);
        case KEYWORD_PATTERN_PROPERTIES:
            return compile_pattern_properties(b, v);
        case KEYWORD_DEPENDENT_SCHEMAS:
        case KEYWORD_DEPENDENCIES:
        case KEYWORD_DEPENDENT_REQUIRED:
            return expect_object(b, name, v); /* compiled in compile_object_end() */
        case KEYWORD_PROPERTY_NAMES:
            return compile_sub(b->c, b->doc, v, &o->property_names);
        case KEYWORD_UNEVALUATED_PROPERTIES:
            b->sub->unevaluated_properties = true;
            return compile_sub(b->c, b->doc, v, &o->unevaluated);
        case KEYWORD_MAX_PROPERTIES:
            return compile_count(b, name, v, &o->max);
        case KEYWORD_MIN_PROPERTIES:
            return compile_count(b, name, v, &o->min);
        case KEYWORD_REQUIRED:
            return expect_names(b, name, v);
        default:
            return 0;
    }
}

static const struct node *keyword_value(const struct build *b, enum keyword_id id) {
    if (!(keyword_info(id)->vocab & b->vocab)) return NULL;
    return scan_get(&b->doc->scan, b->node, keyword_info(id)->name);
}

int compile_object_end(struct build *b) {
    struct object_rules *o = b->object;
    static const enum keyword_id dependents[] = {KEYWORD_DEPENDENT_REQUIRED, KEYWORD_DEPENDENT_SCHEMAS,
                                                 KEYWORD_DEPENDENCIES};
    const struct node *v = keyword_value(b, KEYWORD_REQUIRED);
    int r = v ? add_required(b, v) : 0;
    for (size_t i = 0; i < sizeof dependents / sizeof *dependents && !r; i++) {
        v = keyword_value(b, dependents[i]);
        if (v) r = add_dependents(b, keyword_info(dependents[i])->name, v, dependents[i] == KEYWORD_DEPENDENCIES);
    }
    if (r) return r;
    if (names_finish(&o->names, b->c->arena)) return compile_nomem(b->c);
    uint32_t *name = arena_zero(b->c->arena, o->n_bits, sizeof *name);
    if (!name) return compile_nomem(b->c);
    for (uint32_t i = 0; i < o->names.n; i++)
        if (o->names.at[i].bit != NO_BIT) name[o->names.at[i].bit] = i;
    o->name = name;
    o->members = o->names.n || o->n_pattern || o->additional || o->property_names;
    return 0;
}
