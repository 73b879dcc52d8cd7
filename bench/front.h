/* front.h — the events socket (daemon/events.c, daemon/reply.c) without a socket: chunks of lines are handed in.
 *
 * What these two call of the rest of the daemon is stood in for here, and does nothing; an error that has to be
 * answered ends the program. For main files only. */
#ifndef BENCH_FRONT_H
#define BENCH_FRONT_H

#include "daemon/events.h"
#include "daemon/flush.h"
#include "daemon/listener.h"
#include "rig.h"

struct listener {
    struct listener_options o;
};
struct supervisor {
    struct router *router;
};
struct flushes {
    int unused;
};

static struct listener front_listener;
static struct flushes front_flushes;

void supervisor_flush(struct supervisor *s) { (void)s; }
struct router *supervisor_router(struct supervisor *s) {
    return s->router;
}

struct listener *listener_new(struct context *cx, const struct listener_options *o) {
    (void)cx;
    front_listener.o = *o;
    return &front_listener;
}

struct listener *listener_free(struct listener *l) {
    (void)l;
    return NULL;
}

struct flushes *flushes_new(struct context *cx, struct supervisor *s) {
    (void)cx;
    (void)s;
    return &front_flushes;
}

struct flushes *flushes_free(struct flushes *f) {
    (void)f;
    return NULL;
}

static inline _Noreturn void front_never(const char *what) { die(1, "the event path called", what); }

void listener_start(struct listener *l) { (void)l; }
void listener_configure(struct listener *l, size_t line_max, size_t max) { (void)l, (void)line_max, (void)max; }
void listener_rebind(struct listener *l, int fd) { (void)l, (void)fd; }
void listener_stop_accepting(struct listener *l) { (void)l; }
size_t listener_count(const struct listener *l) { return l ? 1 : 0; }
struct peer *listener_first(const struct listener *l) {
    return l ? NULL : NULL;
}
void flushes_moved(struct flushes *f) { (void)f; }
void flushes_forget(struct flushes *f, const struct peer *p) { (void)f, (void)p; }
int flushes_add(struct flushes *f, struct peer *p, const struct jsonrpc *m, uint64_t seq, nsec_t timeout) {
    (void)f, (void)p, (void)m, (void)seq, (void)timeout;
    front_never("flushes_add");
}
void peer_read_arrived(struct peer *p, nsec_t deadline) { (void)p, (void)deadline; }
void peer_close(struct peer *p) {
    (void)p;
    front_never("peer_close");
}
void peer_send(struct peer *p, const char *bytes, size_t len) {
    (void)p, (void)len;
    front_never(bytes);
}
void peer_send_now(struct peer *p, const char *bytes, size_t len) {
    (void)p, (void)len;
    front_never(bytes);
}

struct front {
    struct context cx;
    struct config config;
    struct supervisor supervisor;
    struct events *events;
    struct peer peer;
};

static inline void front_begin(struct front *f, struct router *router) {
    f->config = (struct config){.event_max_size = 16 << 20, .publishers_max = 100};
    f->cx.clock = clock_system();
    f->cx.config = &f->config;
    f->cx.log = log_new(2, LOG_FORMAT_LOGFMT, LOG_WARNING, &f->cx.clock);
    scan_init(&f->cx.scan, 128);
    intake_init(&f->cx.intake);
    f->supervisor.router = router;
    f->events = f->cx.log ? events_new(&f->cx, -1, &f->supervisor) : NULL;
    if (!f->events) die(1, "out of memory", NULL);
    f->peer = (struct peer){.cx = &f->cx, .fd = -1, .uid = 1000, .pid = 4242, .read_at = 1, .read_wall = rig_wall};
    line_init(&f->peer.line, front_listener.o.line_max);
}

/* One chunk of input, as daemon/peer.c hands it out. */
static inline void front_chunk(struct front *f, const char *text, size_t n) {
    const struct listener_options *o = &front_listener.o;
    struct peer *p = &f->peer;
    const char *line;
    size_t len;
    enum line_result r;
    p->read_at += 100 * NSEC_PER_USEC;
    p->read_wall += 100 * NSEC_PER_USEC;
    line_feed(&p->line, text, n);
    while (!p->dead && (r = line_next(&p->line, &line, &len)) != LINE_NONE)
        if (len || r != LINE_WHOLE) o->line(o->ctx, p, line, len, r);
    o->chunk_end(o->ctx, n);
}

static inline void front_end(struct front *f) {
    if (events_rejected(f->events)) die(1, "an event was refused", NULL);
    f->events = events_free(f->events);
    scan_deinit(&f->cx.scan);
    line_deinit(&f->peer.line);
    f->cx.log = log_free(f->cx.log);
}

#endif
