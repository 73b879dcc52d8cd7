#include "plugin/reasons.h"

#include <string.h>

const char *reason_name(unsigned reason) {
    switch (reason) {
        case REASON_CRASHED:
            return "crashed";
        case REASON_SLOW:
            return "slow";
        case REASON_FAILING:
            return "failing";
        case REASON_UNHEALTHY:
            return "unhealthy";
        default:
            return "";
    }
}

void reasons_up(struct reasons *r, nsec_t now) {
    r->up_since = now ? now : 1;
    r->probes_missed = 0;
    r->said_degraded = false;
    r->set &= ~(unsigned)REASON_UNHEALTHY;
}

void reasons_down(struct reasons *r) {
    r->up_since = 0;
    r->probes_missed = 0;
}

void reasons_crashed(struct reasons *r) {
    reasons_down(r);
    r->set |= REASON_CRASHED;
    r->set &= ~(unsigned)REASON_UNHEALTHY;
}

void reasons_forget(struct reasons *r) {
    unsigned slow = r->set & REASON_SLOW;
    nsec_t late_at = r->late_at;
    uint64_t seen = r->delivered_seen;
    *r = (struct reasons){.set = slow, .late_at = late_at, .delivered_seen = seen};
}

void reasons_overflow(struct reasons *r, nsec_t now) {
    r->late_at = now;
    r->set |= REASON_SLOW;
}

/* Move the window to `now`, emptying the buckets that fell out of it. */
static void roll(struct reasons *r, const struct reason_rules *rules, uint64_t delivered, nsec_t now) {
    nsec_t width = rules->failure_window / REASON_BUCKETS;
    int64_t slot = now / (width > 0 ? width : 1);
    if (slot < r->slot || slot - r->slot >= REASON_BUCKETS) { /* a new window, or a long silence */
        memset(r->bucket, 0, sizeof r->bucket);
        r->slot = slot;
    }
    while (r->slot < slot) {
        r->slot++;
        memset(&r->bucket[r->slot % REASON_BUCKETS], 0, sizeof r->bucket[0]);
    }
    r->bucket[slot % REASON_BUCKETS].delivered += delivered - r->delivered_seen;
    r->delivered_seen = delivered;
}

static void judge_failing(struct reasons *r, const struct reason_rules *rules) {
    uint64_t failed = 0, delivered = 0;
    for (unsigned i = 0; i < REASON_BUCKETS; i++) {
        failed += r->bucket[i].failed;
        delivered += r->bucket[i].delivered;
    }
    if (failed && failed >= rules->failure_threshold && failed * 2 >= delivered)
        r->set |= REASON_FAILING;
    else
        r->set &= ~(unsigned)REASON_FAILING;
}

void reasons_failed(struct reasons *r, const struct reason_rules *rules, uint64_t delivered, nsec_t now) {
    roll(r, rules, delivered, now);
    r->bucket[r->slot % REASON_BUCKETS].failed++;
    judge_failing(r, rules);
}

void reasons_probe(struct reasons *r, const struct reason_rules *rules, bool answered, bool degraded) {
    r->probes_missed = answered ? 0 : r->probes_missed + 1;
    if (answered) r->said_degraded = degraded;
    if (r->probes_missed >= rules->health_failures || r->said_degraded)
        r->set |= REASON_UNHEALTHY;
    else if (answered)
        r->set &= ~(unsigned)REASON_UNHEALTHY;
}

unsigned reasons_update(struct reasons *r, const struct reason_rules *rules, nsec_t oldest, uint64_t delivered,
                        nsec_t now) {
    roll(r, rules, delivered, now);
    judge_failing(r, rules);
    if (!r->up_since) return r->set; /* not judged while it is down */
    nsec_t waiting_since = oldest > r->up_since ? oldest : r->up_since;
    if (oldest && now - waiting_since > rules->slow_after) {
        r->late_at = now;
        r->set |= REASON_SLOW;
    }
    nsec_t clean_since = r->late_at > r->up_since ? r->late_at : r->up_since;
    if (now - clean_since >= rules->recover_after) r->set &= ~(unsigned)REASON_SLOW;
    if (now - r->up_since >= rules->recover_after) r->set &= ~(unsigned)REASON_CRASHED;
    return r->set;
}

static void sooner(nsec_t *nextp, nsec_t in) {
    if (in < NSEC_PER_MSEC) in = NSEC_PER_MSEC;
    if (!*nextp || in < *nextp) *nextp = in;
}

nsec_t reasons_next(const struct reasons *r, const struct reason_rules *rules, nsec_t oldest, nsec_t now) {
    nsec_t next = 0;
    if (r->set & REASON_FAILING) sooner(&next, rules->failure_window / REASON_BUCKETS);
    if (!r->up_since) return r->set & REASON_FAILING ? next : 0;
    nsec_t waiting_since = oldest > r->up_since ? oldest : r->up_since;
    bool late = oldest && now - waiting_since > rules->slow_after;
    if (oldest && !late) sooner(&next, rules->slow_after - (now - waiting_since) + NSEC_PER_MSEC);
    nsec_t clean_since = r->late_at > r->up_since ? r->late_at : r->up_since;
    if ((r->set & REASON_SLOW) && !late) sooner(&next, rules->recover_after - (now - clean_since));
    if (r->set & REASON_CRASHED) sooner(&next, rules->recover_after - (now - r->up_since));
    return next;
}
