/* document.h — a schema document: its text, scanned, and what was found in it.
 *
 * Schemas are read with the same scanner as instances, so a constant in a schema and a value in an instance are the
 * same thing (a node) and compare with the same code. A document that comes from jansson is written out first; there,
 * and only there, a number beyond 64 bits or 17 digits has already lost its tail: its shortest decimal form counts. */
#ifndef HOOKCAST_SCHEMA_DOCUMENT_H
#define HOOKCAST_SCHEMA_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "json/scan.h"

struct resource;
struct sub;

struct document {
    struct document *next; /* in order of loading */
    const char *file;      /* what errors name; "" when it is no file */
    const char *base;      /* its retrieval URI */
    struct scan scan;
    char *text; /* owned */
    bool lines; /* the text is what a person wrote: line and column mean something */

    struct resource **resource; /* by node: the resource of each schema found; NULL elsewhere */
    struct sub **sub;           /* by node: the compiled subschema */
};

/* Zero-initialise first. The text's form is checked (depth 128, duplicate keys, UTF-8). Strings stay the caller's. */
int document_of_json(struct document *d, const json_t *doc, const char *file, struct err *e);
int document_of_text(struct document *d, const char *text, size_t len, const char *file, struct err *e);
int document_of_file(struct document *d, const char *path, struct err *e); /* at most DOCUMENT_MAX bytes */
void document_deinit(struct document *d);

#define DOCUMENT_MAX ((size_t)4 << 20)

static inline const struct node *document_node(const struct document *d, uint32_t i) { return d->scan.nodes + i; }
static inline uint32_t document_index(const struct document *d, const struct node *n) {
    return (uint32_t)(n - d->scan.nodes);
}

/* Append the JSON pointer (RFC 6901) that leads from `from` down to `to`, a node of its subtree: "" when they are the
 * same. A member's key leads to the same place as its value. */
int pointer_between(const struct scan *s, const struct node *from, const struct node *to, struct buf *out);

/* Follow a JSON pointer (already percent-decoded) from `from`. NULL: it leads nowhere; *badp then is how many bytes of
 * it were good (SIZE_MAX: out of memory) and *atp how far they led. Every schema object passed on the way is noted in
 * *innerp when it has a resource of its own (document->resource). */
const struct node *pointer_follow(const struct document *d, const struct node *from, const char *p, size_t len,
                                  const struct node **atp, size_t *badp, struct resource **innerp);

/* Set `e`: file, line and column where known, and "<pointer>: <text>". Returns `code`. */
int document_error(const struct document *d, const struct node *at, struct err *e, int code, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* An unescaped copy of a string node in an arena, NUL-terminated; its length in *lenp (may be NULL). NULL: no memory.
 */
struct arena;
char *document_string(const struct document *d, const struct node *n, struct arena *a, size_t *lenp);

/* The bytes of a string node for a message: cut, printable, in `out`. */
#define QUOTE_MAX 120
const char *scan_quote(const struct scan *s, const struct node *n, char out[QUOTE_MAX]);

#endif
