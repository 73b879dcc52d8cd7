/* child_io.c — a child's pipes: events out on its stdin, its words in on stdout and stderr. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/logtext.h"
#include "daemon/child_private.h"

enum {
    WRITE_BUDGET = 256 * 1024, /* bytes a turn */
    STDERR_LINE_MAX = 2048,
    STDERR_BURST = 200, /* lines a second */
    FAILED_BURST = 10,
    GARBAGE_SHOWN = 120,
    DRAIN_TURNS = 16, /* chunks read after death, so that a descendant that goes on writing cannot hold us */
    STDIN_GRACE_MS = 200,
};

void child_relieve(struct child *c) {
    if (c->p.in < 0 || c->stdin_gone || ev_is_active(&c->w_in)) return; /* full when last tried: it will tell */
    (void)queue_write(c->sub.queue, WRITE_BUDGET, NULL,
                      NULL); /* whatever it says, the flush of this turn says it again */
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents);
static void on_stdout(struct ev_loop *loop, ev_io *w, int revents);
static void on_stderr(struct ev_loop *loop, ev_io *w, int revents);
static void on_exec(struct ev_loop *loop, ev_io *w, int revents);
static void on_pidfd(struct ev_loop *loop, ev_io *w, int revents);

void child_io_init(struct child *c) {
    ev_init(&c->w_in, on_writable);
    ev_init(&c->w_out, on_stdout);
    ev_init(&c->w_err, on_stderr);
    ev_init(&c->w_exec, on_exec);
    ev_init(&c->w_pid, on_pidfd);
    c->w_in.data = c->w_out.data = c->w_err.data = c->w_exec.data = c->w_pid.data = c;
    line_init(&c->out_line, c->cx->config->event_max_size);
    line_init(&c->err_line, STDERR_LINE_MAX);
}

static void watch(struct child *c, ev_io *w, int fd, int events) {
    ev_io_set(w, fd, events);
    ev_io_start(c->cx->loop, w);
}

void child_io_start(struct child *c) {
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
    if (c->p.in < 0 || c->stdin_gone) return;
    if (c->reasons.set & REASON_SLOW) { /* it was late until now, and what is written may end that */
        (void)child_tick(c);
        c->owner.restless(c->owner.ctx);
    }
    int r = queue_write(c->sub.queue, WRITE_BUDGET, NULL, NULL);
    switch (r) {
        case 0:
            ev_io_stop(c->cx->loop, &c->w_in);
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
    (void)loop;
    (void)revents;
    child_flush(w->data);
}

/* --- in: stdout --- */

static void garbage(struct child *c, const char *what, const char *line, size_t len) {
    uint64_t held;
    if (!log_gate_pass(&c->g_garbage, 1, context_now(c->cx), &held)) {
        log_count_suppressed(c->cx->log, 1);
        return;
    }
    struct log_field f[5] = {LOG_S("plugin", c->m->name), LOG_S("stream", "stdout"), LOG_S("error", what),
                             LOG_B("line", line, len < GARBAGE_SHOWN ? len : GARBAGE_SHOWN)};
    size_t n = 4;
    if (held) f[n++] = LOG_N("suppressed", held);
    log_write(c->cx->log, LOG_WARNING, "plugin output ignored", f, n);
}

static void failed_event(struct child *c) {
    const struct mcp_failure *fail = mcp_failure(c->mcp);
    struct reason_rules rules = child_rules(c);
    nsec_t now = context_now(c->cx);
    uint64_t held;
    c->failures++;
    if (log_gate_pass(&c->g_failed, FAILED_BURST, now, &held)) {
        struct log_field f[5] = {LOG_S("plugin", c->m->name), LOG_S("error", fail->message), LOG_S("hook", fail->hook),
                                 LOG_N("seq", fail->seq)};
        size_t n = 4;
        if (held) f[n++] = LOG_N("suppressed", held);
        log_write(c->cx->log, LOG_WARNING, "event failed", f, n);
    } else {
        log_count_suppressed(c->cx->log, 1);
    }
    bool before = c->reasons.set & REASON_FAILING;
    reasons_failed(&c->reasons, &rules, queue_counters(c->sub.queue)->delivered, now);
    if (!before && (c->reasons.set & REASON_FAILING)) {
        child_set_error(c, "events fail, the last one with: %.300s", fail->message);
        child_refresh(c);
        c->owner.restless(c->owner.ctx);
    }
}

static void alive(struct child *c) {
    const char *detail;
    struct reason_rules rules = child_rules(c);
    bool was = c->reasons.set & REASON_UNHEALTHY;
    bool healthy = mcp_health(c->mcp, &detail);
    reasons_probe(&c->reasons, &rules, true, !healthy);
    if (!healthy) child_set_error(c, "it says it is degraded%s%.300s", detail[0] ? ": " : "", detail);
    if (healthy && was && !c->reasons.set) c->last_error[0] = '\0';
    if (c->probe_due) {
        c->probe_due = false;
        context_timer(c->cx, &c->t_health, c->m->settings.health.interval);
    }
    child_refresh(c);
}

static void heard(struct child *c, const struct jsonrpc *msg, const char *line, size_t len) {
    struct err why = {0};
    int said = mcp_receive(c->mcp, &c->cx->scan, msg, &c->said, &why);
    switch (said) {
        case MCP_NOTHING:
        case MCP_TOOL_ANSWER:
        case MCP_TOOLS_CHANGED:
        case MCP_TOOLS_GONE:
        case MCP_LOG:
            break;
        case MCP_READY:
            if (c->life.phase == LIFE_STARTING) child_ready(c, mcp_heard(c->mcp));
            break;
        case MCP_REFUSED:
            if (c->life.phase == LIFE_STARTING) child_event(c, LIFE_REFUSED, why.text);
            break;
        case MCP_FAILED_EVENT:
            failed_event(c);
            break;
        case MCP_ALIVE:
            alive(c);
            break;
        case MCP_RELEASED:
            child_released(c);
            break;
        case MCP_UNEXPECTED:
            garbage(c, why.text, line, len);
            break;
        default:
            log_error(c->cx->log, "out of memory: a plugin's message is lost", LOG_S("plugin", c->m->name));
            break;
    }
    child_say(c);
}

static void stdout_line(struct child *c, const char *line, size_t len) {
    if (!len) return;
    struct jsonrpc msg;
    int r = scan_text(&c->cx->scan, line, len);
    if (r == SCAN_E_DEPTH || r == SCAN_E_DUPLICATE)
        garbage(c, r == SCAN_E_DEPTH ? "nested too deeply" : "a key is given twice", line, len);
    else if (r)
        garbage(c, r == SCAN_E_UTF8 ? "not UTF-8" : "not JSON", line, len);
    else {
        jsonrpc_classify(&c->cx->scan, &msg);
        heard(c, &msg, line, len);
    }
}

/* --- in: stderr --- */

static enum log_level stderr_level(const char **linep, size_t *lenp) {
    const char *l = *linep;
    if (*lenp < 3 || l[0] != '<' || l[1] < '0' || l[1] > '7' || l[2] != '>') return LOG_INFO;
    *linep += 3;
    *lenp -= 3;
    return l[1] <= '3' ? LOG_ERROR : l[1] == '4' ? LOG_WARNING : l[1] == '7' ? LOG_DEBUG : LOG_INFO;
}

static void stderr_line(struct child *c, const char *line, size_t len, bool cut) {
    enum log_level level = stderr_level(&line, &len);
    if (!len) return;
    size_t keep = len < LAST_STDERR_MAX - 1 ? len : LAST_STDERR_MAX - 1;
    memcpy(c->last_stderr, line, keep);
    c->last_stderr[keep] = '\0';
    child_clean_text(c->last_stderr);
    uint64_t held;
    if (!log_gate_pass(&c->g_stderr, STDERR_BURST, context_now(c->cx), &held)) {
        log_count_suppressed(c->cx->log, 1);
        return;
    }
    char text[STDERR_LINE_MAX + 1];
    for (size_t i = 0; i < len; i++) text[i] = line[i] ? line[i] : '?';
    text[len] = '\0';
    struct log_field f[4] = {LOG_S("plugin", c->m->name), LOG_S("stream", "stderr")};
    size_t n = 2;
    if (cut) f[n++] = LOG_N("truncated", 1);
    if (held) f[n++] = LOG_N("suppressed", held);
    log_write(c->cx->log, level, text, f, n);
}

/* --- reading --- */

typedef void (*line_fn)(struct child *c, const char *line, size_t len, enum line_result r);

static void stdout_take(struct child *c, const char *line, size_t len, enum line_result r) {
    if (r == LINE_TOO_LONG)
        garbage(c, "line too long", line, len);
    else
        stdout_line(c, line, len);
}

static void stderr_take(struct child *c, const char *line, size_t len, enum line_result r) {
    stderr_line(c, line, len < STDERR_LINE_MAX ? len : STDERR_LINE_MAX, r == LINE_TOO_LONG);
}

/* Read one chunk. Returns false when there is no more for now, or for good (then the fd is closed). */
static bool read_chunk(struct child *c, ev_io *w, int *fd, struct line *l, line_fn take) {
    if (*fd < 0) return false;
    ssize_t n;
    do n = read(*fd, c->cx->read, sizeof c->cx->read);
    while (n < 0 && errno == EINTR);
    const char *line;
    size_t len;
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

static void on_stdout(struct ev_loop *loop, ev_io *w, int revents) {
    struct child *c = w->data;
    (void)loop;
    (void)revents;
    (void)read_chunk(c, w, &c->p.out, &c->out_line, stdout_take);
}

static void on_stderr(struct ev_loop *loop, ev_io *w, int revents) {
    struct child *c = w->data;
    (void)loop;
    (void)revents;
    (void)read_chunk(c, w, &c->p.err, &c->err_line, stderr_take);
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

void child_io_listen(struct child *c) { (void)read_chunk(c, &c->w_out, &c->p.out, &c->out_line, stdout_take); }

void child_io_drain(struct child *c) {
    read_exec(c);
    for (int i = 0; i < DRAIN_TURNS && read_chunk(c, &c->w_out, &c->p.out, &c->out_line, stdout_take); i++) continue;
    for (int i = 0; i < DRAIN_TURNS && read_chunk(c, &c->w_err, &c->p.err, &c->err_line, stderr_take); i++) continue;
    const char *line;
    size_t len = line_tail(&c->out_line, &line);
    if (len) stdout_take(c, line, len, LINE_WHOLE);
    line_deinit(&c->out_line); /* said; a descendant that holds the pipe says nothing for it any more */
    len = line_tail(&c->err_line, &line);
    if (len) stderr_line(c, line, len, false);
    line_deinit(&c->err_line);
}

static void on_pidfd(struct ev_loop *loop, ev_io *w, int revents) {
    (void)loop;
    (void)revents;
    (void)child_reap(w->data);
}
