/* Whether a well-formed manifest can run here. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "registry/manifest_read.h"
#include "registry/strv.h"
#include "registry/version.h"
#include "registry/yamldoc.h"

struct host {
    const struct hookspec *const *specs;
    size_t n_specs;
    const char *core_version;
};

int manifest_refuse(struct manifest *m, const char *fmt, ...) {
    if (m->refusal) return 0;
    va_list ap;
    va_start(ap, fmt);
    int r = vasprintf(&m->refusal, fmt, ap);
    va_end(ap);
    if (r >= 0) return 0;
    m->refusal = NULL;
    return -ENOMEM;
}

/* ---- the checks, each of which may refuse; 0 or -ENOMEM ---- */

static int admit_schema_version(struct manifest *m, const struct host *h) {
    (void)h;
    if (strcmp(m->schema_version, "1") == 0) return 0;
    char q[YAMLDOC_QUOTE_MAX];
    return manifest_refuse(m, "schema_version %s is not supported: this daemon reads \"1\"",
                           yamldoc_quote(m->schema_version, q));
}

static int admit_kind(struct manifest *m, const struct host *h) {
    struct suggest s;
    suggest_init(&s, m->kind, strlen(m->kind));
    for (size_t i = 0; i < h->n_specs; i++) {
        if (strcmp(h->specs[i]->kind, m->kind) == 0) return 0;
        suggest_offer(&s, h->specs[i]->kind);
    }
    char q[YAMLDOC_QUOTE_MAX], hint[160];
    if (h->n_specs == 0)
        return manifest_refuse(m, "kind %s is not known: no hookspec is loaded at all", yamldoc_quote(m->kind, q));
    return manifest_refuse(m, "kind %s is not known%s", yamldoc_quote(m->kind, q),
                           suggest_hint(s.best, hint, sizeof hint));
}

static int admit_kind_version(struct manifest *m, const struct host *h) {
    char served[256] = "", q[YAMLDOC_QUOTE_MAX];
    size_t o = 0;
    for (size_t i = 0; i < h->n_specs; i++) {
        const struct hookspec *spec = h->specs[i];
        if (strcmp(spec->kind, m->kind) != 0) continue;
        if (spec->major == m->kind_major) {
            m->spec = spec;
            return 0;
        }
        if (o < sizeof served)
            o += (size_t)snprintf(served + o, sizeof served - o, "%s%s", o ? ", " : "", spec->version);
    }
    return manifest_refuse(m, "kind_api_version %s of kind %s is not served; served: %s",
                           yamldoc_quote(m->kind_api_version, q), m->kind, served);
}

static int admit_core_version(struct manifest *m, const struct host *h) {
    struct err e = {0};
    char q[YAMLDOC_QUOTE_MAX];
    int in = version_range_has(m->core_version, h->core_version, &e);
    if (in > 0) return 0;
    if (in < 0) return manifest_refuse(m, "core_version: %s", e.text);
    return manifest_refuse(m, "core_version %s does not include this daemon's version %s",
                           yamldoc_quote(m->core_version, q), h->core_version);
}

static int admit_runtime(struct manifest *m, const struct host *h) {
    (void)h;
    if (strcmp(m->runtime, "mcp_stdio") == 0) return 0;
    const char *why = strcmp(m->runtime, "in_process") == 0 ? "plugins never run inside the daemon"
                                                            : "plugins are not reached over HTTP";
    return manifest_refuse(m, "runtime %s is not supported: %s; use mcp_stdio", m->runtime, why);
}

static int admit_config(struct manifest *m, const struct host *h) {
    (void)h;
    return manifest_admit_config(m);
}

int manifest_admit(struct manifest *m, const struct hookspec *const *specs, size_t n_specs, const char *core_version) {
    static int (*const checks[])(struct manifest *, const struct host *) = {
        admit_schema_version, admit_kind, admit_kind_version, admit_core_version, admit_runtime, admit_config};
    const struct host h = {.specs = specs, .n_specs = n_specs, .core_version = core_version};
    int r = 0;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && r == 0 && !m->refusal; i++) r = checks[i](m, &h);
    return r;
}

/* ---- hooks the kind does not have ---- */

static void unknown_hook(const struct manifest *m, const char *where, const char *hook, struct errs *notes) {
    if (hookspec_find(m->spec, hook, strlen(hook)) >= 0) return;
    char q[YAMLDOC_QUOTE_MAX], hint[160];
    const char *best = hookspec_nearest(m->spec, hook, strlen(hook));
    errs_addf(notes, m->path, m->hooks_line, m->hooks_col, "%s: kind %s has no hook %s%s", where, m->kind,
              yamldoc_quote(hook, q), suggest_hint(best, hint, sizeof hint));
}

void manifest_unknown_hooks(const struct manifest *m, struct errs *notes) {
    if (!m->spec) return;
    for (char *const *h = m->hooks; h && *h; h++) unknown_hook(m, "hooks", *h, notes);
    for (size_t i = 0; i < m->n_tools; i++) unknown_hook(m, "tools", m->tools[i].hook, notes);
}

/* ---- comparing ---- */

static bool strings_equal(const struct manifest *a, const struct manifest *b) {
    return strcmp(a->path, b->path) == 0 && strcmp(a->dir, b->dir) == 0 && strcmp(a->name, b->name) == 0 &&
           strcmp(a->kind, b->kind) == 0 && strcmp(a->kind_api_version, b->kind_api_version) == 0 &&
           strcmp(a->schema_version, b->schema_version) == 0 && strcmp(a->core_version, b->core_version) == 0 &&
           strcmp(a->runtime, b->runtime) == 0 && str_equal(a->license, b->license) &&
           str_equal(a->maintainer, b->maintainer) && str_equal(a->homepage, b->homepage) &&
           str_equal(a->user, b->user) && str_equal(a->refusal, b->refusal);
}

static bool lists_equal(const struct manifest *a, const struct manifest *b) {
    if (!strv_equal(a->command, b->command) || !strv_equal(a->env, b->env) ||
        !strv_equal(a->depends_on, b->depends_on) || !strv_equal(a->capabilities, b->capabilities) ||
        !strv_equal(a->hooks, b->hooks) || !strv_equal(a->credentials, b->credentials) || a->n_tools != b->n_tools ||
        a->n_rlimits != b->n_rlimits)
        return false;
    for (size_t i = 0; i < a->n_tools; i++)
        if (strcmp(a->tools[i].hook, b->tools[i].hook) != 0 || strcmp(a->tools[i].tool, b->tools[i].tool) != 0)
            return false;
    for (size_t i = 0; i < a->n_rlimits; i++)
        if (a->rlimits[i].resource != b->rlimits[i].resource || a->rlimits[i].value != b->rlimits[i].value)
            return false;
    return true;
}

static bool json_same(const json_t *a, const json_t *b) { return a == b || json_equal(a, b); }

bool manifest_equal(const struct manifest *a, const struct manifest *b) {
    if (!strings_equal(a, b) || !lists_equal(a, b) || !json_same(a->config, b->config) ||
        !json_same(a->config_schema, b->config_schema) || !settings_equal(&a->settings, &b->settings))
        return false;
    if (a->priority != b->priority || a->startup_timeout != b->startup_timeout ||
        a->teardown_timeout != b->teardown_timeout || a->protocol != b->protocol || a->hooks_given != b->hooks_given ||
        a->tools_in_flight_max != b->tools_in_flight_max || a->cgroup.memory_max != b->cgroup.memory_max ||
        a->cgroup.pids_max != b->cgroup.pids_max || a->cgroup.cpu_max > b->cgroup.cpu_max ||
        a->cgroup.cpu_max < b->cgroup.cpu_max)
        return false;
    return a->spec && b->spec ? hookspec_equal(a->spec, b->spec) : a->spec == b->spec;
}
