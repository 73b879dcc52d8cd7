/* waits.h — control requests that are answered when what they asked for has happened: start, stop, restart.
 *
 * stop waits until there is no process any more; start and restart until the new process is spawned, or until it is
 * clear that there will be none. A wait ends with its connection. Owned by the control socket. */
#ifndef HOOKCAST_DAEMON_WAITS_H
#define HOOKCAST_DAEMON_WAITS_H

#include "daemon/reply.h"
#include "daemon/supervisor.h"

enum wait_for { WAIT_NOTHING, WAIT_STOPPED, WAIT_SPAWNED };

struct waits;

struct waits *waits_new(struct context *cx, struct supervisor *s);
struct waits *waits_free(struct waits *w);

/* Wait for the plugin `name`; its generation was `generation` before the request. Returns 0 or -ENOMEM. */
int waits_add(struct waits *w, struct peer *p, const struct jsonrpc *m, const char *name, enum wait_for what,
              uint64_t generation);
/* Something may have happened: answer what is due. */
void waits_moved(struct waits *w);
void waits_forget(struct waits *w, const struct peer *p);

#endif
