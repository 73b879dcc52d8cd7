#include "daemon/listener.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RETRY_MS = 100, ACCEPTS_A_TURN = 64 };

struct listener {
    struct context *cx;
    struct listener_options o;
    struct peer_owner owner;
    struct peer *peers;
    size_t n, n_dead;
    ev_io w_accept;
    ev_timer t_retry;
    ev_check w_sweep;
    struct log_gate g_full, g_refused, g_foreign;
    bool accepting;
};

static void on_acceptable(struct ev_loop *loop, ev_io *w, int revents);
static void on_retry(struct ev_loop *loop, ev_timer *t, int revents);
static void on_sweep(struct ev_loop *loop, ev_check *w, int revents);
static void on_closed(void *ctx, struct peer *p);

static void on_line(void *ctx, struct peer *p, const char *line, size_t len, enum line_result r) {
    const struct listener *l = ctx;
    l->o.line(l->o.ctx, p, line, len, r);
}

static void on_chunk_end(void *ctx, size_t bytes) {
    const struct listener *l = ctx;
    if (l->o.chunk_end) l->o.chunk_end(l->o.ctx, bytes);
}

struct listener *listener_new(struct context *cx, const struct listener_options *o) {
    struct listener *l = calloc(1, sizeof *l);
    if (!l) {
        (void)close(o->fd);
        return NULL;
    }
    l->cx = cx;
    l->o = *o;
    l->owner = (struct peer_owner){.line = on_line, .chunk_end = on_chunk_end, .closed = on_closed, .ctx = l};
    ev_io_init(&l->w_accept, on_acceptable, o->fd, EV_READ);
    ev_init(&l->t_retry, on_retry);
    ev_check_init(&l->w_sweep, on_sweep);
    l->w_accept.data = l->t_retry.data = l->w_sweep.data = l;
    ev_check_start(cx->loop, &l->w_sweep);
    return l;
}

static void unlink_peer(struct listener *l, struct peer *p) {
    *(p->prev ? &p->prev->next : &l->peers) = p->next;
    if (p->next) p->next->prev = p->prev;
    (void)peer_free(p);
}

struct listener *listener_free(struct listener *l) {
    if (!l) return NULL;
    ev_io_stop(l->cx->loop, &l->w_accept);
    ev_timer_stop(l->cx->loop, &l->t_retry);
    ev_check_stop(l->cx->loop, &l->w_sweep);
    while (l->peers) unlink_peer(l, l->peers);
    (void)close(l->o.fd);
    free(l);
    return NULL;
}

size_t listener_count(const struct listener *l) { return l->n - l->n_dead; }
struct peer *listener_first(const struct listener *l) {
    return l->peers;
}

void listener_start(struct listener *l) {
    l->accepting = true;
    ev_io_start(l->cx->loop, &l->w_accept);
}

void listener_configure(struct listener *l, size_t line_max, size_t max) {
    l->o.line_max = line_max;
    l->o.max = max;
    for (struct peer *p = l->peers; p; p = p->next) p->line.max = line_max;
}

void listener_stop_accepting(struct listener *l) {
    l->accepting = false;
    ev_io_stop(l->cx->loop, &l->w_accept);
    ev_timer_stop(l->cx->loop, &l->t_retry);
}

void listener_rebind(struct listener *l, int fd) {
    if (l->accepting) on_acceptable(l->cx->loop, &l->w_accept, EV_READ);
    ev_io_stop(l->cx->loop, &l->w_accept);
    (void)close(l->o.fd);
    l->o.fd = fd;
    ev_io_set(&l->w_accept, fd, EV_READ);
    if (l->accepting) ev_io_start(l->cx->loop, &l->w_accept);
}

static void on_closed(void *ctx, struct peer *p) {
    struct listener *l = ctx;
    l->n_dead++;
    if (l->o.gone) l->o.gone(l->o.ctx, p);
    if (l->accepting) ev_io_start(l->cx->loop, &l->w_accept); /* a descriptor is free again */
}

/* Free the dead once a turn, when none of their callbacks is running. */
static void on_sweep(struct ev_loop *loop, ev_check *w, int revents) {
    struct listener *l = w->data;
    (void)loop;
    (void)revents;
    if (!l->n_dead) return;
    for (struct peer *p = l->peers, *next; p; p = next) {
        next = p->next;
        if (!p->dead) continue;
        unlink_peer(l, p);
        l->n--;
    }
    l->n_dead = 0;
}

static void on_retry(struct ev_loop *loop, ev_timer *t, int revents) {
    struct listener *l = t->data;
    (void)loop;
    (void)revents;
    if (l->accepting) ev_io_start(l->cx->loop, &l->w_accept);
}

static size_t count_uid(const struct listener *l, uid_t uid) {
    size_t n = 0;
    for (const struct peer *p = l->peers; p; p = p->next) n += !p->dead && p->uid == uid;
    return n;
}

static void gated_warning(struct listener *l, struct log_gate *g, const char *msg, const struct log_field *f,
                          size_t n) {
    uint64_t held;
    struct log_field with[6];
    if (!log_gate_pass(g, 1, context_now(l->cx), &held)) {
        log_count_suppressed(l->cx->log, 1);
        return;
    }
    memcpy(with, f, n * sizeof *f);
    if (held) with[n++] = LOG_N("suppressed", held);
    log_write(l->cx->log, LOG_WARNING, msg, with, n);
}

static void refuse(struct listener *l, struct peer *p, const char *why) {
    char text[256];
    int n = snprintf(text, sizeof text,
                     "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"%s\","
                     "\"data\":{\"reason\":\"too_many_publishers\"}}}\n",
                     why);
    struct log_field f[] = {LOG_S("socket", l->o.name), LOG_N("uid", p->uid), LOG_N("pid", p->pid),
                            LOG_S("error", why)};
    gated_warning(l, &l->g_refused, "connection refused", f, 4);
    (void)send(p->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)peer_free(p);
}

static void take(struct listener *l, int fd) {
    struct peer *p = peer_new_take(l->cx, fd, l->o.line_max, &l->owner);
    if (!p) return;
    if (l->o.private && p->uid != 0 && p->uid != geteuid()) {
        struct log_field f[] = {LOG_S("socket", l->o.name), LOG_N("uid", p->uid), LOG_N("pid", p->pid)};
        gated_warning(l, &l->g_foreign, "connection closed: only root and the daemon's user may use this socket", f, 3);
        (void)peer_free(p);
        return;
    }
    char why[128];
    if (listener_count(l) >= l->o.max) {
        (void)snprintf(why, sizeof why, "too many connections: limits.publishers_max is %zu", l->o.max);
        refuse(l, p, why);
        return;
    }
    if (l->o.share && p->uid != 0 && l->o.max > 1 && count_uid(l, p->uid) >= l->o.max / 2) {
        (void)snprintf(why, sizeof why, "too many connections of one user: half of limits.publishers_max is %zu",
                       l->o.max / 2);
        refuse(l, p, why);
        return;
    }
    p->next = l->peers;
    if (l->peers) l->peers->prev = p;
    l->peers = p;
    l->n++;
    peer_resume(p);
}

static void on_acceptable(struct ev_loop *loop, ev_io *w, int revents) {
    struct listener *l = w->data;
    (void)revents;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(l->o.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            take(l, fd);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN) return;
        struct log_field f[] = {LOG_S("socket", l->o.name), LOG_S("error", err_str(errno))};
        gated_warning(l, &l->g_full, "cannot accept a connection; trying again soon", f, 2);
        ev_io_stop(loop, w); /* no spinning on a queue that cannot be emptied now */
        context_timer(l->cx, &l->t_retry, (nsec_t)RETRY_MS * NSEC_PER_MSEC);
        return;
    }
}
