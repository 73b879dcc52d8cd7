#include "registry/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/suggest.h"
#include "registry/discovery.h"
#include "registry/startorder.h"
#include "registry/strv.h"

/* ---- hookspecs ---- */

/* Where a spec or a manifest came from while they are merged: the same place in the list of directories. */
struct merge {
    struct catalog *c;
    const struct catalog_options *o;
    struct discovery_rules rules;
    size_t *spec_dirs, *plugin_dirs; /* per spec, per manifest: index of its directory */
    bool *doubled;                   /* per manifest: its name is taken twice in one directory */
};

static int add_spec(struct merge *g, struct hookspec *h, size_t dir) {
    struct catalog *c = g->c;
    for (size_t i = 0; i < c->n_specs; i++) {
        const struct hookspec *other = c->specs[i];
        if (other->major != h->major || strcmp(other->kind, h->kind) != 0) continue;
        if (g->spec_dirs[i] == dir) /* NOLINT(clang-analyzer-core.NullDereference): one entry per spec */
            errs_addf(&c->spec_errors, h->path, 1, 1, "kind %s with major version %u is defined by %s too", h->kind,
                      h->major, other->path);
        else
            errs_addf(&c->notes, h->path, 1, 1, "kind %s with major version %u is hidden by %s", h->kind, h->major,
                      other->path);
        hookspec_free(h);
        return 0;
    }
    struct hookspec **specs = reallocarray(c->specs, c->n_specs + 1, sizeof(*specs));
    if (specs) c->specs = specs;
    size_t *dirs = reallocarray(g->spec_dirs, c->n_specs + 1, sizeof *dirs);
    if (dirs) g->spec_dirs = dirs;
    if (!specs || !dirs) {
        hookspec_free(h);
        return -ENOMEM;
    }
    dirs[c->n_specs] = dir;
    specs[c->n_specs++] = h;
    return 0;
}

/* True when dirs[i] is one of those before it under the same or another name: it has nothing new. */
static bool seen_before(const char *const *dirs, size_t i) {
    struct stat a, b;
    if (stat(dirs[i], &a) < 0) return false;
    for (size_t k = 0; k < i; k++)
        if (stat(dirs[k], &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino) return true;
    return false;
}

static int load_specs(struct merge *g) {
    struct catalog *c = g->c;
    for (size_t d = 0; d < g->o->n_hookspec_dirs; d++) {
        const char *dir = g->o->hookspec_dirs[d];
        if (seen_before(g->o->hookspec_dirs, d)) {
            errs_addf(&c->notes, dir, 0, 0, "is listed twice among the hookspec directories");
            continue;
        }
        char **paths = NULL;
        int r = discovery_hookspecs(dir, &g->rules, &paths, &c->spec_errors, &c->notes);
        for (char **p = paths; r == 0 && p && *p; p++) {
            struct hookspec *h = hookspec_load(*p, dir, &c->spec_errors);
            if (h) r = add_spec(g, h, d);
        }
        strv_free(paths);
        if (r < 0) return r;
    }
    return 0;
}

static int by_kind_and_major(const void *a, const void *b) {
    const struct hookspec *x = *(struct hookspec *const *)a, *y = *(struct hookspec *const *)b;
    int d = strcmp(x->kind, y->kind);
    return d ? d : (x->major > y->major) - (x->major < y->major);
}

/* ---- manifests ---- */

static int append_manifest(struct merge *g, struct manifest *m, size_t dir) {
    struct catalog *c = g->c;
    struct manifest **list = reallocarray(c->manifests, c->n_manifests + 1, sizeof(*list));
    if (list) c->manifests = list;
    size_t *dirs = reallocarray(g->plugin_dirs, c->n_manifests + 1, sizeof *dirs);
    if (dirs) g->plugin_dirs = dirs;
    bool *doubled = reallocarray(g->doubled, c->n_manifests + 1, sizeof *doubled);
    if (doubled) g->doubled = doubled;
    if (!list || !dirs || !doubled) {
        manifest_free(m);
        return -ENOMEM;
    }
    dirs[c->n_manifests] = dir;
    doubled[c->n_manifests] = false;
    list[c->n_manifests++] = m;
    return 0;
}

static int add_manifest(struct merge *g, struct manifest *m, size_t dir) {
    struct catalog *c = g->c;
    for (size_t i = 0; i < c->n_manifests; i++) {
        const struct manifest *other = c->manifests[i];
        if (strcmp(other->name, m->name) != 0) continue;
        if (g->plugin_dirs[i] == dir) { /* NOLINT(clang-analyzer-core.NullDereference): one entry per manifest */
            if (!g->doubled[i])
                errs_addf(&c->plugin_errors, other->path, 1, 1, "plugin name %s is taken by %s too", m->name, m->path);
            errs_addf(&c->plugin_errors, m->path, 1, 1, "plugin name %s is taken by %s too", m->name, other->path);
            g->doubled[i] = true;
        } else {
            errs_addf(&c->notes, m->path, 1, 1, "plugin %s is hidden by %s", m->name, other->path);
        }
        manifest_free(m);
        return 0;
    }
    return append_manifest(g, m, dir);
}

static int load_manifests(struct merge *g) {
    struct catalog *c = g->c;
    for (size_t d = 0; d < g->o->n_plugin_dirs; d++) {
        const char *dir = g->o->plugin_dirs[d];
        if (seen_before(g->o->plugin_dirs, d)) {
            errs_addf(&c->notes, dir, 0, 0, "is listed twice among the plugin directories");
            continue;
        }
        char **paths = NULL;
        int r = discovery_plugins(dir, &g->rules, &paths, &c->plugin_errors, &c->notes);
        for (char **p = paths; r == 0 && p && *p; p++) {
            struct manifest *m = manifest_load(*p, g->o->defaults, &c->plugin_errors);
            if (m) r = add_manifest(g, m, d);
        }
        strv_free(paths);
        if (r < 0) return r;
    }
    return 0;
}

/* Those whose name was taken twice in one directory have kept the name from later directories; now they go. */
static void drop_doubled(struct merge *g) {
    struct catalog *c = g->c;
    size_t kept = 0;
    for (size_t i = 0; i < c->n_manifests; i++) {
        if (g->doubled[i]) /* NOLINT(clang-analyzer-core.NullDereference): likewise */
            manifest_free(c->manifests[i]);
        else
            c->manifests[kept++] = c->manifests[i];
    }
    c->n_manifests = kept;
}

/* ---- dependencies ---- */

static int refuse_missing(const struct catalog *c, struct manifest *m, const char *missing) {
    struct suggest s;
    char hint[160];
    suggest_init(&s, missing, strlen(missing));
    for (size_t i = 0; i < c->n_manifests; i++)
        if (c->manifests[i] != m) suggest_offer(&s, c->manifests[i]->name);
    return manifest_refuse(m, "depends on %s, which does not exist%s", missing,
                           suggest_hint(s.best, hint, sizeof hint));
}

/* `m`'s dependencies stand before it, so theirs is settled. */
static int refuse_dependent(const struct catalog *c, struct manifest *m) {
    for (char *const *d = m->depends_on; d && *d && !m->refusal; d++) {
        const struct manifest *dep = catalog_manifest(c, *d);
        if (!dep || !dep->refusal) continue;
        int r = manifest_refuse(m, "depends on %s, which is unavailable: %.600s", *d, dep->refusal);
        if (r < 0) return r;
    }
    return 0;
}

static int refuse_by_dependencies(struct catalog *c, const struct startorder_verdict *verdicts) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->n_manifests; i++) {
        if (verdicts[i].cycle)
            r = manifest_refuse(c->manifests[i], "depends on itself, in a cycle: %s", verdicts[i].cycle);
        else if (verdicts[i].missing)
            r = refuse_missing(c, c->manifests[i], verdicts[i].missing);
    }
    return r;
}

static int order_manifests(struct catalog *c) {
    size_t n = c->n_manifests;
    if (n == 0) return 0;
    cleanup_free struct startorder_item *items = calloc(n, sizeof *items);
    cleanup_free struct startorder_verdict *verdicts = calloc(n, sizeof *verdicts);
    cleanup_free size_t *order = calloc(n, sizeof *order);
    cleanup_free struct manifest **sorted = calloc(n, sizeof(*sorted));
    if (!items || !verdicts || !order || !sorted) return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct manifest *m = c->manifests[i];
        items[i] = (struct startorder_item){.name = m->name, .priority = m->priority, .depends_on = m->depends_on};
    }
    int r = startorder_sort(items, n, order, verdicts);
    if (r < 0) return r;
    r = refuse_by_dependencies(c, verdicts);
    for (size_t i = 0; i < n; i++) free(verdicts[i].cycle);
    for (size_t i = 0; i < n; i++) sorted[i] = c->manifests[order[i]];
    memcpy(c->manifests, sorted, n * sizeof(*sorted));
    for (size_t i = 0; r == 0 && i < n; i++) r = refuse_dependent(c, c->manifests[i]);
    return r;
}

/* ---- the whole ---- */

static int load(struct merge *g) {
    struct catalog *c = g->c;
    int r = load_specs(g);
    if (r < 0) return r;
    if (c->n_specs) qsort(c->specs, c->n_specs, sizeof(*c->specs), by_kind_and_major);
    r = load_manifests(g);
    if (r < 0) return r;
    drop_doubled(g);
    for (size_t i = 0; r == 0 && i < c->n_manifests; i++)
        r = manifest_admit(c->manifests[i], (const struct hookspec *const *)c->specs, c->n_specs, g->o->core_version);
    return r < 0 ? r : order_manifests(c);
}

struct catalog *catalog_load(const struct catalog_options *o) {
    struct catalog *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->refs = 1;
    struct merge g = {.c = c, .o = o, .rules = {.guard = geteuid() == 0, .uid = geteuid()}};
    int r = load(&g);
    free(g.spec_dirs);
    free(g.plugin_dirs);
    free(g.doubled);
    bool lost = c->spec_errors.lost || c->plugin_errors.lost || c->notes.lost;
    return r < 0 || lost ? catalog_unref(c) : c;
}

struct catalog *catalog_ref(struct catalog *c) {
    c->refs++;
    return c;
}

struct catalog *catalog_unref(struct catalog *c) {
    if (!c || --c->refs > 0) return NULL;
    for (size_t i = 0; i < c->n_manifests; i++) manifest_free(c->manifests[i]);
    for (size_t i = 0; i < c->n_specs; i++) hookspec_free(c->specs[i]);
    free(c->manifests);
    free(c->specs);
    errs_deinit(&c->spec_errors);
    errs_deinit(&c->plugin_errors);
    errs_deinit(&c->notes);
    free(c);
    return NULL;
}

static bool is_kind(const struct hookspec *h, const char *kind, size_t len) {
    return strncmp(h->kind, kind, len) == 0 && h->kind[len] == '\0';
}

const struct hookspec *catalog_spec(const struct catalog *c, const char *kind, size_t len, int major) {
    for (size_t i = c->n_specs; i-- > 0;) /* from the newest */
        if (is_kind(c->specs[i], kind, len) && (major < 0 || c->specs[i]->major == (unsigned)major)) return c->specs[i];
    return NULL;
}

const struct manifest *catalog_manifest(const struct catalog *c, const char *name) {
    for (size_t i = 0; i < c->n_manifests; i++)
        if (strcmp(c->manifests[i]->name, name) == 0) return c->manifests[i];
    return NULL;
}

const char *catalog_nearest_kind(const struct catalog *c, const char *kind, size_t len) {
    struct suggest s;
    suggest_init(&s, kind, len);
    for (size_t i = 0; i < c->n_specs; i++) suggest_offer(&s, c->specs[i]->kind);
    return s.best;
}
