/* control.h — the control socket: the admin's methods (DESIGN §9), for root and the daemon's own user only.
 *
 * A table of methods (control_methods.c) over what the daemon shows of itself. */
#ifndef HOOKCAST_DAEMON_CONTROL_H
#define HOOKCAST_DAEMON_CONTROL_H

#include <jansson.h>

#include "daemon/context.h"
#include "daemon/events.h"
#include "daemon/supervisor.h"
#include "daemon/waits.h"

/* What methods look at. */
struct control_view {
    struct context *cx;
    struct supervisor *supervisor;
    struct events *events;
    const char *state; /* "starting", "running", "stopping" */
    nsec_t started, started_wall;
    /* Read everything again; problems go to `errs`. Returns 0, or negative with everything as it was. */
    int (*reload)(void *daemon, struct errs *errs);
    void *daemon;
};

struct control;

/* Takes over the listening fd; `view` stays the daemon's and must outlive it. NULL when out of memory. */
struct control *control_new(struct context *cx, int fd, const struct control_view *view);
struct control *control_free(struct control *c);
/* Accept at another listening socket; takes over `fd`. */
void control_rebind(struct control *c, int fd);
/* Plugins may have changed: answer the requests that wait for it. */
void control_moved(struct control *c);

/* Why a method has no result. Zero: out of memory. */
struct control_failure {
    int code;           /* 0 with a reason: -32602 */
    const char *reason; /* data.reason */
    struct err e;       /* e.text: the message */
    json_t *errors;     /* data.errors, or NULL; a reference of the caller's */
};

/* A method's outcome: a result (new reference), or NULL with `f` set. */
struct control_method {
    const char *name;
    const char *const *params; /* the names it takes */
    size_t n_params;
    json_t *(*run)(const struct control_view *v, const json_t *params, struct control_failure *f);
    enum wait_for wait; /* answered with the plugin's row when that has happened */
};
const struct control_method *control_method(const char *name, const char **nearestp);

#endif
