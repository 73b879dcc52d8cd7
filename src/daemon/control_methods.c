/* control_methods.c — the methods of the control socket, one row each. */
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/suggest.h"
#include "daemon/control.h"
#include "daemon/reaper.h"

static json_t *plugin_counts(const struct supervisor *s) {
    int n[CHILD_STATES] = {0};
    for (size_t i = 0; i < supervisor_count(s); i++) n[child_state(supervisor_at(s, i))]++;
    json_t *counts = json_pack("{s:I}", "total", (json_int_t)supervisor_count(s));
    for (unsigned i = 0; i < CHILD_STATES; i++)
        (void)json_object_set_new(counts, child_state_name((enum child_state)i), json_integer(n[i]));
    return counts;
}

static json_t *daemon_status(const struct control_view *v, const json_t *params, struct control_failure *f) {
    (void)params;
    (void)f;
    struct clock_stamp stamp = {0};
    char since[CLOCK_RFC3339_LEN + 1];
    clock_rfc3339(&stamp, v->started_wall, since);
    struct router *r = supervisor_router(v->supervisor);
    return json_pack("{s:s, s:s, s:i, s:s, s:f, s:s, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:s, s:s?, s:o}", "version",
                     HOOKCAST_VERSION, "run", v->cx->run, "pid", (int)getpid(), "state", v->state, "uptime_s",
                     context_seconds(context_now(v->cx) - v->started), "since", since, "accepted",
                     (json_int_t)events_accepted(v->events), "rejected", (json_int_t)events_rejected(v->events),
                     "publishers", (json_int_t)events_publishers(v->events), "seq", (json_int_t)router_seq(r),
                     "plugins", plugin_counts(v->supervisor), "backlog_bytes", (json_int_t)router_backlog_bytes(r),
                     "backlog_max_size", (json_int_t)v->cx->config->backlog_max_size, "runtime_dir",
                     v->cx->config->runtime_dir, "config", v->cx->config->file, "strays", reaper_strays(v->supervisor));
}

static json_t *hook_row(const struct hook *h, bool schemas) {
    json_t *row = json_pack("{s:s, s:s, s:s?, s:b, s:s?, s:s}", "name", h->name, "dispatch", dispatch_name(h->dispatch),
                            "description", h->description, "mcp_exposed", (int)h->mcp_exposed, "input_schema",
                            h->schema_path, "mcp_tool_name_template", h->tool_template);
    if (row && schemas) (void)json_object_set_new(row, "schema", h->schema ? json_incref(h->schema) : json_null());
    return row;
}

static json_t *kind_row(const struct hookspec *s, bool schemas) {
    json_t *hooks = json_array();
    for (size_t i = 0; i < s->n_hooks; i++) (void)json_array_append_new(hooks, hook_row(&s->hooks[i], schemas));
    return json_pack("{s:s, s:s, s:s?, s:s, s:o}", "kind", s->kind, "kind_api_version", s->version, "description",
                     s->description, "path", s->path, "hooks", hooks);
}

/* The schemas are documents of any size: only for those who ask. */
static json_t *kind_list(const struct control_view *v, const json_t *params, struct control_failure *f) {
    const json_t *schemas = json_object_get(params, "schemas");
    if (schemas && !json_is_boolean(schemas)) {
        f->reason = "invalid_params";
        (void)err_set(&f->e, 0, "\"schemas\" must be true or false");
        return NULL;
    }
    const struct catalog *c = supervisor_catalog(v->supervisor);
    json_t *kinds = json_array();
    for (size_t i = 0; i < c->n_specs; i++)
        (void)json_array_append_new(kinds, kind_row(c->specs[i], json_is_true(schemas)));
    return json_pack("{s:o}", "kinds", kinds);
}

static json_t *plugin_list(const struct control_view *v, const json_t *params, struct control_failure *f) {
    (void)params;
    (void)f;
    json_t *rows = json_array();
    for (size_t i = 0; i < supervisor_count(v->supervisor); i++)
        (void)json_array_append_new(rows, child_row(supervisor_at(v->supervisor, i)));
    return json_pack("{s:o}", "plugins", rows);
}

/* The plugin that params name; NULL with the error set. */
static struct child *named(const struct control_view *v, const json_t *params, struct control_failure *f) {
    const char *name = json_string_value(json_object_get(params, "name"));
    f->reason = "invalid_params";
    if (!name) {
        (void)err_set(&f->e, 0, "\"name\" must be given, as a string");
        return NULL;
    }
    struct child *c = supervisor_find(v->supervisor, name);
    if (c) {
        f->reason = NULL;
        return c;
    }
    struct suggest s;
    char hint[96];
    suggest_init(&s, name, strlen(name));
    for (size_t i = 0; i < supervisor_count(v->supervisor); i++)
        suggest_offer(&s, child_manifest(supervisor_at(v->supervisor, i))->name);
    f->reason = "unknown_plugin";
    (void)err_set(&f->e, 0, "unknown plugin \"%.64s\"%s", name, suggest_hint(s.best, hint, sizeof hint));
    return NULL;
}

static json_t *plugin_get(const struct control_view *v, const json_t *params, struct control_failure *f) {
    const struct child *c = named(v, params, f);
    return c ? child_row(c) : NULL;
}

/* Tell a plugin what is wanted of it; the row is only for the error path, the answer comes when it has happened. */
static json_t *command(const struct control_view *v, const json_t *params, enum life_event event,
                       struct control_failure *f) {
    struct child *c = named(v, params, f);
    if (!c) return NULL;
    if (strcmp(v->state, "stopping") == 0) {
        f->reason = "shutting_down";
        (void)err_set(&f->e, 0, "the daemon is shutting down");
        return NULL;
    }
    log_info(v->cx->log, "asked on the control socket", LOG_S("plugin", child_manifest(c)->name),
             LOG_S("wanted", life_event_name(event)));
    child_event(c, event, NULL);
    return child_row(c);
}

static json_t *plugin_start(const struct control_view *v, const json_t *params, struct control_failure *f) {
    return command(v, params, LIFE_START, f);
}

static json_t *plugin_stop(const struct control_view *v, const json_t *params, struct control_failure *f) {
    return command(v, params, LIFE_STOP, f);
}

static json_t *plugin_restart(const struct control_view *v, const json_t *params, struct control_failure *f) {
    return command(v, params, LIFE_RESTART, f);
}

static json_t *daemon_reload(const struct control_view *v, const json_t *params, struct control_failure *f) {
    (void)params;
    struct errs errs = {0};
    json_t *result = NULL;
    if (strcmp(v->state, "stopping") == 0) {
        f->reason = "shutting_down";
        (void)err_set(&f->e, 0, "the daemon is shutting down");
    } else if (v->reload(v->daemon, &errs) < 0) {
        f->code = -32000;
        f->reason = "reload_failed";
        (void)err_set(&f->e, 0, "nothing was changed: %zu problem%s", errs.n, errs.n == 1 ? "" : "s");
        f->errors = json_array();
        for (size_t i = 0; i < errs.n; i++) (void)json_array_append_new(f->errors, json_string(errs.items[i]));
    } else {
        const struct catalog *c = supervisor_catalog(v->supervisor);
        result = json_pack("{s:I, s:I}", "kinds", (json_int_t)c->n_specs, "plugins", (json_int_t)c->n_manifests);
    }
    errs_deinit(&errs);
    return result;
}

static const char *const name_param[] = {"name"};
static const char *const schemas_param[] = {"schemas"};

static const struct control_method methods[] = {
    {"daemon.status", NULL, 0, daemon_status, WAIT_NOTHING},
    {"daemon.reload", NULL, 0, daemon_reload, WAIT_NOTHING},
    {"kind.list", schemas_param, ARRAY_LEN(schemas_param), kind_list, WAIT_NOTHING},
    {"plugin.list", NULL, 0, plugin_list, WAIT_NOTHING},
    {"plugin.get", name_param, ARRAY_LEN(name_param), plugin_get, WAIT_NOTHING},
    {"plugin.start", name_param, ARRAY_LEN(name_param), plugin_start, WAIT_SPAWNED},
    {"plugin.stop", name_param, ARRAY_LEN(name_param), plugin_stop, WAIT_STOPPED},
    {"plugin.restart", name_param, ARRAY_LEN(name_param), plugin_restart, WAIT_SPAWNED},
};

const struct control_method *control_method(const char *name, const char **nearestp) {
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (strcmp(methods[i].name, name) == 0) return &methods[i];
    struct suggest s;
    suggest_init(&s, name, strlen(name));
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) suggest_offer(&s, methods[i].name);
    *nearestp = s.best;
    return NULL;
}
