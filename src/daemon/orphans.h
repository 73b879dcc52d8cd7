/* orphans.h — processes that a plugin left behind (DESIGN §7, without a cgroup).
 *
 * The daemon is a child subreaper: whatever a plugin's processes leave becomes our child. Such a process belongs to the
 * generation whose random HOOKCAST_INSTANCE stands in its environment. What has left group, tree and environment is a
 * stray: nobody's, listed, and ended with the daemon. Only our own children, not yet reaped, are ever signalled, so a
 * pid cannot have become a stranger's. */
#ifndef HOOKCAST_DAEMON_ORPHANS_H
#define HOOKCAST_DAEMON_ORPHANS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A process that may become an orphan: known by pid and start time. */
struct orphan {
    pid_t pid;
    unsigned long long started; /* clock ticks since boot, /proc/PID/stat; 0: not looked up yet */
};

struct orphans {
    struct orphan *v; /* owned */
    size_t n, cap;
};

void orphans_deinit(struct orphans *o); /* twice is harmless */

/* Every descendant of `root` that there is now (root itself not), added to `o`. What cannot be read is left out. */
void orphans_tree(struct orphans *o, pid_t root);

/* Our own children now, by pid only. */
void orphans_children(struct orphans *o);
void orphan_look(struct orphan *p); /* fill in what is not looked up yet */

/* Does this process carry HOOKCAST_INSTANCE=instance? With instance NULL: any. */
bool orphan_carries(pid_t pid, const char *instance);
bool orphans_have(const struct orphans *o, const struct orphan *p);

#endif
