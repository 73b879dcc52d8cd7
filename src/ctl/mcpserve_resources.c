#include "ctl/mcpserve_resources.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/mcpserve_daemon.h"

struct resource_row {
    const char *uri, *name, *description;
    const char *method, *params; /* of the control socket */
};

static const struct resource_row resources[] = {
    {"hookcast://plugins", "plugins",
     "All plugins of the daemon: state and its reasons, last error, events queued, delivered and dropped.",
     "plugin.list", NULL},
    {"hookcast://kinds", "kinds", "The kinds of plugin, their hooks, and the JSON Schema of each hook's events.",
     "kind.list", "{\"schemas\":true}"},
};

#define MIME "application/json"

void mcpserve_resources_list(struct mcpserve_reply *r) {
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s}", "uri", resources[i].uri, "name", resources[i].name, "description",
                            resources[i].description, "mimeType", MIME));
    r->result = json_pack("{s:o}", "resources", list);
}

static void read_row(const struct options *o, const struct resource_row *row, struct mcpserve_reply *r) {
    json_t *result = NULL;
    struct err e = {0};
    if (mcpserve_control(o, row->method, row->params, &result, &e) != 0) {
        mcpserve_refuse_take(r, JSONRPC_INTERNAL_ERROR, NULL, "%s", e.text);
        return;
    }
    cleanup_free char *text = mcpserve_dump(result);
    json_decref(result);
    if (text)
        r->result = json_pack("{s:[{s:s, s:s, s:s}]}", "contents", "uri", row->uri, "mimeType", MIME, "text", text);
}

void mcpserve_resources_read(const struct options *o, enum mcpserve_revision v, const struct scan *s,
                             const struct node *params, struct mcpserve_reply *r) {
    const struct node *uri = mcpserve_member(s, params, "uri");
    if (!uri || uri->type != NODE_STRING) {
        mcpserve_refuse_take(r, JSONRPC_INVALID_PARAMS, NULL, "\"uri\" must be given, as a string");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
        if (scan_equal(s, uri, resources[i].uri, strlen(resources[i].uri))) {
            read_row(o, &resources[i], r);
            return;
        }
    }
    cleanup_free char *asked = mcpserve_string(s, uri);
    mcpserve_refuse_take(r, v == MCPSERVE_MODERN ? JSONRPC_INVALID_PARAMS : MCPSERVE_RESOURCE_NOT_FOUND,
                         json_pack("{s:s}", "uri", asked ? asked : ""),
                         "Resource not found: there are hookcast://plugins and hookcast://kinds");
}
