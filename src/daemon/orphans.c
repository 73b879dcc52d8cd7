#include "daemon/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

enum { DEPTH_MAX = 32, PROCESSES_MAX = 65536, FILE_MAX = 1 << 20 };

void orphans_deinit(struct orphans *o) {
    free(o->v);
    *o = (struct orphans){0};
}

/* A file of /proc, whole and NUL-terminated; NULL when it cannot be read. Its length goes to *lenp. */
static const char *slurp(const char *path, struct buf *b, size_t *lenp) {
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    buf_clear(b);
    for (;;) {
        if (buf_reserve(b, 4096) < 0) return NULL;
        ssize_t n = read(fd, b->mem + b->off + b->len, 4096);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return NULL;
        if (n == 0) break;
        b->len += (size_t)n;
    }
    *lenp = b->len;
    return buf_cstr(b);
}

/* Field 22 of /proc/PID/stat; 0 when the process is gone. */
static unsigned long long start_time(pid_t pid) {
    char path[64];
    struct buf b = BUF_INIT(FILE_MAX);
    size_t len;
    unsigned long long started = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const char *text = slurp(path, &b, &len);
    const char *p = text ? strrchr(text, ')') : NULL; /* the name before it may hold anything */
    for (int field = 2; p && field < 22; field++) p = strchr(p + 1, ' ');
    if (p) started = strtoull(p + 1, NULL, 10);
    buf_deinit(&b);
    return started;
}

static bool add(struct orphans *o, pid_t pid, bool look) {
    if (o->n == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 16;
        struct orphan *v = cap <= PROCESSES_MAX ? reallocarray(o->v, cap, sizeof *v) : NULL;
        if (!v) return false;
        o->v = v;
        o->cap = cap;
    }
    o->v[o->n++] = (struct orphan){.pid = pid, .started = look ? start_time(pid) : 0};
    return true;
}

/* The children of one thread of a process (main threads start nearly all of them). */
static void add_children(struct orphans *o, pid_t pid, int depth) {
    char path[96];
    struct buf b = BUF_INIT(FILE_MAX);
    size_t len;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    const char *text = slurp(path, &b, &len);
    for (char *end; text && *text; text = end) {
        long child = strtol(text, &end, 10);
        if (end == text) break;
        if (child > 1 && add(o, (pid_t)child, depth < DEPTH_MAX) && depth < DEPTH_MAX)
            add_children(o, (pid_t)child, depth + 1);
        while (*end == ' ') end++;
    }
    buf_deinit(&b);
}

void orphans_tree(struct orphans *o, pid_t root) { add_children(o, root, 0); }
void orphan_look(struct orphan *p) {
    if (!p->started) p->started = start_time(p->pid);
}

void orphans_children(struct orphans *o) { add_children(o, getpid(), DEPTH_MAX); }

bool orphan_carries(pid_t pid, const char *instance) {
    static const char key[] = "HOOKCAST_INSTANCE=";
    char path[64];
    struct buf b = BUF_INIT(FILE_MAX);
    size_t len = 0;
    bool found = false;
    (void)snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    const char *text = slurp(path, &b, &len);
    for (const char *p = text; text && p < text + len && !found; p += strlen(p) + 1)
        if (strncmp(p, key, sizeof key - 1) == 0) found = !instance || strcmp(p + sizeof key - 1, instance) == 0;
    buf_deinit(&b);
    return found;
}

bool orphans_have(const struct orphans *o, const struct orphan *p) {
    for (size_t i = 0; i < o->n; i++)
        if (o->v[i].pid == p->pid && o->v[i].started == p->started) return true;
    return false;
}
