#include "registry/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

char *path_join(const char *dir, const char *name) {
    if (name[0] == '/') return strdup(name);
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/') n--;
    size_t cap = n + strlen(name) + 2;
    char *out = malloc(cap);
    if (!out) return NULL;
    if (n == 1 && dir[0] == '/')
        (void)snprintf(out, cap, "/%s", name);
    else if (n == 1 && dir[0] == '.')
        (void)snprintf(out, cap, "%s", name);
    else
        (void)snprintf(out, cap, "%.*s/%s", (int)n, dir, name);
    return out;
}

char *path_dir(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int path_is_below(const char *root, const char *path) {
    cleanup_free char *r = realpath(root, NULL);
    if (!r) return -errno;
    cleanup_free char *p = realpath(path, NULL);
    if (!p) return -errno;
    size_t n = strlen(r);
    if (n == 1) return 1;
    return strncmp(r, p, n) == 0 && (p[n] == '/' || p[n] == '\0');
}

/* `dir` + `rel` with "." and ".." in `rel` taken out by name. */
static char *append_clean(const char *dir, const char *rel) {
    char *out = malloc(strlen(dir) + strlen(rel) + 8);
    if (!out) return NULL;
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/') n--;
    memcpy(out, dir, n);
    while (*rel) {
        size_t len = strcspn(rel, "/");
        if (len == 2 && rel[0] == '.' && rel[1] == '.') {
            while (n > 0 && out[n - 1] != '/') n--;
            while (n > 1 && out[n - 1] == '/') n--;
        } else if (len > 0 && !(len == 1 && rel[0] == '.')) {
            if (n > 0 && out[n - 1] != '/') out[n++] = '/';
            memcpy(out + n, rel, len);
            n += len;
        }
        rel += len;
        rel += strspn(rel, "/");
    }
    out[n] = '\0';
    return out;
}

int path_below(const char *root, const char *dir, const char *rel, char **pathp, struct err *e) {
    if (rel[0] == '\0') return err_set(e, -EINVAL, "a file name must not be empty");
    if (rel[0] == '/') return err_set(e, -EINVAL, "\"%s\" must be relative to this file, below %s", rel, root);
    cleanup_free char *raw = NULL;
    if (asprintf(&raw, "%s/%s", dir, rel) < 0) {
        raw = NULL;
        return -ENOMEM;
    }
    int below = path_is_below(root, raw);
    if (below < 0) return err_sys(e, -below, "cannot open \"%s\"", rel);
    if (!below) return err_set(e, -EINVAL, "\"%s\" leads out of %s", rel, root);
    /* The tidy name must name the same file; where a symlink makes ".." mean something else, the raw one stays. */
    cleanup_free char *tidy = append_clean(dir, rel);
    if (!tidy) return -ENOMEM;
    cleanup_free char *a = realpath(raw, NULL);
    if (!a) return err_sys(e, errno, "cannot open \"%s\"", rel);
    cleanup_free char *b = realpath(tidy, NULL);
    if (!b && errno == ENOMEM) return -ENOMEM;
    char **pick = b && strcmp(a, b) == 0 ? &tidy : &raw;
    *pathp = *pick;
    *pick = NULL;
    return 0;
}
