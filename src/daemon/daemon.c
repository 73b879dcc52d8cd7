#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/random.h"
#include "daemon/daemon_private.h"
#include "daemon/endpoint.h"
#include "daemon/reaper.h"
#include "daemon/service.h"

enum { DRAIN_S = 5, LAST_KILL_S = 1 };

static void on_settled(void *ctx);
static void on_drained(void *ctx);
static void on_stopped(void *ctx);
static void on_moved(void *ctx);

void daemon_say_status(char *out, size_t cap, const struct supervisor *s) {
    size_t degraded = 0, unavailable = 0;
    for (size_t i = 0; i < supervisor_count(s); i++) {
        degraded += child_state(supervisor_at(s, i)) == CHILD_DEGRADED;
        unavailable += child_state(supervisor_at(s, i)) == CHILD_UNAVAILABLE;
    }
    (void)snprintf(out, cap, "%zu plugins, %zu degraded, %zu unavailable", supervisor_count(s), degraded, unavailable);
}

/* --- starting --- */

static void begin(struct daemon *d) {
    char status[128];
    if (d->running || d->stopping) return;
    d->running = true;
    d->view.state = "running";
    ev_timer_stop(d->cx.loop, &d->t_grace);
    events_start(d->events);
    daemon_say_status(status, sizeof status, d->supervisor);
    service_ready(status);
    log_info(d->cx.log, "ready", LOG_S("status", status), LOG_S("run", d->cx.run));
}

static void on_settled(void *ctx) { begin(ctx); }

static void on_grace(struct ev_loop *loop, ev_timer *t, int revents) {
    (void)loop;
    (void)revents;
    begin(t->data);
}

/* --- stopping --- */

static void stop_plugins(struct daemon *d) {
    ev_timer_stop(d->cx.loop, &d->t_drain);
    supervisor_stop(d->supervisor, d->stop_deadline);
}

static void shut_down(struct daemon *d, const char *why) {
    if (d->stopping) return;
    d->stopping = true;
    d->view.state = "stopping";
    ev_timer_stop(d->cx.loop, &d->t_grace);
    nsec_t now = context_now(&d->cx);
    nsec_t drain = (nsec_t)DRAIN_S * NSEC_PER_SEC, last = (nsec_t)LAST_KILL_S * NSEC_PER_SEC;
    nsec_t total = d->cx.config->stop_timeout;
    if (drain > total / 2) drain = total / 2;
    if (last > total / 4) last = total / 4;
    d->stop_deadline = now + total - last;
    log_info(d->cx.log, "stopping", LOG_S("why", why));
    service_stopping("draining");
    events_shut(d->events, now + drain);
    supervisor_drain(d->supervisor);
    context_timer(&d->cx, &d->t_drain, now + drain - context_now(&d->cx));
}

static void on_drained(void *ctx) { stop_plugins(ctx); }

static void on_drain_over(struct ev_loop *loop, ev_timer *t, int revents) {
    struct daemon *d = t->data;
    (void)loop;
    (void)revents;
    log_warning(d->cx.log, "not everything could be drained: stopping the plugins all the same");
    stop_plugins(d);
}

static void on_stopped(void *ctx) {
    struct daemon *d = ctx;
    ev_break(d->cx.loop, EVBREAK_ALL);
}

static void on_moved(void *ctx) {
    struct daemon *d = ctx;
    events_moved(d->events);
    control_moved(d->control);
}

/* --- signals --- */

static void on_stop_signal(struct ev_loop *loop, ev_signal *w, int revents) {
    (void)loop;
    (void)revents;
    shut_down(w->data, w->signum == SIGINT ? "SIGINT" : "SIGTERM");
}

static void on_hup(struct ev_loop *loop, ev_signal *w, int revents) {
    struct errs errs = {0};
    (void)loop;
    (void)revents;
    (void)daemon_reload(w->data, &errs); /* what is wrong has been logged */
    errs_deinit(&errs);
}

static void on_chld(struct ev_loop *loop, ev_signal *w, int revents) {
    struct daemon *d = w->data;
    (void)loop;
    (void)revents;
    supervisor_reap(d->supervisor);
}

static void on_watchdog(struct ev_loop *loop, ev_timer *t, int revents) {
    (void)loop;
    (void)t;
    (void)revents;
    service_alive();
}

static void watch_signal(struct daemon *d, ev_signal *w, void (*cb)(struct ev_loop *, ev_signal *, int), int sig) {
    ev_signal_init(w, cb, sig);
    w->data = d;
    ev_signal_start(d->cx.loop, w);
}

static void watch_all(struct daemon *d) {
    (void)signal(SIGPIPE, SIG_IGN);
    watch_signal(d, &d->w_term, on_stop_signal, SIGTERM);
    watch_signal(d, &d->w_int, on_stop_signal, SIGINT);
    watch_signal(d, &d->w_hup, on_hup, SIGHUP);
    watch_signal(d, &d->w_chld, on_chld, SIGCHLD);
    ev_init(&d->t_grace, on_grace);
    ev_init(&d->t_drain, on_drain_over);
    ev_init(&d->t_watchdog, on_watchdog);
    d->t_grace.data = d->t_drain.data = d->t_watchdog.data = d;
    nsec_t beat = service_watchdog_interval();
    if (beat) {
        ev_timer_set(&d->t_watchdog, 0., context_seconds(beat));
        ev_timer_start(d->cx.loop, &d->t_watchdog);
    }
}

/* --- life --- */

static int fail(struct daemon *d, int code, const char *text) {
    log_error(d->cx.log, "cannot start", LOG_S("error", text));
    return code;
}

static int open_sockets(struct daemon *d) {
    struct err e;
    const struct config *c = d->cx.config;
    d->lock = endpoint_lock(c->runtime_dir, &e);
    if (d->lock < 0) return fail(d, d->lock == -EWOULDBLOCK ? 1 : EX_CANTCREAT, e.text);
    int fd = endpoint_listen(c->runtime_dir, EVENTS_SOCKET, &c->events, d->cx.log, &d->events_id, &e);
    if (fd < 0) return fail(d, EX_CANTCREAT, e.text);
    d->events = events_new(&d->cx, fd, d->supervisor);
    if (!d->events) return fail(d, EX_OSERR, "out of memory");
    d->view.events = d->events;
    fd = endpoint_listen(c->runtime_dir, CONTROL_SOCKET, &c->control, d->cx.log, &d->control_id, &e);
    if (fd < 0) return fail(d, EX_CANTCREAT, e.text);
    d->control = control_new(&d->cx, fd, &d->view);
    return d->control ? 0 : fail(d, EX_OSERR, "out of memory");
}

/* Plugins are five descriptors each and publishers one: the soft limit is for programs that use select(2). */
static void raise_nofile(struct daemon *d) {
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) < 0) return;
    d->cx.nofile = l.rlim_cur;
    l.rlim_cur = l.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &l);
}

static void take_cgroups(struct daemon *d) {
    struct err e;
    int r = cgroups_open(&d->cx.cgroups, &e);
    if (r == 0)
        log_info(d->cx.log, "a control group for each plugin", LOG_S("below", d->cx.cgroups.path));
    else if (r < 0)
        log_warning(d->cx.log, "no control groups for plugins", LOG_S("error", e.text));
    else
        log_debug(d->cx.log, "no control groups for plugins", LOG_S("why", e.text));
}

static int set_up(struct daemon *d, const struct daemon_options *o) {
    d->lock = -1;
    d->cx.cgroups.dir = -1;
    d->flags = o->flags;
    d->config = o->config;
    d->cx.log = o->log;
    d->cx.config = o->config;
    d->cx.clock = clock_system();
    random_name(d->cx.run, CONTEXT_RUN_LEN);
    scan_init(&d->cx.scan, 128);
    intake_init(&d->cx.intake);
    d->cx.loop = ev_loop_new(EVFLAG_AUTO);
    if (!d->cx.loop) return fail(d, EX_OSERR, "cannot make an event loop");
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* what a plugin leaves behind comes to us */
    raise_nofile(d);
    const struct supervisor_owner owner = {
        .settled = on_settled, .drained = on_drained, .stopped = on_stopped, .moved = on_moved, .ctx = d};
    d->supervisor = supervisor_new(&d->cx, o->catalog, &owner);
    if (!d->supervisor) return fail(d, EX_OSERR, "out of memory");
    d->view = (struct control_view){.cx = &d->cx,
                                    .supervisor = d->supervisor,
                                    .state = "starting",
                                    .reload = daemon_reload,
                                    .daemon = d,
                                    .started = context_now(&d->cx),
                                    .started_wall = clock_wall(&d->cx.clock)};
    int code = open_sockets(d);
    if (code == 0) take_cgroups(d); /* behind the lock: an earlier daemon's groups are nobody's now */
    return code;
}

static void tear_down(struct daemon *d) {
    const char *dir = d->cx.config->runtime_dir;
    if (d->control && endpoint_is_there(dir, CONTROL_SOCKET, &d->control_id)) endpoint_remove(dir, CONTROL_SOCKET);
    if (d->events && endpoint_is_there(dir, EVENTS_SOCKET, &d->events_id)) endpoint_remove(dir, EVENTS_SOCKET);
    d->control = control_free(d->control);
    d->events = events_free(d->events);
    d->supervisor = supervisor_free(d->supervisor);
    scan_deinit(&d->cx.scan);
    if (d->cx.loop) ev_loop_destroy(d->cx.loop);
    if (d->lock >= 0) (void)close(d->lock);
    cgroups_close(&d->cx.cgroups);
}

int daemon_run(const struct daemon_options *o) {
    struct daemon *d = calloc(1, sizeof *d);
    if (!d) {
        (void)config_free(o->config);
        return EX_OSERR;
    }
    int code = set_up(d, o);
    if (code == 0) {
        watch_all(d);
        log_info(o->log, "starting", LOG_S("version", HOOKCAST_VERSION), LOG_N("pid", getpid()),
                 LOG_S("run", d->cx.run), LOG_S("runtime_dir", o->config->runtime_dir));
        context_timer(&d->cx, &d->t_grace, o->config->startup_grace);
        supervisor_start(d->supervisor);
        (void)ev_run(d->cx.loop, 0);
        reaper_kill_all();
        log_info(o->log, "stopped");
    }
    tear_down(d);
    (void)config_free(d->config);
    free(d);
    return code;
}
