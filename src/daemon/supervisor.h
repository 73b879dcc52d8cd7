/* supervisor.h — all plugins: started in order, written to once a turn, reaped, stopped in reverse.
 *
 * Owns every child and the router they hear. Built from a catalog. Children never die inside their own callbacks. */
#ifndef HOOKCAST_DAEMON_SUPERVISOR_H
#define HOOKCAST_DAEMON_SUPERVISOR_H

#include <jansson.h>

#include "daemon/child.h"
#include "daemon/context.h"
#include "fanout/router.h"
#include "registry/catalog.h"

struct supervisor;

struct supervisor_owner {
    void (*settled)(
        void *ctx); /* every plugin is ready, given up, has crashed once, or waits for one that did (once) */
    void (*drained)(void *ctx); /* after supervisor_drain(): nothing is queued for a running plugin any more */
    void (*stopped)(void *ctx); /* after supervisor_stop(): no process is left */
    void (*moved)(void *ctx);   /* queues were written to: a flush may be complete */
    void *ctx;
};

/* The catalog is kept (a reference). NULL when out of memory. Nothing is started yet. */
struct supervisor *supervisor_new(struct context *cx, struct catalog *catalog, const struct supervisor_owner *owner);
struct supervisor *supervisor_free(struct supervisor *s);

struct router *supervisor_router(struct supervisor *s);
const struct catalog *supervisor_catalog(const struct supervisor *s);

/* A reload: what did not change is not touched, new plugins start, gone ones stop, changed ones restart. All or
 * nothing: returns 0, or -ENOMEM with everything as it was. */
int supervisor_reload(struct supervisor *s, struct catalog *catalog);

void supervisor_start(struct supervisor *s);
/* Write to every plugin what is queued for it, as far as its pipe takes it. Done at the end of every turn, too. */
void supervisor_flush(struct supervisor *s);
/* Tell when nothing is queued for a running plugin any more. */
void supervisor_drain(struct supervisor *s);
/* Stop everything, dependents first; all of it is over by `deadline`. */
void supervisor_stop(struct supervisor *s, nsec_t deadline);
/* SIGCHLD: look after every child that ended and every orphan that we adopted. */
void supervisor_reap(struct supervisor *s);

size_t supervisor_count(const struct supervisor *s);
struct child *supervisor_at(const struct supervisor *s, size_t i);
struct child *supervisor_find(const struct supervisor *s, const char *name);

#endif
