#include "daemon/reaper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/orphans.h"

static bool is_leader(const struct supervisor *s, pid_t pid) {
    for (size_t i = 0; i < supervisor_count(s); i++)
        if (child_pid(supervisor_at(s, i)) == pid) return true;
    return false;
}

size_t reaper_collect(const struct supervisor *s) {
    size_t adopted = 0;
    for (;;) {
        siginfo_t si = {0};
        if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0) {
            if (errno == EINTR) continue;
            return adopted;
        }
        if (si.si_pid == 0) return adopted;
        bool ours = false;
        for (size_t i = 0; i < supervisor_count(s) && !ours; i++)
            ours = child_pid(supervisor_at(s, i)) == si.si_pid && child_reap(supervisor_at(s, i));
        if (ours) continue;
        if (is_leader(s, si.si_pid)) return adopted; /* its child will be told again: never reaped from here */
        if (waitid(P_PID, (id_t)si.si_pid, &si, WEXITED | WNOHANG) < 0 && errno != EINTR) return adopted;
        adopted++;
    }
}

static bool alive(pid_t pid) {
    siginfo_t si = {0};
    int r;
    do r = waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT);
    while (r < 0 && errno == EINTR);
    return r == 0 && si.si_pid == 0;
}

enum belongs { TO_NOBODY, TO_THE_LIVING, TO_THE_DEAD };

/* Whose is this child of ours, which is no leader? */
static enum belongs whose(const struct supervisor *s, const struct orphan *o) {
    bool marked = orphan_carries(o->pid, NULL);
    for (size_t i = 0; i < supervisor_count(s); i++) {
        const struct child *c = supervisor_at(s, i);
        if (orphans_have(child_tree(c), o)) return child_pid(c) ? TO_THE_LIVING : TO_THE_DEAD;
        if (marked && child_pid(c) && orphan_carries(o->pid, child_instance(c))) return TO_THE_LIVING;
    }
    return marked ? TO_THE_DEAD : TO_NOBODY;
}

static int by_pid(const void *a, const void *b) {
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
    return (x > y) - (x < y);
}

/* The leaders' pids, sorted; to be freed. NULL when out of memory. */
static pid_t *leaders(const struct supervisor *s, size_t *np) {
    pid_t *pids = calloc(supervisor_count(s) + 1, sizeof *pids);
    *np = 0;
    for (size_t i = 0; pids && i < supervisor_count(s); i++)
        if (child_pid(supervisor_at(s, i))) pids[(*np)++] = child_pid(supervisor_at(s, i));
    if (pids) qsort(pids, *np, sizeof *pids, by_pid);
    return pids;
}

/* Call `fn` for every living child of ours that is no leader. */
static size_t each_adopted(const struct supervisor *s,
                           size_t (*fn)(const struct supervisor *, const struct orphan *, void *), void *ctx) {
    struct orphans all = {0};
    size_t n = 0, n_pids;
    cleanup_free pid_t *pids = leaders(s, &n_pids);
    if (!pids) return 0;
    orphans_children(&all);
    for (size_t i = 0; i < all.n; i++)
        if (!bsearch(&all.v[i].pid, pids, n_pids, sizeof *pids, by_pid) && alive(all.v[i].pid)) {
            orphan_look(&all.v[i]);
            n += fn(s, &all.v[i], ctx);
        }
    orphans_deinit(&all);
    return n;
}

static size_t bury(const struct supervisor *s, const struct orphan *o, void *ctx) {
    (void)ctx;
    if (whose(s, o) != TO_THE_DEAD) return 0;
    (void)kill(o->pid, SIGKILL); /* our child and not reaped: nobody else can have this pid */
    return 1;
}

size_t reaper_bury(const struct supervisor *s) { return each_adopted(s, bury, NULL); }

static size_t list_stray(const struct supervisor *s, const struct orphan *o, void *ctx) {
    if (whose(s, o) != TO_NOBODY) return 0;
    char path[64], name[64] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)o->pid);
    cleanup_fclose FILE *f = fopen(path, "re");
    if (f && fgets(name, sizeof name, f)) name[strcspn(name, "\n")] = '\0';
    json_t *text = json_string(name); /* NULL when it is not UTF-8 */
    return json_array_append_new(ctx, json_pack("{s:i, s:o}", "pid", (int)o->pid, "name", text ? text : json_null())) ==
           0;
}

json_t *reaper_strays(const struct supervisor *s) {
    json_t *list = json_array();
    if (list) (void)each_adopted(s, list_stray, list);
    return list;
}

void reaper_kill_all(void) {
    struct orphans all = {0};
    orphans_children(&all);
    for (size_t i = 0; i < all.n; i++) (void)kill(all.v[i].pid, SIGKILL);
    orphans_deinit(&all);
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
}
