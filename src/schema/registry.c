#include "schema/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "schema/keyword.h"
#include "schema/load.h"
#include "schema/uri.h"

/* ---- life ---- */

int registry_init(struct registry *g, struct arena *a, const struct schema_options *o, struct err *e) {
    *g = (struct registry){.arena = a};
    g->documents_tail = &g->documents;
    g->resources_tail = &g->resources;
    return load_places(g, o, e);
}

void registry_deinit(struct registry *g) {
    for (struct document *d = g->documents; d; d = d->next) document_deinit(d);
    *g = (struct registry){0};
}

struct document *registry_document(struct registry *g) {
    struct document *d = arena_zero(g->arena, 1, sizeof *d);
    if (!d) return NULL;
    *g->documents_tail = d;
    g->documents_tail = &d->next;
    g->n_documents++;
    return d;
}

/* ---- resources and anchors ---- */

struct resource *registry_known(const struct registry *g, const char *uri) {
    for (struct resource *r = g->resources; r; r = r->next)
        if (!strcmp(r->uri, uri)) return r;
    for (const struct alias *a = g->aliases; a; a = a->next)
        if (!strcmp(a->uri, uri)) return a->resource;
    return NULL;
}

static struct resource *resource_add(struct registry *g, struct document *doc, const struct node *n, const char *uri,
                                     unsigned vocab) {
    struct resource *r = arena_zero(g->arena, 1, sizeof *r);
    if (!r) return NULL;
    *r = (struct resource){.id = g->n_resources++, .uri = uri, .doc = doc, .node = n, .vocab = vocab};
    *g->resources_tail = r;
    g->resources_tail = &r->next;
    return r;
}

const struct anchor *resource_anchor(const struct resource *r, const char *name, size_t len) {
    for (const struct anchor *a = r->anchors; a; a = a->next)
        if (strlen(a->name) == len && !memcmp(a->name, name, len)) return a;
    return NULL;
}

/* ^[A-Za-z_][-A-Za-z0-9._]*$ (core, section 8.2.2) */
static bool anchor_valid(const char *p, size_t len) {
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    if (!len || strlen(p) != len || !strchr(first, *p)) return false;
    return strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.0123456789") == len;
}

static int anchor_add(struct registry *g, struct resource *r, struct document *d, const struct node *schema,
                      const struct node *v, bool dynamic, struct err *e) {
    const char *keyword = dynamic ? "$dynamicAnchor" : "$anchor";
    if (v->type != NODE_STRING) return document_error(d, v, e, -EINVAL, "%s must be a string", keyword);
    size_t len;
    const char *name = document_string(d, v, g->arena, &len);
    if (!name) return err_set(e, -ENOMEM, "out of memory");
    if (!anchor_valid(name, len))
        return document_error(d, v, e, -EINVAL,
                              "%s must begin with a letter or _ and hold only letters, digits, '-', '.' and '_'",
                              keyword);
    const struct anchor *known = resource_anchor(r, name, len);
    if (known && known->node != schema)
        return document_error(d, v, e, -EINVAL, "the anchor \"%s\" stands twice in one schema", name);
    if (known && known->dynamic >= dynamic) return 0;
    struct anchor *a = arena_zero(g->arena, 1, sizeof *a);
    if (!a) return err_set(e, -ENOMEM, "out of memory");
    *a = (struct anchor){.next = r->anchors, .name = name, .node = schema, .dynamic = dynamic};
    r->anchors = a;
    return 0;
}

/* The URI that "$id" gives the schema, resolved. */
static int id_resolve(struct registry *g, struct document *d, const struct node *v, const char *base, const char **urip,
                      struct err *e) {
    if (v->type != NODE_STRING) return document_error(d, v, e, -EINVAL, "$id must be a string");
    size_t len, fragment;
    const char *id = document_string(d, v, g->arena, &len);
    if (!id) return err_set(e, -ENOMEM, "out of memory");
    if (uri_fragment(id, len, &fragment) && fragment)
        return document_error(d, v, e, -EINVAL, "$id must not have a fragment; use $anchor");
    struct buf uri = BUF_INIT(0);
    int r = uri_resolve(base, id, len, &uri);
    *urip = r ? NULL : arena_string(g->arena, buf_data(&uri), uri.len);
    buf_deinit(&uri);
    return *urip ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int visit(struct registry *g, struct document *d, const struct node *n, struct resource *r, struct err *e);

static int visit_members(struct registry *g, struct document *d, const struct node *map, struct resource *r,
                         struct err *e) {
    int bad = 0;
    if (map->type == NODE_OBJECT)
        for (const struct node *k = scan_first(&d->scan, map); k && !bad; k = scan_next_key(&d->scan, map, k))
            bad = visit(g, d, k + 1, r, e);
    return bad;
}

static int visit_keyword(struct registry *g, struct document *d, enum keyword_shape shape, const struct node *v,
                         struct resource *r, struct err *e) {
    int bad = 0;
    switch (shape) {
        case SHAPE_NONE:
            return 0;
        case SHAPE_SCHEMA:
            return visit(g, d, v, r, e);
        case SHAPE_MAP:
        case SHAPE_DEPENDENCIES:
            return visit_members(g, d, v, r, e);
        case SHAPE_LIST:
            if (v->type == NODE_ARRAY)
                for (const struct node *i = scan_first(&d->scan, v); i && !bad; i = scan_next(&d->scan, v, i))
                    bad = visit(g, d, i, r, e);
            return bad;
    }
    return 0;
}

static int visit_schema_keyword(struct registry *g, struct document *d, const struct node *n, struct resource *r,
                                struct err *e) {
    const struct node *v = scan_get(&d->scan, n, "$schema");
    if (!v) return 0;
    /* A schema inside another one may not change the dialect unless it has an $id (core, section 8.1.1). */
    if (n != r->node) return document_error(d, v, e, -EINVAL, "$schema may only stand beside $id or at the root");
    return dialect_find(g, d, v, e, &r->vocab);
}

/* Every schema below n. Recursion is bounded by the document's depth. */
static int visit(struct registry *g, struct document *d, const struct node *n, struct resource *r, struct err *e) {
    if (n->type == NODE_TRUE || n->type == NODE_FALSE) d->resource[document_index(d, n)] = r;
    if (n->type != NODE_OBJECT || (d->resource[document_index(d, n)] && n != r->node)) return 0;
    const struct node *v = scan_get(&d->scan, n, "$id");
    int bad = 0;
    if (v && n != r->node) {
        const char *uri = NULL;
        bad = id_resolve(g, d, v, r->uri, &uri, e);
        if (bad || !uri) return bad;
        const struct resource *known = registry_known(g, uri);
        if (known && (known->doc != d || known->node != n))
            return document_error(d, v, e, -EINVAL, "another schema has the same $id (%s)", uri);
        r = resource_add(g, d, n, uri, r->vocab);
        if (!r) return err_set(e, -ENOMEM, "out of memory");
    }
    d->resource[document_index(d, n)] = r;
    bad = visit_schema_keyword(g, d, n, r, e);
    if (!bad && (v = scan_get(&d->scan, n, "$anchor"))) bad = anchor_add(g, r, d, n, v, false, e);
    if (!bad && (v = scan_get(&d->scan, n, "$dynamicAnchor"))) bad = anchor_add(g, r, d, n, v, true, e);
    for (const struct node *k = scan_first(&d->scan, n); k && !bad; k = scan_next_key(&d->scan, n, k)) {
        enum keyword_id id = keyword_find(&d->scan, k);
        if (id == KEYWORDS) continue;
        bad = visit_keyword(g, d, keyword_info(id)->shape, k + 1, r, e);
    }
    return bad;
}

int registry_visit(struct registry *g, struct document *doc, const struct node *n, struct resource *parent,
                   struct err *e) {
    return visit(g, doc, n, parent, e);
}

int registry_index(struct registry *g, struct document *doc, const char *base, struct err *e, struct resource **rp) {
    const struct node *root = scan_root(&doc->scan);
    if (root->type != NODE_OBJECT && root->type != NODE_TRUE && root->type != NODE_FALSE)
        return document_error(doc, root, e, -EINVAL, "a schema must be an object or a boolean");
    doc->base = base;
    const char *uri = base;
    const struct node *id = scan_get(&doc->scan, root, "$id");
    if (id) {
        int bad = id_resolve(g, doc, id, base, &uri, e);
        if (bad) return bad;
    }
    const struct resource *known = registry_known(g, uri);
    if (known) return document_error(doc, id ? id : root, e, -EINVAL, "another schema has the same URI (%s)", uri);
    struct resource *r = resource_add(g, doc, root, uri, VOCAB_DEFAULT);
    struct alias *a = arena_zero(g->arena, 1, sizeof *a);
    if (!r || !a) return err_set(e, -ENOMEM, "out of memory");
    *a = (struct alias){.next = g->aliases, .uri = base, .resource = r};
    g->aliases = a;
    if (id && load_implied(g, doc, uri)) return err_set(e, -ENOMEM, "out of memory");
    *rp = r;
    return visit(g, doc, root, r, e);
}

int registry_find(struct registry *g, const char *uri, struct err *e, struct resource **rp) {
    struct resource *r = registry_known(g, uri);
    if (r) {
        *rp = r;
        return 0;
    }
    return load_uri(g, uri, e, rp);
}
