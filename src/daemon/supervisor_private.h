/* supervisor_private.h — the inside of the supervisor, for its own files: supervisor (life), reload (the difference of
 * two catalogs). */
#ifndef HOOKCAST_DAEMON_SUPERVISOR_PRIVATE_H
#define HOOKCAST_DAEMON_SUPERVISOR_PRIVATE_H

#include "daemon/supervisor.h"

struct supervisor {
    struct context *cx;
    struct catalog *catalog;
    struct supervisor_owner owner;
    struct router *router;
    struct child **children; /* in start order */
    size_t n;                /* those that a reload removed, and that still end, among them */
    size_t n_leaving;
    struct child **dirty;                  /* to be written to before the loop waits; at most n */
    size_t n_dirty, dirty_head, cap_dirty; /* a ring */
    ev_prepare w_flush;
    ev_timer t_sweep;
    nsec_t sweep_at; /* when it is due */
    bool look_again; /* while stopping: who may be stopped next? */
    bool started, settled_told, draining, stopping, stopped_told;
    nsec_t deadline;
};

/* supervisor.c */
struct child *supervisor_make_child(struct supervisor *s, const struct manifest *m, struct catalog *catalog);
/* Room for every child twice: once as told by the router, once as told by itself. */
size_t supervisor_dirty_room(size_t children);

/* reload.c */
void supervisor_free_gone(struct supervisor *s); /* children that a reload removed and that have ended */

#endif
