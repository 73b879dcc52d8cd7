/* run.c — the evaluation's frame: types, order of keywords, tracking, limits. */
#include "schema/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "json/text.h"
#include "schema/pattern.h"

#define SCRATCH_KEPT ((size_t)1 << 20)

struct schema_run *schema_run_new(void) {
    struct schema_run *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    if (getrandom(r->key, sizeof r->key, GRND_NONBLOCK) < 0) r->key[0] = (uintptr_t)r;
    return r;
}

struct schema_run *schema_run_free(struct schema_run *r) {
    if (!r) return NULL;
    pattern_run_free(r->pattern);
    arena_deinit(&r->scratch);
    buf_deinit(&r->text);
    buf_deinit(&r->texts);
    buf_deinit(&r->why);
    free(r);
    return NULL;
}

/* ---- helpers ---- */

int run_too_complex(struct schema_run *r, const struct frame *f, const char *why) {
    return run_stop(r, f, SCHEMA_E_TOO_COMPLEX, "%s", why);
}

int run_text(struct schema_run *r, const struct node *n, const char **pp, size_t *lenp) {
    if (!(n->flags & NODE_ESCAPED)) {
        *pp = scan_ptr(r->scan, n);
        *lenp = n->len;
        return 0;
    }
    buf_clear(&r->text);
    int rc = text_unescape(r->scan, n, TEXT_LONE_KEEP, &r->text);
    *pp = buf_data(&r->text);
    *lenp = r->text.len;
    return rc;
}

uint32_t run_count(const struct schema_run *r, const struct node *v) {
    if (v->count < 0xFFFFFF) return v->count;
    uint32_t n = 0;
    if (v->type == NODE_OBJECT)
        for (const struct node *k = scan_first(r->scan, v); k; k = scan_next_key(r->scan, v, k)) n++;
    else
        for (const struct node *e = scan_first(r->scan, v); e; e = scan_next(r->scan, v, e)) n++;
    return n;
}

int track_new(struct schema_run *r, uint32_t n, struct track *t) {
    t->bits = arena_zero(&r->scratch, n / 64 + 1, sizeof *t->bits);
    t->n = n;
    return t->bits ? 0 : -ENOMEM;
}

void track_or(struct track *into, const struct track *from) {
    for (uint32_t i = 0; i <= into->n / 64; i++) into->bits[i] |= from->bits[i];
}

void track_all(struct track *t) { memset(t->bits, 0xFF, (t->n / 64 + (size_t)1) * sizeof *t->bits); }

/* ---- types ---- */

/* `false` says no to whatever is there: name it. */
static int refused(struct schema_run *r, const struct frame *f) {
    const struct frame *g = f->up;
    char quote[QUOTE_MAX];
    while (g && g->v == f->v) g = g->up;
    if (g && g->v->type == NODE_ARRAY) return output_error(r, f, f->v, "", "this item is not allowed");
    if (g && g->v->type == NODE_OBJECT)
        for (const struct node *k = scan_first(r->scan, g->v); k; k = scan_next_key(r->scan, g->v, k))
            if (k == f->v || k + 1 == f->v)
                return output_error(r, f, f->v, "", "property '%s' is not allowed", scan_quote(r->scan, k, quote));
    return output_error(r, f, f->v, "", "nothing is allowed here");
}

static int type_error(struct schema_run *r, const struct frame *f) {
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{TYPE_BIT(NODE_NULL), "null"},       {TYPE_BIT(NODE_TRUE), "a boolean"},
                 {TYPE_BIT(NODE_NUMBER), "a number"}, {TYPE_INTEGER, "an integer"},
                 {TYPE_BIT(NODE_STRING), "a string"}, {TYPE_BIT(NODE_ARRAY), "an array"},
                 {TYPE_BIT(NODE_OBJECT), "an object"}};
    char text[128];
    size_t len = 0;
    unsigned types = f->sub->types & ~TYPE_BIT(NODE_FALSE); /* comes with NODE_TRUE */
    if (!types) return refused(r, f);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(types & names[i].bit)) continue;
        types &= ~names[i].bit;
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s",
                                !len    ? ""
                                : types ? ", "
                                        : " or ",
                                names[i].name);
    }
    return output_error(
        r, f, f->v, "type", "expected %s, got %s", text,
        (f->sub->types & TYPE_INTEGER) && f->v->type == NODE_NUMBER ? "a number with a fraction" : output_type(f->v));
}

static bool is_integer(const struct schema_run *r, const struct node *v) {
    return (v->flags & NODE_INTEGER) || number_is_integer(number_of(r->scan, v));
}

/* ---- evaluation ---- */

static int rules_check(struct schema_run *r, const struct frame *f, struct track *t) {
    const struct sub *s = f->sub;
    int rc, bad = 0;
    if (s->value && (rc = value_check(r, f)) && run_ends(r, rc, &bad)) return rc;
    switch ((enum node_type)f->v->type) {
        case NODE_NUMBER:
            if (s->number && (rc = number_check(r, f)) && run_ends(r, rc, &bad)) return rc;
            break;
        case NODE_STRING:
            if (s->string && (rc = string_check(r, f)) && run_ends(r, rc, &bad)) return rc;
            break;
        case NODE_OBJECT:
            if (s->object && (rc = object_check(r, f, t)) && run_ends(r, rc, &bad)) return rc;
            break;
        case NODE_ARRAY:
            if (s->array && (rc = array_check(r, f, t)) && run_ends(r, rc, &bad)) return rc;
            break;
        case NODE_NULL:
        case NODE_FALSE:
        case NODE_TRUE:
            break;
    }
    if (s->apply && (rc = apply_check(r, f, t)) && run_ends(r, rc, &bad)) return rc;
    return bad;
}

/* unevaluated* looks at what its neighbours here evaluated, and what they led to; not at what is around (core, section
 * 11). So it gets a track of its own, which is then added to the one outside. */
static int tracked_check(struct schema_run *r, const struct frame *f, struct track *outer) {
    struct arena_mark mark = arena_mark(&r->scratch);
    struct track t;
    int rc = track_new(r, run_count(r, f->v), &t), bad = 0;
    if (!rc && !(rc = run_charge(r, f, 1 + t.n / 256))) {
        rc = rules_check(r, f, &t);
        if (rc && !run_ends(r, rc, &bad)) rc = 0;
    }
    /* after an error it would only repeat what is wrong anyway */
    if (!rc && !bad) rc = f->v->type == NODE_OBJECT ? object_unevaluated(r, f, &t) : array_unevaluated(r, f, &t);
    if (!rc && !bad && outer) track_or(outer, &t);
    arena_release(&r->scratch, mark);
    return rc ? rc : bad;
}

int run_sub(struct schema_run *r, const struct frame *up, enum via via, const struct sub *s, const struct node *v,
            struct track *t) {
    const struct frame f = {.up = up, .sub = s, .v = v, .via = via, .depth = up ? up->depth + 1 : 0};
    unsigned bit = TYPE_BIT(v->type);
    int rc, bad = 0;
    if (!(s->types & bit) && !(v->type == NODE_NUMBER && (s->types & TYPE_INTEGER) && is_integer(r, v))) {
        if (!r->collect) return SCHEMA_E_INVALID;
        if ((rc = type_error(r, &f)) && run_ends(r, rc, &bad)) return rc;
    }
    if (!(s->work & bit)) return bad;
    if (f.depth >= RUN_DEPTH) return run_too_complex(r, &f, "this schema refers to itself too deeply on this value");
    if ((rc = run_charge(r, &f, 1))) return rc;
    if ((v->type == NODE_OBJECT && s->unevaluated_properties) || (v->type == NODE_ARRAY && s->unevaluated_items))
        rc = tracked_check(r, &f, t);
    else
        rc = rules_check(r, &f, t);
    return rc ? rc : bad;
}

/* ---- the public verbs ---- */

static int64_t budget(const struct schema *s, const struct schema_run *r) {
    if (s->max_steps) return s->max_steps;
    return RUN_STEPS + 2 * (int64_t)(r->instance->next - (uint32_t)(r->instance - r->scan->nodes));
}

static int run_pass(struct schema_run *r, bool collect, unsigned max_units) {
    r->collect = collect;
    r->n_units = 0;
    r->max_units = max_units;
    r->steps = budget(r->schema, r);
    arena_release(&r->scratch, (struct arena_mark){0});
    pattern_run_begin(r->pattern);
    return run_sub(r, NULL, VIA_KEYWORD, r->schema->root, r->instance, NULL);
}

/* The second pass: it may end at a limit that the first did not come to; then what it has found is told. */
static int run_explain(struct schema_run *r, struct buf *errors) {
    int rc = run_pass(r, true, errors ? OUTPUT_MAX : 1);
    if (rc < 0) return rc;
    buf_clear(&r->why);
    if (!r->n_units) {
        const struct frame f = {.sub = r->schema->root, .v = r->instance};
        if ((rc = output_error(r, &f, f.v, "", "not valid")) < 0) return rc;
    }
    rc = buf_put(&r->why, buf_data(&r->texts) + r->unit[0].why, r->unit[0].why_len);
    if (!rc) rc = buf_put(&r->why, "", 1);
    return !rc && errors ? output_write(r, errors) : rc;
}

int schema_validate(const struct schema *s, struct schema_run *r, const struct scan *scan, const struct node *instance,
                    struct buf *errors) {
    r->schema = s;
    r->scan = scan;
    r->instance = instance;
    buf_clear(&r->why);
    buf_clear(&r->texts);
    if (errors) buf_clear(errors);
    int rc = run_pass(r, false, 0);
    if (rc == SCHEMA_E_INVALID) {
        int explained = run_explain(r, errors);
        if (explained) rc = explained;
    }
    arena_release(&r->scratch, (struct arena_mark){0});
    arena_shrink(&r->scratch, SCRATCH_KEPT);
    return rc;
}

const char *schema_why(const struct schema_run *r) {
    const char *p = buf_data(&r->why);
    return r->why.len ? p : "out of memory";
}
