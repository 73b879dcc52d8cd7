#include "plugin/restart.h"

#include <stdlib.h>
#include <string.h>

enum { JITTER_PERMILLE = 200 };
#define DELAY_MAX (INT64_MAX / 4) /* so that neither doubling nor jitter can overflow */

void restart_init(struct restart *r) { *r = (struct restart){0}; }

void restart_deinit(struct restart *r) {
    free(r->deaths);
    restart_init(r);
}

void restart_forget(struct restart *r) {
    r->streak = 0;
    r->next = 0;
    if (r->deaths) memset(r->deaths, 0, r->cap * sizeof *r->deaths);
}

/* Remember this death; true when max_restarts deaths before it lie within the window too. */
static bool too_many(struct restart *r, const struct restart_rules *rules, nsec_t now) {
    uint32_t want = rules->max_restarts < UINT32_MAX ? rules->max_restarts + 1 : UINT32_MAX;
    if (r->cap != want) {
        nsec_t *p = calloc(want, sizeof *p);
        if (!p) return false;
        free(r->deaths);
        r->deaths = p;
        r->cap = want;
        r->next = 0;
    }
    r->deaths[r->next] = now ? now : 1;
    r->next = (r->next + 1) % r->cap;
    nsec_t oldest = r->deaths[r->next]; /* max_restarts deaths ago; 0: there were not that many */
    return oldest && now - oldest < rules->window;
}

static nsec_t backoff(const struct restart_rules *rules, uint32_t streak, uint32_t chance) {
    nsec_t d = rules->backoff_initial;
    nsec_t max = rules->backoff_max > d ? rules->backoff_max : d;
    if (max > DELAY_MAX) max = DELAY_MAX;
    for (uint32_t i = 1; i < streak && d && d < max; i++) d *= 2;
    if (d > max) d = max;
    int64_t permille = 1000 - JITTER_PERMILLE + (int64_t)(chance % (2 * JITTER_PERMILLE + 1));
    return d / 1000 * permille + d % 1000 * permille / 1000;
}

nsec_t restart_died(struct restart *r, const struct restart_rules *rules, nsec_t now, nsec_t ran, uint32_t chance) {
    if (ran >= rules->recover_after) r->streak = 0;
    r->streak++;
    if (too_many(r, rules, now)) return -1;
    return backoff(rules, r->streak, chance);
}
