/* compile.h — from documents to the program. Private to src/schema.
 *
 * Subschemas wait in a queue, so that neither depth nor cycles of $ref matter: compile_sub() hands out the (still
 * empty) subschema at once. A keyword's compiler checks the form of its value, says what is wrong with the place, and
 * puts the rules into the subschema being built. */
#ifndef HOOKCAST_SCHEMA_COMPILE_H
#define HOOKCAST_SCHEMA_COMPILE_H

#include "base/err.h"
#include "schema/keyword.h"
#include "schema/program.h"

struct compiler {
    struct schema *schema;
    struct arena *arena;
    struct err *e;
    struct sub *todo, **todo_tail;
};

/* The subschema being built, its rules still writable. */
struct build {
    struct compiler *c;
    struct sub *sub;
    const struct document *doc;
    const struct node *node;
    unsigned vocab;
    struct value_rules *value;
    struct number_rules *number;
    struct string_rules *string;
    struct array_rules *array;
    struct object_rules *object;
    struct apply_rules *apply;
};

/* The subschema at a node; an error when the node is no schema. */
int compile_sub(struct compiler *c, const struct document *doc, const struct node *n, const struct sub **subp);
/* The same for a keyword's value, its elements, or its members' values. */
int compile_list(struct build *b, const char *keyword, const struct node *v, struct subs *out);

int compile_nomem(struct compiler *c);
int compile_note(struct compiler *c, const struct document *d, const struct node *at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A non-negative integer, 2.0 and 1e2 as well; what is too large becomes INT64_MAX. */
int compile_count(struct build *b, const char *keyword, const struct node *v, uint64_t *out);
int compile_flag(struct build *b, const char *keyword, const struct node *v, bool *out);
/* A regular expression; `at` is where an error is. */
int compile_pattern(struct build *b, const struct node *at, const struct pattern **out);

/* The rules, made at first use; NULL when out of memory. */
struct value_rules *build_value(struct build *b);
struct number_rules *build_number(struct build *b);
struct string_rules *build_string(struct build *b);
struct array_rules *build_array(struct build *b);
struct object_rules *build_object(struct build *b);
struct apply_rules *build_apply(struct build *b);

/* The keywords' compilers: 0 or a negative code, with the error set. `v` is the keyword's value. */
int compile_value(struct build *b, enum keyword_id id, const struct node *v);      /* compile_value.c */
int compile_object(struct build *b, enum keyword_id id, const struct node *v);     /* compile_object.c */
int compile_object_end(struct build *b);                                           /* when all keywords were seen */
int compile_array(struct build *b, enum keyword_id id, const struct node *v);      /* compile_array.c */
int compile_applicator(struct build *b, enum keyword_id id, const struct node *v); /* compile_applicator.c */

/* refs.c */
int compile_ref(struct build *b, const struct node *v, const struct sub **subp);
int compile_dynamic_ref(struct build *b, const struct node *v);
/* All anchors of the names that $dynamicRef looks for; more work may come of it. */
int compile_dynamics(struct compiler *c);

#endif
