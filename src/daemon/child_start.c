/* child_start.c — a child's process begins: spawned, greeted, ready. */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/suggest.h"
#include "daemon/child_private.h"
#include "daemon/credentials.h"

enum { JSONRPC_SETTLE_MS = 50 };

/* Which hooks it may hear, before it has said more: its manifest's, or every hook of its kind. */
bool child_may_hear(const struct manifest *m, const char *hook) {
    if (!m->hooks_given) return true;
    for (char **h = m->hooks; h && *h; h++)
        if (strcmp(*h, hook) == 0) return true;
    return false;
}

static struct mcp *make_mcp(struct child *c) {
    json_t *hooks = json_array();
    for (size_t i = 0; hooks && i < c->m->spec->n_hooks; i++)
        if (child_may_hear(c->m, c->m->spec->hooks[i].name))
            (void)json_array_append_new(hooks, json_string(c->m->spec->hooks[i].name));
    struct mcp_identity id = {.version = HOOKCAST_VERSION,
                              .run = c->cx->run,
                              .plugin = c->m->name,
                              .kind = c->m->spec->kind,
                              .kind_api_version = c->m->spec->version,
                              .hooks = hooks,
                              .config = c->m->config};
    struct mcp *m = hooks ? mcp_new(&id) : NULL;
    json_decref(hooks);
    if (m && !child_is_native(c))
        mcp_listen(m);
    else if (m && mcp_start(m, MCP_ERA_UNKNOWN, &c->said) < 0)
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
    c->last_stderr[0] = '\0';
    if (c->generation++) c->restarts++;
    c->mcp = mcp_free(c->mcp);
    c->mcp_catalog = catalog_unref(c->mcp_catalog);
    c->mcp = make_mcp(c);
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
                  child_is_native(c) ? c->m->startup_timeout : (nsec_t)JSONRPC_SETTLE_MS * NSEC_PER_MSEC);
}

void child_open(struct child *c) {
    c->ready_at = context_now(c->cx);
    c->fresh = c->given_up = false;
    c->accepting = true;
    if (!(c->reasons.set & REASON_CRASHED)) c->last_error[0] = '\0';
    reasons_up(&c->reasons, c->ready_at);
    ev_timer_stop(c->cx->loop, &c->t_life);
    queue_open(c->sub.queue);
    c->owner.dirty(c->owner.ctx, c);
    c->owner.restless(c->owner.ctx);
    if (child_is_native(c) && c->m->settings.health.interval > 0)
        context_timer(c->cx, &c->t_health, c->m->settings.health.interval);
}

static bool keep_hook(void *ctx, uint32_t hook) { return ((const struct child *)ctx)->sub.hears[hook]; }

static bool listed(const json_t *list, const char *what) {
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) if (strcmp(json_string_value(v), what) == 0) return true;
    return false;
}

static void warn_unknown(struct child *c, const char *name) {
    const struct hookspec *spec = c->m->spec;
    if (hookspec_find(spec, name, strlen(name)) >= 0) return;
    struct suggest s;
    char hint[96];
    suggest_init(&s, name, strlen(name));
    for (size_t i = 0; i < spec->n_hooks; i++) suggest_offer(&s, spec->hooks[i].name);
    char text[320];
    (void)snprintf(text, sizeof text, "the plugin advertises a hook that kind %s does not have: %.64s%s", spec->kind,
                   name, suggest_hint(s.best, hint, sizeof hint));
    log_warning(c->cx->log, text, LOG_S("plugin", c->m->name), LOG_S("hook", name));
}

static void warn_unknown_hooks(struct child *c) {
    size_t i;
    json_t *v;
    const json_t *said = c->mcp ? mcp_advertised(c->mcp) : NULL;
    json_array_foreach(said, i, v) if (json_is_string(v)) warn_unknown(c, json_string_value(v));
    struct errs notes = {0};
    manifest_unknown_hooks(c->m, &notes);
    for (i = 0; i < notes.n; i++) log_warning(c->cx->log, notes.items[i], LOG_S("plugin", c->m->name));
    errs_deinit(&notes);
}

void child_ready(struct child *c, const json_t *heard) {
    const struct hookspec *spec = c->m->spec;
    for (size_t i = 0; i < spec->n_hooks; i++)
        c->sub.hears[i] = heard ? listed(heard, spec->hooks[i].name) : child_may_hear(c->m, spec->hooks[i].name);
    warn_unknown_hooks(c);
    queue_retain(c->sub.queue, keep_hook, c);
    if (router_subscribe(c->router, &c->sub) < 0) {
        child_event(c, LIFE_REFUSED, "out of memory");
        return;
    }
    child_event(c, LIFE_READY, NULL);
}
