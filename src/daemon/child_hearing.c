/* child_hearing.c — how a child hears its hooks: as notifications, or as calls of an MCP server's tools (DESIGN §5).
 *
 * What the server offers decides, at every start anew and whenever it says that its tools have changed. Events that
 * were queued for a hook in another wire form, or for one that is not heard any more, are dropped and counted. Of a
 * tool server at most `tools_in_flight_max` events are unanswered; the others wait in its queue. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/child_private.h"

enum { CALL_TIMEOUT_S = 60 };

/* --- wishes --- */

void child_wishes_free(struct child *c) {
    for (size_t i = 0; i < c->n_wishes; i++) free(c->wish_tools[i]);
    free(c->wishes);
    free(c->wish_tools);
    c->wishes = NULL;
    c->wish_tools = NULL;
    c->n_wishes = 0;
}

static const char *named_tool(const struct manifest *m, const char *hook) {
    for (size_t i = 0; i < m->n_tools; i++)
        if (strcmp(m->tools[i].hook, hook) == 0) return m->tools[i].tool;
    return NULL;
}

static bool is_wished(const struct manifest *m, const struct hook *h) {
    return child_may_hear(m, h->name) && (h->mcp_exposed || named_tool(m, h->name));
}

/* mcp_tool_name_template with {kind}, {plugin} and {hook} filled in; NULL: out of memory. */
static char *from_template(const struct child *c, const struct hook *h) {
    const struct {
        const char *key, *value;
    } words[] = {{"{kind}", c->m->kind}, {"{plugin}", c->m->name}, {"{hook}", h->name}};
    struct buf b = BUF_INIT(0);
    int r = 0;
    for (const char *p = h->tool_template; *p && r == 0;) {
        size_t taken = 0;
        for (size_t i = 0; i < ARRAY_LEN(words) && !taken; i++)
            if (strncmp(p, words[i].key, strlen(words[i].key)) == 0) {
                r = buf_puts(&b, words[i].value);
                taken = strlen(words[i].key);
            }
        if (!taken) r = buf_put(&b, p, 1);
        p += taken ? taken : 1;
    }
    const char *text = r == 0 ? buf_cstr(&b) : NULL;
    char *copy = text ? strdup(text) : NULL;
    buf_deinit(&b);
    return copy;
}

int child_wishes_make(struct child *c) {
    const struct hookspec *spec = c->m->spec;
    size_t n = 0;
    child_wishes_free(c);
    for (size_t i = 0; i < spec->n_hooks; i++) n += is_wished(c->m, &spec->hooks[i]);
    c->wishes = calloc(n + 1, sizeof *c->wishes);
    c->wish_tools = calloc(n + 1, sizeof *c->wish_tools);
    if (!c->wishes || !c->wish_tools) return -ENOMEM;
    for (size_t i = 0; i < spec->n_hooks; i++) {
        const struct hook *h = &spec->hooks[i];
        const char *named = named_tool(c->m, h->name);
        if (!is_wished(c->m, h)) continue;
        char *tool = named ? strdup(named) : from_template(c, h);
        if (!tool) return -ENOMEM;
        c->wish_tools[c->n_wishes] = tool;
        c->wishes[c->n_wishes++] =
            (struct mcp_wish){.hook = h->name, .tool = tool, .named = named != NULL, .input_schema = h->schema};
    }
    return 0;
}

/* --- forms --- */

void child_forms_free(struct child *c) {
    for (size_t i = 0; c->tools && c->sub.spec && i < c->sub.spec->n_hooks; i++) free(c->tools[i]);
    free(c->tools);
    free(c->tool_meta);
    c->tools = NULL;
    c->tool_meta = NULL;
    c->sub.tools = NULL;
    c->sub.tool_meta = NULL;
}

static bool listed(const json_t *list, const char *what) {
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) if (strcmp(json_string_value(v), what) == 0) return true;
    return false;
}

static bool same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

/* The tools of a tool server by hook index, and the `_meta` that its revision requires. 0 or -ENOMEM. */
static int read_forms(const struct child *c, const bool *hears, char ***toolsp, char **metap) {
    const struct hookspec *spec = c->m->spec;
    char **tools = calloc(spec->n_hooks + 1, sizeof *tools);
    int r = tools ? 0 : -ENOMEM;
    for (size_t i = 0; i < spec->n_hooks && r == 0; i++) {
        const char *tool = hears[i] ? mcp_tool(c->mcp, spec->hooks[i].name) : NULL;
        if (tool && !(tools[i] = strdup(tool))) r = -ENOMEM;
    }
    *metap = NULL;
    if (r == 0 && strcmp(mcp_revision(c->mcp), MCP_MODERN) == 0) { /* the same for all servers: no hooks are named */
        struct buf b = BUF_INIT(0);
        r = mcp_meta_text(&b, HOOKCAST_VERSION, spec->kind, spec->version, NULL);
        if (r == 0 && !(*metap = strndup(buf_data(&b), b.len))) r = -ENOMEM;
        buf_deinit(&b);
    }
    *toolsp = tools;
    return r;
}

static bool is_kept(void *ctx, uint32_t hook) { return ((const bool *)ctx)[hook]; }

/* Hear what `heard` lists (NULL: all it may) from now on, in the form that the server wants. 0 or -ENOMEM. */
static int hear(struct child *c, const json_t *heard) {
    const struct hookspec *spec = c->m->spec;
    bool tool_server = child_speaks_mcp(c) && !mcp_native(c->mcp);
    char **tools = NULL, *meta = NULL;
    bool *keep = calloc(spec->n_hooks + 1, sizeof *keep);
    if (!keep) return -ENOMEM;
    for (size_t i = 0; i < spec->n_hooks; i++)
        c->sub.hears[i] = heard ? listed(heard, spec->hooks[i].name) : child_may_hear(c->m, spec->hooks[i].name);
    int r = tool_server ? read_forms(c, c->sub.hears, &tools, &meta) : 0;
    for (size_t i = 0; i < spec->n_hooks && r == 0; i++)
        keep[i] =
            c->sub.hears[i] && same(tools ? tools[i] : NULL, c->tools ? c->tools[i] : NULL) && same(meta, c->tool_meta);
    if (r == 0) queue_retain(c->sub.queue, is_kept, keep);
    child_forms_free(c);
    c->tools = tools;
    c->tool_meta = meta;
    c->sub.tools = (const char *const *)tools;
    c->sub.tool_meta = meta;
    if (r == 0) r = router_subscribe(c->router, &c->sub);
    free(keep);
    return r;
}

/* --- calls --- */

static void arm(struct child *c) {
    nsec_t next = calls_next_expiry(c->calls, (nsec_t)CALL_TIMEOUT_S * NSEC_PER_SEC), now = context_now(c->cx);
    if (!next)
        ev_timer_stop(c->cx->loop, &c->t_calls);
    else
        context_timer(c->cx, &c->t_calls, next > now ? next - now : 0);
}

/* Events are completely in the pipe: from now on they have a minute. */
static void on_sent(void *ctx, const struct message *first, uint32_t count) {
    struct child *c = ctx;
    nsec_t now = context_now(c->cx);
    for (uint32_t i = 0; i < count; i++) calls_sent(c->calls, first[i].seq, first[i].hook, now);
    if (!ev_is_active(&c->t_calls)) arm(c);
}

static int open_calls(struct child *c) {
    struct queue_options o = child_queue_options(c);
    queue_configure(c->sub.queue, &o);
    c->calls = calls_free(c->calls);
    queue_on_sent(c->sub.queue, NULL, NULL);
    if (!c->tools) return 0;
    c->calls = calls_new(c->m->tools_in_flight_max);
    if (!c->calls) return -ENOMEM;
    queue_on_sent(c->sub.queue, on_sent, c);
    queue_allow(c->sub.queue, c->m->tools_in_flight_max);
    return 0;
}

static void made_room(struct child *c) {
    queue_allow_more(c->sub.queue, 1);
    c->owner.dirty(c->owner.ctx, c);
}

bool child_call_answered(struct child *c) {
    const struct mcp_answer *a = mcp_answer(c->mcp);
    uint32_t hook;
    if (!c->calls || !calls_answered(c->calls, a->seq, &hook)) return false;
    made_room(c);
    if (a->failed) child_event_failed(c, c->m->spec->hooks[hook].name, a->seq, a->message);
    return true;
}

void child_calls_timer(struct ev_loop *loop, ev_timer *t, int revents) {
    struct child *c = t->data;
    uint64_t seq;
    uint32_t hook;
    (void)loop;
    (void)revents;
    if (!c->calls || !c->running) return;
    child_io_listen(c); /* an answer in time counts, even if we come to hear it late */
    while (c->calls &&
           calls_expired(c->calls, context_now(c->cx), (nsec_t)CALL_TIMEOUT_S * NSEC_PER_SEC, &seq, &hook)) {
        (void)mcp_cancel(c->mcp, seq, "no answer within 60 s", &c->said);
        made_room(c);
        child_event_failed(c, c->m->spec->hooks[hook].name, seq, "no answer within 60 s");
    }
    child_say(c);
    if (c->calls) arm(c);
}

size_t child_calls_in_flight(const struct child *c) { return c->calls ? calls_in_flight(c->calls) : 0; }

void child_calls_forget(struct child *c) {
    ev_timer_stop(c->cx->loop, &c->t_calls);
    queue_on_sent(c->sub.queue, NULL, NULL);
    c->calls = calls_free(c->calls);
}

/* --- what the handshake said --- */

static void warn_unknown(struct child *c, const char *name) {
    const struct hookspec *spec = c->m->spec;
    char hint[96], text[320];
    if (hookspec_find(spec, name, strlen(name)) >= 0) return;
    (void)snprintf(text, sizeof text, "the plugin advertises a hook that kind %s does not have: %.64s%s", spec->kind,
                   name, suggest_hint(hookspec_nearest(spec, name, strlen(name)), hint, sizeof hint));
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
    warn_unknown_hooks(c);
    int r = hear(c, heard);
    if (r == 0) r = open_calls(c);
    if (r == 0)
        child_event(c, LIFE_READY, NULL);
    else
        child_event(c, LIFE_REFUSED, "out of memory");
}

void child_tools_changed(struct child *c) {
    if (c->life.phase != LIFE_UP) return;
    log_info(c->cx->log, "plugin changed its tools", LOG_S("plugin", c->m->name));
    if (hear(c, mcp_heard(c->mcp)) < 0) child_event(c, LIFE_REFUSED, "out of memory");
}
