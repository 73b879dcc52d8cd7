/* child_row.c — a plugin as the admin API shows it (DESIGN §9). */
#include "base/cleanup.h"
#include "daemon/child_private.h"

static json_t *hooks_of(const struct child *c) {
    json_t *hooks = json_array();
    for (size_t i = 0; c->m->spec && i < c->m->spec->n_hooks; i++)
        if (c->sub.hears[i]) (void)json_array_append_new(hooks, json_string(c->m->spec->hooks[i].name));
    for (char **h = c->m->hooks; !c->m->spec && h && *h; h++) (void)json_array_append_new(hooks, json_string(*h));
    return hooks;
}

static json_t *reasons_of(const struct child *c) {
    json_t *reasons = json_array();
    for (unsigned i = 0; i < REASONS; i++)
        if (c->shown_reasons & (1u << i)) (void)json_array_append_new(reasons, json_string(reason_name(1u << i)));
    return reasons;
}

static const char *protocol_of(const struct child *c) {
    if (c->m->protocol == PROTOCOL_JSONRPC) return "jsonrpc";
    return c->mcp ? mcp_revision(c->mcp) : NULL;
}

/* Beyond the contract's keys: how it ended last, what it said, how late it is, and what its manifest says of it. */
static void add_more(json_t *row, const struct child *c) {
    char words[256];
    const struct death *d = tally_last(&c->tally);
    nsec_t oldest = c->sub.queue ? queue_oldest(c->sub.queue) : 0;
    (void)json_object_set_new(row, "lag_s", json_real(oldest ? context_seconds(context_now(c->cx) - oldest) : 0.));
    (void)json_object_set_new(row, "last_exit", d ? json_string(death_words(d, words, sizeof words)) : json_null());
    (void)json_object_set_new(row, "last_stderr", c->last_stderr[0] ? json_string(c->last_stderr) : json_null());
    const struct {
        const char *key, *value;
    } said[] = {{"license", c->m->license}, {"maintainer", c->m->maintainer}, {"homepage", c->m->homepage}};
    for (size_t i = 0; i < ARRAY_LEN(said); i++)
        if (said[i].value) (void)json_object_set_new(row, said[i].key, json_string(said[i].value));
    if (!c->m->capabilities) return;
    json_t *list = json_array();
    for (char **v = c->m->capabilities; *v; v++) (void)json_array_append_new(list, json_string(*v));
    (void)json_object_set_new(row, "capabilities", list);
}

json_t *child_row(const struct child *c) {
    static const struct queue_counters none;
    const struct queue_counters *q = c->sub.queue ? queue_counters(c->sub.queue) : &none;
    struct clock_stamp stamp = {0};
    char since[CLOCK_RFC3339_LEN + 1];
    clock_rfc3339(&stamp, c->since_wall, since);
    double uptime = c->running ? context_seconds(context_now(c->cx) - c->spawned_at) : 0.;
    json_t *row =
        json_pack("{s:s, s:s, s:o, s:s, s:o, s:s?, s:o, s:s?, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}",
                  "name", c->m->name, "kind", c->m->kind, "hooks", hooks_of(c), "state", child_state_name(c->shown),
                  "reasons", reasons_of(c), "last_error", c->last_error[0] ? c->last_error : NULL, "pid",
                  c->running ? json_integer(c->p.pid) : json_null(), "protocol", protocol_of(c), "uptime_s", uptime,
                  "restarts", (json_int_t)c->restarts, "queued_events", (json_int_t)q->events, "queued_bytes",
                  (json_int_t)q->bytes, "accepted", (json_int_t)q->accepted, "delivered", (json_int_t)q->delivered,
                  "redelivered", (json_int_t)q->redelivered, "dropped", (json_int_t)q->dropped, "failures",
                  (json_int_t)c->failures, "since", since);
    if (row) add_more(row, c);
    return row;
}
