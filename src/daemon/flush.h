/* flush.h — publishers that wait until what they published was delivered.
 *
 * Each waits for the seq that was the last one when it asked, or for its time-out, and is then answered with the
 * plugins that still have something of it queued. Owned by the events socket. */
#ifndef HOOKCAST_DAEMON_FLUSH_H
#define HOOKCAST_DAEMON_FLUSH_H

#include "daemon/reply.h"
#include "daemon/supervisor.h"

enum { FLUSH_PER_PEER = 16 };

struct flushes;

struct flushes *flushes_new(struct context *cx, struct supervisor *s);
struct flushes *flushes_free(struct flushes *f);

/* Wait for everything up to `seq`, at most `timeout`; answered at once when there is nothing to wait for. Returns 0 or
 * -ENOMEM. */
int flushes_add(struct flushes *f, struct peer *p, const struct jsonrpc *m, uint64_t seq, nsec_t timeout);
/* Queues have moved. */
void flushes_moved(struct flushes *f);
/* The connection is gone. */
void flushes_forget(struct flushes *f, const struct peer *p);

#endif
