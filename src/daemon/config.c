#include "daemon/config.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "registry/discovery.h"
#include "registry/keytable.h"
#include "registry/paths.h"
#include "registry/strv.h"
#include "registry/yamldoc.h"

static const char default_file[] = "/etc/hookcast/hookcastd.yaml";
static const char *const default_hookspec_dirs[] = {"/etc/hookcast/hookspecs", "/usr/share/hookcast/hookspecs"};
static const char *const default_plugin_dirs[] = {"/etc/hookcast/plugins", "/usr/lib/hookcast/plugins"};

static const char *const format_words[] = {
    [LOG_FORMAT_LOGFMT] = "logfmt", [LOG_FORMAT_JSON] = "json", [LOG_FORMAT_JOURNALD] = "journald", NULL};
static const char *const level_words[] = {
    [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info", [LOG_DEBUG] = "debug", NULL};
_Static_assert(ARRAY_LEN(format_words) == LOG_FORMATS + 1, "a word per log format");
_Static_assert(ARRAY_LEN(level_words) == LOG_LEVELS + 1, "a word per log level");

/* The longest runtime_dir for which "<runtime_dir>/control.sock" is still the address of a socket. */
#define RUNTIME_DIR_MAX (sizeof((struct sockaddr_un){0}.sun_path) - sizeof "/control.sock")

/* ---- readers ---- */

struct config_reader {
    struct key_reader keys;
    struct config *config;
    char *dir; /* of the file: relative paths in it start there */
};

static struct config *config_of(struct key_reader *r) { return ((struct config_reader *)r)->config; }

static void no_memory(struct key_reader *r) { r->nomem = r->bad = true; }

static void read_mode(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    char q[YAMLDOC_QUOTE_MAX];
    size_t len = n->type == YAMLDOC_SCALAR ? strlen(n->text) : 0;
    if (len < 3 || len > 4 || n->text[strspn(n->text, "01234567")] || (len == 4 && n->text[0] != '0'))
        keys_bad(r, n, "%s: expected octal permissions such as \"0660\", got %s", f->key, yamldoc_show(n, q));
    else
        *(mode_t *)slot = (mode_t)strtoul(n->text, NULL, 8);
}

/* Only root can hand a socket to any group, so only then must the group be there. */
static void read_group(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    key_string(r, n, f, slot);
    const char *name = *(char **)slot;
    if (!name || geteuid() != 0) return;
    char buf[4096], q[YAMLDOC_QUOTE_MAX];
    struct group gr, *found = NULL;
    int code = getgrnam_r(name, &gr, buf, sizeof buf, &found);
    bool unknown = code == ERANGE || code == ENOMEM || code == EINTR || code == EIO || code == EMFILE || code == ENFILE;
    if (!found && !unknown) keys_bad(r, n, "%s: there is no group %s", f->key, yamldoc_quote(name, q));
}

static void read_path(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    cleanup_free char *text = NULL;
    key_string(r, n, f, &text);
    if (text && !(*(char **)slot = path_join(((struct config_reader *)r)->dir, text))) no_memory(r);
}

static void read_paths(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    char **texts = NULL, **paths = strv_free(*(char ***)slot);
    *(char ***)slot = NULL;
    key_strings(r, n, f, &texts);
    for (char **t = texts; t && *t; t++)
        if (strv_push_take(&paths, path_join(((struct config_reader *)r)->dir, *t)) < 0) no_memory(r);
    strv_free(texts);
    if (!paths && !(paths = calloc(1, sizeof(*paths)))) no_memory(r); /* an empty list is one, not the default */
    *(char ***)slot = paths;
}

static void read_log_format(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    key_word(r, n, f, slot);
    config_of(r)->log_format_set = true;
}

/* ---- the tables: offsets count from struct config throughout ---- */

#define AT(member) offsetof(struct config, member)
#define TABLE(name) static const struct key_table name##_table = {name##_keys, ARRAY_LEN(name##_keys)}
#define MAP(name, table) \
    { .key = name, .read = key_map, .sub = &table }
#define TIME(name, member, lo, hi) \
    { .key = name, .read = key_duration, .offset = AT(member), .min = (uint64_t)(lo), .max = (uint64_t)(hi) }
#define SIZE(name, member, lo, hi) \
    { .key = name, .read = key_size, .offset = AT(member), .min = lo, .max = hi }

static const struct key events_keys[] = {{.key = "mode", .read = read_mode, .offset = AT(events.mode)},
                                         {.key = "group", .read = read_group, .offset = AT(events.group)}};
TABLE(events);
static const struct key control_keys[] = {{.key = "mode", .read = read_mode, .offset = AT(control.mode)},
                                          {.key = "group", .read = read_group, .offset = AT(control.group)}};
TABLE(control);
static const struct key sockets_keys[] = {MAP("events", events_table), MAP("control", control_table)};
TABLE(sockets);

static const struct key log_keys[] = {
    {.key = "format", .read = read_log_format, .offset = AT(log_format), .words = format_words},
    {.key = "level", .read = key_word, .offset = AT(log_level), .words = level_words},
};
TABLE(log);

static const struct key limits_keys[] = {
    SIZE("event_max_size", event_max_size, 1ull << 10, 1ull << 30),
    SIZE("backlog_max_size", backlog_max_size, 256ull << 10, 1ull << 40),
    {.key = "publishers_max", .read = key_u32, .offset = AT(publishers_max), .min = 1, .max = 1000000},
};
TABLE(limits);

static const struct key config_keys[] = {
    {.key = "runtime_dir", .read = read_path, .offset = AT(runtime_dir)},
    MAP("sockets", sockets_table),
    {.key = "hookspec_dirs", .read = read_paths, .offset = AT(hookspec_dirs)},
    {.key = "plugin_dirs", .read = read_paths, .offset = AT(plugin_dirs)},
    MAP("log", log_table),
    MAP("limits", limits_table),
    TIME("startup_grace", startup_grace, 0, 3600 * NSEC_PER_SEC),
    TIME("stop_timeout", stop_timeout, 100 * NSEC_PER_MSEC, 86400 * NSEC_PER_SEC),
    {.key = "plugin_defaults", .read = key_map, .offset = AT(plugin_defaults), .sub = &settings_table},
};
TABLE(config);

/* ---- loading ---- */

struct config *config_free(struct config *c) {
    if (!c) return NULL;
    free(c->file);
    free(c->runtime_dir);
    free(c->events.group);
    free(c->control.group);
    strv_free(c->hookspec_dirs);
    strv_free(c->plugin_dirs);
    free(c);
    return NULL;
}

static int copy_list(char ***slot, const char *const *from, size_t n) {
    char **copy = calloc(1, sizeof(*copy));
    if (!copy) return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (strv_push_take(&copy, strdup(from[i])) == 0) continue;
        strv_free(copy);
        return -ENOMEM;
    }
    strv_free(*slot);
    *slot = copy;
    return 0;
}

static struct config *new_config(void) {
    struct config *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->events.mode = 0660;
    c->control.mode = 0600;
    c->log_format = LOG_FORMAT_LOGFMT;
    c->log_level = LOG_INFO;
    c->event_max_size = 1ull << 20;
    c->backlog_max_size = 64ull << 20;
    c->publishers_max = 1024;
    c->startup_grace = 5 * NSEC_PER_SEC;
    c->stop_timeout = 60 * NSEC_PER_SEC;
    c->plugin_defaults = settings_default();
    if (copy_list(&c->hookspec_dirs, default_hookspec_dirs, ARRAY_LEN(default_hookspec_dirs)) < 0 ||
        copy_list(&c->plugin_dirs, default_plugin_dirs, ARRAY_LEN(default_plugin_dirs)) < 0)
        return config_free(c);
    return c;
}

/* Whoever can write the file of a root daemon could name a plugin directory of their own. Its owner is not asked about:
 * naming the file was root's choice. */
static int check_trust(const char *path, struct errs *errs) {
    struct stat st;
    char why[160];
    if (stat(path, &st) < 0) return 0;
    const struct discovery_rules rules = {.guard = geteuid() == 0, .uid = st.st_uid};
    if (!discovery_distrust(&st, &rules, why, sizeof why)) return 0;
    errs_addf(errs, path, 0, 0, "%s", why);
    return -EPERM;
}

static int read_document(struct config *c, const struct yamldoc *doc, const char *path, struct errs *errs) {
    cleanup_free char *dir = path_dir(path);
    if (!dir) return -ENOMEM;
    struct config_reader r = {.keys = {.doc = doc, .errs = errs}, .config = c, .dir = dir};
    const struct yamldoc_node *root = yamldoc_root(doc);
    if (root->type == YAMLDOC_NULL) return 0; /* an empty file: all defaults */
    struct err e;
    if (yamldoc_map(doc, root, &e) < 0) {
        errs_addf(errs, e.file, e.line, e.col, "a configuration is a map of keys: %s", e.text);
        return -EINVAL;
    }
    const struct key_layer layer = {.table = &config_table, .base = c};
    keys_read(&r.keys, root, &layer, 1);
    return r.keys.nomem ? -ENOMEM : r.keys.bad ? -EINVAL : 0;
}

static int read_file(struct config *c, const struct config_flags *f, struct errs *errs) {
    const char *path = f->config ? f->config : default_file;
    if (!f->config && access(path, F_OK) < 0 && errno == ENOENT) return 0;
    struct yamldoc *doc = NULL;
    struct err e;
    int r = yamldoc_load(path, &doc, &e);
    if (r < 0) {
        errs_add(errs, &e);
        return r;
    }
    r = check_trust(path, errs);
    if (r == 0) r = read_document(c, doc, path, errs);
    yamldoc_free(doc);
    if (r < 0) return r;
    c->file = strdup(path);
    return c->file ? 0 : -ENOMEM;
}

static int default_runtime_dir(struct config *c, struct errs *errs) {
    const char *xdg = getenv("XDG_RUNTIME_DIR");
    if (geteuid() == 0) {
        c->runtime_dir = strdup("/run/hookcast");
    } else if (xdg && xdg[0] == '/') {
        c->runtime_dir = path_join(xdg, "hookcast");
    } else {
        errs_addf(errs, NULL, 0, 0, "no place for the sockets: pass --runtime-dir DIR (XDG_RUNTIME_DIR is not set)");
        return -EINVAL;
    }
    return c->runtime_dir ? 0 : -ENOMEM;
}

static int apply_flags(struct config *c, const struct config_flags *f) {
    if (f->runtime_dir) {
        free(c->runtime_dir);
        c->runtime_dir = strdup(f->runtime_dir);
        if (!c->runtime_dir) return -ENOMEM;
    }
    if (f->n_hookspec_dirs && copy_list(&c->hookspec_dirs, f->hookspec_dirs, f->n_hookspec_dirs) < 0) return -ENOMEM;
    if (f->n_plugin_dirs && copy_list(&c->plugin_dirs, f->plugin_dirs, f->n_plugin_dirs) < 0) return -ENOMEM;
    if (f->has_log_level) c->log_level = f->log_level;
    if (f->has_log_format) {
        c->log_format = f->log_format;
        c->log_format_set = true;
    }
    return 0;
}

static int finish(struct config *c, const struct config_flags *f, struct errs *errs) {
    int r = apply_flags(c, f);
    if (r == 0 && !c->runtime_dir) r = default_runtime_dir(c, errs);
    if (r < 0) return r;
    if (strlen(c->runtime_dir) > RUNTIME_DIR_MAX) {
        errs_addf(errs, NULL, 0, 0,
                  "the runtime directory's name is too long for sockets in it (%zu bytes; at most %zu): %s",
                  strlen(c->runtime_dir), RUNTIME_DIR_MAX, c->runtime_dir);
        return -EINVAL;
    }
    c->n_hookspec_dirs = strv_len(c->hookspec_dirs);
    c->n_plugin_dirs = strv_len(c->plugin_dirs);
    return 0;
}

struct config *config_load(const struct config_flags *f, struct errs *errs) {
    struct config *c = new_config();
    int r = c ? read_file(c, f, errs) : -ENOMEM;
    if (r == 0) r = finish(c, f, errs);
    if (r == -ENOMEM) errs_addf(errs, NULL, 0, 0, "%s", err_str(ENOMEM));
    return r < 0 ? config_free(c) : c;
}
