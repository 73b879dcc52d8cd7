#include "ctl/mcpserve_tools.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/mcpserve_daemon.h"
#include "ctl/mcpserve_schema.h"
#include "ctl/member.h"

static bool is_tool(const json_t *hook) {
    return json_is_true(json_object_get(hook, "mcp_exposed")) &&
           strcmp(member_str(hook, "dispatch", ""), "broadcast_notify") == 0;
}

/* Kinds and hooks are named so that this always holds, but for the length. */
static bool name_fits(const char *name, int len) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    return len > 0 && len <= MCPSERVE_TOOL_NAME_MAX && name[strspn(name, allowed)] == '\0';
}

static void add(struct mcpserve_tools *t, const json_t *kind, const json_t *hook) {
    struct mcpserve_tool *tool = &t->items[t->n];
    *tool = (struct mcpserve_tool){.kind = member_str(kind, "kind", ""),
                                   .hook = member_str(hook, "name", ""),
                                   .version = member_str(kind, "kind_api_version", ""),
                                   .row = hook};
    tool->major = strtoll(tool->version, NULL, 10);
    if (name_fits(tool->name, snprintf(tool->name, sizeof tool->name, "%s.%s", tool->kind, tool->hook))) t->n++;
}

/* By name, the newest major first. */
static int compare(const void *a, const void *b) {
    const struct mcpserve_tool *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->major < y->major) - (x->major > y->major);
}

static void keep_first_of_each(struct mcpserve_tools *t) {
    size_t kept = 0;
    for (size_t i = 0; i < t->n; i++)
        if (kept == 0 || strcmp(t->items[kept - 1].name, t->items[i].name) != 0) t->items[kept++] = t->items[i];
    t->n = kept;
}

int mcpserve_tools_collect(const json_t *kinds, struct mcpserve_tools *t) {
    const json_t *list = json_object_get(kinds, "kinds");
    size_t i, j, room = 1;
    json_t *kind, *hook;
    json_array_foreach(list, i, kind) { room += json_array_size(json_object_get(kind, "hooks")); }
    *t = (struct mcpserve_tools){.items = calloc(room, sizeof *t->items)};
    if (!t->items) return -ENOMEM;
    json_array_foreach(list, i, kind) {
        json_array_foreach(json_object_get(kind, "hooks"), j, hook) {
            if (is_tool(hook)) add(t, kind, hook);
        }
    }
    qsort(t->items, t->n, sizeof *t->items, compare);
    keep_first_of_each(t);
    return 0;
}

void mcpserve_tools_deinit(struct mcpserve_tools *t) {
    free(t->items);
    *t = (struct mcpserve_tools){0};
}

/* What a call answers when the event was accepted: the daemon's answer to notify. */
static json_t *output_schema(void) {
    return json_pack(
        "{s:s, s:{s:{s:s, s:s}, s:{s:s, s:s}, s:{s:s, s:s}, s:{s:s, s:s, s:{s:s, s:{s:{s:s}, s:{s:s}}, s:[s,s]}}, "
        "s:{s:s, s:s}}, s:[s,s,s,s,s]}",
        "type", "object", "properties", "run", "type", "string", "description",
        "Names the run of the daemon; run and seq name the event for ever.", "seq", "type", "integer", "description",
        "The event's number in this run.", "queued", "type", "integer", "description",
        "For how many plugins it was queued.", "failed", "type", "array", "description",
        "Plugins that hear the hook but do not get this event (the first 16).", "items", "type", "object", "properties",
        "plugin", "type", "string", "error", "type", "string", "required", "plugin", "error", "failed_total", "type",
        "integer", "description", "How many plugins do not get it.", "required", "run", "seq", "queued", "failed",
        "failed_total");
}

static json_t *describe(const struct mcpserve_tool *t, enum mcpserve_revision v) {
    struct buf fallback = BUF_INIT(0);
    (void)buf_putf(&fallback, "Publish the event %s to all plugins of the kind %s that hear it.", t->hook, t->kind);
    const char *words = buf_cstr(&fallback);
    json_t *tool =
        json_pack("{s:s, s:s, s:o}", "name", t->name, "description", member_str(t->row, "description", words),
                  "inputSchema", mcpserve_schema(json_object_get(t->row, "schema")));
    if (tool && v >= MCPSERVE_2025_06_18) (void)json_object_set_new(tool, "outputSchema", output_schema());
    buf_deinit(&fallback);
    return tool;
}

void mcpserve_tools_list(const struct options *o, enum mcpserve_revision v, struct mcpserve_reply *r) {
    json_t *kinds = NULL;
    struct mcpserve_tools tools = {0};
    struct err e = {0};
    if (mcpserve_control(o, "kind.list", "{\"schemas\":true}", &kinds, &e) != 0) {
        mcpserve_refuse_take(r, JSONRPC_INTERNAL_ERROR, NULL, "%s", e.text);
    } else if (mcpserve_tools_collect(kinds, &tools) == 0) {
        json_t *list = json_array();
        for (size_t i = 0; i < tools.n; i++) (void)json_array_append_new(list, describe(&tools.items[i], v));
        r->result = json_pack("{s:o}", "tools", list);
    }
    mcpserve_tools_deinit(&tools);
    json_decref(kinds);
}
