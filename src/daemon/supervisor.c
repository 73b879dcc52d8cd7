#include "daemon/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/reaper.h"
#include "daemon/supervisor_private.h"

enum { SWEEP_MS = 50 };

struct router *supervisor_router(struct supervisor *s) {
    return s->router;
}
const struct catalog *supervisor_catalog(const struct supervisor *s) { return s->catalog; }
size_t supervisor_count(const struct supervisor *s) { return s->n; }
struct child *supervisor_at(const struct supervisor *s, size_t i) {
    return s->children[i];
}

struct child *supervisor_find(const struct supervisor *s, const char *name) {
    for (size_t i = 0; i < s->n; i++)
        if (!child_leaving(s->children[i]) && strcmp(child_manifest(s->children[i])->name, name) == 0)
            return s->children[i];
    return NULL;
}

/* --- the router's word --- */

static void push_dirty(struct supervisor *s, struct child *c) {
    s->dirty[(s->dirty_head + s->n_dirty++) % s->cap_dirty] = c;
}

static void mark_dirty(struct supervisor *s, struct child *c) {
    for (size_t i = 0; i < s->n_dirty; i++)
        if (s->dirty[(s->dirty_head + i) % s->cap_dirty] == c) return;
    push_dirty(s, c);
}

static void on_ready(void *ctx, struct subscriber *sub) {
    struct supervisor *s = ctx;
    push_dirty(s, sub->owner); /* once until flushed: sub->signaled */
}

static void on_lost(void *ctx, struct subscriber *sub, int why) {
    (void)ctx;
    child_overflow(sub->owner, why);
}

static void on_full(void *ctx, struct subscriber *sub) {
    (void)ctx;
    child_relieve(sub->owner);
}

static const struct router_sink *sink_of(struct supervisor *s, struct router_sink *sink) {
    *sink = (struct router_sink){.ready = on_ready, .full = on_full, .lost = on_lost, .ctx = s};
    return sink;
}

/* --- one turn: write --- */

/* Those that become dirty by it are flushed too; the bound only keeps a mistake from holding the loop. */
static void flush_dirty(struct supervisor *s) {
    for (size_t left = 4 * s->cap_dirty; s->n_dirty && left; left--) {
        struct child *c = s->dirty[s->dirty_head];
        s->dirty_head = (s->dirty_head + 1) % s->cap_dirty;
        s->n_dirty--;
        child_flush(c);
    }
}

void supervisor_flush(struct supervisor *s) {
    flush_dirty(s);
    intake_flushed(&s->cx->intake);
}

static bool anything_draining(const struct supervisor *s) {
    for (size_t i = 0; i < s->n; i++)
        if (child_draining(s->children[i])) return true;
    return false;
}

static void stop_next(struct supervisor *s);

static void stop_those_due(struct supervisor *s) {
    for (size_t turns = 0; s->look_again && turns <= s->n; turns++) {
        s->look_again = false;
        stop_next(s);
    }
}

/* Before the loop waits: nothing that can be done now is left for the next turn. */
static void on_prepare(struct ev_loop *loop, ev_prepare *w, int revents) {
    struct supervisor *s = w->data;
    (void)loop;
    (void)revents;
    stop_those_due(s);
    supervisor_flush(s);
    supervisor_free_gone(s);
    s->owner.moved(s->owner.ctx);
    if (s->draining && !anything_draining(s)) {
        s->draining = false;
        s->owner.drained(s->owner.ctx);
    }
    stop_those_due(s);
    flush_dirty(s); /* what the last lines gave to say */
    intake_turn(&s->cx->intake);
}

/* --- time --- */

static void on_sweep(struct ev_loop *loop, ev_timer *t, int revents) {
    struct supervisor *s = t->data;
    (void)revents;
    nsec_t next = 0;
    (void)loop;
    for (size_t i = 0; i < s->n; i++) {
        nsec_t in = child_tick(s->children[i]);
        if (in && (!next || in < next)) next = in;
    }
    s->sweep_at = next ? context_now(s->cx) + next : 0;
    if (next) context_timer(s->cx, t, next);
}

static void on_restless(void *ctx) {
    struct supervisor *s = ctx;
    nsec_t soon = context_now(s->cx) + (nsec_t)SWEEP_MS * NSEC_PER_MSEC;
    if (ev_is_active(&s->t_sweep) && s->sweep_at <= soon) return;
    s->sweep_at = soon;
    context_timer(s->cx, &s->t_sweep, (nsec_t)SWEEP_MS * NSEC_PER_MSEC);
}

/* --- order --- */

static bool depends(const struct child *c, const char *name) {
    for (char **d = child_manifest(c)->depends_on; d && *d; d++)
        if (strcmp(*d, name) == 0) return true;
    return false;
}

static void check_deps(void *ctx, struct child *c) {
    struct supervisor *s = ctx;
    bool all_up = true;
    for (char **d = child_manifest(c)->depends_on; d && *d; d++) {
        const struct child *dep = supervisor_find(s, *d);
        enum child_state st = dep ? child_state(dep) : CHILD_UNAVAILABLE;
        if (st == CHILD_UNAVAILABLE || (st == CHILD_STOPPED && s->started)) {
            char why[400];
            const char *reason = dep ? child_last_error(dep) : "it does not exist";
            (void)snprintf(why, sizeof why, "depends on %s, which is %s%s%.250s", *d, child_state_name(st),
                           reason[0] ? ": " : "", reason);
            child_event(c, LIFE_DEPS_FAIL, why);
            return;
        }
        all_up = all_up && child_phase(dep) == LIFE_UP;
    }
    if (all_up) child_event(c, LIFE_DEPS_OK, NULL);
}

/* Those that wait for `c`, or gave up because of it, look again. */
static void wake_dependents(struct supervisor *s, struct child *c) {
    const char *name = child_manifest(c)->name;
    bool up = child_phase(c) == LIFE_UP;
    bool never = child_state(c) == CHILD_UNAVAILABLE || child_state(c) == CHILD_STOPPED;
    for (size_t i = 0; i < s->n; i++) {
        struct child *d = s->children[i];
        if (d == c || !depends(d, name)) continue;
        if (child_phase(d) == LIFE_WAITING && (up || never))
            check_deps(s, d);
        else if (up && child_waits_for_dependency(d))
            child_event(d, LIFE_TIMER, NULL);
    }
}

static bool is_settled(const struct supervisor *s, const struct child *c) {
    if (child_phase(c) == LIFE_UP || child_phase(c) == LIFE_DOWN) return true;
    if (child_state(c) == CHILD_UNAVAILABLE || child_crashed_before_ready(c)) return true;
    if (child_phase(c) != LIFE_WAITING) return false;
    for (char **d = child_manifest(c)->depends_on; d && *d; d++) {
        const struct child *dep = supervisor_find(s, *d);
        if (dep && child_phase(dep) != LIFE_UP && is_settled(s, dep)) return true; /* waits for one that crashed */
    }
    return false;
}

static void tell_settled(struct supervisor *s) {
    if (!s->started || s->settled_told) return;
    for (size_t i = 0; i < s->n; i++)
        if (!is_settled(s, s->children[i])) return;
    s->settled_told = true;
    s->owner.settled(s->owner.ctx);
}

/* Stop everyone on whom nobody that still runs depends; done when nobody runs. */
static void stop_next(struct supervisor *s) {
    bool any = false;
    for (size_t i = s->n; i-- > 0;) {
        struct child *c = s->children[i];
        bool needed = false;
        for (size_t j = 0; j < s->n && !needed; j++)
            needed = s->children[j] != c && child_phase(s->children[j]) != LIFE_DOWN &&
                     depends(s->children[j], child_manifest(c)->name);
        if (!needed && child_wanted(c)) child_event(c, LIFE_STOP, NULL);
        any |= child_phase(c) != LIFE_DOWN;
    }
    if (!any && !s->stopped_told) {
        s->stopped_told = true;
        s->owner.stopped(s->owner.ctx);
    }
}

static void on_changed(void *ctx, struct child *c) {
    struct supervisor *s = ctx;
    if (s->stopping) {
        s->look_again = true; /* in this turn still, see on_prepare() */
        return;
    }
    wake_dependents(s, c);
    tell_settled(s);
}

static void on_dirty(void *ctx, struct child *c) { mark_dirty(ctx, c); }
static size_t on_bury(void *ctx) { return reaper_bury(ctx); }

/* --- life --- */

struct child *supervisor_make_child(struct supervisor *s, const struct manifest *m, struct catalog *catalog) {
    const struct child_owner owner = {.changed = on_changed,
                                      .check_deps = check_deps,
                                      .dirty = on_dirty,
                                      .bury = on_bury,
                                      .restless = on_restless,
                                      .ctx = s};
    return child_new(s->cx, s->router, m, catalog, &owner);
}

size_t supervisor_dirty_room(size_t children) { return 2 * children + 1; }

struct supervisor *supervisor_new(struct context *cx, struct catalog *catalog, const struct supervisor_owner *owner) {
    struct supervisor *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    struct router_sink sink;
    s->cx = cx;
    s->owner = *owner;
    s->catalog = catalog_ref(catalog);
    ev_prepare_init(&s->w_flush, on_prepare);
    ev_init(&s->t_sweep, on_sweep);
    s->w_flush.data = s->t_sweep.data = s;
    s->router = router_new(catalog, cx->run, cx->config->backlog_max_size, sink_of(s, &sink));
    if (s->router && getenv("HOOKCASTD_COPY")) router_copy_only(s->router);
    s->children = calloc(catalog->n_manifests + 1, sizeof(*s->children));
    s->cap_dirty = supervisor_dirty_room(catalog->n_manifests);
    s->dirty = calloc(s->cap_dirty, sizeof(*s->dirty));
    if (!s->router || !s->children || !s->dirty) return supervisor_free(s);
    for (; s->n < catalog->n_manifests; s->n++) {
        s->children[s->n] = supervisor_make_child(s, catalog->manifests[s->n], catalog);
        if (!s->children[s->n]) return supervisor_free(s);
    }
    ev_prepare_start(cx->loop, &s->w_flush);
    return s;
}

struct supervisor *supervisor_free(struct supervisor *s) {
    if (!s) return NULL;
    ev_prepare_stop(s->cx->loop, &s->w_flush);
    ev_timer_stop(s->cx->loop, &s->t_sweep);
    for (size_t i = 0; i < s->n; i++) (void)child_free(s->children[i]);
    free(s->children);
    free(s->dirty);
    s->router = router_free(s->router);
    (void)catalog_unref(s->catalog);
    free(s);
    return NULL;
}

void supervisor_start(struct supervisor *s) {
    for (size_t i = 0; i < s->n; i++) child_event(s->children[i], LIFE_START, NULL);
    s->started = true;
    for (size_t i = 0; i < s->n; i++) /* those whose dependencies were refused from the start */
        if (child_phase(s->children[i]) == LIFE_WAITING) check_deps(s, s->children[i]);
    tell_settled(s);
}

void supervisor_drain(struct supervisor *s) { s->draining = true; }

void supervisor_stop(struct supervisor *s, nsec_t deadline) {
    if (s->stopping) return;
    s->stopping = true;
    s->draining = false;
    s->deadline = deadline;
    for (size_t i = 0; i < s->n; i++) child_hurry(s->children[i], deadline);
    stop_next(s);
}

void supervisor_reap(struct supervisor *s) {
    if (reaper_collect(s)) (void)reaper_bury(s); /* whoever dies hands its own children to us */
}
