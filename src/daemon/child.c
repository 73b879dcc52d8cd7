#include "daemon/child.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/logtext.h"
#include "base/random.h"
#include "base/suggest.h"
#include "daemon/child_private.h"
#include "rpc/wire.h"

static const char *const state_names[] = {
    [CHILD_STARTING] = "starting",       [CHILD_READY] = "ready",       [CHILD_DEGRADED] = "degraded",
    [CHILD_UNAVAILABLE] = "unavailable", [CHILD_STOPPING] = "stopping", [CHILD_STOPPED] = "stopped"};
_Static_assert(sizeof state_names / sizeof *state_names == CHILD_STATES, "a name per state");

const char *child_state_name(enum child_state s) { return state_names[s]; }
const struct manifest *child_manifest(const struct child *c) { return c->m; }
enum child_state child_state(const struct child *c) { return c->shown; }
enum life_phase child_phase(const struct child *c) { return c->life.phase; }
const char *child_last_error(const struct child *c) { return c->last_error; }
uint64_t child_generation(const struct child *c) { return c->generation; }
const char *child_instance(const struct child *c) { return c->instance; }
const struct orphans *child_tree(const struct child *c) { return &c->tree; }
pid_t child_pid(const struct child *c) { return c->running ? c->p.pid : 0; }
bool child_wanted(const struct child *c) { return c->life.wanted; }
bool child_leaving(const struct child *c) { return c->leaving; }
void child_set_leaving(struct child *c, bool leaving) { c->leaving = leaving; }
bool child_waits_for_dependency(const struct child *c) {
    return c->deps_failed && c->life.wanted && c->life.phase == LIFE_DOWN;
}
bool child_calls_tools(const struct child *c) { return c->tools != NULL; }
bool child_crashed_before_ready(const struct child *c) { return !c->life.was_ready && c->tally.n > 0; }

void child_clean_text(char *text) {
    size_t n = strlen(text), k;
    for (size_t i = 0; i < n; i += k ? k : 1) {
        k = logtext_utf8((const unsigned char *)text + i, n - i);
        if (!k || (unsigned char)text[i] < ' ' || text[i] == 0x7f) text[i] = i + 3 >= n && !k ? '\0' : '?';
        if (!text[i]) return; /* a character cut in half at the end */
    }
}

void child_set_error(struct child *c, const char *fmt, ...) {
    char text[LAST_ERROR_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    child_clean_text(text);
    memcpy(c->last_error, text, sizeof text);
}

static uint32_t render_gap(const struct gap *g, char *out) { return wire_dropped(g->count, g->first, g->last, out); }

struct queue_options child_queue_options(struct child *c) {
    static const enum queue_overflow policy[] = {[OVERFLOW_DROP_OLDEST] = QUEUE_DROP_OLDEST,
                                                 [OVERFLOW_DROP_NEWEST] = QUEUE_DROP_NEWEST,
                                                 [OVERFLOW_RESTART] = QUEUE_RESTART};
    struct queue_options o = {.max_events = c->m->settings.queue_max_events,
                              .max_size = c->m->settings.queue_max_size,
                              .overflow = policy[c->m->settings.overflow],
                              .notice = c->tools ? NULL : render_gap}; /* tools have no place for it */
    router_queue_options(c->router, &o);
    return o;
}

static void on_life_timer(struct ev_loop *loop, ev_timer *t, int revents);
static void on_health_timer(struct ev_loop *loop, ev_timer *t, int revents);

static int subscribe(struct child *c) {
    const struct hookspec *spec = c->m->spec;
    c->sub.spec = spec;
    c->sub.name = c->m->name;
    c->sub.owner = c;
    c->sub.hears = calloc(spec->n_hooks + 1, sizeof *c->sub.hears);
    struct queue_options o = child_queue_options(c);
    if (!c->sub.queue) c->sub.queue = queue_new(&o);
    if (!c->sub.hears || !c->sub.queue) return -ENOMEM;
    for (size_t i = 0; i < spec->n_hooks; i++) c->sub.hears[i] = child_may_hear(c->m, spec->hooks[i].name);
    return router_subscribe(c->router, &c->sub);
}

struct child *child_new(struct context *cx, struct router *router, const struct manifest *m, struct catalog *catalog,
                        const struct child_owner *owner) {
    struct child *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->cx = cx;
    c->router = router;
    c->m = m;
    c->catalog = catalog_ref(catalog);
    c->owner = *owner;
    c->p = (struct spawned){.pid = 0, .pidfd = -1, .in = -1, .out = -1, .err = -1, .exec_fd = -1};
    c->stdin_kept = -1;
    c->group = CGROUP_NONE;
    c->said = BUF_INIT(1 << 20);
    c->shown = CHILD_STOPPED;
    c->since_wall = clock_wall(&cx->clock);
    restart_init(&c->restart);
    ev_init(&c->t_life, on_life_timer);
    ev_init(&c->t_health, on_health_timer);
    ev_init(&c->t_probe, child_probe_timer);
    ev_init(&c->t_calls, child_calls_timer);
    c->t_life.data = c->t_health.data = c->t_probe.data = c->t_calls.data = c;
    child_io_init(c);
    child_end_init(c);
    if (m->spec && subscribe(c) < 0) return child_free(c);
    return c;
}

struct child *child_free(struct child *c) {
    if (!c) return NULL;
    if (c->running) child_kill(c, SIGKILL);
    child_forsake(c);
    ev_timer_stop(c->cx->loop, &c->t_life);
    ev_timer_stop(c->cx->loop, &c->t_settle);
    ev_timer_stop(c->cx->loop, &c->t_health);
    ev_timer_stop(c->cx->loop, &c->t_probe);
    ev_timer_stop(c->cx->loop, &c->t_calls);
    child_io_stop(c);
    if (c->m->spec) router_unsubscribe(c->router, &c->sub);
    c->sub.queue = queue_free(c->sub.queue);
    child_forms_free(c);
    c->calls = calls_free(c->calls);
    free(c->sub.hears);
    c->mcp = mcp_free(c->mcp);
    child_wishes_free(c);
    buf_deinit(&c->said);
    restart_deinit(&c->restart);
    orphans_deinit(&c->tree);
    (void)catalog_unref(c->mcp_catalog);
    (void)catalog_unref(c->catalog);
    free(c);
    return NULL;
}

/* --- reload --- */

static bool same_hooks(const struct hookspec *a, const struct hookspec *b) {
    if (a->n_hooks != b->n_hooks || strcmp(a->kind, b->kind) != 0 || a->major != b->major) return false;
    for (size_t i = 0; i < a->n_hooks; i++)
        if (strcmp(a->hooks[i].name, b->hooks[i].name) != 0) return false;
    return true;
}

/* Its place among the subscribers, under another spec; what is queued means nothing there. */
static void move_subscription(struct child *c, const struct hookspec *spec) {
    if (c->sub.queue) {
        router_unsubscribe(c->router, &c->sub);
        queue_drop_all(c->sub.queue);
    }
    child_forms_free(c);
    free(c->sub.hears);
    c->sub.hears = NULL;
    c->sub.spec = spec;
    if (spec && subscribe(c) < 0) log_error(c->cx->log, "out of memory", LOG_S("plugin", c->m->name));
}

void child_adopt(struct child *c, const struct manifest *m, struct catalog *catalog, bool restart) {
    if (!c->mcp_catalog) c->mcp_catalog = catalog_ref(c->catalog);
    struct catalog *old = c->catalog;
    const struct hookspec *was = c->m->spec;
    c->catalog = catalog_ref(catalog);
    c->m = m;
    c->sub.name = m->name;
    c->restart_due = restart;
    c->anew |= restart;
    c->apply_due = true;
    if (was && m->spec && same_hooks(was, m->spec))
        c->sub.spec = m->spec;
    else if (was || m->spec)
        move_subscription(c, m->spec);
    (void)catalog_unref(old);
}

void child_apply(struct child *c) {
    if (!c->apply_due) return;
    c->apply_due = false;
    if (c->sub.queue) {
        struct queue_options o = child_queue_options(c);
        queue_configure(c->sub.queue, &o);
    }
    if (!c->restart_due) return;
    if (c->m->refusal)
        child_event(c, c->life.phase == LIFE_UP || c->life.phase == LIFE_STARTING ? LIFE_REFUSED : LIFE_GIVE_UP,
                    c->m->refusal);
    else if (c->life.wanted)
        child_event(c, LIFE_RESTART, NULL);
}

/* --- life --- */

void child_decide(struct child *c) {
    const struct settings *s = &c->m->settings;
    struct restart_rules rules = {.backoff_initial = s->restart.backoff_initial,
                                  .backoff_max = s->restart.backoff_max,
                                  .window = s->restart.window,
                                  .recover_after = s->recover_after,
                                  .max_restarts = s->restart.max_restarts};
    const struct death *d = tally_last(&c->tally);
    bool clean = c->was_crash && d && d->kind == DEATH_EXIT && d->code == 0;
    if (c->excused || c->reprobe) { /* not its fault: it is greeted in another way at once */
        child_event(c, LIFE_TIMER, NULL);
        return;
    }
    if (c->was_crash) {
        reasons_crashed(&c->reasons);
        c->fresh = false;
        if (c->given_up) { /* that was the one more try */
            child_event(c, LIFE_GIVE_UP, NULL);
            return;
        }
        if (s->restart.policy == RESTART_NEVER || (s->restart.policy == RESTART_ON_FAILURE && clean)) {
            if (clean && s->restart.policy == RESTART_ON_FAILURE) {
                child_event(c, LIFE_STOP, NULL);
            } else {
                char why[LAST_ERROR_MAX];
                (void)snprintf(why, sizeof why, "%.400s; restart policy is never", c->last_error);
                child_event(c, LIFE_GIVE_UP, why);
            }
            return;
        }
    } else {
        reasons_down(&c->reasons);
    }
    nsec_t now = context_now(c->cx);
    nsec_t ran = c->ready_at ? now - c->ready_at : 0;
    nsec_t delay = restart_died(&c->restart, &rules, now, ran, random_u32());
    if (delay < 0) {
        char why[LAST_ERROR_MAX];
        (void)snprintf(why, sizeof why, "%.360s; given up after more than %u restarts", c->last_error,
                       s->restart.max_restarts);
        child_event(c, LIFE_GIVE_UP, why);
        return;
    }
    context_timer(c->cx, &c->t_life, delay);
}

static void do_unavailable(struct child *c) {
    c->given_up = true;
    c->accepting = false;
    reasons_down(&c->reasons);
    if (c->sub.queue) queue_drop_all(c->sub.queue);
    if (!c->m->refusal && c->m->settings.restart.retry_unavailable > 0)
        context_timer(c->cx, &c->t_life, c->m->settings.restart.retry_unavailable);
}

static void do_stopped(struct child *c) {
    c->accepting = false;
    ev_timer_stop(c->cx->loop, &c->t_life);
    reasons_down(&c->reasons);
    reasons_forget(&c->reasons);
    c->last_error[0] = '\0';
    if (c->sub.queue) queue_drop_all(c->sub.queue);
}

static void act(struct child *c, enum life_action action) {
    switch (action) {
        case LIFE_NOTHING:
            break;
        case LIFE_CHECK_DEPS:
            ev_timer_stop(c->cx->loop, &c->t_life);
            c->owner.check_deps(c->owner.ctx, c);
            break;
        case LIFE_SPAWN:
            child_spawn(c);
            break;
        case LIFE_OPEN:
            child_open(c);
            break;
        case LIFE_TEARDOWN:
        case LIFE_END:
        case LIFE_KILL:
            child_end_begin(c, action);
            break;
        case LIFE_DECIDE:
            child_decide(c);
            break;
        case LIFE_STOPPED:
            do_stopped(c);
            break;
        case LIFE_UNAVAILABLE:
            do_unavailable(c);
            break;
    }
}

void child_event(struct child *c, enum life_event event, const char *why) {
    if (why) child_set_error(c, "%s", why);
    if (event == LIFE_START || event == LIFE_RESTART) {
        if (c->m->refusal) { /* nothing can start it but another manifest */
            c->life.wanted = true;
            child_set_error(c, "%s", c->m->refusal);
            child_refresh(c);
            return;
        }
        if (c->life.phase == LIFE_DOWN || event == LIFE_RESTART) {
            c->fresh = true;
            c->given_up = false;
            restart_forget(&c->restart);
            reasons_forget(&c->reasons);
            if (event == LIFE_RESTART) c->reasons.set = 0;
        }
    }
    if (c->deps_failed && event == LIFE_TIMER) { /* the dependency is there now: a start like the first */
        c->fresh = true;
        c->given_up = false;
    }
    c->deps_failed = event == LIFE_DEPS_FAIL;
    if (event == LIFE_REFUSED) c->accepting = false;
    bool dead = !c->running && (c->life.phase == LIFE_UP || c->life.phase == LIFE_STARTING);
    if (dead && event == LIFE_START) event = LIFE_RESTART; /* it only is being settled what the dead one had read */
    enum life_action action = lifecycle_step(&c->life, event);
    act(c, action);
    child_refresh(c);
}

static void on_life_timer(struct ev_loop *loop, ev_timer *t, int revents) {
    struct child *c = t->data;
    (void)loop;
    (void)revents;
    if (c->life.phase == LIFE_ENDING) {
        child_life_timer_ending(c);
    } else if (c->life.phase == LIFE_STARTING && !child_speaks_mcp(c)) {
        if (!c->exec_failed) child_ready(c, NULL);
    } else if (c->life.phase == LIFE_STARTING) {
        child_io_listen(c); /* what it said in time counts, even if we come to hear it late */
        if (c->life.phase != LIFE_STARTING || child_reprobe(c)) return;
        char why[160];
        (void)snprintf(why, sizeof why, "startup timed out after %.3g s waiting for %s",
                       context_seconds(c->m->startup_timeout), mcp_awaiting(c->mcp));
        child_event(c, LIFE_REFUSED, why);
    } else {
        child_event(c, LIFE_TIMER, NULL);
    }
}

/* --- time --- */

static void on_health_timer(struct ev_loop *loop, ev_timer *t, int revents) {
    struct child *c = t->data;
    (void)loop;
    (void)revents;
    if (c->life.phase != LIFE_UP) return;
    if (c->probe_due) child_io_listen(c); /* an answer in time counts, even if we come to hear it late */
    if (c->life.phase != LIFE_UP) return;
    if (c->probe_due) { /* the time for an answer is over */
        struct reason_rules rules = child_rules(c);
        c->probe_due = false;
        reasons_probe(&c->reasons, &rules, false, false);
        if (c->reasons.set & REASON_UNHEALTHY)
            child_set_error(c, "%u health probes in a row unanswered", c->reasons.probes_missed);
        child_refresh(c);
        nsec_t rest = c->m->settings.health.interval - c->m->settings.health.timeout;
        context_timer(c->cx, &c->t_health, rest > NSEC_PER_MSEC ? rest : NSEC_PER_MSEC);
        return;
    }
    int r = mcp_probe(c->mcp, &c->said);
    if (r == 0) child_say(c);
    if (r == 0 || r == -EBUSY) c->probe_due = true; /* one that is still unanswered counts again */
    context_timer(c->cx, &c->t_health, c->m->settings.health.timeout);
}

nsec_t child_tick(struct child *c) {
    if (!c->sub.queue) return 0;
    nsec_t now = context_now(c->cx), oldest = queue_oldest(c->sub.queue);
    struct reason_rules rules = child_rules(c);
    unsigned before = c->reasons.set;
    unsigned now_set = reasons_update(&c->reasons, &rules, oldest, queue_counters(c->sub.queue)->delivered, now);
    if ((now_set & REASON_SLOW) && !(before & REASON_SLOW) && !(now_set & REASON_CRASHED))
        child_set_error(c, "its oldest unwritten event is older than %.3g s", context_seconds(rules.slow_after));
    if (before && !now_set) c->last_error[0] = '\0';
    if (before != now_set) child_refresh(c);
    return c->reasons.up_since ? reasons_next(&c->reasons, &rules, oldest, now) : 0;
}

bool child_has_pending(const struct child *c, uint64_t seq) {
    uint64_t oldest = c->sub.queue ? queue_oldest_seq(c->sub.queue) : 0;
    return oldest && oldest <= seq;
}

bool child_draining(const struct child *c) {
    return c->life.phase == LIFE_UP && !c->stdin_gone && queue_counters(c->sub.queue)->events > 0;
}
