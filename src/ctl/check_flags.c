#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "ctl/check.h"

enum { DEPTH_MAX = 16, PEEK = 64 * 1024 };

/* What a file, or everything below a directory, is. */
enum { HAS_PLUGIN = 1, HAS_HOOKSPEC = 2 };

static void cleanup_closedir_(DIR **d) {
    if (*d) (void)closedir(*d);
}

static int add(struct check_flags *f, const char *flag, const char *value, struct err *e) {
    if (f->n + 2 > f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 8;
        char **p = reallocarray(f->items, cap, sizeof *p);
        if (!p) return err_sys(e, ENOMEM, "check");
        f->items = p;
        f->cap = cap;
    }
    char *a = strdup(flag), *b = strdup(value);
    if (!a || !b) {
        free(a);
        free(b);
        return err_sys(e, ENOMEM, "check");
    }
    f->items[f->n++] = a;
    f->items[f->n++] = b;
    return 0;
}

void check_flags_deinit(struct check_flags *f) {
    for (size_t i = 0; i < f->n; i++) free(f->items[i]);
    free(f->items);
    *f = (struct check_flags){0};
}

static bool ends_with(const char *name, const char *end) {
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

static bool is_manifest(const char *name) {
    return strcmp(name, "plugin.yaml") == 0 || strcmp(name, "dagstack.json") == 0;
}

/* `key:` at the beginning of a line, with or without quotes. */
static bool has_key(const char *text, const char *key) {
    size_t n = strlen(key);
    for (const char *p = text; p; p = (p = strchr(p, '\n')) ? p + 1 : NULL) {
        const char *q = p + strspn(p, "\"'");
        if (strncmp(q, key, n) != 0) continue;
        q += n;
        q += *q == '"' || *q == '\'';
        if (*q == ':') return true;
    }
    return false;
}

/* Only the beginning is looked at: what is in it decides which flag, not whether it is right. */
static int peek(int dir, const char *name, char out[PEEK + 1], struct err *e) {
    cleanup_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, out, PEEK) : -1;
    if (n < 0) return err_sys(e, errno, "%s", name);
    for (ssize_t i = 0; i < n; i++)
        if (!out[i]) out[i] = ' ';
    out[n] = '\0';
    return 0;
}

static bool is_hookspec(const char *text) {
    return (has_key(text, "kind") || has_key(text, "hooks")) && !has_key(text, "schema_version") &&
           !has_key(text, "core_version");
}

static unsigned scan_dir(int parent, const char *name, unsigned depth);

/* One entry of a directory that is no plugin itself. */
static unsigned scan_entry(int dir, const char *name, unsigned depth) {
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return 0;
    if (S_ISDIR(st.st_mode)) return scan_dir(dir, name, depth + 1);
    if (!S_ISREG(st.st_mode) || !ends_with(name, ".yaml")) return 0;
    cleanup_free char *text = malloc(PEEK + 1);
    return text && peek(dir, name, text, NULL) == 0 && is_hookspec(text) ? HAS_HOOKSPEC : 0;
}

static bool is_skipped(const char *name) {
    static const char *const names[] = {".", "..", ".git", ".venv", "__pycache__", "node_modules"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static DIR *open_dir(int parent, const char *name) {
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d && fd >= 0) (void)close(fd);
    return d;
}

static bool holds_manifest(int dir) {
    return faccessat(dir, "plugin.yaml", F_OK, 0) == 0 || faccessat(dir, "dagstack.json", F_OK, 0) == 0;
}

static unsigned scan_dir(int parent, const char *name, unsigned depth) {
    cleanup(cleanup_closedir_) DIR *d = depth < DEPTH_MAX ? open_dir(parent, name) : NULL;
    if (!d) return 0;
    if (holds_manifest(dirfd(d))) return HAS_PLUGIN;
    unsigned found = 0;
    for (const struct dirent *ent; (ent = readdir(d));)
        if (!is_skipped(ent->d_name)) found |= scan_entry(dirfd(d), ent->d_name, depth);
    return found;
}

static int flags_for_dir(struct check_flags *f, const char *path, unsigned depth, struct err *e);

/* A directory with both below it: each of its subdirectories for itself. */
static int flags_for_mixed(struct check_flags *f, const char *path, unsigned depth, struct err *e) {
    cleanup(cleanup_closedir_) DIR *d = open_dir(AT_FDCWD, path);
    if (!d) return err_sys(e, errno, "%s", path);
    for (const struct dirent *ent; (ent = readdir(d));) {
        struct stat st;
        if (is_skipped(ent->d_name) || fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
        if (!S_ISDIR(st.st_mode)) {
            if (scan_entry(dirfd(d), ent->d_name, depth) == 0) continue;
            return err_set(e, -EINVAL, "%s has hookspecs and, below it, plugins: check the one or the other", path);
        }
        char sub[PATH_MAX];
        if ((size_t)snprintf(sub, sizeof sub, "%s/%s", path, ent->d_name) >= sizeof sub) continue;
        int r = flags_for_dir(f, sub, depth + 1, e);
        if (r < 0) return r;
    }
    return 0;
}

static int flags_for_dir(struct check_flags *f, const char *path, unsigned depth, struct err *e) {
    unsigned found = scan_dir(AT_FDCWD, path, depth);
    if (found == (HAS_PLUGIN | HAS_HOOKSPEC)) return flags_for_mixed(f, path, depth, e);
    if (found & HAS_PLUGIN) return add(f, "--plugin-dir", path, e);
    if (found & HAS_HOOKSPEC) return add(f, "--hookspec-dir", path, e);
    return 0;
}

bool check_is_schema(const char *path) {
    struct stat st;
    const char *slash = strrchr(path, '/');
    if (!ends_with(path, ".json") || is_manifest(slash ? slash + 1 : path)) return false;
    if (stat(path, &st) < 0 || S_ISDIR(st.st_mode)) return false;
    cleanup_free char *text = malloc(PEEK + 1);
    return text && peek(AT_FDCWD, path, text, NULL) == 0 && !(has_key(text, "schema_version") && has_key(text, "kind"));
}

static int flags_for_file(struct check_flags *f, const char *path, struct err *e) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char dir[PATH_MAX];
    (void)snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path) + (slash == path) : 1, slash ? path : ".");
    if (is_manifest(name)) return add(f, "--plugin-dir", dir, e);
    cleanup_free char *text = malloc(PEEK + 1);
    if (!text) return err_sys(e, ENOMEM, "check");
    int r = peek(AT_FDCWD, path, text, e);
    if (r < 0) return r;
    if (is_hookspec(text)) return add(f, "--hookspec-dir", dir, e);
    if (has_key(text, "schema_version") && has_key(text, "kind"))
        return err_set(e, -EINVAL, "%s looks like a plugin manifest, but those are called plugin.yaml or dagstack.json",
                       path);
    return add(f, "--config", path, e);
}

int check_flags_for(struct check_flags *f, const char *path, struct err *e) {
    struct stat st;
    if (stat(path, &st) < 0) return err_sys(e, errno, "%s", path);
    if (!S_ISDIR(st.st_mode)) return flags_for_file(f, path, e);
    int r = flags_for_dir(f, path, 0, e);
    if (r == 0 && f->n == 0)
        return err_set(e, -EINVAL, "%s: nothing to check: no plugin.yaml or dagstack.json, no hookspec in it or below",
                       path);
    return r;
}
