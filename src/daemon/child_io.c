/* child_io.c — a child's pipes: events out on its stdin, its words in on stdout and stderr (child_words.c). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/logtext.h"
#include "daemon/child_private.h"

enum {
    WRITE_BUDGET = 512 * 1024, /* bytes a turn */
    DRAIN_TURNS = 16,          /* chunks read after death, so that a descendant that goes on writing cannot hold us */
    STDIN_GRACE_MS = 200,
    BABBLE_LINES = 64, /* of a chunk that are no message: */
    BABBLE_PAUSE_MS = 5,
    BUSY_REFILLS = 8,       /* it reads, and its pipe is what it waits for: */
    BUSY_PIPE = 512 * 1024, /* a larger one saves wake-ups */
    USUAL_PIPE = 64 * 1024,
    PIPE_PAGE = 4096,
};

/* As large as the system lets it be: a user's pipes may hold so many pages in all (pipe(7)). */
static void enlarge_pipe(struct child *c) {
    int size = BUSY_PIPE;
    while (size > USUAL_PIPE && fcntl(c->p.in, F_SETPIPE_SZ, size) < 0) size /= 2;
    if (size > USUAL_PIPE) c->small_pipe = size < BUSY_PIPE ? (size_t)size : 0;
}

/* Its pipe took `bytes` and is full again. Room may have been made while it was polled, or in the middle of a turn:
 * under a flood only the latter. Less than a page may find a place behind what is there although nothing was read. */
static void refilled(struct child *c, size_t bytes) {
    if (bytes < PIPE_PAGE) return;
    if (++c->refills == BUSY_REFILLS) enlarge_pipe(c);
    if (c->small_pipe && bytes >= c->small_pipe / 4 * 3)
        intake_starved(&c->cx->intake); /* its last page may be begun */
}

/* Write what is queued, as far as it goes. Returns what queue_write() says. */
static int write_queued(struct child *c) {
    uint64_t before = queue_written(c->sub.queue);
    int r = queue_write(c->sub.queue, WRITE_BUDGET, NULL, NULL);
    size_t wrote = (size_t)(queue_written(c->sub.queue) - before);
    if (r == QUEUE_E_AGAIN) refilled(c, wrote);
    return r;
}

/* Not when it is dead: then p.in serves to ask what it had read, and may not be what w_in watches. */
static bool may_write(const struct child *c) { return c->running && c->p.in >= 0 && !c->stdin_gone; }

void child_relieve(struct child *c) {
    if (!may_write(c) || ev_is_active(&c->w_in)) return; /* full when last tried: it will tell */
    (void)write_queued(c);                               /* whatever it says, the flush of this turn says it again */
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents);
static void on_stdout(struct ev_loop *loop, ev_io *w, int revents);
static void on_stderr(struct ev_loop *loop, ev_io *w, int revents);
static void on_listen_again(struct ev_loop *loop, ev_timer *t, int revents);
static void on_exec(struct ev_loop *loop, ev_io *w, int revents);
static void on_pidfd(struct ev_loop *loop, ev_io *w, int revents);

void child_io_init(struct child *c) {
    ev_init(&c->w_in, on_writable);
    ev_set_priority(&c->w_in, -1); /* what has come in during a turn is read first, and goes out with it */
    ev_init(&c->w_out, on_stdout);
    ev_init(&c->w_err, on_stderr);
    ev_init(&c->t_babble, on_listen_again);
    c->t_babble.data = c;
    ev_init(&c->w_exec, on_exec);
    ev_init(&c->w_pid, on_pidfd);
    c->w_in.data = c->w_out.data = c->w_err.data = c->w_exec.data = c->w_pid.data = c;
    line_init(&c->out_line, c->cx->config->event_max_size);
    line_init(&c->err_line, CHILD_STDERR_MAX);
}

static void watch(struct child *c, ev_io *w, int fd, int events) {
    ev_io_set(w, fd, events);
    ev_io_start(c->cx->loop, w);
}

void child_io_start(struct child *c) {
    c->small_pipe = c->p.in_size > 0 ? (size_t)c->p.in_size : 0;
    ev_io_set(&c->w_in, c->p.in, EV_WRITE);
    watch(c, &c->w_out, c->p.out, EV_READ);
    watch(c, &c->w_err, c->p.err, EV_READ);
    watch(c, &c->w_exec, c->p.exec_fd, EV_READ);
    watch(c, &c->w_pid, c->p.pidfd, EV_READ);
}

static void close_watched(struct child *c, ev_io *w, int *fd) {
    ev_io_stop(c->cx->loop, w);
    if (*fd >= 0) (void)close(*fd);
    *fd = -1;
}

void child_close_stdin(struct child *c) { close_watched(c, &c->w_in, &c->p.in); }

void child_io_stop(struct child *c) {
    ev_timer_stop(c->cx->loop, &c->t_babble);
    child_close_stdin(c);
    if (c->stdin_kept >= 0) (void)close(c->stdin_kept);
    c->stdin_kept = -1;
    close_watched(c, &c->w_out, &c->p.out);
    close_watched(c, &c->w_err, &c->p.err);
    close_watched(c, &c->w_exec, &c->p.exec_fd);
    close_watched(c, &c->w_pid, &c->p.pidfd);
    line_deinit(&c->out_line);
    line_deinit(&c->err_line);
}

/* --- out --- */

void child_say(struct child *c) {
    if (!c->said.len || c->p.in < 0) return;
    if (queue_own(c->sub.queue, buf_data(&c->said), c->said.len) < 0)
        log_error(c->cx->log, "out of memory: a message to a plugin is lost", LOG_S("plugin", c->m->name));
    buf_clear(&c->said);
    c->owner.dirty(c->owner.ctx, c);
}

/* Nobody reads its stdin any more. If it does not end by itself in a moment, it is ended: it can hear nothing. */
static void stdin_gone(struct child *c) {
    ev_io_stop(c->cx->loop, &c->w_in);
    if (c->stdin_gone) return;
    c->stdin_gone = true;
    if (c->life.phase == LIFE_ENDING) return;
    context_timer(c->cx, &c->t_settle, (nsec_t)STDIN_GRACE_MS * NSEC_PER_MSEC);
}

void child_flush(struct child *c) {
    c->sub.signaled = false;
    if (c->refresh_due) {
        c->refresh_due = false;
        child_refresh(c);
    }
    if (c->overflowed) {
        c->overflowed = false;
        if (c->life.phase == LIFE_UP) {
            child_event(c, LIFE_OVERFLOW, NULL);
            return;
        }
        queue_pardon(c->sub.queue); /* nothing of it was written to this process, or there is none: it is empty now */
    }
    if (!may_write(c)) return;
    if (c->reasons.set & REASON_SLOW) { /* it was late until now, and what is written may end that */
        (void)child_tick(c);
        c->owner.restless(c->owner.ctx);
    }
    int r = write_queued(c);
    switch (r) {
        case 0:
            ev_io_stop(c->cx->loop, &c->w_in);
            if (child_calls_in_flight(c))
                c->owner.restless(c->owner.ctx); /* what waits for an answer may become late */
            break;
        case QUEUE_E_GONE:
            stdin_gone(c);
            break;
        case QUEUE_E_AGAIN:
        case QUEUE_E_BUDGET:
        default: /* out of memory: the next time it is writable */
            ev_io_start(c->cx->loop, &c->w_in);
            c->owner.restless(c->owner.ctx);
            break;
    }
    child_end_flushed(c);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents) {
    struct child *c = w->data;
    (void)loop;
    (void)revents;
    child_flush(c);
}

/* --- reading --- */

typedef void (*line_fn)(struct child *c, const char *line, size_t len, enum line_result r);

/* Read one chunk. Returns false when there is no more for now, or for good (then the fd is closed). */
static bool read_chunk(struct child *c, ev_io *w, int *fd, struct line *l, line_fn take) {
    if (*fd < 0) return false;
    ssize_t n;
    do n = read(*fd, c->cx->read, INTAKE_SHARE);
    while (n < 0 && errno == EINTR);
    const char *line;
    size_t len;
    c->heard_at = context_now(c->cx);
    if (n > 0) {
        enum line_result r;
        line_feed(l, c->cx->read, (size_t)n);
        while ((r = line_next(l, &line, &len)) != LINE_NONE) take(c, line, len, r);
        return true;
    }
    if (n < 0 && errno == EAGAIN) return false;
    len = line_tail(l, &line); /* the end: what has no newline is said all the same */
    if (len) take(c, line, len, LINE_WHOLE);
    line_deinit(l);
    close_watched(c, w, fd);
    return false;
}

/* One that prints garbage flat out would take the time of everybody else: it waits a little between two chunks. */
static void listen_to(struct child *c, ev_io *w, int *fd, struct line *l, line_fn take) {
    c->garbage = 0;
    (void)read_chunk(c, w, fd, l, take);
    if (c->garbage < BABBLE_LINES || *fd < 0 || !c->running) return;
    ev_io_stop(c->cx->loop, w);
    if (!ev_is_active(&c->t_babble)) context_timer(c->cx, &c->t_babble, (nsec_t)BABBLE_PAUSE_MS * NSEC_PER_MSEC);
}

static void on_stdout(struct ev_loop *loop, ev_io *w, int revents) {
    struct child *c = w->data;
    (void)loop;
    (void)revents;
    listen_to(c, w, &c->p.out, &c->out_line, child_stdout_line);
}

static void on_stderr(struct ev_loop *loop, ev_io *w, int revents) {
    struct child *c = w->data;
    (void)loop;
    (void)revents;
    listen_to(c, w, &c->p.err, &c->err_line, child_stderr_line);
}

static void on_listen_again(struct ev_loop *loop, ev_timer *t, int revents) {
    struct child *c = t->data;
    (void)revents;
    if (c->p.out >= 0) ev_io_start(loop, &c->w_out);
    if (c->p.err >= 0) ev_io_start(loop, &c->w_err);
}

static void read_exec(struct child *c) {
    if (c->p.exec_fd < 0) return;
    ssize_t n;
    do n = read(c->p.exec_fd, &c->exec_failure, sizeof c->exec_failure);
    while (n < 0 && errno == EINTR);
    if (n < 0) return;
    c->exec_failed = n == (ssize_t)sizeof c->exec_failure;
    c->exec_ok = n == 0;
    close_watched(c, &c->w_exec, &c->p.exec_fd);
}

static void on_exec(struct ev_loop *loop, ev_io *w, int revents) {
    (void)loop;
    (void)revents;
    read_exec(w->data);
}

void child_io_listen(struct child *c) { (void)read_chunk(c, &c->w_out, &c->p.out, &c->out_line, child_stdout_line); }

void child_io_drain(struct child *c) {
    read_exec(c);
    for (int i = 0; i < DRAIN_TURNS && read_chunk(c, &c->w_out, &c->p.out, &c->out_line, child_stdout_line); i++)
        continue;
    for (int i = 0; i < DRAIN_TURNS && read_chunk(c, &c->w_err, &c->p.err, &c->err_line, child_stderr_line); i++)
        continue;
    const char *line;
    size_t len = line_tail(&c->out_line, &line);
    if (len) child_stdout_line(c, line, len, LINE_WHOLE);
    line_deinit(&c->out_line); /* said; a descendant that holds the pipe says nothing for it any more */
    len = line_tail(&c->err_line, &line);
    if (len) child_stderr_line(c, line, len, LINE_WHOLE);
    line_deinit(&c->err_line);
}

static void on_pidfd(struct ev_loop *loop, ev_io *w, int revents) {
    (void)loop;
    (void)revents;
    (void)child_reap(w->data);
}
