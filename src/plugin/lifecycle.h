/* lifecycle.h — one plugin's life as a table: phase x event -> next phase, action.
 *
 * What is wanted (`wanted`), what is (`phase`) and how it fares (reasons.h) are three things. The table decides, the
 * caller acts: lifecycle_step() changes the phase and says what to do. Pure, nothing fails.
 *
 *     DOWN -> WAITING -> STARTING -> UP -> ENDING -> DOWN
 *                          ^  |       |       |
 *                          |  v       v       v
 *                          BACKOFF <----------'
 */
#ifndef HOOKCAST_PLUGIN_LIFECYCLE_H
#define HOOKCAST_PLUGIN_LIFECYCLE_H

#include <stdbool.h>

enum life_phase {
    LIFE_DOWN,     /* no process and none due: stopped when not wanted, else unavailable */
    LIFE_WAITING,  /* its dependencies are not up yet */
    LIFE_BACKOFF,  /* died; will be started when the delay is over */
    LIFE_STARTING, /* the process runs; the handshake does not stand yet */
    LIFE_UP,       /* events flow */
    LIFE_ENDING,   /* asked, or forced, to end; the process is still there */
    LIFE_PHASES
};

enum life_event {
    LIFE_START,     /* wanted: at daemon start, or by hand */
    LIFE_DEPS_OK,   /* every dependency is up */
    LIFE_DEPS_FAIL, /* one never will be */
    LIFE_READY,     /* the handshake stands */
    LIFE_REFUSED,   /* the handshake failed, or took too long */
    LIFE_EXITED,    /* the process is dead and reaped (or could not be executed at all) */
    LIFE_STOP,      /* not wanted any more: by hand, or shutdown */
    LIFE_RESTART,   /* by hand */
    LIFE_OVERFLOW,  /* its queue ran over and the policy is restart */
    LIFE_TIMER,     /* the back-off, or the wait of an unavailable one, is over */
    LIFE_GIVE_UP,   /* the restart policy says no more */
    LIFE_EVENTS
};

enum life_action {
    LIFE_NOTHING,
    LIFE_CHECK_DEPS, /* look at the dependencies: DEPS_OK, DEPS_FAIL, or later */
    LIFE_SPAWN,      /* start a process */
    LIFE_OPEN,       /* let events flow */
    LIFE_TEARDOWN,   /* end it politely: teardown, stdin closed, SIGTERM, SIGKILL */
    LIFE_END,        /* end it without teardown: stdin closed, SIGTERM, SIGKILL */
    LIFE_KILL,       /* SIGKILL now */
    LIFE_DECIDE,     /* it died unasked: back off, or GIVE_UP */
    LIFE_STOPPED,    /* now stopped: what is queued is dropped */
    LIFE_UNAVAILABLE /* now unavailable: what is queued is dropped; try again later */
};

/* What is to happen once an ending process is gone. */
enum life_goal { LIFE_GOAL_STOPPED, LIFE_GOAL_AGAIN, LIFE_GOAL_BACKOFF, LIFE_GOAL_UNAVAILABLE };

struct lifecycle {
    enum life_phase phase;
    enum life_goal goal; /* while ENDING */
    bool wanted;
    bool was_ready; /* ever, in this daemon's life */
};

enum life_action lifecycle_step(struct lifecycle *l, enum life_event event);

const char *life_phase_name(enum life_phase p);
const char *life_event_name(enum life_event e);

#endif
