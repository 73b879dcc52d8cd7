/* child_state.c — the state a child shows, what others are told of it, and what it loses to overflow. */
#include <stdio.h>
#include <string.h>

#include "daemon/child_private.h"

static enum child_state work_out(const struct child *c) {
    switch (c->life.phase) {
        case LIFE_DOWN:
            return c->life.wanted ? CHILD_UNAVAILABLE : CHILD_STOPPED;
        case LIFE_UP:
            return c->reasons.set ? CHILD_DEGRADED : CHILD_READY;
        case LIFE_ENDING:
            if (c->life.goal == LIFE_GOAL_UNAVAILABLE) return CHILD_UNAVAILABLE;
            return c->life.goal == LIFE_GOAL_BACKOFF ? CHILD_DEGRADED : CHILD_STOPPING;
        case LIFE_WAITING:
        case LIFE_BACKOFF:
        case LIFE_STARTING:

            if (c->given_up) return CHILD_UNAVAILABLE;
            return c->reasons.set && !c->fresh ? CHILD_DEGRADED : CHILD_STARTING;
        case LIFE_PHASES:
            break;
    }
    return CHILD_STARTING;
}

static void update_subscriber(struct child *c) {
    if (c->accepting) {
        c->sub.state = SUBSCRIBER_ON;
    } else if (c->shown == CHILD_STOPPED || c->shown == CHILD_STOPPING) {
        c->sub.state = SUBSCRIBER_OFF;
    } else {
        c->sub.state = SUBSCRIBER_FAILED;
        (void)snprintf(c->sub.error, sizeof c->sub.error, "%s%s%.120s",
                       c->shown == CHILD_UNAVAILABLE ? "unavailable" : "not ready yet", c->last_error[0] ? ": " : "",
                       c->last_error);
    }
}

static void log_state(const struct child *c) {
    static const struct queue_counters none;
    const struct queue_counters *q = c->sub.queue ? queue_counters(c->sub.queue) : &none;
    char reasons[64] = ""; /* all four names fit */
    size_t at = 0;
    for (unsigned i = 0; i < REASONS; i++)
        if (c->shown_reasons & (1u << i)) {
            at += (size_t)snprintf(reasons + at, sizeof reasons - at, "%s%s", at ? "," : "", reason_name(1u << i));
        }
    bool bad = c->shown == CHILD_DEGRADED || c->shown == CHILD_UNAVAILABLE;
    struct log_field f[8];
    size_t n = 0;
    f[n++] = LOG_S("plugin", c->m->name);
    f[n++] = LOG_S("state", child_state_name(c->shown));
    if (reasons[0]) f[n++] = LOG_S("reason", reasons);
    f[n++] = LOG_N("pid", child_pid(c));
    f[n++] = LOG_N("queued", q->events);
    f[n++] = LOG_N("dropped", q->dropped);
    if (bad && c->last_error[0]) f[n++] = LOG_S("error", c->last_error);
    log_write(c->cx->log, bad ? LOG_WARNING : LOG_INFO, "plugin state", f, n);
}

void child_refresh(struct child *c) {
    enum child_state now = work_out(c);
    unsigned reasons = now == CHILD_DEGRADED ? c->reasons.set : 0;
    bool changed = now != c->shown || reasons != c->shown_reasons;
    c->shown = now;
    c->shown_reasons = reasons;
    update_subscriber(c);
    if (changed) {
        c->since_wall = clock_wall(&c->cx->clock);
        log_state(c);
    }
    c->owner.changed(c->owner.ctx, c);
}

enum { LOST_BURST = 1 };

static void log_lost(struct child *c, int why) {
    uint64_t held;
    if (!log_gate_pass(&c->g_lost, LOST_BURST, context_now(c->cx), &held)) {
        log_count_suppressed(c->cx->log, 1);
        return;
    }
    const struct queue_counters *q = queue_counters(c->sub.queue);
    const char *policy = why == QUEUE_E_RESTART ? "restart" : why == QUEUE_E_REFUSED ? "drop_newest" : "drop_oldest";
    struct log_field f[6] = {LOG_S("plugin", c->m->name), LOG_S("overflow", policy), LOG_N("queued", q->events),
                             LOG_N("dropped", q->dropped)};
    size_t n = 4;
    if (held) f[n++] = LOG_N("suppressed", held);
    log_write(c->cx->log, LOG_WARNING, "plugin queue overflow", f, n);
}

void child_overflow(struct child *c, int why) {
    bool first = !(c->reasons.set & REASON_SLOW);
    reasons_overflow(&c->reasons, context_now(c->cx));
    log_lost(c, why);
    c->owner.restless(c->owner.ctx);
    if (why == QUEUE_E_RESTART && !c->overflowed) {
        c->overflowed = true; /* not here: the router is in the middle of its subscribers */
        child_set_error(c, "its queue ran over; overflow policy is restart");
        c->owner.dirty(c->owner.ctx, c);
    } else if (first) {
        child_set_error(c, "its queue ran over");
        c->refresh_due = true; /* likewise */
        c->owner.dirty(c->owner.ctx, c);
    }
}
