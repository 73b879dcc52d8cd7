/* catalog.h — everything loaded, immutable: the kinds and the plugins, checked against each other and in start order.
 *
 * A reload builds a second catalog and swaps. Reference-counted, so that a child may keep the manifest it was started
 * from: catalog_ref() / catalog_unref(). Loading never logs: what it has to tell is in `problems` (errors) and `notes`
 * (e.g. "plugin x in DIR2 is hidden by DIR1"). */
#ifndef HOOKCAST_REGISTRY_CATALOG_H
#define HOOKCAST_REGISTRY_CATALOG_H

#include <stddef.h>

#include "registry/hookspec.h"
#include "registry/manifest.h"

struct catalog_options {
    const char *const *hookspec_dirs; /* in order: the first wins; a missing directory is a note, not an error */
    size_t n_hookspec_dirs;
    const char *const *plugin_dirs;
    size_t n_plugin_dirs;
    const struct settings *defaults;
    const char *core_version;
};

struct catalog {
    unsigned refs;
    struct hookspec **specs; /* sorted by kind, then major, ascending */
    size_t n_specs;
    struct manifest **manifests; /* in start order: dependencies first; then priority descending, then name */
    size_t n_manifests;
    struct errs spec_errors;   /* bad hookspecs: fatal at start and reload (exit 78) */
    struct errs plugin_errors; /* bad manifests: skipped, reported */
    struct errs notes;
};

/* Load everything. Always returns a catalog unless out of memory (NULL); look at spec_errors and plugin_errors. */
struct catalog *catalog_load(const struct catalog_options *o);
struct catalog *catalog_ref(struct catalog *c);
struct catalog *catalog_unref(struct catalog *c); /* NULL is fine; returns NULL */

/* The spec of a kind: with major < 0 the newest. NULL when there is none. Names need not be terminated. */
const struct hookspec *catalog_spec(const struct catalog *c, const char *kind, size_t len, int major);
const struct manifest *catalog_manifest(const struct catalog *c, const char *name);

/* The nearest existing kind name (borrowed) for did-you-mean; NULL when none is near. */
const char *catalog_nearest_kind(const struct catalog *c, const char *kind, size_t len);

#endif
