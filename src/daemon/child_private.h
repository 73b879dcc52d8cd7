/* child_private.h — the inside of a child, for its own files: child (life), child_start (a process begins),
 * child_state (what it shows), child_io (pipes), child_end (ending and
 * death), child_row (what the admin API shows). */
#ifndef HOOKCAST_DAEMON_CHILD_PRIVATE_H
#define HOOKCAST_DAEMON_CHILD_PRIVATE_H

#include "base/cleanup.h"
#include "base/suggest.h"
#include "daemon/child.h"
#include "daemon/spawn.h"
#include "plugin/reasons.h"
#include "plugin/restart.h"
#include "plugin/tally.h"
#include "rpc/calls.h"
#include "rpc/line.h"
#include "rpc/mcp.h"

enum { INSTANCE_LEN = 16, LAST_ERROR_MAX = 512, LAST_STDERR_MAX = 200 };

/* How far an asked-for ending has come. */
enum ending { ENDING_NOT, ENDING_TEARDOWN, ENDING_CLOSED, ENDING_TERMED, ENDING_KILLED };

struct child {
    struct context *cx;
    struct router *router;
    struct child_owner owner;
    const struct manifest *m;
    struct catalog *catalog;     /* m's; a reference */
    struct catalog *mcp_catalog; /* whose strings mcp borrowed, when that is an older one; a reference */
    bool leaving;
    bool apply_due, restart_due; /* between child_adopt() and child_apply() */
    struct subscriber sub;
    struct lifecycle life;
    struct reasons reasons;
    struct restart restart;
    struct tally tally;

    struct spawned p;
    int stdin_kept; /* a read end of our own, while its stdin is closed for an ending; -1: none */
    bool running;   /* there is a process (p.pid) that was not reaped */
    ev_io w_in, w_out, w_err, w_pid, w_exec;
    ev_timer t_life;   /* startup time-out, back-off, retry of an unavailable one, next step of an ending */
    ev_timer t_settle; /* after death: until nobody holds its stdin any more; before: a closed stdin's grace */
    ev_timer t_health;
    ev_timer t_probe; /* how long server/discover may stay unanswered */
    ev_timer t_calls; /* when the oldest unanswered call has waited too long */
    struct line out_line, err_line;
    unsigned garbage;        /* lines of the chunk that is taken apart which were ignored */
    ev_timer t_babble;       /* until it is listened to again, when there were many */
    nsec_t heard_at;         /* when the chunk that is taken apart was read */
    struct mcp *mcp;         /* NULL before the first start; for jsonrpc it only listens */
    struct mcp_wish *wishes; /* what mcp borrowed: the tools it may be heard by */
    char **wish_tools;       /* theirs */
    size_t n_wishes;
    char **tools;        /* a tool server: by hook, the tool it calls; else NULL */
    char *tool_meta;     /* what its revision requires in `_meta`; NULL: nothing */
    struct calls *calls; /* a tool server's unanswered events; else NULL */
    struct buf said;     /* what mcp wants written */
    struct spawn_failure exec_failure;
    bool exec_failed, exec_ok;
    nsec_t spawned_at, ready_at, died_at, ending_since, deadline; /* deadline 0: none */
    enum ending ending;
    bool stdin_gone;      /* EPIPE */
    bool ended_for_stdin; /* … and it was killed for that */
    bool probe_due;
    unsigned refills;       /* how often its pipe took something and was full again */
    size_t small_pipe;      /* what its pipe holds, as long as that is less than a busy plugin needs; else 0 */
    bool teardown_asked;    /* hooks/teardown was sent: its answer, or time, closes stdin */
    bool excused;           /* it died of server/discover: the next one is a legacy server at once, and no crash */
    bool probe_excuse_used; /* … once, until it has been ready */
    bool remembered;        /* greeted as its predecessor was: if that fails, it is probed again */
    bool reprobe;           /* … which is due when it is gone */
    bool anew;              /* another manifest: what was known of its era is not */

    bool fresh;       /* started for the first time or by hand, not ready since */
    bool accepting;   /* events are queued for it, whether it runs or not */
    bool overflowed;  /* told to restart by the overflow policy; acted on at the next write */
    bool refresh_due; /* the state may have changed in the middle of a publication */
    bool given_up;    /* unavailable; stays so until it is ready again or started by hand */
    bool deps_failed; /* unavailable because of a dependency */
    bool was_crash;   /* the last death was not asked for */
    enum child_state shown;
    unsigned shown_reasons;
    nsec_t since_wall;
    uint64_t restarts, failures, generation;
    char last_error[LAST_ERROR_MAX];
    char last_stderr[LAST_STDERR_MAX];
    char instance[INSTANCE_LEN + 1];
    struct orphans tree;
    struct cgroup group; /* this generation's processes; none where nothing is delegated */
    bool credentials_given;
    struct log_gate g_garbage, g_lost, g_failed, g_stderr;
};

static inline struct reason_rules child_rules(const struct child *c) {
    const struct settings *s = &c->m->settings;
    return (struct reason_rules){.slow_after = s->slow_after,
                                 .recover_after = s->recover_after,
                                 .failure_window = s->failure_window,
                                 .failure_threshold = s->failure_threshold,
                                 .health_failures = s->health.failures};
}

/* Does it speak MCP, with a handshake and requests of ours? (Native or a tool server: mcp_native().) */
static inline bool child_speaks_mcp(const struct child *c) { return c->m->protocol == PROTOCOL_MCP; }

/* child.c */
/* What plugins say ends up in the admin API: control characters and what is not UTF-8 become '?'. */
void child_clean_text(char *text);
void child_set_error(struct child *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void child_decide(struct child *c);
struct queue_options child_queue_options(struct child *c);

/* child_start.c */
bool child_may_hear(const struct manifest *m, const char *hook); /* before it has said more */
void child_spawn(struct child *c);
void child_open(struct child *c);
/* It was greeted as its predecessor was, and that failed: end it, and start over with a probe at once. False: it was
 * not. */
bool child_reprobe(struct child *c);
void child_probe_timer(struct ev_loop *loop, ev_timer *t, int revents);

/* child_hearing.c */
int child_wishes_make(struct child *c); /* 0 or -ENOMEM */
void child_wishes_free(struct child *c);
void child_forms_free(struct child *c);
void child_ready(struct child *c, const json_t *heard); /* the handshake stands; `heard` NULL: all it may hear */
void child_tools_changed(struct child *c);
bool child_call_answered(struct child *c); /* mcp_answer(): false when no such event is in flight */
void child_calls_timer(struct ev_loop *loop, ev_timer *t, int revents);
size_t child_calls_in_flight(const struct child *c);
void child_calls_forget(struct child *c); /* the process is gone */

/* child_state.c */
void child_refresh(struct child *c); /* work out the state; log and tell when it changed */

/* child_io.c */
void child_io_init(struct child *c);
void child_io_start(struct child *c);  /* after spawn */
void child_io_listen(struct child *c); /* what its stdout holds now */
void child_io_drain(struct child *c);  /* after death: what its pipes still hold */
void child_io_stop(struct child *c);   /* close everything */
void child_say(struct child *c);       /* c->said -> the queue */
void child_close_stdin(struct child *c);

/* child_words.c */
enum { CHILD_STDERR_MAX = 2048 };
void child_stdout_line(struct child *c, const char *line, size_t len, enum line_result r);
void child_stderr_line(struct child *c, const char *line, size_t len, enum line_result r);
/* An event failed: counted, logged at a limited rate, and perhaps a reason. */
void child_event_failed(struct child *c, const char *hook, uint64_t seq, const char *message);

/* child_end.c */
void child_end_init(struct child *c);
void child_end_begin(struct child *c, enum life_action how);
void child_released(struct child *c);    /* hooks/teardown was answered */
void child_end_flushed(struct child *c); /* what was pending may be written now */
void child_life_timer_ending(struct child *c);
void child_kill(struct child *c, int sig); /* SIGKILL: its control group too */
void child_forsake(struct child *c);       /* nothing of this generation is left: its control group, credentials */

#endif
