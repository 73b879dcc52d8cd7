/* registry.h — the documents of a schema, their resources and anchors, and how a URI finds them.
 *
 *     document --1:n-> resource (a schema with its own URI: the root, and every $id) --1:n-> anchor
 *
 * A document is indexed when it is loaded: every place that JSON Schema knows to be a schema is visited (core,
 * section 9.4.2: an "$id" inside an enum is no identifier). A URI is looked for among the resources, then in the maps,
 * among the files below the root, and among the bundled meta-schemas. Never on the network. */
#ifndef HOOKCAST_SCHEMA_REGISTRY_H
#define HOOKCAST_SCHEMA_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/arena.h"
#include "schema/document.h"
#include "schema/schema.h"

/* Vocabularies (core, section 8.1.2). */
enum {
    VOCAB_CORE = 1,
    VOCAB_APPLICATOR = 2,
    VOCAB_UNEVALUATED = 4,
    VOCAB_VALIDATION = 8,
    VOCAB_META_DATA = 16,
    VOCAB_FORMAT_ANNOTATION = 32,
    VOCAB_FORMAT_ASSERTION = 64,
    VOCAB_CONTENT = 128,
    VOCAB_DEFAULT = 255 & ~VOCAB_FORMAT_ASSERTION,
};

struct anchor {
    struct anchor *next;
    const char *name;
    const struct node *node;
    bool dynamic;
};

struct resource {
    struct resource *next;
    uint32_t id; /* 0, 1, 2 ... */
    const char *uri;
    struct document *doc;
    const struct node *node;
    unsigned vocab;
    struct anchor *anchors;
};

/* Another URI of a resource (where it was found, when its $id says something else). */
struct alias {
    struct alias *next;
    const char *uri;
    struct resource *resource;
};

/* URIs that begin with `uri` are files in `dir`, which is canonical. */
struct place {
    struct place *next;
    const char *uri, *dir;
};

struct registry {
    struct arena *arena;
    struct document *documents, **documents_tail;
    struct resource *resources, **resources_tail;
    struct alias *aliases;
    struct place *places;
    uint32_t n_resources, n_documents;
    size_t bytes;     /* of all documents */
    const char *root; /* canonical; NULL: none */
};

int registry_init(struct registry *g, struct arena *a, const struct schema_options *o, struct err *e);
void registry_deinit(struct registry *g); /* zero-filled is fine; twice is harmless */

/* Make a document known: `doc` must be scanned (document_of_*) and is then the registry's, on failure too. `base` is
 * its retrieval URI. *rp is the resource of its root. */
struct document *registry_document(struct registry *g); /* a new one, zeroed; NULL: no memory */
int registry_index(struct registry *g, struct document *doc, const char *base, struct err *e, struct resource **rp);

/* What `uri` (absolute, without fragment) names; loads it when need be. 0, -ENOENT (then nothing is in `e`), or another
 * negative code with `e` set. */
int registry_find(struct registry *g, const char *uri, struct err *e, struct resource **rp);

/* The resource that has this URI already; NULL: none. */
struct resource *registry_known(const struct registry *g, const char *uri);

/* Index a schema at a place nobody knew to be one (a $ref into an unknown keyword). `parent` is the resource it is in.
 */
int registry_visit(struct registry *g, struct document *doc, const struct node *n, struct resource *parent,
                   struct err *e);

const struct anchor *resource_anchor(const struct resource *r, const char *name, size_t len);

/* The vocabularies of the dialect that `$schema` names (dialect.c). `at` is the "$schema" value, for errors. */
int dialect_find(struct registry *g, const struct document *doc, const struct node *at, struct err *e,
                 unsigned *vocabp);

#endif
