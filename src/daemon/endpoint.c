#include "daemon/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LOCK_NAME "hookcastd.lock"
enum { BACKLOG = 1024 };

/* mkdir -p, but only the last two components: a runtime directory's parent is the system's or the user's. */
static int make_dir(const char *dir, struct err *e) {
    cleanup_free char *parent = strdup(dir);
    if (!parent) return err_sys(e, ENOMEM, "cannot make %s", dir);
    char *slash = strrchr(parent, '/');
    if (mkdir(dir, 0755) == 0 || errno == EEXIST) return 0;
    if (errno == ENOENT && slash && slash != parent) {
        *slash = '\0';
        if ((mkdir(parent, 0755) == 0 || errno == EEXIST) && mkdir(dir, 0755) == 0) return 0;
    }
    return err_sys(e, errno, "cannot make the runtime directory %s", dir);
}

int endpoint_lock(const char *runtime_dir, struct err *e) {
    char path[4096], pid[32] = "";
    int r = make_dir(runtime_dir, e);
    if (r < 0) return r;
    (void)snprintf(path, sizeof path, "%s/" LOCK_NAME, runtime_dir);
    cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) return err_sys(e, errno, "cannot open %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK) return err_sys(e, errno, "cannot lock %s", path);
        ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
        pid[n > 0 ? n : 0] = '\0';
        pid[strcspn(pid, "\n")] = '\0';
        return err_set(e, -EWOULDBLOCK,
                       "another hookcastd (pid %s) holds %s: stop it first, or use another --runtime-dir",
                       pid[0] ? pid : "unknown", runtime_dir);
    }
    int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n) return err_sys(e, errno, "cannot write %s", path);
    return take_fd(&fd);
}

static int look(const char *runtime_dir, const char *name, struct stat *st) {
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", runtime_dir, name);
    return lstat(path, st);
}

bool endpoint_is_there(const char *runtime_dir, const char *name, const struct endpoint_id *id) {
    struct stat st;
    return look(runtime_dir, name, &st) == 0 && st.st_dev == id->dev && st.st_ino == id->ino;
}

bool endpoint_lock_is_there(const char *runtime_dir, int lock) {
    struct stat st;
    if (fstat(lock, &st) < 0) return false;
    const struct endpoint_id id = {st.st_dev, st.st_ino};
    return endpoint_is_there(runtime_dir, LOCK_NAME, &id);
}

static int clear_stale(const char *path, struct err *e) {
    struct stat st;
    if (lstat(path, &st) < 0) return errno == ENOENT ? 0 : err_sys(e, errno, "cannot look at %s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, -EEXIST, "%s exists and is not a socket: move it away, or use another --runtime-dir", path);
    return unlink(path) < 0 ? err_sys(e, errno, "cannot replace the stale socket %s", path) : 0;
}

static int set_group(const char *path, const char *name, struct log *log, struct err *e) {
    const struct group *g = getgrnam(name);
    int r = 0;
    if (!g)
        r = err_set(e, -ENOENT, "group \"%s\" of %s does not exist: create it or change sockets in the configuration",
                    name, path);
    else if (chown(path, (uid_t)-1, g->gr_gid) < 0)
        r = err_sys(e, errno, "cannot give %s to group %s", path, name);
    if (r == 0 || geteuid() == 0) return r;
    log_warning(log, "socket left with the daemon's own group", LOG_S("error", e->text));
    return 0;
}

static int set_access(const char *path, const struct config_socket *how, struct log *log, struct err *e) {
    int r = how->group ? set_group(path, how->group, log, e) : 0;
    if (r < 0) return r;
    return chmod(path, how->mode) < 0 ? err_sys(e, errno, "cannot set the mode of %s", path) : 0;
}

/* Make it ready under a name of its own, then move it to its place. */
static int open_at(int fd, const struct sockaddr_un *sa, const char *path, const struct config_socket *how,
                   struct log *log, struct err *e) {
    int r = 0;
    (void)unlink(sa->sun_path); /* of a daemon that was killed here */
    mode_t old = umask(0177);   /* nobody else may connect before the mode is what it should be */
    if (bind(fd, (const struct sockaddr *)sa, sizeof *sa) < 0) r = err_sys(e, errno, "cannot bind %s", sa->sun_path);
    (void)umask(old);
    if (r < 0) return r;
    r = set_access(sa->sun_path, how, log, e);
    if (r == 0 && listen(fd, BACKLOG) < 0) r = err_sys(e, errno, "cannot listen on %s", path);
    if (r == 0 && rename(sa->sun_path, path) < 0) r = err_sys(e, errno, "cannot put the socket at %s", path);
    if (r < 0) (void)unlink(sa->sun_path);
    return r;
}

int endpoint_listen(const char *runtime_dir, const char *name, const struct config_socket *how, struct log *log,
                    struct endpoint_id *id, struct err *e) {
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    char path[sizeof sa.sun_path];
    int n = snprintf(path, sizeof path, "%s/%s", runtime_dir, name);
    int m = snprintf(sa.sun_path, sizeof sa.sun_path, "%s/.%.1s", runtime_dir, name); /* ".e", ".c": never longer */
    if (n < 0 || (size_t)n >= sizeof path || m < 0)
        return err_set(e, -ENAMETOOLONG,
                       "%s/%s is longer than a socket path may be (%zu bytes): use a shorter runtime_dir", runtime_dir,
                       name, sizeof path - 1);
    int r = clear_stale(path, e);
    if (r < 0) return r;
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return err_sys(e, errno, "cannot make a socket");
    r = open_at(fd, &sa, path, how, log, e);
    struct stat st;
    if (r == 0 && look(runtime_dir, name, &st) < 0) r = err_sys(e, errno, "cannot look at %s", path);
    if (r < 0) return r;
    *id = (struct endpoint_id){st.st_dev, st.st_ino};
    return take_fd(&fd);
}

void endpoint_remove(const char *runtime_dir, const char *name) {
    char path[4096];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", runtime_dir, name);
    if (look(runtime_dir, name, &st) == 0 && S_ISSOCK(st.st_mode)) (void)unlink(path);
}
