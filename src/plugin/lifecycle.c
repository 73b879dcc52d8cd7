#include "plugin/lifecycle.h"

#include "base/cleanup.h"

/* Stay in the phase one is in; the goal of an ending process is kept in its own column below. */
enum { SAME = LIFE_PHASES, BY_GOAL };

struct cell {
    unsigned char next;
    unsigned char action;
};

static const struct cell table[LIFE_PHASES][LIFE_EVENTS] =
    {
        [LIFE_DOWN] =
            {
                [LIFE_START] = {LIFE_WAITING, LIFE_CHECK_DEPS},
                [LIFE_RESTART] = {LIFE_WAITING, LIFE_CHECK_DEPS},
                [LIFE_TIMER] = {LIFE_WAITING, LIFE_CHECK_DEPS},
                [LIFE_DEPS_OK] = {SAME, LIFE_NOTHING},
                [LIFE_DEPS_FAIL] = {SAME, LIFE_NOTHING},
                [LIFE_READY] = {SAME, LIFE_NOTHING},
                [LIFE_REFUSED] = {SAME, LIFE_NOTHING},
                [LIFE_EXITED] = {SAME, LIFE_NOTHING},
                [LIFE_STOP] = {LIFE_DOWN, LIFE_STOPPED},
                [LIFE_OVERFLOW] = {SAME, LIFE_NOTHING},
                [LIFE_GIVE_UP] = {SAME, LIFE_NOTHING},
            },
        [LIFE_WAITING] =
            {
                [LIFE_START] = {SAME, LIFE_CHECK_DEPS},
                [LIFE_RESTART] = {SAME, LIFE_CHECK_DEPS},
                [LIFE_TIMER] = {SAME, LIFE_CHECK_DEPS},
                [LIFE_DEPS_OK] = {LIFE_STARTING, LIFE_SPAWN},
                [LIFE_DEPS_FAIL] = {LIFE_DOWN, LIFE_UNAVAILABLE},
                [LIFE_READY] = {SAME, LIFE_NOTHING},
                [LIFE_REFUSED] = {SAME, LIFE_NOTHING},
                [LIFE_EXITED] = {SAME, LIFE_NOTHING},
                [LIFE_STOP] = {LIFE_DOWN, LIFE_STOPPED},
                [LIFE_OVERFLOW] = {SAME, LIFE_NOTHING},
                [LIFE_GIVE_UP] = {LIFE_DOWN, LIFE_UNAVAILABLE},
            },
        [LIFE_BACKOFF] =
            {
                [LIFE_START] = {LIFE_STARTING, LIFE_SPAWN},
                [LIFE_RESTART] = {LIFE_STARTING, LIFE_SPAWN},
                [LIFE_TIMER] = {LIFE_STARTING, LIFE_SPAWN},
                [LIFE_DEPS_OK] = {SAME, LIFE_NOTHING},
                [LIFE_DEPS_FAIL] = {SAME, LIFE_NOTHING},
                [LIFE_READY] = {SAME, LIFE_NOTHING},
                [LIFE_REFUSED] = {SAME, LIFE_NOTHING},
                [LIFE_EXITED] = {SAME, LIFE_NOTHING},
                [LIFE_STOP] = {LIFE_DOWN, LIFE_STOPPED},
                [LIFE_OVERFLOW] = {SAME, LIFE_NOTHING},
                [LIFE_GIVE_UP] = {LIFE_DOWN, LIFE_UNAVAILABLE},
            },
        [LIFE_STARTING] =
            {
                [LIFE_START] = {SAME, LIFE_NOTHING},
                [LIFE_RESTART] = {LIFE_ENDING, LIFE_END},
                [LIFE_TIMER] = {SAME, LIFE_NOTHING},
                [LIFE_DEPS_OK] = {SAME, LIFE_NOTHING},
                [LIFE_DEPS_FAIL] = {SAME, LIFE_NOTHING},
                [LIFE_READY] = {LIFE_UP, LIFE_OPEN},
                [LIFE_REFUSED] = {LIFE_ENDING, LIFE_END},
                [LIFE_EXITED] = {LIFE_BACKOFF, LIFE_DECIDE},
                [LIFE_STOP] = {LIFE_ENDING, LIFE_END},
                [LIFE_OVERFLOW] = {LIFE_ENDING, LIFE_KILL},
                [LIFE_GIVE_UP] = {SAME, LIFE_NOTHING},
            },
        [LIFE_UP] =
            {
                [LIFE_START] = {SAME, LIFE_NOTHING},
                [LIFE_RESTART] = {LIFE_ENDING, LIFE_TEARDOWN},
                [LIFE_TIMER] = {SAME, LIFE_NOTHING},
                [LIFE_DEPS_OK] = {SAME, LIFE_NOTHING},
                [LIFE_DEPS_FAIL] = {SAME, LIFE_NOTHING},
                [LIFE_READY] = {SAME, LIFE_NOTHING},
                [LIFE_REFUSED] = {LIFE_ENDING, LIFE_END},
                [LIFE_EXITED] = {LIFE_BACKOFF, LIFE_DECIDE},
                [LIFE_STOP] = {LIFE_ENDING, LIFE_TEARDOWN},
                [LIFE_OVERFLOW] = {LIFE_ENDING, LIFE_KILL},
                [LIFE_GIVE_UP] = {SAME, LIFE_NOTHING},
            },
        [LIFE_ENDING] =
            {
                [LIFE_START] = {SAME, LIFE_NOTHING},
                [LIFE_RESTART] = {SAME, LIFE_NOTHING},
                [LIFE_TIMER] = {SAME, LIFE_NOTHING},
                [LIFE_DEPS_OK] = {SAME, LIFE_NOTHING},
                [LIFE_DEPS_FAIL] = {SAME, LIFE_NOTHING},
                [LIFE_READY] = {SAME, LIFE_NOTHING},
                [LIFE_REFUSED] = {SAME, LIFE_NOTHING},
                [LIFE_EXITED] = {BY_GOAL, LIFE_NOTHING},
                [LIFE_STOP] = {SAME, LIFE_NOTHING},
                [LIFE_OVERFLOW] = {SAME, LIFE_NOTHING},
                [LIFE_GIVE_UP] = {SAME, LIFE_NOTHING},
            },
};

static const struct cell after_ending[] = {
    [LIFE_GOAL_STOPPED] = {LIFE_DOWN, LIFE_STOPPED},
    [LIFE_GOAL_AGAIN] = {LIFE_WAITING, LIFE_CHECK_DEPS},
    [LIFE_GOAL_BACKOFF] = {LIFE_BACKOFF, LIFE_DECIDE},
    [LIFE_GOAL_UNAVAILABLE] = {LIFE_DOWN, LIFE_UNAVAILABLE},
};

/* What an event says about the future, whatever the phase. */
static void intend(struct lifecycle *l, enum life_event event) {
    switch (event) {
        case LIFE_START:
        case LIFE_RESTART:
            l->wanted = true;
            l->goal = LIFE_GOAL_AGAIN;
            break;
        case LIFE_STOP:
            l->wanted = false;
            l->goal = LIFE_GOAL_STOPPED;
            break;
        case LIFE_OVERFLOW:
            if (l->phase != LIFE_ENDING) l->goal = LIFE_GOAL_BACKOFF;
            break;
        case LIFE_REFUSED:
            if (l->phase != LIFE_ENDING) l->goal = LIFE_GOAL_UNAVAILABLE;
            break;
        case LIFE_DEPS_OK:
        case LIFE_DEPS_FAIL:
        case LIFE_READY:
        case LIFE_EXITED:
        case LIFE_TIMER:
        case LIFE_GIVE_UP:
        case LIFE_EVENTS:
            break;
    }
}

enum life_action lifecycle_step(struct lifecycle *l, enum life_event event) {
    intend(l, event);
    struct cell c = table[l->phase][event];
    if (c.next == BY_GOAL) c = after_ending[l->goal];
    if (c.next != SAME) l->phase = (enum life_phase)c.next;
    if (l->phase == LIFE_UP) l->was_ready = true;
    return (enum life_action)c.action;
}

static const char *const phase_names[] = {"down", "waiting", "backoff", "starting", "up", "ending"};
static const char *const event_names[] = {"start", "deps_ok", "deps_fail", "ready", "refused", "exited",
                                          "stop",  "restart", "overflow",  "timer", "give_up"};
_Static_assert(ARRAY_LEN(phase_names) == LIFE_PHASES, "a name per phase");
_Static_assert(ARRAY_LEN(event_names) == LIFE_EVENTS, "a name per event");

const char *life_phase_name(enum life_phase p) { return phase_names[p]; }
const char *life_event_name(enum life_event e) { return event_names[e]; }
