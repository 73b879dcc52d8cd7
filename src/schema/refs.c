/* refs.c — where $ref and $dynamicRef lead (core, section 8.2.3). */
#include <errno.h>
#include <string.h>

#include "base/suggest.h"
#include "schema/compile.h"
#include "schema/uri.h"

static int unresolved(struct build *b, const struct node *v, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int unresolved(struct build *b, const struct node *v, const char *fmt, ...) {
    char why[600], quote[QUOTE_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    return document_error(b->doc, v, b->c->e, -EINVAL, "cannot resolve \"%s\": %s", scan_quote(&b->doc->scan, v, quote),
                          why);
}

/* `ref` against `base`, found or loaded. The URI asked for stays in `uri`. */
static int find_from(struct build *b, const char *base, const char *ref, size_t len, struct buf *uri, struct err *why,
                     struct resource **rp) {
    buf_clear(uri);
    int r = uri_resolve(base, ref, len, uri);
    const char *text = r ? NULL : buf_cstr(uri);
    *why = (struct err){0};
    return text ? registry_find(&b->c->schema->registry, text, why, rp) : -ENOMEM;
}

/* The resource that a reference names, without its fragment. */
static int find_resource(struct build *b, const struct node *v, const char *ref, size_t len, struct resource **rp) {
    struct buf uri = BUF_INIT(0);
    struct err why;
    int r = find_from(b, b->sub->resource->uri, ref, len, &uri, &why, rp);
    /* Its $id moved this file away from its neighbours; they are still where they were. */
    if (r == -ENOENT && !*why.text && !strncmp(b->doc->base, "file:", 5) && !uri_is_absolute(ref, len)) {
        struct buf beside = BUF_INIT(0);
        struct err other;
        int s = find_from(b, b->doc->base, ref, len, &beside, &other, rp);
        if (!s || s == -ENOMEM || *other.file) {
            r = s;
            why = other;
        }
        buf_deinit(&beside);
    }
    if (r == -ENOMEM) {
        r = compile_nomem(b->c);
    } else if (r && *why.file) { /* it was found, but something is wrong inside */
        *b->c->e = why;
    } else if (r && *why.text) {
        r = unresolved(b, v, "%s", why.text);
    } else if (r) {
        r = unresolved(b, v,
                       "nothing is known under %s (no file below the schema directory, no mapping, and the network is "
                       "never asked)",
                       buf_data(&uri));
    }
    buf_deinit(&uri);
    return r;
}

/* What is near a pointer that leads nowhere. */
static int lost(struct build *b, const struct node *v, const struct resource *r, const struct node *at,
                const char *pointer, size_t len, size_t good) {
    const struct scan *s = &r->doc->scan;
    const char *p = pointer + good + (good < len), *slash = memchr(p, '/', len - (size_t)(p - pointer));
    size_t n = slash ? (size_t)(slash - p) : len - (size_t)(p - pointer);
    char best[QUOTE_MAX] = "", hint[QUOTE_MAX + 40];
    struct suggest near;
    unsigned distance = 100;
    suggest_init(&near, p, n);
    if (at->type == NODE_OBJECT)
        for (const struct node *k = scan_first(s, at); k; k = scan_next_key(s, at, k)) {
            char quote[QUOTE_MAX];
            near.best = NULL;
            near.distance = distance;
            suggest_init(&near, p, n);
            suggest_offer(&near, scan_quote(s, k, quote));
            if (!near.best || near.distance >= distance) continue;
            distance = near.distance;
            memcpy(best, quote, sizeof best);
        }
    return unresolved(b, v, "there is no \"%.*s\" in \"#%.*s\" of %s%s", (int)(n > 100 ? 100 : n), p,
                      (int)(good > 200 ? 200 : good), pointer, *r->uri ? r->uri : "this schema",
                      suggest_hint(*best ? best : NULL, hint, sizeof hint));
}

static int follow_pointer(struct build *b, const struct node *v, struct resource *r, const char *p, size_t len,
                          const struct node **nodep) {
    const struct node *at;
    size_t good;
    struct resource *inner = r;
    const struct node *n = pointer_follow(r->doc, r->node, p, len, &at, &good, &inner);
    if (!n) return good == SIZE_MAX ? compile_nomem(b->c) : lost(b, v, r, at, p, len, good);
    if (n->type != NODE_OBJECT && n->type != NODE_TRUE && n->type != NODE_FALSE)
        return unresolved(b, v, "what it leads to is no schema");
    *nodep = n;
    if (r->doc->resource[document_index(r->doc, n)]) return 0;
    return registry_visit(&b->c->schema->registry, r->doc, n, inner, b->c->e);
}

static int follow_anchor(struct build *b, const struct node *v, const struct resource *r, const char *p, size_t len,
                         const struct node **nodep, const struct anchor **anchorp) {
    const struct anchor *found = resource_anchor(r, p, len);
    if (found) {
        *anchorp = found;
        *nodep = found->node;
        return 0;
    }
    struct suggest near;
    char hint[160];
    suggest_init(&near, p, len);
    for (const struct anchor *a = r->anchors; a; a = a->next) suggest_offer(&near, a->name);
    return unresolved(b, v, "there is no anchor \"%.*s\" in %s%s", (int)(len > 100 ? 100 : len), p,
                      *r->uri ? r->uri : "this schema", suggest_hint(near.best, hint, sizeof hint));
}

/* Where a reference leads. *anchorp: the anchor it went through; NULL: none. */
static int resolve(struct build *b, const struct node *v, const struct sub **subp, const struct anchor **anchorp) {
    size_t len, fragment_len = 0;
    struct resource *r = NULL;
    *anchorp = NULL;
    if (v->type != NODE_STRING) return document_error(b->doc, v, b->c->e, -EINVAL, "a reference must be a string");
    const char *ref = document_string(b->doc, v, b->c->arena, &len);
    if (!ref) return compile_nomem(b->c);
    const char *fragment = uri_fragment(ref, len, &fragment_len);
    int bad = find_resource(b, v, ref, len, &r);
    if (bad || !r) return bad;
    const struct node *n = r->node;
    struct buf text = BUF_INIT(0);
    if (fragment) bad = uri_decode(fragment, fragment_len, &text);
    if (bad)
        bad = bad == -EINVAL ? unresolved(b, v, "a '%%' must be followed by two hexadecimal digits") : bad;
    else if (text.len && *buf_data(&text) == '/')
        bad = follow_pointer(b, v, r, buf_data(&text), text.len, &n);
    else if (text.len)
        bad = follow_anchor(b, v, r, buf_data(&text), text.len, &n, anchorp);
    buf_deinit(&text);
    if (bad == -ENOMEM) return compile_nomem(b->c);
    return bad ? bad : compile_sub(b->c, r->doc, n, subp);
}

int compile_ref(struct build *b, const struct node *v, const struct sub **subp) {
    const struct anchor *ignored;
    return resolve(b, v, subp, &ignored);
}

int compile_dynamic_ref(struct build *b, const struct node *v) {
    struct schema *s = b->c->schema;
    const struct anchor *anchor;
    int r = resolve(b, v, &b->apply->dynamic_ref, &anchor);
    if (r || !anchor || !anchor->dynamic) return r;
    for (const struct dynamic *d = s->dynamics; d; d = d->next)
        if (!strcmp(d->name, anchor->name)) b->apply->dynamic = d;
    if (b->apply->dynamic) return 0;
    struct dynamic *d = arena_zero(b->c->arena, 1, sizeof *d);
    if (!d) return compile_nomem(b->c);
    *d = (struct dynamic){.next = s->dynamics, .name = anchor->name};
    s->dynamics = d;
    b->apply->dynamic = d;
    return 0;
}

int compile_dynamics(struct compiler *c) {
    const struct registry *g = &c->schema->registry;
    for (struct dynamic *d = c->schema->dynamics; d; d = d->next) {
        if (d->n != g->n_resources) {
            d->by_resource = arena_zero(c->arena, g->n_resources, sizeof *d->by_resource);
            if (!d->by_resource) return compile_nomem(c);
            d->n = g->n_resources;
        }
        for (const struct resource *r = g->resources; r; r = r->next) {
            const struct anchor *a = resource_anchor(r, d->name, strlen(d->name));
            if (!a || !a->dynamic || d->by_resource[r->id]) continue;
            int bad = compile_sub(c, r->doc, a->node, &d->by_resource[r->id]);
            if (bad) return bad;
        }
    }
    return 0;
}
