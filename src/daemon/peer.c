#include "daemon/peer.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_readable(struct ev_loop *loop, ev_io *w, int revents);
static void on_writable(struct ev_loop *loop, ev_io *w, int revents);

struct peer *peer_new_take(struct context *cx, int fd, size_t line_max, const struct peer_owner *owner) {
    struct peer *p = calloc(1, sizeof *p);
    struct ucred cred = {.uid = (uid_t)-1};
    socklen_t len = sizeof cred;
    if (!p || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0) {
        (void)close(fd);
        free(p);
        return NULL;
    }
    p->cx = cx;
    p->owner = owner;
    p->fd = fd;
    p->uid = cred.uid;
    p->pid = cred.pid;
    p->out = BUF_INIT(0);
    line_init(&p->line, line_max);
    ev_io_init(&p->w_read, on_readable, fd, EV_READ);
    ev_io_init(&p->w_write, on_writable, fd, EV_WRITE);
    p->w_read.data = p->w_write.data = p;
    return p;
}

struct peer *peer_free(struct peer *p) {
    if (!p) return NULL;
    ev_io_stop(p->cx->loop, &p->w_read);
    ev_io_stop(p->cx->loop, &p->w_write);
    if (p->fd >= 0) (void)close(p->fd);
    line_deinit(&p->line);
    buf_deinit(&p->out);
    free(p->last_error);
    free(p);
    return NULL;
}

void peer_resume(struct peer *p) {
    if (!p->dead && !p->eof) ev_io_start(p->cx->loop, &p->w_read);
}

void peer_pause(struct peer *p) { ev_io_stop(p->cx->loop, &p->w_read); }

void peer_close(struct peer *p) {
    if (p->dead) return;
    p->dead = true;
    ev_io_stop(p->cx->loop, &p->w_read);
    ev_io_stop(p->cx->loop, &p->w_write);
    (void)close(p->fd);
    p->fd = -1;
    p->owner->closed(p->owner->ctx, p);
}

/* Send from the front of `bytes`; returns what went, or -1 when the connection is of no use any more. */
static ssize_t send_some(const struct peer *p, const char *bytes, size_t len) {
    ssize_t n;
    do n = send(p->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0) return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? 0 : -1;
    return n;
}

void peer_close_if_done(struct peer *p) {
    if (!p->dead && p->eof && !p->held && !p->out.len) peer_close(p);
}

void peer_send(struct peer *p, const char *bytes, size_t len) {
    if (p->dead) return;
    if (!p->out.len) {
        ssize_t n = send_some(p, bytes, len);
        if (n < 0) {
            peer_close(p);
            return;
        }
        bytes += n;
        len -= (size_t)n;
    }
    if (!len) return;
    if (p->out.len + len > PEER_OUT_MAX || buf_put(&p->out, bytes, len) < 0) {
        log_warning(p->cx->log, "connection closed: it does not read its answers", LOG_N("uid", p->uid),
                    LOG_N("pid", p->pid), LOG_N("unread", p->out.len));
        peer_close(p);
        return;
    }
    ev_io_start(p->cx->loop, &p->w_write);
}

void peer_send_now(struct peer *p, const char *bytes, size_t len) {
    if (p->dead || p->out.len) return;
    ssize_t n = send_some(p, bytes, len);
    if (n < 0)
        peer_close(p);
    else if (n > 0 && (size_t)n < len) /* begun: it has to be finished */
        peer_send(p, bytes + n, len - (size_t)n);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents) {
    struct peer *p = w->data;
    (void)revents;
    ssize_t n = send_some(p, buf_data(&p->out), p->out.len);
    if (n < 0) {
        peer_close(p);
        return;
    }
    buf_consume(&p->out, (size_t)n);
    if (p->out.len) return;
    buf_deinit(&p->out);
    ev_io_stop(loop, w);
    peer_close_if_done(p);
}

/* One chunk, at most `max` bytes. Returns the bytes read; 0 when there are none for now or for ever. */
static size_t read_chunk(struct peer *p, size_t max) {
    if (max > sizeof p->cx->read) max = sizeof p->cx->read;
    ssize_t n;
    do n = recv(p->fd, p->cx->read, max, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == ENOMEM)) return 0;
    if (n <= 0) {
        p->eof = true;
        ev_io_stop(p->cx->loop, &p->w_read);
        if (n < 0)
            peer_close(p);
        else
            peer_close_if_done(p);
        return 0;
    }
    const char *line;
    size_t len;
    enum line_result r;
    p->read_at = context_now(p->cx);
    p->read_wall = clock_wall(&p->cx->clock);
    line_feed(&p->line, p->cx->read, (size_t)n);
    while (!p->dead && (r = line_next(&p->line, &line, &len)) != LINE_NONE)
        if (len || r != LINE_WHOLE) p->owner->line(p->owner->ctx, p, line, len, r);
    p->owner->chunk_end(p->owner->ctx, (size_t)n);
    return (size_t)n;
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents) {
    (void)loop;
    (void)revents;
    struct peer *p = w->data;
    (void)read_chunk(p, intake_room(&p->cx->intake));
}

void peer_read_arrived(struct peer *p, nsec_t deadline) {
    int arrived = 0;
    if (p->dead || p->eof || ioctl(p->fd, SIOCINQ, &arrived) < 0) return;
    for (size_t left = arrived > 0 ? (size_t)arrived : 0; left && !p->dead && context_now(p->cx) < deadline;) {
        size_t n = read_chunk(p, left);
        if (!n) return;
        left -= n;
    }
}
