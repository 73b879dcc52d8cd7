/* endpoint.h — a listening Unix socket in the runtime directory, and the lock that keeps a second daemon out.
 *
 * A stale socket (left by a daemon that was killed) is replaced; anything else at that path is left alone and reported.
 * The lock is a file `hookcastd.lock` that holds the daemon's pid for as long as it lives. */
#ifndef HOOKCAST_DAEMON_ENDPOINT_H
#define HOOKCAST_DAEMON_ENDPOINT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "daemon/config.h"

/* Make the directory if it is missing (0755) and take its lock. Returns the lock's fd (keep it open), or a negative
 * code: -EWOULDBLOCK when another daemon holds it, whose pid `e` names. */
int endpoint_lock(const char *runtime_dir, struct err *e);

/* What lies at a path now, so that it can be told later whether it still does. */
struct endpoint_id {
    dev_t dev;
    ino_t ino;
};
bool endpoint_is_there(const char *runtime_dir, const char *name, const struct endpoint_id *id);
bool endpoint_lock_is_there(const char *runtime_dir, int lock); /* is `lock` the file at that path? */

/* Listen on <runtime_dir>/<name>, with mode and group. It appears there only when it listens, so that nobody is refused
 * meanwhile. A group that an unprivileged daemon cannot give it is logged. Only while holding the lock. Returns a
 * non-blocking fd with `id` set, or a negative code with `e` set. */
int endpoint_listen(const char *runtime_dir, const char *name, const struct config_socket *how, struct log *log,
                    struct endpoint_id *id, struct err *e);

/* Remove the socket, if it is one. */
void endpoint_remove(const char *runtime_dir, const char *name);

#endif
