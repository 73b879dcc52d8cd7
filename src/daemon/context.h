/* context.h — what every part of the loop room uses: the loop, the log, the clock, this run's name, scratch memory.
 *
 * Owned by the daemon, which outlives them all. */
#ifndef HOOKCAST_DAEMON_CONTEXT_H
#define HOOKCAST_DAEMON_CONTEXT_H

#include <ev.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/cgroup.h"
#include "daemon/config.h"
#include "daemon/intake.h"
#include "json/scan.h"

enum { CONTEXT_RUN_LEN = 12 };

struct context {
    struct ev_loop *loop;
    struct log *log;
    struct clock clock;
    const struct config *config;
    struct cgroups cgroups; /* delegated to us; dir -1: not */
    uint64_t nofile;        /* the soft limit of descriptors we were started with, for plugins */
    char run[CONTEXT_RUN_LEN + 1];
    struct intake intake;
    struct scan scan;      /* one line is looked at at a time */
    char read[INTAKE_MAX]; /* one chunk likewise */
};

static inline nsec_t context_now(const struct context *cx) { return clock_mono(&cx->clock); }
static inline ev_tstamp context_seconds(nsec_t ns) { return (ev_tstamp)ns / (ev_tstamp)NSEC_PER_SEC; }

/* (Re)start a one-shot timer. */
static inline void context_timer(const struct context *cx, ev_timer *t, nsec_t after) {
    ev_timer_stop(cx->loop, t);
    ev_now_update(cx->loop);
    ev_timer_set(t, context_seconds(after), 0.);
    ev_timer_start(cx->loop, t);
}

#endif
