/* spawn.h — a process of a plugin: fork, a clean slate, exec (DESIGN §7).
 *
 * The child gets its own session, default signal dispositions and an empty mask, umask 022, fds 0-2 only (our pipes),
 * the environment given and nothing else, SIGKILL when this daemon dies. Nothing is allocated between fork and exec.
 * That exec failed, and why, comes back through `exec_fd`: end of file means it succeeded, a struct spawn_failure that
 * it did not. Call it from the main thread only: PDEATHSIG fires when the spawning thread ends. */
#ifndef HOOKCAST_DAEMON_SPAWN_H
#define HOOKCAST_DAEMON_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "registry/manifest.h"

struct spawn_options {
    const char *dir;
    char *const *command;
    char *const *env; /* complete, NULL-terminated */
    const struct manifest_rlimit *rlimits;
    size_t n_rlimits;
    const char *user; /* NULL: stay who we are */
    uint64_t nofile;  /* soft limit of descriptors, where it is below the hard one; 0: as ours */
    int cgroup_procs; /* its control group's cgroup.procs, to enter before anything else; -1: none */
};

struct spawned {
    pid_t pid;
    int pidfd;    /* readable when it has ended */
    int in;       /* write end of its stdin; non-blocking */
    int in_size;  /* what that pipe holds, as we made it: the process may change it */
    int out, err; /* read ends of its stdout and stderr; non-blocking */
    int exec_fd;  /* non-blocking */
};

/* What exec_fd carries when exec, or something before it, failed. */
struct spawn_failure {
    int errnum;
    char what[120]; /* "cannot execute ./x", "cannot change to /y" */
};

/* Returns 0, or a negative code with `e` set (nothing is left open or running). */
int spawn(const struct spawn_options *o, struct spawned *out, struct err *e);

/* Close every descriptor that is still open (>= 0). The process is not touched. */
void spawned_close(struct spawned *s);

/* The environment of a plugin: PATH, HOME, LANG, TZ as ours (HOME of `user` if given), the manifest's on top, then
 * HOOKCAST_PLUGIN, _KIND, _RUN, _INSTANCE, and CREDENTIALS_DIRECTORY where `credentials` is not NULL. A new
 * NULL-terminated array, to be freed with spawn_env_free(); NULL when out of memory. */
char **spawn_env(const struct manifest *m, const char *run, const char *instance, const char *credentials);
void spawn_env_free(char **env);

#endif
