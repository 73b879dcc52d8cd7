#include "schema/load.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "schema/metaschema.h"
#include "schema/uri.h"

#define DOCUMENTS_MAX 1000
#define BYTES_MAX ((size_t)32 << 20)

static int nomem(struct err *e) { return err_set(e, -ENOMEM, "out of memory"); }

/* The canonical form of a path, in the arena. */
static int canonical(struct registry *g, const char *path, const char **outp, struct err *e) {
    char *real = realpath(path, NULL);
    if (!real) return err_sys(e, errno, "%s", path);
    *outp = arena_string(g->arena, real, strlen(real));
    free(real);
    return *outp ? 0 : nomem(e);
}

static int place_add(struct registry *g, const char *uri, size_t uri_len, const char *dir) {
    struct place *p = arena_zero(g->arena, 1, sizeof *p);
    const char *copy = arena_string(g->arena, uri, uri_len);
    if (!p || !copy) return -ENOMEM;
    *p = (struct place){.uri = copy, .dir = dir};
    struct place **tail = &g->places;
    while (*tail) tail = &(*tail)->next;
    *tail = p;
    return 0;
}

int load_places(struct registry *g, const struct schema_options *o, struct err *e) {
    int r = 0;
    if (o && o->root && (r = canonical(g, o->root, &g->root, e))) return r;
    for (size_t i = 0; o && i < o->n_maps && !r; i++) {
        const char *dir = NULL;
        r = canonical(g, o->maps[i].dir, &dir, e);
        if (!r && place_add(g, o->maps[i].uri, strlen(o->maps[i].uri), dir)) r = nomem(e);
    }
    return r;
}

static bool inside(const char *dir, const char *path) {
    size_t n = strlen(dir);
    if (n == 1) return true; /* "/" */
    return !strncmp(dir, path, n) && (path[n] == '/' || !path[n]);
}

int load_implied(struct registry *g, const struct document *doc, const char *id) {
    if (!g->root || strncmp(doc->base, "file:", 5) != 0 || !strncmp(id, "file:", 5)) return 0;
    const char *slash = strrchr(id, '/');
    if (!slash || !uri_is_absolute(id, strlen(id))) return 0;
    struct buf path = BUF_INIT(0);
    int r = uri_to_path(doc->base, &path);
    if (r == -EINVAL) return 0;
    const char *p = r ? NULL : buf_cstr(&path);
    const char *end = p ? strrchr(p, '/') : NULL;
    const char *dir = end ? arena_string(g->arena, p, end == p ? 1 : (size_t)(end - p)) : NULL;
    buf_deinit(&path);
    if (!dir) return -ENOMEM;
    if (!inside(g->root, dir)) return 0;
    return place_add(g, id, (size_t)(slash - id) + 1, dir);
}

/* ---- reading ---- */

static int limits(const struct registry *g, struct err *e) {
    if (g->n_documents >= DOCUMENTS_MAX || g->bytes > BYTES_MAX)
        return err_set(e, -EFBIG, "too many schema files (at most %d, %zu MiB together)", DOCUMENTS_MAX,
                       BYTES_MAX >> 20);
    return 0;
}

/* A file already read, whatever it was called then. */
static int file_known(const struct registry *g, const char *path, struct resource **rp) {
    struct buf uri = BUF_INIT(0);
    int r = uri_of_path(path, &uri);
    const char *text = r ? NULL : buf_cstr(&uri);
    if (text) *rp = registry_known(g, text);
    buf_deinit(&uri);
    for (struct document *d = g->documents; d && text && !*rp; d = d->next)
        if (!strcmp(d->file, path) && d->resource) *rp = d->resource[0];
    return text ? 0 : -ENOMEM;
}

/* `path` is canonical. */
static int load_file(struct registry *g, const char *path, const char *uri, struct err *e, struct resource **rp) {
    struct resource *known = NULL;
    int r = file_known(g, path, &known);
    if (r) return nomem(e);
    if (known) {
        struct alias *a = arena_zero(g->arena, 1, sizeof *a);
        if (!a) return nomem(e);
        *a = (struct alias){.next = g->aliases, .uri = uri, .resource = known};
        g->aliases = a;
        *rp = known;
        return 0;
    }
    if ((r = limits(g, e))) return r;
    struct document *d = registry_document(g);
    if (!d) return nomem(e);
    d->file = "";
    r = document_of_file(d, path, e);
    g->bytes += d->scan.len;
    return r ? r : registry_index(g, d, uri, e, rp);
}

static int load_below(struct registry *g, const char *dir, const char *path, const char *uri, struct err *e,
                      struct resource **rp) {
    char *real = realpath(path, NULL);
    if (!real) {
        if (errno == ENOMEM) return nomem(e);
        return errno == ENOENT || errno == ENOTDIR ? -ENOENT : err_sys(e, errno, "%s", path);
    }
    int r;
    const char *name = arena_string(g->arena, real, strlen(real)), *known = arena_string(g->arena, uri, strlen(uri));
    if (!name || !known)
        r = nomem(e);
    else if (!inside(dir, real))
        r = err_set(e, -EACCES, "%s lies outside of %s", real, dir);
    else
        r = load_file(g, name, known, e, rp);
    free(real);
    return r;
}

static int load_mapped(struct registry *g, const struct place *p, const char *uri, struct err *e,
                       struct resource **rp) {
    const char *rest = uri + strlen(p->uri);
    while (*rest == '/') rest++;
    if (strchr(rest, '?')) return -ENOENT;
    struct buf path = BUF_INIT(PATH_MAX);
    int r = buf_puts(&path, p->dir);
    if (!r) r = buf_put(&path, "/", 1);
    if (!r) r = uri_decode(rest, strlen(rest), &path);
    const char *text = r ? NULL : buf_cstr(&path);
    if (r == -EINVAL || r == -EMSGSIZE || (text && strlen(text) != path.len))
        r = -ENOENT;
    else if (!text)
        r = nomem(e);
    else
        r = load_below(g, p->dir, text, uri, e, rp);
    buf_deinit(&path);
    return r;
}

static int load_local(struct registry *g, const char *uri, struct err *e, struct resource **rp) {
    if (!g->root) return err_set(e, -EACCES, "no file may be read here");
    struct buf path = BUF_INIT(PATH_MAX);
    int r = uri_to_path(uri, &path);
    const char *text = r ? NULL : buf_cstr(&path);
    if (r == -EINVAL || r == -EMSGSIZE)
        r = err_set(e, -EINVAL, "not the URI of a local file");
    else if (!text)
        r = nomem(e);
    else {
        r = load_below(g, g->root, text, uri, e, rp);
        if (r == -ENOENT) r = err_set(e, -ENOENT, "there is no file %s", text);
    }
    buf_deinit(&path);
    return r;
}

static int load_bundled(struct registry *g, const char *text, const char *uri, struct err *e, struct resource **rp) {
    struct document *d = registry_document(g);
    const char *known = arena_string(g->arena, uri, strlen(uri));
    if (!d || !known) return nomem(e);
    int r = document_of_text(d, text, strlen(text), known, e);
    return r ? r : registry_index(g, d, known, e, rp);
}

int load_uri(struct registry *g, const char *uri, struct err *e, struct resource **rp) {
    const char *text = metaschema_text(uri);
    if (text) return load_bundled(g, text, uri, e, rp);
    for (const struct place *p = g->places; p; p = p->next) {
        if (strncmp(p->uri, uri, strlen(p->uri)) != 0) continue;
        int r = load_mapped(g, p, uri, e, rp);
        if (r != -ENOENT || (e && *e->text)) return r;
    }
    if (!strncmp(uri, "file:", 5)) return load_local(g, uri, e, rp);
    return -ENOENT;
}
