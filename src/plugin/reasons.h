/* reasons.h — why a plugin is degraded: set and clear rules (DESIGN §7's table).
 *
 * Four flags, each with its own evidence. Every function takes what happened and the time; reasons_update() lets time
 * pass. Pure; nothing fails. */
#ifndef HOOKCAST_PLUGIN_REASONS_H
#define HOOKCAST_PLUGIN_REASONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum {
    REASON_CRASHED = 1,
    REASON_SLOW = 2,
    REASON_FAILING = 4,
    REASON_UNHEALTHY = 8,
    REASONS = 4 /* how many there are */
};

const char *reason_name(unsigned reason); /* "crashed" ...; one flag */

struct reason_rules {
    nsec_t slow_after, recover_after, failure_window;
    uint32_t failure_threshold, health_failures;
};

enum { REASON_BUCKETS = 30 }; /* the failure window is counted in thirtieths */

struct reasons {
    unsigned set;    /* flags */
    nsec_t late_at;  /* when it was last seen slow; SLOW stays until it has been up and clean for recover_after */
    nsec_t up_since; /* 0: down */
    uint32_t probes_missed;
    bool said_degraded;
    struct {
        uint64_t failed, delivered;
    } bucket[REASON_BUCKETS];
    int64_t slot; /* number of the current bucket since the epoch of the clock */
    uint64_t delivered_seen;
};

void reasons_up(struct reasons *r, nsec_t now); /* it runs and is ready */
void reasons_crashed(struct reasons *r);        /* it ended unasked */
void reasons_down(struct reasons *r);           /* it ended as asked, or is being stopped */
void reasons_overflow(struct reasons *r, nsec_t now);
void reasons_failed(struct reasons *r, const struct reason_rules *rules, uint64_t delivered,
                    nsec_t now); /* one event */
void reasons_probe(struct reasons *r, const struct reason_rules *rules, bool answered, bool degraded);
/* By hand: a clean slate, but SLOW, which the queue decides. */
void reasons_forget(struct reasons *r);

/* Let time pass. `oldest`: acceptance time of the oldest event not written (0: none); `delivered`: the queue's counter.
 * Returns the flags that are set now. */
unsigned reasons_update(struct reasons *r, const struct reason_rules *rules, nsec_t oldest, uint64_t delivered,
                        nsec_t now);

/* How long from `now` until reasons_update() may say something new by time alone, all else staying as it is; 0: never.
 */
nsec_t reasons_next(const struct reasons *r, const struct reason_rules *rules, nsec_t oldest, nsec_t now);

#endif
