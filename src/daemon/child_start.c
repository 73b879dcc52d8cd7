/* child_start.c — a child's process begins: spawned, greeted, ready. */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "daemon/child_private.h"
#include "daemon/credentials.h"

enum { JSONRPC_SETTLE_MS = 50, PROBE_MS = 5000 };

/* Which hooks it may hear, before it has said more: its manifest's, or every hook of its kind. */
bool child_may_hear(const struct manifest *m, const char *hook) {
    if (!m->hooks_given) return true;
    for (char **h = m->hooks; h && *h; h++)
        if (strcmp(*h, hook) == 0) return true;
    return false;
}

/* The conversation with its next process. In the era that its last one spoke; else the server is probed. */
static struct mcp *make_mcp(struct child *c, enum mcp_era era) {
    json_t *hooks = json_array();
    bool speaks = child_speaks_mcp(c); /* else nothing of this is ever said */
    for (size_t i = 0; hooks && speaks && i < c->m->spec->n_hooks; i++)
        if (child_may_hear(c->m, c->m->spec->hooks[i].name))
            (void)json_array_append_new(hooks, json_string(c->m->spec->hooks[i].name));
    struct mcp_identity id = {.version = HOOKCAST_VERSION,
                              .run = c->cx->run,
                              .plugin = c->m->name,
                              .kind = c->m->spec->kind,
                              .kind_api_version = c->m->spec->version,
                              .hooks = hooks,
                              .config = c->m->config};
    bool made = !speaks || child_wishes_make(c) == 0;
    id.wishes = c->wishes;
    id.n_wishes = c->n_wishes;
    struct mcp *m = hooks && made ? mcp_new(&id) : NULL;
    json_decref(hooks);
    if (m && !speaks)
        mcp_listen(m);
    else if (m && mcp_start(m, era, &c->said) < 0)
        m = mcp_free(m);
    return m;
}

/* Copies of the credentials that the manifest names; `dir` is "" when it names none. */
static int give_credentials(struct child *c, char *dir, size_t cap, struct err *e) {
    dir[0] = '\0';
    if (!c->m->credentials) return 0;
    const struct passwd *pw = c->m->user ? getpwnam(c->m->user) : NULL; /* no such user: spawn() says so */
    c->credentials_given = true;
    return credentials_give(c->cx->config->runtime_dir, c->m->name, c->m->credentials, pw ? pw->pw_uid : (uid_t)-1,
                            pw ? pw->pw_gid : (gid_t)-1, dir, cap, e);
}

/* Its control group, where there can be one. Without it, or without a limit, the plugin runs all the same. */
static void make_group(struct child *c) {
    struct err e;
    const struct manifest_cgroup *l = &c->m->cgroup;
    bool limits = l->memory_max || l->pids_max || l->cpu_max > 0;
    int r = 1;
    c->group = CGROUP_NONE;
    if (c->cx->cgroups.dir >= 0)
        r = cgroup_make(&c->cx->cgroups, c->m->name, c->generation, l, &c->group, &e);
    else
        (void)err_set(&e, 1, "no control group is delegated to hookcastd");
    if (r < 0 || (r > 0 && limits && c->fresh))
        log_warning(c->cx->log, "plugin runs without the limits of its control group", LOG_S("plugin", c->m->name),
                    LOG_S("error", e.text));
}

static int launch(struct child *c, struct err *e) {
    char credentials[PATH_MAX];
    random_name(c->instance, INSTANCE_LEN);
    orphans_deinit(&c->tree);
    int r = give_credentials(c, credentials, sizeof credentials, e);
    if (r < 0) return r;
    char **env = spawn_env(c->m, c->cx->run, c->instance, credentials[0] ? credentials : NULL);
    if (!env) return err_sys(e, ENOMEM, "cannot make its environment");
    make_group(c);
    struct spawn_options o = {.dir = c->m->dir,
                              .command = c->m->command,
                              .env = env,
                              .rlimits = c->m->rlimits,
                              .n_rlimits = c->m->n_rlimits,
                              .user = c->m->user,
                              .nofile = c->cx->nofile,
                              .cgroup_procs = c->group.procs};
    r = spawn(&o, &c->p, e);
    spawn_env_free(env);
    if (r < 0) child_forsake(c);
    return r;
}

/* It could not even be started: the same as a death at once. */
static void launch_failed(struct child *c, const struct err *e) {
    child_set_error(c, "%s", e->text);
    log_error(c->cx->log, "cannot start plugin", LOG_S("plugin", c->m->name), LOG_S("error", e->text));
    c->was_crash = true;
    c->died_at = c->spawned_at;
    child_event(c, LIFE_EXITED, NULL);
}

void child_spawn(struct child *c) {
    struct err e;
    buf_clear(&c->said);
    c->spawned_at = context_now(c->cx);
    c->ready_at = 0;
    c->exec_failed = c->exec_ok = c->stdin_gone = c->ended_for_stdin = c->probe_due = false;
    c->overflowed = false;
    c->ending = ENDING_NOT;
    c->refills = 0;
    c->last_stderr[0] = '\0';
    if (c->generation++ && !c->excused && !c->reprobe) c->restarts++;
    enum mcp_era era = c->excused ? MCP_ERA_LEGACY : c->mcp && !c->anew ? mcp_era_next(c->mcp) : MCP_ERA_UNKNOWN;
    c->remembered = era == MCP_ERA_LEGACY && !c->excused;
    c->excused = c->anew = c->reprobe = false;
    c->mcp = mcp_free(c->mcp);
    c->mcp_catalog = catalog_unref(c->mcp_catalog);
    c->mcp = make_mcp(c, era);
    if (!c->mcp) {
        (void)err_sys(&e, ENOMEM, "cannot start it");
        launch_failed(c, &e);
        return;
    }
    if (launch(c, &e) < 0) {
        launch_failed(c, &e);
        return;
    }
    c->running = true;
    queue_attach(c->sub.queue, c->p.in);
    child_io_start(c);
    child_say(c);
    log_debug(c->cx->log, "plugin spawned", LOG_S("plugin", c->m->name), LOG_N("pid", c->p.pid));
    context_timer(c->cx, &c->t_life,
                  child_speaks_mcp(c) ? c->m->startup_timeout : (nsec_t)JSONRPC_SETTLE_MS * NSEC_PER_MSEC);
    if (!mcp_probing(c->mcp)) return;
    nsec_t patience = (nsec_t)PROBE_MS * NSEC_PER_MSEC, most = c->m->startup_timeout / 3;
    context_timer(c->cx, &c->t_probe, patience < most ? patience : most);
}

bool child_reprobe(struct child *c) {
    if (!c->remembered || c->life.phase != LIFE_STARTING || !c->running) return false;
    c->remembered = false;
    c->reprobe = c->anew = true;
    log_info(c->cx->log, "plugin does not speak the MCP revision it spoke before: it is started anew and asked",
             LOG_S("plugin", c->m->name), LOG_N("pid", c->p.pid));
    child_kill(c, SIGKILL);
    return true;
}

/* Silence: a legacy server that ignores what it does not know. */
void child_probe_timer(struct ev_loop *loop, ev_timer *t, int revents) {
    struct child *c = t->data;
    (void)loop;
    (void)revents;
    if (c->life.phase != LIFE_STARTING) return;
    child_io_listen(c); /* what it said in time counts, even if we come to hear it late */
    if (c->life.phase == LIFE_STARTING && mcp_silent(c->mcp, &c->said) == 0) child_say(c);
}

void child_open(struct child *c) {
    c->ready_at = context_now(c->cx);
    c->fresh = c->given_up = false;
    c->accepting = true;
    if (!(c->reasons.set & REASON_CRASHED)) c->last_error[0] = '\0';
    reasons_up(&c->reasons, c->ready_at);
    ev_timer_stop(c->cx->loop, &c->t_life);
    ev_timer_stop(c->cx->loop, &c->t_probe);
    c->probe_excuse_used = false;
    queue_open(c->sub.queue);
    c->owner.dirty(c->owner.ctx, c);
    c->owner.restless(c->owner.ctx);
    if (child_speaks_mcp(c) && c->m->settings.health.interval > 0)
        context_timer(c->cx, &c->t_health, c->m->settings.health.interval);
}
