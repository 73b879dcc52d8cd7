/* reply.h — how a request on one of our sockets is answered: a result, or an error with its code and data.reason.
 *
 * One `struct reply` per socket, reused. Without an id nothing is ever written: the error is counted and logged, at
 * most once a second per connection. */
#ifndef HOOKCAST_DAEMON_REPLY_H
#define HOOKCAST_DAEMON_REPLY_H

#include "base/buf.h"
#include "daemon/peer.h"
#include "rpc/jsonrpc.h"

struct reply {
    struct context *cx;
    const char *socket; /* for the log */
    struct buf line, data;
    uint64_t rejected; /* errors, ever */
};

void reply_init(struct reply *a, struct context *cx, const char *socket);
void reply_deinit(struct reply *a);

/* Is there somebody to answer? */
static inline bool reply_wanted(const struct jsonrpc *m) { return m->kind == JSONRPC_REQUEST; }

void reply_result(struct reply *a, struct peer *p, const struct jsonrpc *m, const char *json, size_t len);

/* `reason` becomes data.reason (NULL: no data); `errors`, JSON text or NULL, data.errors. */
void reply_error(struct reply *a, struct peer *p, const struct jsonrpc *m, int code, const char *reason,
                 const char *message, const char *errors);

/* For a line whose id cannot be read: id null, best effort. */
void reply_unreadable(struct reply *a, struct peer *p, int code, const char *reason, const char *message);

/* Scan and classify a line. Returns true when `m` is a request or a notification whose params may be looked at; else it
 * has been answered. */
bool reply_open(struct reply *a, struct peer *p, const char *line, size_t len, enum line_result r, struct jsonrpc *m);

/* True when params are absent or an object that has only the keys in `known`; else answered. */
bool reply_params(struct reply *a, struct peer *p, const struct jsonrpc *m, const char *const *known, size_t n);

#endif
