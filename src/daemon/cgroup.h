/* cgroup.h — a control group (v2) for each process of a plugin, where the service's subtree is delegated (DESIGN §7).
 *
 *     <our cgroup, delegated>          memory, pids, cpu enabled for what is below
 *       hookcastd.main                 the daemon itself: a group with processes may have no groups with limits below
 *       NAME.GENERATION                one plugin's processes, made before the fork, removed when it is empty
 *
 * Delegated means: the directory carries systemd's mark (xattr user.delegate or trusted.delegate), or it belongs to our
 * own user, who is not root. Without that nothing is touched, and plugins are held together by their session and the
 * mark in their environment (orphans.h). Names have a dot, which no plugin's name has. Works on descriptors of
 * directories, never waits. Failures cost the limit or the group, never the plugin: the caller tells them. */
#ifndef HOOKCAST_DAEMON_CGROUP_H
#define HOOKCAST_DAEMON_CGROUP_H

#include <stdbool.h>

#include "base/err.h"
#include "registry/manifest.h"

/* The delegated subtree. `dir` is -1 when there is none. */
struct cgroups {
    int dir;
    char path[512]; /* below the mount, for people */
};

/* Take what is delegated: move this process into its leaf, enable the controllers, kill and remove what an earlier
 * daemon left. Returns 0; 1 when nothing is delegated; or a negative code. `e` says why in both cases. */
int cgroups_open(struct cgroups *all, struct err *e);
void cgroups_close(struct cgroups *all); /* twice is harmless */

/* One group. `dir` is -1 when there is none: then every function below does nothing. */
struct cgroup {
    int dir;
    int procs; /* write "0" to enter */
    char name[128];
};
#define CGROUP_NONE ((struct cgroup){.dir = -1, .procs = -1})

/* Make it, under limits. Returns 0; 1 when a limit could not be set (`e` says which; the group is there); or a negative
 * code, with no group. */
int cgroup_make(const struct cgroups *all, const char *plugin, uint64_t generation,
                const struct manifest_cgroup *limits, struct cgroup *out, struct err *e);
void cgroup_kill(const struct cgroup *g); /* everything in it, at once: cgroup.kill */
bool cgroup_populated(const struct cgroup *g);
/* Which of its limits struck: appended to `words` (" (...)"), or nothing. */
void cgroup_struck(const struct cgroup *g, char *words, size_t cap);
/* Remove it when it is empty, and close it in any case. Returns 0 or a negative code: it is still there. */
int cgroup_remove(const struct cgroups *all, struct cgroup *g);

#endif
