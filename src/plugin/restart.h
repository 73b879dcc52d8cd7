/* restart.h — when a dead plugin is started again, and when no more.
 *
 * Exponential back-off from `initial` to `max` with +-20 % jitter; more than `max_restarts` deaths within `window` and
 * it is given up. A plugin that has run for `recover_after` starts over at `initial`. Pure: time and chance come in. */
#ifndef HOOKCAST_PLUGIN_RESTART_H
#define HOOKCAST_PLUGIN_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct restart_rules {
    nsec_t backoff_initial, backoff_max, window, recover_after;
    uint32_t max_restarts;
};

struct restart {
    uint32_t streak; /* deaths since it last ran for recover_after */
    nsec_t *deaths;  /* the last max_restarts + 1, a ring; owned */
    uint32_t cap, next;
};

void restart_init(struct restart *r);
void restart_deinit(struct restart *r); /* twice is harmless */

/* It died at `now` after having run for `ran`. `chance` is random. Returns the delay before the next start, or -1: give
 * up. Out of memory counts deaths less exactly, never gives up early. */
nsec_t restart_died(struct restart *r, const struct restart_rules *rules, nsec_t now, nsec_t ran, uint32_t chance);

/* Revived by hand, or tried again: what was counted is forgotten. */
void restart_forget(struct restart *r);

#endif
