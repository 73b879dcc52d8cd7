#include "registry/discovery.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/paths.h"
#include "registry/strv.h"

enum { DEPTH_MAX = 32, DIRS_MAX = 20000 };

struct walk {
    const char *root;
    const struct discovery_rules *rules;
    bool plugins; /* else hookspecs */
    char **found;
    size_t n_dirs;
    struct errs *errors, *notes;
};

const char *discovery_distrust(const struct stat *st, const struct discovery_rules *rules, char *out, size_t cap) {
    if (!rules->guard) return NULL;
    if (st->st_uid != 0 && st->st_uid != rules->uid) {
        (void)snprintf(out, cap, "belongs to uid %u, neither root nor the daemon's user: run chown root on it",
                       (unsigned)st->st_uid);
        return out;
    }
    if (st->st_mode & S_IWOTH) {
        (void)snprintf(out, cap, "can be written by everybody (mode %04o): run chmod o-w on it",
                       (unsigned)(st->st_mode & 07777));
        return out;
    }
    return NULL;
}

static bool ends_with(const char *s, const char *suffix) {
    size_t n = strlen(s), m = strlen(suffix);
    return n > m && strcmp(s + n - m, suffix) == 0;
}

static bool is_skipped(const struct walk *w, const char *name) {
    static const char *const names[] = {".", "..", "__pycache__", ".git", "node_modules", ".venv"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0) return true;
    return !w->plugins && name[0] == '.';
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The entries worth a look, sorted. 0, -ENOMEM, or -errno. */
static int list_dir(const struct walk *w, const char *dir, char ***namesp) {
    DIR *d = opendir(dir);
    if (!d) return -errno;
    char **names = NULL;
    int r = 0;
    while (r == 0) {
        errno = 0;
        const struct dirent *ent = readdir(d);
        if (!ent) {
            r = -errno;
            break;
        }
        if (!is_skipped(w, ent->d_name)) r = strv_push_take(&names, strdup(ent->d_name));
    }
    (void)closedir(d);
    if (r < 0) {
        strv_free(names);
        return r;
    }
    if (names) qsort(names, strv_len(names), sizeof *names, by_name);
    *namesp = names;
    return 0;
}

static void complain(struct walk *w, const char *path, const char *text) {
    errs_addf(w->errors, path, 0, 0, "%s", text);
}

static bool trusted(struct walk *w, const char *path, const struct stat *st) {
    char why[160];
    if (!discovery_distrust(st, w->rules, why, sizeof why)) return true;
    complain(w, path, why);
    return false;
}

/* A manifest is there: take it, unless it leads out of the tree or others could change it. */
static int take_manifest(struct walk *w, char *path) {
    struct stat st;
    int below = path_is_below(w->root, path);
    bool ok = false;
    if (below == -ENOMEM) {
        free(path);
        return -ENOMEM;
    }
    if (below < 0 || stat(path, &st) < 0)
        complain(w, path, err_str(below < 0 ? -below : errno));
    else if (!below)
        errs_addf(w->errors, path, 0, 0, "is a symbolic link that leads out of %s", w->root);
    else
        ok = trusted(w, path, &st);
    if (ok) return strv_push_take(&w->found, path);
    free(path);
    return 0;
}

/* 1 when `dir` is a plugin (also a refused one), 0 when not, -ENOMEM. */
static int try_plugin(struct walk *w, const char *dir, char *const *names) {
    static const char *const manifests[] = {"plugin.yaml", "dagstack.json"};
    static const char *const near_misses[] = {"plugin.yml", "plugin.json", "dagstack.toml", "dagstack.yaml"};
    for (size_t i = 0; i < ARRAY_LEN(manifests); i++) {
        if (!strv_has(names, manifests[i])) continue;
        char *path = path_join(dir, manifests[i]);
        if (!path) return -ENOMEM;
        int r = take_manifest(w, path);
        return r < 0 ? r : 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(near_misses); i++) {
        if (!strv_has(names, near_misses[i])) continue;
        cleanup_free char *path = path_join(dir, near_misses[i]);
        if (!path) return -ENOMEM;
        errs_addf(w->notes, path, 0, 0, "is not read: a manifest is called plugin.yaml or dagstack.json");
    }
    return 0;
}

static int visit(struct walk *w, const char *dir, unsigned depth);

static int visit_entry(struct walk *w, const char *dir, const char *name, unsigned depth) {
    cleanup_free char *path = path_join(dir, name);
    if (!path) return -ENOMEM;
    struct stat st;
    if (lstat(path, &st) < 0) return 0; /* gone meanwhile */
    if (S_ISDIR(st.st_mode)) return visit(w, path, depth + 1);
    bool link = S_ISLNK(st.st_mode);
    if (link && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        int below = path_is_below(w->root, path);
        if (below == 0)
            errs_addf(w->notes, path, 0, 0, "is a symbolic link that leads out of %s: not followed", w->root);
        return below == -ENOMEM ? -ENOMEM : 0;
    }
    if (w->plugins) return 0;
    if (ends_with(name, ".yml")) errs_addf(w->notes, path, 0, 0, "is not read: the name of a hookspec ends in .yaml");
    if (!ends_with(name, ".yaml")) return 0;
    if (S_ISREG(st.st_mode) && !trusted(w, path, &st)) return 0;
    char *copy = path; /* a broken link stays in, so that loading it says so */
    path = NULL;
    return strv_push_take(&w->found, copy);
}

static int visit(struct walk *w, const char *dir, unsigned depth) {
    struct stat st;
    if (stat(dir, &st) < 0) {
        if (errno == ENOENT && depth == 0)
            errs_addf(w->notes, dir, 0, 0, "does not exist");
        else if (errno != ENOENT)
            complain(w, dir, err_str(errno));
        return 0;
    }
    if (!S_ISDIR(st.st_mode)) {
        complain(w, dir, "is not a directory");
        return 0;
    }
    if (depth > DEPTH_MAX || w->n_dirs >= DIRS_MAX) {
        errs_addf(w->errors, dir, 0, 0, "is not searched: more than %d %s below %s",
                  depth > DEPTH_MAX ? DEPTH_MAX : DIRS_MAX, depth > DEPTH_MAX ? "levels" : "directories", w->root);
        return 0;
    }
    w->n_dirs++;
    if (!trusted(w, dir, &st)) return 0;
    char **names = NULL;
    int r = list_dir(w, dir, &names);
    if (r < 0 && r != -ENOMEM) {
        errs_addf(w->errors, dir, 0, 0, "cannot read this directory: %s", err_str(-r));
        return 0;
    }
    if (r == 0 && w->plugins) r = try_plugin(w, dir, names);
    for (size_t i = 0; r == 0 && names && names[i]; i++) r = visit_entry(w, dir, names[i], depth);
    strv_free(names);
    return r < 0 ? r : 0;
}

static int discover(struct walk *w, char ***pathsp) {
    int r = visit(w, w->root, 0);
    if (r < 0) {
        strv_free(w->found);
        return r;
    }
    *pathsp = w->found;
    return 0;
}

int discovery_plugins(const char *root, const struct discovery_rules *rules, char ***pathsp, struct errs *errors,
                      struct errs *notes) {
    struct walk w = {.root = root, .rules = rules, .plugins = true, .errors = errors, .notes = notes};
    return discover(&w, pathsp);
}

int discovery_hookspecs(const char *root, const struct discovery_rules *rules, char ***pathsp, struct errs *errors,
                        struct errs *notes) {
    struct walk w = {.root = root, .rules = rules, .errors = errors, .notes = notes};
    return discover(&w, pathsp);
}
