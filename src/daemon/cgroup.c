#include "daemon/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"

#define OWN_LEAF "hookcastd.main"
enum { CPU_PERIOD_US = 100 * 1000, SMALL_FILE = 4096 };

/* A small file of the control group file system, whole; -errno. */
static int read_at(int dir, const char *name, char *out, size_t cap) {
    cleanup_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    ssize_t n;
    do n = read(fd, out, cap - 1);
    while (n < 0 && errno == EINTR);
    if (n < 0) return -errno;
    out[n] = '\0';
    return 0;
}

static int write_at(int dir, const char *name, const char *text) {
    cleanup_close int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    ssize_t n;
    do n = write(fd, text, strlen(text));
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

/* Where the unified hierarchy is mounted: the fifth field of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
static int find_mount(char *out, size_t cap) {
    cleanup_fclose FILE *f = fopen("/proc/self/mountinfo", "re");
    if (!f) return -errno;
    cleanup_free char *line = NULL;
    size_t n = 0;
    while (getline(&line, &n, f) > 0) {
        char *point = line, *type = strstr(line, " - ");
        if (!type || strncmp(type, " - cgroup2 ", 11) != 0) continue;
        for (int field = 0; field < 4 && point; field++) point = strchr(point + 1, ' ');
        if (!point) continue;
        (void)snprintf(out, cap, "%.*s", (int)strcspn(point + 1, " "), point + 1);
        return 0;
    }
    return -ENOENT;
}

/* Our own group: the line "0::/path" of /proc/self/cgroup (cgroups(7)). */
static int find_own(char *out, size_t cap) {
    cleanup_fclose FILE *f = fopen("/proc/self/cgroup", "re");
    if (!f) return -errno;
    cleanup_free char *line = NULL;
    size_t n = 0;
    while (getline(&line, &n, f) > 0)
        if (strncmp(line, "0::", 3) == 0) {
            line[strcspn(line, "\n")] = '\0';
            return snprintf(out, cap, "%s", line + 3) < (int)cap ? 0 : -ENAMETOOLONG;
        }
    return -ENOENT;
}

static bool delegated(int dir) {
    static const char *const marks[] = {"user.delegate", "trusted.delegate"};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        char v[8] = "";
        if (fgetxattr(dir, marks[i], v, sizeof v - 1) > 0 && v[0] == '1') return true;
    }
    struct stat st;
    return geteuid() != 0 && fstat(dir, &st) == 0 && st.st_uid == geteuid();
}

/* A daemon that was killed outside systemd may have left groups: they are ours, so they end. */
static void clear_old(int dir) {
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (!list && fd >= 0) (void)close(fd);
    for (const struct dirent *d; list && (d = readdir(list));) {
        if (d->d_type != DT_DIR || d->d_name[0] == '.' || !strchr(d->d_name, '.') || strcmp(d->d_name, OWN_LEAF) == 0)
            continue;
        cleanup_close int old = openat(dir, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (old >= 0) (void)write_at(old, "cgroup.kill", "1");
        (void)unlinkat(dir, d->d_name, AT_REMOVEDIR); /* if it is not empty yet, it is no more than a name */
    }
    if (list) (void)closedir(list);
}

/* Into a leaf of our own, then hand the controllers down. One that is not there costs only its limits. */
static int settle_in(int dir, struct err *e) {
    static const char *const controllers[] = {"+memory", "+pids", "+cpu"};
    if (mkdirat(dir, OWN_LEAF, 0755) < 0 && errno != EEXIST)
        return err_sys(e, errno, "cannot make the control group " OWN_LEAF);
    int r = write_at(dir, OWN_LEAF "/cgroup.procs", "0");
    if (r < 0) return err_sys(e, -r, "cannot move into the control group " OWN_LEAF);
    for (size_t i = 0; i < ARRAY_LEN(controllers); i++) (void)write_at(dir, "cgroup.subtree_control", controllers[i]);
    return 0;
}

int cgroups_open(struct cgroups *all, struct err *e) {
    char mount[256], path[1024];
    all->dir = -1;
    all->path[0] = '\0';
    if (find_mount(mount, sizeof mount) < 0 || find_own(all->path, sizeof all->path) < 0)
        return err_set(e, 1, "there is no unified control group hierarchy");
    (void)snprintf(path, sizeof path, "%s%s", mount, all->path);
    cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return err_sys(e, errno, "cannot open the control group %s", path);
    if (!delegated(dir)) return err_set(e, 1, "the control group %s is not delegated (Delegate=yes)", all->path);
    if (faccessat(dir, "cgroup.kill", F_OK, 0) < 0 && strcmp(all->path, "/") != 0)
        return err_set(e, 1, "this kernel has no cgroup.kill");
    int r = settle_in(dir, e);
    if (r < 0) return r;
    clear_old(dir);
    all->dir = take_fd(&dir);
    return 0;
}

void cgroups_close(struct cgroups *all) {
    if (all->dir >= 0) (void)close(all->dir);
    all->dir = -1;
}

/* --- one group --- */

static int limit(const struct cgroup *g, const char *file, const char *value, const char *key, struct err *e) {
    int r = write_at(g->dir, file, value);
    if (r == 0) return 0;
    (void)err_set(e, 1, "cgroup.%s cannot be applied: %s", key,
                  r == -ENOENT ? "its controller is not delegated to the service" : err_str(-r));
    return 1;
}

static int set_limits(const struct cgroup *g, const struct manifest_cgroup *l, struct err *e) {
    char value[64];
    int r = 0;
    if (l->memory_max) {
        (void)snprintf(value, sizeof value, "%" PRIu64, l->memory_max);
        r |= limit(g, "memory.max", value, "memory_max", e);
        (void)write_at(g->dir, "memory.oom.group", "1"); /* all of a plugin, or nothing of it */
    }
    if (l->pids_max) {
        (void)snprintf(value, sizeof value, "%" PRIu64, l->pids_max);
        r |= limit(g, "pids.max", value, "pids_max", e);
    }
    if (l->cpu_max > 0) {
        (void)snprintf(value, sizeof value, "%.0f %d", l->cpu_max * CPU_PERIOD_US, CPU_PERIOD_US);
        r |= limit(g, "cpu.max", value, "cpu_max", e);
    }
    return r;
}

int cgroup_make(const struct cgroups *all, const char *plugin, uint64_t generation,
                const struct manifest_cgroup *limits, struct cgroup *out, struct err *e) {
    struct cgroup g = CGROUP_NONE;
    (void)snprintf(g.name, sizeof g.name, "%.100s.%" PRIu64, plugin, generation);
    if (mkdirat(all->dir, g.name, 0755) < 0 && errno != EEXIST)
        return err_sys(e, errno, "cannot make the control group %s", g.name);
    g.dir = openat(all->dir, g.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (g.dir >= 0) g.procs = openat(g.dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (g.procs < 0) {
        int r = err_sys(e, errno, "cannot open the control group %s", g.name);
        (void)cgroup_remove(all, &g);
        return r;
    }
    *out = g;
    return set_limits(out, limits, e);
}

void cgroup_kill(const struct cgroup *g) {
    if (g->dir >= 0) (void)write_at(g->dir, "cgroup.kill", "1");
}

/* The number behind `key` in a file of "key number" lines; 0 when it is not there. */
static unsigned long long count_at(const struct cgroup *g, const char *file, const char *key) {
    char text[SMALL_FILE];
    size_t k = strlen(key);
    if (g->dir < 0 || read_at(g->dir, file, text, sizeof text) < 0) return 0;
    for (const char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
        if (strncmp(line, key, k) == 0 && strspn(line + k, " ") == 1) return strtoull(line + k, NULL, 10);
    return 0;
}

bool cgroup_populated(const struct cgroup *g) { return count_at(g, "cgroup.events", "populated") != 0; }

void cgroup_struck(const struct cgroup *g, char *words, size_t cap) {
    size_t at = strlen(words);
    if (count_at(g, "memory.events", "oom_kill"))
        (void)snprintf(words + at, cap - at, " (out of memory: its cgroup.memory_max)");
    else if (count_at(g, "pids.events", "max"))
        (void)snprintf(words + at, cap - at, " (it had reached its cgroup.pids_max)");
}

int cgroup_remove(const struct cgroups *all, struct cgroup *g) {
    if (!g->name[0]) return 0;
    if (g->dir >= 0) (void)close(g->dir);
    if (g->procs >= 0) (void)close(g->procs);
    int r = unlinkat(all->dir, g->name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
    *g = CGROUP_NONE;
    return r;
}
