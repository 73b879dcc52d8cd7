#include "ctl/mcpserve_revision.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/text.h"

#define VERSION MCPSERVE_META "protocolVersion"
#define CAPABILITIES MCPSERVE_META "clientCapabilities"
#define INFO MCPSERVE_META "clientInfo"

static const char *const names[] = {
    [MCPSERVE_NONE] = "",
    [MCPSERVE_2024_11_05] = "2024-11-05",
    [MCPSERVE_2025_03_26] = "2025-03-26",
    [MCPSERVE_2025_06_18] = "2025-06-18",
    [MCPSERVE_2025_11_25] = "2025-11-25",
    [MCPSERVE_2026_07_28] = "2026-07-28",
};
static_assert(ARRAY_LEN(names) == MCPSERVE_REVISIONS, "a name each");

const char *mcpserve_revision_name(enum mcpserve_revision v) { return names[v]; }

static json_t *names_since(enum mcpserve_revision oldest) {
    json_t *list = json_array();
    for (unsigned v = MCPSERVE_REVISIONS - 1; v >= oldest; v--)
        (void)json_array_append_new(list, json_string(names[v]));
    return list;
}

json_t *mcpserve_revision_names(void) { return names_since(MCPSERVE_2024_11_05); }

static enum mcpserve_revision find(const struct scan *s, const struct node *n) {
    for (unsigned v = MCPSERVE_2024_11_05; n && n->type == NODE_STRING && v < MCPSERVE_REVISIONS; v++)
        if (scan_equal(s, n, names[v], strlen(names[v]))) return (enum mcpserve_revision)v;
    return MCPSERVE_NONE;
}

enum mcpserve_revision mcpserve_revision_agree(const struct scan *s, const struct node *asked) {
    enum mcpserve_revision v = find(s, asked);
    return v == MCPSERVE_NONE || v == MCPSERVE_MODERN ? MCPSERVE_LEGACY : v;
}

const struct node *mcpserve_member(const struct scan *s, const struct node *object, const char *key) {
    return object ? scan_get(s, object, key) : NULL;
}

char *mcpserve_string(const struct scan *s, const struct node *n) {
    struct buf text = BUF_INIT(0);
    int r = n && n->type == NODE_STRING ? text_unescape(s, n, TEXT_LONE_REPLACE, &text) : 0;
    const char *c = r == 0 ? buf_cstr(&text) : NULL;
    char *copy = c ? strdup(c) : NULL;
    buf_deinit(&text);
    return copy;
}

bool mcpserve_revision_is_modern(const struct scan *s, const struct node *params) {
    const struct node *meta = mcpserve_member(s, params, "_meta");
    return mcpserve_member(s, meta, VERSION) || mcpserve_member(s, meta, CAPABILITIES) ||
           mcpserve_member(s, meta, INFO);
}

/* One of a legacy revision is told to use the modern one, or it would ask the same again: the former takes a handshake,
 * which `supported` cannot say. */
static void refuse_version(const struct scan *s, const struct node *version, struct mcpserve_reply *r) {
    cleanup_free char *asked = mcpserve_string(s, version);
    enum mcpserve_revision v = find(s, version);
    json_t *supported = v == MCPSERVE_NONE ? mcpserve_revision_names() : names_since(MCPSERVE_MODERN);
    json_t *data = json_pack("{s:o, s:s}", "supported", supported, "requested", asked ? asked : "");
    mcpserve_refuse_take(r, MCPSERVE_UNSUPPORTED_VERSION, data, "Unsupported protocol version%s",
                         v == MCPSERVE_NONE ? "" : ": it begins with initialize, and has no metadata in its requests");
}

bool mcpserve_revision_check(const struct scan *s, const struct node *params, struct mcpserve_reply *r) {
    const struct node *meta = mcpserve_member(s, params, "_meta");
    const struct node *version = mcpserve_member(s, meta, VERSION);
    const struct node *capabilities = mcpserve_member(s, meta, CAPABILITIES);
    const struct node *info = mcpserve_member(s, meta, INFO);
    if (!version || version->type != NODE_STRING)
        mcpserve_refuse_take(r, JSONRPC_INVALID_PARAMS, NULL, "_meta must have \"" VERSION "\", a string");
    else if (find(s, version) != MCPSERVE_MODERN)
        refuse_version(s, version, r);
    else if (!capabilities || capabilities->type != NODE_OBJECT)
        mcpserve_refuse_take(r, JSONRPC_INVALID_PARAMS, NULL, "_meta must have \"" CAPABILITIES "\", an object");
    else if (info && info->type != NODE_OBJECT)
        mcpserve_refuse_take(r, JSONRPC_INVALID_PARAMS, NULL, "\"" INFO "\" in _meta must be an object");
    return r->code == 0;
}
