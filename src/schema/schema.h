/* schema.h — JSON Schema draft 2020-12: compile once, validate many. Usable by anybody; knows nothing of hooks.
 *
 * A schema is read as a document (jansson) and compiled into a flat program; an instance is the flat tree of
 * json/scan.h and never becomes a document. Everything that can be wrong with a schema is told at compile time. `$ref`
 * is resolved within the document, to files below `root`, to the directories of `maps`, and to the bundled
 * meta-schemas; never to the network. Validation is bounded: depth 128, a step budget, PCRE2 match and depth limits.
 *
 * Numbers are compared by their decimal text, exactly: 1 is 1.0, 2^53 is not 2^53+1, 19.99 is a multiple of 0.01. What
 * lies beyond a double's range is refused (SCHEMA_E_NUMBER_RANGE) by minimum, maximum, exclusive* and multipleOf;
 * `type`, `enum`, `const` and `uniqueItems` take any number. `pattern` is ECMA-262 (ecma.h says what is refused).
 *
 * A compiled schema is immutable and may be shared; a `struct schema_run` is scratch memory of one validator, reused,
 * so that the success path allocates nothing after warm-up. Not thread-safe per run. */
#ifndef HOOKCAST_SCHEMA_SCHEMA_H
#define HOOKCAST_SCHEMA_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "json/scan.h"

struct schema;
struct schema_run;

/* URI prefix -> directory: `$ref` to URI + "a/b.json" reads DIR/a/b.json. */
struct schema_map {
    const char *uri, *dir;
};

struct schema_options {
    const char *root; /* directory below which relative file references may lie; NULL: none may */
    const struct schema_map *maps;
    size_t n_maps;
    bool format_assertion; /* assert `format` instead of taking it as an annotation */
    uint32_t max_steps;    /* evaluations of subschemas and the like per validation; 0: 100,000 and two for each node of
                              the instance */
};

enum {
    SCHEMA_E_INVALID = 1,      /* the instance is not valid */
    SCHEMA_E_TOO_COMPLEX = 2,  /* a limit was reached (depth, steps, pattern): neither valid nor invalid */
    SCHEMA_E_NUMBER_RANGE = 3, /* a number beyond the double range where the schema has to look at it */
};

/* Compile `doc` (borrowed, only for the call). `path` is the file it came from: its base URI when it has no $id, where
 * relative references start, and what errors name; NULL: none. Returns 0, or a negative code (-EINVAL, -ENOMEM, ...)
 * with `e` set: file and JSON pointer of the place, and what to do ("unknown keyword" is no error, a bad `pattern`, an
 * unresolvable `$ref`, an unknown dialect are). */
int schema_compile(const json_t *doc, const char *path, const struct schema_options *o, struct schema **schemap,
                   struct err *e);
struct schema *schema_free(struct schema *s); /* NULL is fine; returns NULL */

/* The same from a schema's text: numbers keep every digit (through jansson those beyond 64 bits or a double's 17 digits
 * are rounded), and errors name line and column. */
int schema_compile_text(const char *text, size_t len, const char *path, const struct schema_options *o,
                        struct schema **schemap, struct err *e);

/* What looks wrong but is none ("unknown keyword \"requried\" (did you mean \"required\"?)"), rendered with its place:
 * i = 0, 1, 2 ... until NULL. */
const char *schema_note(const struct schema *s, size_t i);

struct schema_run *schema_run_new(void); /* NULL when out of memory */
struct schema_run *schema_run_free(struct schema_run *r);

/* Validate `instance`, a node of `scan`. With `errors` NULL it stops at the first error. Otherwise, when the instance
 * is not valid, `errors` (cleared first) becomes JSON Schema *basic* output: an array of at most 32
 * {"instanceLocation","keywordLocation"[,"absoluteKeywordLocation"],"error"} in deterministic order. Returns 0, a
 * SCHEMA_E_* code, or -ENOMEM. */
int schema_validate(const struct schema *s, struct schema_run *r, const struct scan *scan, const struct node *instance,
                    struct buf *errors);

/* The sentence of the first error of the last validation that failed (also after TOO_COMPLEX and NUMBER_RANGE), with
 * its place: "/path: expected a string". Valid until the next validation. */
const char *schema_why(const struct schema_run *r);

#endif
