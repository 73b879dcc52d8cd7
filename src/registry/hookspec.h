/* hookspec.h — a kind of plugin: its hooks, their dispatch class and payload schema (DESIGN §3).
 *
 * Loaded from one YAML file; immutable afterwards. Owned by the catalog that loaded it. */
#ifndef HOOKCAST_REGISTRY_HOOKSPEC_H
#define HOOKCAST_REGISTRY_HOOKSPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/schema.h"

enum dispatch {
    DISPATCH_SINGLETON,
    DISPATCH_BROADCAST_COLLECT,
    DISPATCH_BROADCAST_NOTIFY,
    DISPATCH_CHAIN,
    DISPATCH_CAPABILITY,
    DISPATCHES
};

const char *dispatch_name(enum dispatch d);

struct hook {
    char *name;
    enum dispatch dispatch;
    char *description; /* NULL when absent */
    char *schema_path; /* absolute or as found from the working directory; NULL when the hook has no input_schema */
    json_t *schema;    /* the document at schema_path; NULL likewise; hooks with the same file share it */
    const struct schema *compiled; /* what payloads are held against; NULL likewise; owned by the hookspec */
    bool mcp_exposed;
    char *tool_template;   /* mcp_tool_name_template; "{kind}.{plugin}.{hook}" by default; never NULL */
    bool format_assertion; /* the hookspec's format_assertion (default false) */
};

struct hookspec {
    char *kind;
    char *version; /* kind_api_version in full, e.g. "1.0.0" */
    unsigned major;
    char *description; /* NULL when absent */
    char *path;
    struct hook *hooks;
    size_t n_hooks;
    struct schema **schemas; /* owned: one per schema file, whatever the number of hooks that use it */
    size_t n_schemas;
};

/* Load one file. `root` is the hookspec dir it lies under (schemas outside it are refused, and so are the files that
 * they refer to). Schemas are compiled here, once. Every problem found is added to `errs` as file:line:column: message.
 * Returns the hookspec (new; the caller frees), or NULL when anything was wrong. */
struct hookspec *hookspec_load(const char *path, const char *root, struct errs *errs);
struct hookspec *hookspec_free(struct hookspec *h); /* NULL is fine; returns NULL */

/* Index of the hook, or -1. `name` need not be terminated. */
int hookspec_find(const struct hookspec *h, const char *name, size_t len);

/* The nearest hook name (borrowed) for did-you-mean; NULL when none is near. */
const char *hookspec_nearest(const struct hookspec *h, const char *name, size_t len);

/* Same kind, version, hooks and schema documents? (Files that a schema refers to are not looked at.) */
bool hookspec_equal(const struct hookspec *a, const struct hookspec *b);

/* A name as kinds and hooks have: ^[a-z][a-z0-9_]*$ */
bool hookspec_name_valid(const char *s);

#endif
