/* program.h — what a schema compiles to. Private to src/schema.
 *
 * One `struct sub` per subschema, reached by pointers from the root, never by searching:
 *
 *     sub { types, work } --value--> enum, const          checked for the node types in `work` only; a subschema that
 *                         --number-> minimum, ...         says no more than `type` has work 0 and costs its caller
 *                         --string-> pattern, ...         one AND
 *                         --object-> names, patterns, ...
 *                         --array--> prefix, items, ...
 *                         --apply--> $ref, allOf, anyOf, ...
 *
 * All of it lies in the schema's arena and never changes after compilation. */
#ifndef HOOKCAST_SCHEMA_PROGRAM_H
#define HOOKCAST_SCHEMA_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/number.h"
#include "json/scan.h"
#include "schema/arena.h"
#include "schema/document.h"
#include "schema/registry.h"
#include "schema/schema.h"

struct pattern;

#define TYPE_BIT(t) (1u << (t))
#define TYPE_INTEGER (1u << 7) /* in `types` without TYPE_BIT(NODE_NUMBER): integers only */
#define TYPE_ANY 0x7Fu

struct sub {
    uint16_t types; /* TYPE_BIT()s that are allowed; 0: the schema `false` */
    uint16_t work;  /* TYPE_BIT()s for which more has to be looked at */
    bool unevaluated_items, unevaluated_properties;
    const struct value_rules *value;
    const struct number_rules *number;
    const struct string_rules *string;
    const struct array_rules *array;
    const struct object_rules *object;
    const struct apply_rules *apply;

    const struct document *doc; /* where it stands */
    const struct node *node;
    struct resource *resource;
    struct sub *todo; /* while compiling */
};

struct subs {
    const struct sub **at;
    uint32_t n;
};

/* A set of names, found by a hash of length and bytes (names.c). */
struct name {
    const char *p;
    uint64_t head, tail; /* its first and last eight bytes, see names.c */
    uint32_t len;
    uint32_t bit;          /* NO_BIT, or its place in the set of names whose presence matters */
    const struct sub *sub; /* properties; NULL: none */
};
struct names {
    struct name *at; /* in order of the schema */
    uint32_t n, cap;
    uint32_t *slot; /* open addressing, at most a quarter full; 0: empty, else index + 1 */
    uint32_t mask;
    unsigned shift;   /* the hash that had the fewest collisions */
    uint64_t lengths; /* bit N: there are names of N bytes, or N + 64, ... */
};
#define NO_BIT UINT32_MAX

/* A constant: a node of one of the schema's documents. */
struct constant {
    const struct scan *scan;
    const struct node *node;
};

struct value_rules {
    const struct constant *constant; /* const; NULL: none */
    const struct constant *list;     /* enum: what is no string */
    uint32_t n_list;
    bool has_enum;
    struct names strings; /* enum: strings */
};

struct limit {
    struct number number;
    int64_t small; /* its value, when is_small */
    bool is_small;
};
enum { LIMIT_MINIMUM, LIMIT_MAXIMUM, LIMIT_ABOVE, LIMIT_BELOW, LIMIT_MULTIPLE, LIMITS };
struct number_rules {
    struct limit limit[LIMITS];
    unsigned set; /* bits 1 << LIMIT_* */
};

struct string_rules {
    uint64_t min, max; /* UINT64_MAX: none */
    const struct pattern *pattern;
    unsigned format; /* format.h; 0: none */
};

struct array_rules {
    uint64_t min, max;
    bool unique, has_contains;
    struct subs prefix;
    const struct sub *items, *contains;
    uint64_t min_contains, max_contains;
    const struct sub *unevaluated;
};

/* When the member `bit` is there, so must be those of the list / the whole object must be valid against sub. */
struct dependent {
    uint32_t bit;
    uint32_t n_needs;
    const uint32_t *needs;
    const struct sub *sub;
    bool old; /* written as "dependencies" */
};

struct pattern_property {
    const struct pattern *pattern;
    const struct sub *sub;
};

struct object_rules {
    uint64_t min, max;
    bool members;         /* any rule about single members: the members are walked */
    struct names names;   /* properties, and all names below */
    uint32_t n_required;  /* bits 0..n_required-1 */
    uint32_t n_bits;      /* names whose presence matters */
    const uint32_t *name; /* by bit: index into names.at */
    const struct pattern_property *pattern;
    uint32_t n_pattern;
    const struct sub *additional, *property_names;
    const struct dependent *dependent;
    uint32_t n_dependent;
    const struct sub *unevaluated;
};

/* A name that $dynamicRef looks for: whom it finds in each resource. */
struct dynamic {
    struct dynamic *next;
    const char *name;
    const struct sub **by_resource; /* by resource->id; NULL where the resource has no such $dynamicAnchor */
    uint32_t n;
};

struct apply_rules {
    const struct sub *ref;
    const struct sub *dynamic_ref; /* where it leads when the dynamic scope says nothing else */
    const struct dynamic *dynamic; /* NULL: it behaves like $ref */
    struct subs all_of, any_of, one_of;
    const struct sub *not_, *if_, *then_, *else_;
};

struct schema {
    struct arena arena;
    struct registry registry;
    const struct sub *root;
    struct dynamic *dynamics;
    struct pattern *patterns; /* all of them, to be freed */
    uint32_t max_steps;
    bool format_assertion;
    char **notes;
    size_t n_notes, cap_notes;
};

/* ---- names.c ---- */

/* Add a name, or find it; its index, or -ENOMEM. The bytes are borrowed. For the compiler only. */
int64_t names_add(struct names *t, struct arena *a, const char *p, size_t len);
int names_finish(struct names *t, struct arena *a); /* no more names; builds the table. 0 or -ENOMEM */
/* NULL: not there. `end` is where memory that may be read ends (for reading eight bytes at once). */
const struct name *names_find(const struct names *t, const char *p, size_t len, const char *end);

#endif
