/* child_end.c — how a child's process ends: politely, by force, or by itself (DESIGN §7).
 *
 *     teardown asked -> (its answer, or half of teardown_timeout) stdin closed -> (teardown_timeout) SIGTERM to the
 *     group -> (5 s) SIGKILL to the group
 *
 * Death is the kernel's word: the pidfd is readable, the status is looked at without reaping, the group is killed while
 * the leader's pid still is ours, then it is reaped. Only when nobody holds the read end of its stdin any more
 * (POLLERR) is it known what was never read; then the queue is rewound and life goes on. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/child_private.h"
#include "daemon/credentials.h"

enum { TERM_GRACE_S = 5, SETTLE_STEP_MS = 10, SETTLE_MAX_MS = 1000 };

static void on_settle(struct ev_loop *loop, ev_timer *t, int revents);

void child_end_init(struct child *c) {
    ev_init(&c->t_settle, on_settle);
    c->t_settle.data = c;
}

void child_kill(struct child *c, int sig) {
    if (sig == SIGKILL) cgroup_kill(&c->group);
    if (!c->running || c->p.pid <= 1) return;
    /* Its own session, so its pid is its group's id; not reaped yet, so the id cannot be another's. In the moment
     * before it has called setsid() there is no such group, and it is signalled alone. */
    if (kill(-c->p.pid, sig) < 0 && errno == ESRCH) (void)kill(c->p.pid, sig);
}

void child_forsake(struct child *c) {
    int r = cgroup_remove(&c->cx->cgroups, &c->group);
    if (r < 0)
        log_warning(c->cx->log, "the plugin's control group is not empty and stays", LOG_S("plugin", c->m->name),
                    LOG_S("error", err_str(-r)));
    if (c->credentials_given) credentials_take_back(c->cx->config->runtime_dir, c->m->name);
    c->credentials_given = false;
}

/* The next step of an ending is due `after` from now, or at the deadline if that is sooner. */
static void arm(struct child *c, nsec_t after) {
    nsec_t now = context_now(c->cx);
    if (c->deadline && now + after > c->deadline) after = c->deadline > now ? c->deadline - now : 0;
    context_timer(c->cx, &c->t_life, after);
}

/* The same pipe, opened anew at its other end or at this one; -1 when that cannot be. */
static int reopen(int fd, int how) {
    char path[48];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, how | O_NONBLOCK | O_CLOEXEC);
}

/* It reads what is in its pipe to the end of the file, or does not: a read end of our own will tell. */
static void close_stdin(struct child *c) {
    c->ending = ENDING_CLOSED;
    if (c->p.in >= 0 && c->stdin_kept < 0) c->stdin_kept = reopen(c->p.in, O_RDONLY);
    if (c->stdin_kept >= 0)
        queue_move(c->sub.queue, c->stdin_kept);
    else
        queue_forget(c->sub.queue);
    child_close_stdin(c);
    nsec_t left = c->m->teardown_timeout - (context_now(c->cx) - c->ending_since);
    arm(c, left > 0 ? left : 0);
}

void child_end_flushed(struct child *c) {
    if (c->ending != ENDING_TEARDOWN || c->teardown_asked) return;
    if (queue_at_rest(c->sub.queue) && !child_calls_in_flight(c)) close_stdin(c);
}

static void term(struct child *c) {
    c->ending = ENDING_TERMED;
    child_kill(c, SIGTERM);
    arm(c, (nsec_t)TERM_GRACE_S * NSEC_PER_SEC);
}

static void kill_now(struct child *c) {
    c->ending = ENDING_KILLED;
    child_kill(c, SIGKILL);
    ev_timer_stop(c->cx->loop, &c->t_life);
}

void child_end_begin(struct child *c, enum life_action how) {
    ev_timer_stop(c->cx->loop, &c->t_health);
    if (!c->running) return; /* dead already: it is only being settled what it had read */
    queue_hold(c->sub.queue);
    c->ending_since = context_now(c->cx);
    orphans_deinit(&c->tree);
    orphans_tree(&c->tree, c->p.pid);
    if (how == LIFE_KILL) {
        kill_now(c);
    } else if (how == LIFE_TEARDOWN && mcp_teardown(c->mcp, &c->said) == 0) {
        c->ending = ENDING_TEARDOWN;
        c->teardown_asked = true;
        child_say(c);
        arm(c, c->m->teardown_timeout / 2);
    } else if (how == LIFE_TEARDOWN) {
        c->ending = ENDING_TEARDOWN; /* nothing to ask: a torn message is completed, and calls are answered, first */
        c->teardown_asked = false;
        arm(c, c->m->teardown_timeout / 2);
        child_end_flushed(c);
    } else {
        close_stdin(c); /* it never got events: nothing to let go of */
        term(c);
    }
}

void child_released(struct child *c) {
    if (c->ending == ENDING_TEARDOWN) close_stdin(c);
}

void child_life_timer_ending(struct child *c) {
    bool late = c->deadline && context_now(c->cx) >= c->deadline;
    if (late || c->ending == ENDING_TERMED)
        kill_now(c);
    else if (c->ending == ENDING_TEARDOWN)
        close_stdin(c);
    else if (c->ending == ENDING_CLOSED)
        term(c);
}

void child_hurry(struct child *c, nsec_t deadline) {
    c->deadline = deadline;
    if (c->life.phase == LIFE_ENDING && c->ending != ENDING_KILLED && ev_is_active(&c->t_life)) {
        ev_tstamp left = ev_timer_remaining(c->cx->loop, &c->t_life);
        arm(c, (nsec_t)(left * (ev_tstamp)NSEC_PER_SEC));
    }
}

/* --- death --- */

static const char *doing(const struct child *c) {
    switch (c->life.phase) {
        case LIFE_STARTING:
            return child_speaks_mcp(c) ? mcp_awaiting(c->mcp) : "starting";
        case LIFE_UP:
            return queue_counters(c->sub.queue)->events || queue_in_pipe(c->sub.queue) ? "receiving events" : "idle";
        case LIFE_ENDING:
            return "ending";
        case LIFE_DOWN:
        case LIFE_WAITING:
        case LIFE_BACKOFF:
        case LIFE_PHASES:
            break;
    }
    return "";
}

/* It ran under limits of its manifest: one of them may be why. A CPU limit says so itself. */
static void name_limits(const struct child *c, char *words, size_t cap) {
    for (size_t i = 0; i < c->m->n_rlimits; i++) {
        size_t at = strlen(words);
        (void)snprintf(words + at, cap - at, "%s%s", i ? ", " : " under rlimits ",
                       manifest_rlimit_name(c->m->rlimits[i].resource));
    }
}

static void record_death(struct child *c, const siginfo_t *si) {
    struct death d = {.at = c->died_at, .ran = c->died_at - c->spawned_at, .pid = c->p.pid, .doing = doing(c)};
    if (c->exec_failed) {
        d.kind = DEATH_EXEC;
        d.code = c->exec_failure.errnum;
        c->exec_failure.what[sizeof c->exec_failure.what - 1] = '\0';
        (void)snprintf(d.path, sizeof d.path, "%s", c->exec_failure.what);
    } else {
        d.kind = si->si_code == CLD_EXITED ? DEATH_EXIT : DEATH_SIGNAL;
        d.code = si->si_status;
    }
    tally_add(&c->tally, &d);
    c->was_crash = c->life.phase != LIFE_ENDING;
    char words[256];
    (void)death_words(&d, words, sizeof words);
    if (c->was_crash && (d.kind == DEATH_SIGNAL || (d.kind == DEATH_EXIT && d.code)))
        name_limits(c, words, sizeof words);
    if (c->was_crash) cgroup_struck(&c->group, words, sizeof words);
    if (c->was_crash) {
        if (c->ended_for_stdin)
            child_set_error(c, "it closed its stdin and was ended");
        else if (c->last_stderr[0] && d.kind != DEATH_EXEC)
            child_set_error(c, "%s; its last words: %s", words, c->last_stderr);
        else
            child_set_error(c, "%s", words);
        log_warning(c->cx->log, "plugin died", LOG_S("plugin", c->m->name), LOG_N("pid", c->p.pid),
                    LOG_S("error", words), LOG_S("doing", d.doing), LOG_N("ran_ms", d.ran / NSEC_PER_MSEC));
    } else {
        log_debug(c->cx->log, "plugin ended", LOG_S("plugin", c->m->name), LOG_N("pid", c->p.pid), LOG_S("how", words));
    }
}

/* To ask who holds its stdin, a write end is needed. False: nobody can be asked. */
static bool open_stdin_again(struct child *c) {
    if (c->p.in >= 0) return true;
    if (c->stdin_kept >= 0) c->p.in = reopen(c->stdin_kept, O_WRONLY);
    if (c->p.in >= 0) queue_move(c->sub.queue, c->p.in);
    if (c->stdin_kept >= 0) (void)close(c->stdin_kept);
    c->stdin_kept = -1;
    return c->p.in >= 0;
}

/* Some servers of the older revisions end when they are asked what they do not know (DESIGN §5). */
static bool died_of_probe(const struct child *c) {
    return c->life.phase == LIFE_STARTING && child_speaks_mcp(c) && mcp_unanswered(c->mcp) && !c->exec_failed &&
           !c->probe_excuse_used;
}

static void excuse(struct child *c) {
    c->excused = c->probe_excuse_used = true;
    c->was_crash = false;
    log_info(c->cx->log, "plugin ended when asked server/discover: started again as a server of a legacy MCP revision",
             LOG_S("plugin", c->m->name), LOG_N("pid", c->p.pid));
}

/* True when it is settled what the child had read, and nothing it left behind is seen alive. */
static bool settle(struct child *c, bool last_try) {
    size_t left = c->owner.bury(c->owner.ctx);
    if ((left || cgroup_populated(&c->group)) && !last_try) return false;
    if (!open_stdin_again(c)) {
        queue_forget(c->sub.queue);
        return true;
    }
    struct pollfd pfd = {.fd = c->p.in, .events = POLLOUT};
    int unread = 0;
    bool nobody = poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLERR);
    if (nobody && ioctl(c->p.in, FIONREAD, &unread) == 0 && unread >= 0) {
        if (queue_rewind(c->sub.queue, (size_t)unread) < 0)
            log_error(c->cx->log, "out of memory: nothing is redelivered", LOG_S("plugin", c->m->name));
        return true;
    }
    if (!last_try) return false;
    log_warning(c->cx->log, "nothing is redelivered: a descendant still holds the plugin's stdin",
                LOG_S("plugin", c->m->name), LOG_N("unread_at_most", queue_in_pipe(c->sub.queue)));
    queue_forget(c->sub.queue);
    return true;
}

static void finish(struct child *c) {
    bool overflowed = c->life.phase == LIFE_ENDING && c->life.goal == LIFE_GOAL_BACKOFF;
    if (overflowed) queue_drop_all(c->sub.queue);
    child_io_stop(c);
    child_forsake(c);
    c->ending = ENDING_NOT;
    child_event(c, LIFE_EXITED, NULL);
}

static int wait_for_it(const struct child *c, siginfo_t *si, int options) {
    int r;
    do r = waitid(P_PIDFD, (id_t)c->p.pidfd, si, options);
    while (r < 0 && errno == EINTR);
    return r;
}

bool child_reap(struct child *c) {
    siginfo_t si = {0};
    if (!c->running) return false;
    if (wait_for_it(c, &si, WEXITED | WNOWAIT | WNOHANG) < 0) {
        if (errno != ECHILD) return false;
        si = (siginfo_t){.si_code = CLD_KILLED}; /* somebody else has reaped it: how it ended is not known */
        c->p.pid = 0;                            /* nor is the id ours any more */
    } else if (si.si_pid == 0) {
        return false;
    }
    child_kill(c, SIGKILL); /* its group, while the id is still ours */
    (void)wait_for_it(c, &si, WEXITED | WNOHANG);
    c->running = false;
    c->died_at = context_now(c->cx);
    ev_io_stop(c->cx->loop, &c->w_pid);
    ev_io_stop(c->cx->loop, &c->w_in);
    ev_timer_stop(c->cx->loop, &c->t_life);
    ev_timer_stop(c->cx->loop, &c->t_health);
    ev_timer_stop(c->cx->loop, &c->t_settle);
    ev_timer_stop(c->cx->loop, &c->t_probe);
    child_io_drain(c);
    if (c->reprobe)
        c->was_crash = false;
    else if (died_of_probe(c))
        excuse(c);
    else
        record_death(c, &si);
    child_calls_forget(c);
    if (c->was_crash) { /* said at once, however long it takes to settle what it had read */
        reasons_crashed(&c->reasons);
        c->fresh = false;
        child_refresh(c);
    }
    queue_hold(c->sub.queue);
    if (settle(c, false))
        finish(c);
    else
        context_timer(c->cx, &c->t_settle, (nsec_t)SETTLE_STEP_MS * NSEC_PER_MSEC);
    return true;
}

static void on_settle(struct ev_loop *loop, ev_timer *t, int revents) {
    struct child *c = t->data;
    (void)loop;
    (void)revents;
    if (c->running) { /* its stdin is closed and it lives on */
        log_warning(c->cx->log, "plugin closed its stdin: it can hear nothing and is ended",
                    LOG_S("plugin", c->m->name), LOG_N("pid", c->p.pid));
        c->ended_for_stdin = true;
        child_kill(c, SIGKILL);
        return;
    }
    bool last = context_now(c->cx) - c->died_at >= (nsec_t)SETTLE_MAX_MS * NSEC_PER_MSEC;
    if (settle(c, last))
        finish(c);
    else
        context_timer(c->cx, &c->t_settle, (nsec_t)SETTLE_STEP_MS * NSEC_PER_MSEC);
}
