/* daemon_private.h — the inside of the daemon, for its own files: daemon (wiring, start, stop), daemon_reload. */
#ifndef HOOKCAST_DAEMON_DAEMON_PRIVATE_H
#define HOOKCAST_DAEMON_DAEMON_PRIVATE_H

#include "daemon/context.h"
#include "daemon/control.h"
#include "daemon/daemon.h"
#include "daemon/endpoint.h"
#include "daemon/events.h"
#include "daemon/supervisor.h"

#define EVENTS_SOCKET "events.sock"
#define CONTROL_SOCKET "control.sock"

struct daemon {
    struct context cx;
    struct supervisor *supervisor;
    struct events *events;
    struct control *control;
    struct control_view view;
    const struct config_flags *flags;
    struct config *config;
    int lock;
    struct endpoint_id events_id, control_id;
    ev_signal w_term, w_int, w_hup, w_chld;
    ev_timer t_grace, t_drain, t_watchdog;
    bool running, stopping;
    nsec_t stop_deadline;
};

/* daemon.c */
void daemon_say_status(char *out, size_t cap, const struct supervisor *s); /* "3 plugins, 0 degraded, ..." */

/* daemon_reload.c */
/* Read everything again. Anything wrong: everything stays as it was, and `errs` says what. 0 or a negative code. */
int daemon_reload(void *daemon, struct errs *errs);

#endif
