/* run.h — evaluating a compiled schema: what the keywords' evaluators share. Private to src/schema.
 *
 * An evaluation is a recursion over subschemas; every level is a `struct frame` on the C stack. The chain of frames is
 * the dynamic scope ($dynamicRef) and the keyword location (output). Results: 0 valid, SCHEMA_E_INVALID, or a code that
 * ends everything (SCHEMA_E_TOO_COMPLEX, SCHEMA_E_NUMBER_RANGE, RUN_FULL, -ENOMEM).
 *
 * The first pass stops at the first error and says nothing. Only when it failed is there a second one, which collects:
 * an evaluator then goes on after an error and remembers it. */
#ifndef HOOKCAST_SCHEMA_RUN_H
#define HOOKCAST_SCHEMA_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "schema/arena.h"
#include "schema/program.h"
#include "schema/schema.h"

#define RUN_FULL 100 /* as many errors as fit were collected */
#define RUN_STEPS 100000
#define RUN_DEPTH 1024
#define OUTPUT_MAX 32

/* How a frame was reached: by a keyword of the frame above that holds the subschema, or by reference. */
enum via { VIA_KEYWORD, VIA_REF, VIA_DYNAMIC_REF };

struct frame {
    const struct frame *up;
    const struct sub *sub;
    const struct node *v;
    enum via via;
    unsigned depth;
};

/* Which members or elements of a value were evaluated (core, section 11); only where `unevaluated*` asks for it. */
struct track {
    uint64_t *bits;
    uint32_t n;
};

/* One collected error: where its sentence and its JSON object lie in run->texts. */
struct output_unit {
    size_t why, why_len, json, json_len;
};

struct pattern_run;

struct schema_run {
    const struct schema *schema;
    const struct scan *scan;
    const struct node *instance;
    int64_t steps; /* left */
    struct arena scratch;
    struct buf text;             /* an unescaped string */
    struct pattern_run *pattern; /* what PCRE2 needs; made at the first pattern */
    bool collect;
    struct output_unit unit[OUTPUT_MAX];
    unsigned n_units, max_units;
    struct buf texts, why;
    uint64_t key[2]; /* of hashes */
};

/* Evaluate `s` on `v`. `t` collects what is evaluated of v; NULL: nobody wants to know. */
int run_sub(struct schema_run *r, const struct frame *up, enum via via, const struct sub *s, const struct node *v,
            struct track *t);

/* The same, deciding on the spot where the type is all there is to look at. */
static inline int run_check(struct schema_run *r, const struct frame *up, const struct sub *s, const struct node *v) {
    unsigned bit = TYPE_BIT(v->type);
    if (!(s->work & bit) &&
        ((s->types & bit) || (v->type == NODE_NUMBER && (s->types & TYPE_INTEGER) && (v->flags & NODE_INTEGER))))
        return 0;
    return run_sub(r, up, VIA_KEYWORD, s, v, NULL);
}

/* Take `n` steps of the budget. */
int run_too_complex(struct schema_run *r, const struct frame *f, const char *why);
static inline int run_charge(struct schema_run *r, const struct frame *f, uint64_t n) {
    r->steps -= (int64_t)n;
    return r->steps < 0 ? run_too_complex(r, f, "this schema takes too many steps on this value") : 0;
}

/* End everything: the code, with the sentence for schema_why(). */
int run_stop(struct schema_run *r, const struct frame *f, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* An evaluator's result so far, and the next one: INVALID is remembered while collecting, all else ends it. Usage:
 *     if ((rc = ...) && run_ends(r, rc, &bad)) return rc; */
static inline bool run_ends(const struct schema_run *r, int rc, int *bad) {
    if (rc != SCHEMA_E_INVALID || !r->collect) return true;
    *bad = rc;
    return false;
}

/* The bytes of a string node, unescaped; borrowed from the scan or from r->text (then until the next call). */
int run_text(struct schema_run *r, const struct node *n, const char **pp, size_t *lenp);

/* Tracking. */
static inline void track_set(struct track *t, uint32_t i) { t->bits[i / 64] |= UINT64_C(1) << (i % 64); }
static inline bool track_has(const struct track *t, uint32_t i) { return t->bits[i / 64] >> (i % 64) & 1; }
int track_new(struct schema_run *r, uint32_t n, struct track *t); /* cleared, in scratch; 0 or -ENOMEM */
void track_or(struct track *into, const struct track *from);
void track_all(struct track *t);

/* Members of an object, elements of an array: exact beyond what a node can count. */
uint32_t run_count(const struct schema_run *r, const struct node *v);

/* ---- the keywords (keywords_*.c); f->sub has the rules, f->v the value ---- */

int value_check(struct schema_run *r, const struct frame *f);
int number_check(struct schema_run *r, const struct frame *f);
int string_check(struct schema_run *r, const struct frame *f);
/* Search a string node for a pattern: PATTERN_NO_MATCH, PATTERN_MATCH (pattern.h), or a code that ends everything and
 * is neither: SCHEMA_E_TOO_COMPLEX or negative. */
int string_search(struct schema_run *r, const struct frame *f, const struct pattern *p, const struct node *n);
int object_check(struct schema_run *r, const struct frame *f, struct track *t);
int object_unevaluated(struct schema_run *r, const struct frame *f, struct track *t);
int array_check(struct schema_run *r, const struct frame *f, struct track *t);
int array_unevaluated(struct schema_run *r, const struct frame *f, struct track *t);
int apply_check(struct schema_run *r, const struct frame *f, struct track *t);

/* ---- output.c ---- */

/* An error at node `v` (f->v or below it), said by keyword `tail` of f->sub ("" : by the whole, e.g. `false`). In the
 * first pass just SCHEMA_E_INVALID; when collecting it is remembered too. */
int output_error(struct schema_run *r, const struct frame *f, const struct node *v, const char *tail, const char *fmt,
                 ...) __attribute__((format(printf, 5, 6)));

#define RUN_ERROR(r, f, v, ...) ((r)->collect ? output_error((r), (f), (v), __VA_ARGS__) : SCHEMA_E_INVALID)

int output_write(const struct schema_run *r, struct buf *errors);

/* "a string", "an object" ... */
const char *output_type(const struct node *v);

#endif
