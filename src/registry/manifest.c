#include "registry/manifest.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/manifest_read.h"
#include "registry/paths.h"
#include "registry/strv.h"
#include "registry/version.h"
#include "registry/yamldoc.h"

enum { NAME_MAX_LEN = 128 };

static const char *const runtime_words[] = {"mcp_stdio", "in_process", "mcp_http", NULL};

/* ---- readers ---- */

static bool name_valid(const char *s) {
    if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s)) return false;
    return strlen(s) <= NAME_MAX_LEN && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

static void read_name(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    key_string(r, n, f, slot);
    const char *s = *(char **)slot;
    char q[YAMLDOC_QUOTE_MAX];
    if (s && !name_valid(s))
        keys_bad(r, n, "name: %s must begin with a-z or 0-9 and hold only a-z, 0-9, _ and - (at most %d of them)",
                 yamldoc_quote(s, q), NAME_MAX_LEN);
}

static void read_kind_version(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    key_string(r, n, f, slot);
    const char *s = *(char **)slot;
    char q[YAMLDOC_QUOTE_MAX];
    if (s && version_major(s, &manifest_of(r)->kind_major, NULL) < 0)
        keys_bad(r, n, "kind_api_version: expected a major such as \"1\", or a version such as 1.0.0, got %s",
                 yamldoc_quote(s, q));
}

static void read_range(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    key_text(r, n, f, slot);
    const char *s = *(char **)slot;
    struct err e;
    if (s && version_range_check(s, &e) < 0) keys_bad(r, n, "core_version: %s", e.text);
}

static void read_runtime(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    unsigned index = 0;
    bool was_bad = r->bad;
    r->bad = false;
    key_word(r, n, f, &index);
    if (!r->bad && !(*(char **)slot = strdup(runtime_words[index]))) r->nomem = r->bad = true;
    r->bad = r->bad || was_bad;
}

/* No shell: a list of words, the first the program. */
static void read_command(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct err e;
    int code = 0;
    if (n->type == YAMLDOC_SCALAR)
        keys_bad(r, n, "command: expected a list such as [python3, plugin.py]; no shell reads it");
    else if ((code = yamldoc_list(r->doc, n, &e)) < 0)
        keys_report(r, f->key, code, &e);
    else if (n->n == 0 || (n->items[0]->type == YAMLDOC_SCALAR && !*n->items[0]->text))
        keys_bad(r, n, "command: must name a program");
    for (size_t i = 0; n->type == YAMLDOC_LIST && i < n->n; i++) {
        const char *s;
        code = yamldoc_string(r->doc, n->items[i], &s, &e);
        if (code < 0)
            keys_report(r, f->key, code, &e);
        else if (strv_push_take((char ***)slot, strdup(s)) < 0)
            r->nomem = r->bad = true;
    }
}

static bool env_name_valid(const char *s) {
    if (isdigit((unsigned char)*s) || !*s) return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '_') return false;
    return true;
}

static void read_env(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct err e;
    int code = yamldoc_map(r->doc, n, &e);
    if (code < 0) {
        keys_report(r, f->key, code, &e);
        return;
    }
    for (size_t i = 0; i < n->n; i++) {
        const char *key = n->keys[i]->text, *value = n->items[i]->text; /* null is a word like any other */
        char q[YAMLDOC_QUOTE_MAX], *pair = NULL;
        if (!env_name_valid(key)) {
            keys_bad(r, n->keys[i], "env: %s is not the name of a variable (letters, digits and _)",
                     yamldoc_quote(key, q));
        } else if (n->items[i]->type != YAMLDOC_NULL && (code = yamldoc_string(r->doc, n->items[i], &value, &e)) < 0) {
            keys_report(r, f->key, code, &e);
        } else if (asprintf(&pair, "%s=%s", key, value) < 0 || strv_push_take((char ***)slot, pair) < 0) {
            r->nomem = r->bad = true;
        }
    }
}

/* ---- the table ---- */

#define AT(member) offsetof(struct manifest, member)
#define SECONDS(name, member) \
    { .key = name, .read = key_seconds, .offset = AT(member), .min = NSEC_PER_MSEC, .max = 86400ull * NSEC_PER_SEC }
#define IGNORED(name) \
    { .key = name, .read = key_ignore }

static const struct key manifest_keys[] = {
    {.key = "schema_version", .read = key_string, .offset = AT(schema_version), .required = true},
    {.key = "name", .read = read_name, .offset = AT(name), .required = true},
    {.key = "kind", .read = key_string, .offset = AT(kind), .required = true},
    {.key = "kind_api_version", .read = read_kind_version, .offset = AT(kind_api_version), .required = true},
    {.key = "core_version", .read = read_range, .offset = AT(core_version), .required = true},
    {.key = "runtime", .read = read_runtime, .offset = AT(runtime), .required = true, .words = runtime_words},
    {.key = "command", .read = read_command, .offset = AT(command)}, /* required where the runtime is ours */
    {.key = "env", .read = read_env, .offset = AT(env)},
    {.key = "priority", .read = key_u32, .offset = AT(priority), .min = 0, .max = 100},
    {.key = "depends_on", .read = key_strings, .offset = AT(depends_on)},
    SECONDS("startup_timeout_sec", startup_timeout),
    SECONDS("teardown_timeout_sec", teardown_timeout),
    {.key = "config", .read = manifest_read_config, .offset = AT(config)},
    {.key = "config_schema", .read = manifest_read_config_schema, .offset = AT(config_schema)},
    {.key = "license", .read = key_text, .offset = AT(license)},
    {.key = "maintainer", .read = key_text, .offset = AT(maintainer)},
    {.key = "homepage", .read = key_text, .offset = AT(homepage)},
    {.key = "capabilities", .read = key_strings, .offset = AT(capabilities)},
    {.key = "hookcast", .read = manifest_read_hookcast, .sub = &manifest_hookcast_table},
    IGNORED("version"),
    IGNORED("description"),
    IGNORED("authors"),
    IGNORED("execution_model"),
    IGNORED("in_process_only"),
    IGNORED("entry_point"),
    IGNORED("health_check"),
    IGNORED("url"),
    IGNORED("auth"),
    IGNORED("tryfirst"),
    IGNORED("trylast"),
    IGNORED("fallback"),
    IGNORED("resources"),
    IGNORED("unit_of_work"),
    IGNORED("supports_*"),
    IGNORED("metadata"),
};
static const struct key_table manifest_table = {manifest_keys, ARRAY_LEN(manifest_keys)};
_Static_assert(sizeof(unsigned) == sizeof(uint32_t), "priority is read as 32 bits");

/* ---- the object ---- */

struct manifest *manifest_free(struct manifest *m) {
    if (!m) return NULL;
    char *const strings[] = {m->path,    m->dir,       m->schema_version,     m->name, m->kind,    m->kind_api_version,
                             m->license, m->homepage,  m->config_schema_path, m->user, m->refusal, m->core_version,
                             m->runtime, m->maintainer};
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) free(strings[i]);
    char **const lists[] = {m->command, m->env, m->depends_on, m->capabilities, m->hooks, m->credentials};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) strv_free(lists[i]);
    for (size_t i = 0; i < m->n_tools; i++) {
        free(m->tools[i].hook);
        free(m->tools[i].tool);
    }
    free(m->tools);
    free(m->rlimits);
    json_decref(m->config);
    json_decref(m->config_schema);
    (void)schema_free(m->config_compiled);
    free(m);
    return NULL;
}

static struct manifest *no_memory(struct manifest *m, const char *path, struct errs *errs) {
    errs_addf(errs, path, 0, 0, "%s", err_str(ENOMEM));
    return manifest_free(m);
}

static struct manifest *new_manifest(const char *path, const struct settings *defaults) {
    struct manifest *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    m->startup_timeout = 30 * NSEC_PER_SEC;
    m->teardown_timeout = 15 * NSEC_PER_SEC;
    m->tools_in_flight_max = 256;
    m->settings = *defaults;
    cleanup_free char *dir = path_dir(path);
    m->path = strdup(path);
    m->dir = dir ? realpath(dir, NULL) : NULL;
    return m->path && m->dir ? m : manifest_free(m);
}

/* dagstack.json may keep the fields one level down. */
static const struct yamldoc_node *map_of(const struct yamldoc *doc, const char *path) {
    const struct yamldoc_node *root = yamldoc_root(doc);
    const char *slash = strrchr(path, '/');
    if (strcmp(slash ? slash + 1 : path, "dagstack.json") != 0) return root;
    const struct yamldoc_node *inner = yamldoc_get(root, "plugin");
    return inner ? inner : root;
}

static struct manifest *read_document(const struct yamldoc *doc, const char *path, const struct settings *defaults,
                                      struct errs *errs) {
    struct manifest *m = new_manifest(path, defaults);
    if (!m) return no_memory(NULL, path, errs);
    const struct yamldoc_node *map = map_of(doc, path);
    struct err e;
    if (yamldoc_map(doc, map, &e) < 0) {
        errs_addf(errs, e.file, e.line, e.col, "a manifest is a map of keys: %s", e.text);
        return manifest_free(m);
    }
    struct manifest_reader r = {.keys = {.doc = doc, .errs = errs}, .m = m};
    const struct key_layer layer = {.table = &manifest_table, .base = m};
    keys_read(&r.keys, map, &layer, 1);
    const struct yamldoc_node *command = yamldoc_get(map, "command");
    if (m->runtime && strcmp(m->runtime, runtime_words[0]) == 0 && (!command || command->type == YAMLDOC_NULL))
        keys_bad(&r.keys, command ? command : map, "required key \"command\" %s",
                 command ? "has no value" : "is missing");
    if (!m->config && !(m->config = json_object())) r.keys.nomem = true;
    if (r.keys.nomem) return no_memory(m, path, errs);
    return r.keys.bad ? manifest_free(m) : m;
}

/* A manifest of another schema_version may well have keys unknown to us: then that, and not they, is the problem. */
static const struct yamldoc_node *other_schema(const struct yamldoc *doc, const char *path) {
    const struct yamldoc_node *v = yamldoc_get(map_of(doc, path), "schema_version");
    return v && v->type == YAMLDOC_SCALAR && strcmp(v->text, "1") != 0 ? v : NULL;
}

struct manifest *manifest_load(const char *path, const struct settings *defaults, struct errs *errs) {
    struct yamldoc *doc = NULL;
    struct err e;
    if (yamldoc_load(path, &doc, &e) < 0) {
        errs_add(errs, &e);
        return NULL;
    }
    const struct yamldoc_node *other = other_schema(doc, path);
    struct errs unheard = {0};
    struct manifest *m = read_document(doc, path, defaults, other ? &unheard : errs);
    char q[YAMLDOC_QUOTE_MAX];
    if (!m && other)
        errs_addf(errs, path, other->line, other->col, "schema_version %s is not supported: this daemon reads \"1\"",
                  yamldoc_quote(other->text, q));
    errs_deinit(&unheard);
    yamldoc_free(doc);
    return m;
}
