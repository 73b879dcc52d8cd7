/* yamldoc.h — a configuration document (YAML, or JSON) as a tree that remembers where everything stood.
 *
 * Scalars have no type of their own: a field asks for what it wants (yamldoc_string, yamldoc_bool, ...), so YAML 1.1's
 * guesses never reach a user: `name: no` is the string "no", `kind_api_version: 1.0` the string "1.0", and a switch
 * takes true or false only. Free-form trees become JSON by the YAML 1.2 core schema (yamldoc_to_json).
 *
 * Refused, with the place: files over 1 MiB or not UTF-8, more than 64 levels, more than one document, duplicate keys
 * (naming both places), keys that are no scalars, merge keys (`<<`), tags other than !!str, !!map and !!seq, aliases to
 * nothing or to what contains them, over 1,024 anchors, and aliases that together stand for over 10,000 nodes.
 *
 * A document owns its nodes and their text; everything borrowed from it ends with yamldoc_free(). */
#ifndef HOOKCAST_REGISTRY_YAMLDOC_H
#define HOOKCAST_REGISTRY_YAMLDOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

enum yamldoc_type { YAMLDOC_NULL, YAMLDOC_SCALAR, YAMLDOC_LIST, YAMLDOC_MAP };

struct yamldoc_node {
    enum yamldoc_type type; /* NULL: an empty plain scalar, ~ or null */
    bool quoted;            /* SCALAR: written in quotes or as a block */
    unsigned line, col;     /* 1-based; where it is written (for an alias: where its anchor is) */
    const char *text;       /* SCALAR and NULL: as written, NUL-terminated, no NUL inside */
    size_t n;               /* LIST, MAP: number of items */
    struct yamldoc_node **items;
    struct yamldoc_node **keys; /* MAP: SCALARs, in the order written, all different */
    unsigned height;            /* levels below it, itself included */
    size_t weight;              /* nodes below it with every alias written out, itself included */
};

enum yamldoc_syntax { YAMLDOC_YAML, YAMLDOC_JSON };

struct yamldoc;

/* Read a file: JSON when its name ends in .json, else YAML. Returns 0 with *docp new, -EINVAL when it is malformed,
 * -ENOMEM, or -errno when it cannot be read; `e` then says what is wrong and where. */
int yamldoc_load(const char *path, struct yamldoc **docp, struct err *e);

/* The same from memory; `file` is what messages call it. */
int yamldoc_parse(const char *file, const char *text, size_t len, enum yamldoc_syntax syntax, struct yamldoc **docp,
                  struct err *e);
struct yamldoc *yamldoc_free(struct yamldoc *d); /* NULL is fine; returns NULL */

const char *yamldoc_file(const struct yamldoc *d);
const struct yamldoc_node *yamldoc_root(const struct yamldoc *d); /* never NULL; an empty file has a NULL node */

/* The value of a key, or NULL when it is absent (or `map` is no map). */
const struct yamldoc_node *yamldoc_get(const struct yamldoc_node *map, const char *key);

/* What a field wants. Each returns 0, or -EINVAL with `e` saying what was expected, what is there instead, and where;
 * the output is untouched then. */
int yamldoc_string(const struct yamldoc *d, const struct yamldoc_node *n, const char **sp, struct err *e);
int yamldoc_int(const struct yamldoc *d, const struct yamldoc_node *n, uint64_t min, uint64_t max, uint64_t *vp,
                struct err *e);
int yamldoc_bool(const struct yamldoc *d, const struct yamldoc_node *n, bool *bp, struct err *e);
int yamldoc_size(const struct yamldoc *d, const struct yamldoc_node *n, uint64_t min, uint64_t max, uint64_t *bytesp,
                 struct err *e);
int yamldoc_duration(const struct yamldoc *d, const struct yamldoc_node *n, nsec_t min, nsec_t max, nsec_t *nsp,
                     struct err *e);
int yamldoc_seconds(const struct yamldoc *d, const struct yamldoc_node *n, nsec_t min, nsec_t max, nsec_t *nsp,
                    struct err *e); /* a bare number of seconds, fractions allowed */
int yamldoc_list(const struct yamldoc *d, const struct yamldoc_node *n, struct err *e);
int yamldoc_map(const struct yamldoc *d, const struct yamldoc_node *n, struct err *e);

/* A free-form tree as JSON (*jp is new). Plain scalars are resolved by the YAML 1.2 core schema: null, true, false,
 * decimal, 0o and 0x integers, floats; everything else, and everything quoted, is a string. Integers beyond 64 bits
 * become reals. -EINVAL (with the place) for .inf, .nan and numbers beyond the double range, which JSON cannot hold;
 * -ENOMEM. */
int yamldoc_to_json(const struct yamldoc *d, const struct yamldoc_node *n, json_t **jp, struct err *e);

/* Text from a document for a message: quoted, control characters escaped, cut when long. Returns `out`. */
#define YAMLDOC_QUOTE_MAX 128
const char *yamldoc_quote(const char *s, char out[YAMLDOC_QUOTE_MAX]);
/* The same for a node: a list and a map are called that, a NULL node "nothing". */
const char *yamldoc_show(const struct yamldoc_node *n, char out[YAMLDOC_QUOTE_MAX]);

#endif
