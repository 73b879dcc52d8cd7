#include "daemon/credentials.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { CREDENTIAL_MAX = 1024 * 1024, CHUNK = 16 * 1024 };

static int dir_of(const char *runtime_dir, const char *plugin, char *out, size_t cap) {
    int n = snprintf(out, cap, "%s/credentials/%s", runtime_dir, plugin);
    return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}

static int write_all(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) return -errno;
        p += w;
        n -= (size_t)w;
    }
    return 0;
}

static int copy(int from, int to) {
    char chunk[CHUNK];
    size_t total = 0;
    for (;;) {
        ssize_t n = read(from, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -errno;
        if (n == 0) return 0;
        total += (size_t)n;
        if (total > CREDENTIAL_MAX) return -EFBIG;
        int r = write_all(to, chunk, (size_t)n);
        if (r < 0) return r;
    }
}

static int give_one(const char *source, int dir, const char *name, uid_t uid, gid_t gid, struct err *e) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", source, name);
    if (n < 0 || (size_t)n >= sizeof path) return err_sys(e, ENAMETOOLONG, "cannot pass on credential \"%s\"", name);
    cleanup_close int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (from < 0 && errno == ENOENT)
        return err_set(e, -ENOENT, "the service has no credential \"%s\": give it one with LoadCredential=%s:PATH",
                       name, name);
    if (from < 0) return err_sys(e, errno, "cannot read credential \"%s\"", name);
    cleanup_close int to = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
    if (to < 0) return err_sys(e, errno, "cannot pass on credential \"%s\"", name);
    int r = copy(from, to);
    if (r == 0 && uid != (uid_t)-1 && fchown(to, uid, gid) < 0) r = -errno;
    return r < 0 ? err_sys(e, -r, "cannot pass on credential \"%s\"", name) : 0;
}

int credentials_give(const char *runtime_dir, const char *plugin, char *const *names, uid_t uid, gid_t gid, char *path,
                     size_t cap, struct err *e) {
    char parent[PATH_MAX];
    const char *source = getenv("CREDENTIALS_DIRECTORY");
    if (!source)
        return err_set(e, -ENOENT,
                       "its manifest asks for credentials and the service has none (CREDENTIALS_DIRECTORY is not set)");
    if (dir_of(runtime_dir, plugin, path, cap) < 0 || dir_of(runtime_dir, "", parent, sizeof parent) < 0)
        return err_sys(e, ENAMETOOLONG, "cannot pass on credentials");
    credentials_take_back(runtime_dir, plugin);
    if (mkdir(parent, 0711) < 0 && errno != EEXIST) return err_sys(e, errno, "cannot make %s", parent);
    if (chmod(parent, 0711) < 0 || mkdir(path, 0700) < 0) return err_sys(e, errno, "cannot make %s", path);
    cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int r = dir < 0 ? err_sys(e, errno, "cannot open %s", path) : 0;
    for (; r == 0 && *names; names++) r = give_one(source, dir, *names, uid, gid, e);
    if (r == 0 && (fchmod(dir, 0500) < 0 || (uid != (uid_t)-1 && fchown(dir, uid, gid) < 0)))
        r = err_sys(e, errno, "cannot hand over %s", path);
    if (r < 0) credentials_take_back(runtime_dir, plugin);
    return r;
}

void credentials_take_back(const char *runtime_dir, const char *plugin) {
    char path[PATH_MAX];
    if (dir_of(runtime_dir, plugin, path, sizeof path) < 0) return;
    (void)chmod(path, 0700);
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *list = dir >= 0 ? fdopendir(dir) : NULL;
    if (!list && dir >= 0) (void)close(dir);
    for (const struct dirent *d; list && (d = readdir(list));)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0) (void)unlinkat(dirfd(list), d->d_name, 0);
    if (list) (void)closedir(list);
    (void)rmdir(path);
}
