/* manifest.h — what a plugin says of itself: plugin.yaml or dagstack.json (DESIGN §4).
 *
 * Immutable after load; owned by the catalog. A manifest that is well-formed but cannot run here (unknown kind, version
 * not served, runtime not ours, config refused by its schema) is loaded with `refusal` set: the plugin is listed as
 * unavailable with that reason. A malformed one is not loaded at all. */
#ifndef HOOKCAST_REGISTRY_MANIFEST_H
#define HOOKCAST_REGISTRY_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "registry/hookspec.h"
#include "registry/settings.h"
#include "schema/schema.h"

enum protocol { PROTOCOL_MCP, PROTOCOL_JSONRPC, PROTOCOLS };

/* rlimits: a row per known limit (nofile, as, nproc, cpu, fsize, core, data, stack, memlock); see the table in
 * manifest_limits.c. */
struct manifest_rlimit {
    int resource;   /* RLIMIT_* */
    uint64_t value; /* RLIM_INFINITY for "unlimited" */
};

/* Limits of its control group. */
struct manifest_cgroup {
    uint64_t memory_max, pids_max; /* 0 = not given */
    double cpu_max;                /* CPUs: 0.5 for 50%; 0 = not given */
};

struct manifest_tool {
    char *hook, *tool;
};

struct manifest {
    char *path; /* the manifest file */
    char *dir;  /* absolute directory it lies in: the child's working directory */
    char *schema_version;
    char *name; /* at most 128 characters */
    char *kind;
    char *kind_api_version; /* as written */
    unsigned kind_major;
    char *core_version; /* as written */
    char *runtime;
    char **command; /* NULL-terminated; at least one word (NULL only where `runtime` is not ours and none is given) */
    char **env;     /* NULL-terminated "KEY=value"; NULL when empty, as all lists here */
    unsigned priority;
    char **depends_on; /* NULL-terminated */
    nsec_t startup_timeout, teardown_timeout;
    json_t *config;                        /* an object, {} when absent */
    json_t *config_schema;                 /* an object or a boolean; NULL when absent */
    char *config_schema_path;              /* the file it came from; NULL when it was inline or absent */
    struct schema *config_compiled;        /* owned; NULL when there is no config_schema */
    char *license, *maintainer, *homepage; /* NULL when absent */
    char **capabilities;                   /* NULL-terminated */

    enum protocol protocol;
    bool hooks_given;               /* tells `hooks: []` (hears nothing) from no `hooks` at all */
    char **hooks;                   /* NULL-terminated names as written; NULL when not given or empty */
    unsigned hooks_line, hooks_col; /* where `hooks` is written, for messages; 0 when not given */
    struct manifest_tool *tools;
    size_t n_tools;
    char *user; /* NULL when not given */
    struct manifest_rlimit *rlimits;
    size_t n_rlimits;
    struct manifest_cgroup cgroup;
    char **credentials; /* NULL-terminated */
    uint32_t tools_in_flight_max;
    struct settings settings; /* plugin_defaults with this plugin's overrides on top */

    const struct hookspec *spec; /* borrowed from the same catalog; NULL when the kind or major is not known */
    char *refusal;               /* why it cannot run; NULL when it can */
};

/* "as", "cpu" ...; "" for a resource that manifests do not know. */
const char *manifest_rlimit_name(int resource);

/* Load one manifest file. `defaults` are the configured plugin_defaults. Problems go to `errs`; NULL when malformed.
 * Neither `spec` nor `refusal` is set yet: manifest_admit() does that. */
struct manifest *manifest_load(const char *path, const struct settings *defaults, struct errs *errs);
struct manifest *manifest_free(struct manifest *m);

/* The contract's checks in its order (schema_version, kind known, kind_api_version served, core_version range, runtime,
 * config against config_schema): sets `spec` and, at the first that fails, `refusal`. `core_version` is this daemon's.
 * Returns 0 or -ENOMEM. */
int manifest_admit(struct manifest *m, const struct hookspec *const *specs, size_t n_specs, const char *core_version);

/* Set the reason why it cannot run, unless it has one already (the first counts). 0 or -ENOMEM. */
int manifest_refuse(struct manifest *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Names in `hooks` and `tools` that its kind does not have, one line each with did-you-mean, added to `notes`. Nothing
 * when `spec` is not set. */
void manifest_unknown_hooks(const struct manifest *m, struct errs *notes);

/* Would a child started from `b` be the same as one started from `a`? Compares everything a manifest says and its spec;
 * not where the file's lines are. */
bool manifest_equal(const struct manifest *a, const struct manifest *b);

#endif
