/* mcp_ask.c — how requests and notifications of ours are written, and which of them an answer is to. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/text.h"
#include "rpc/mcp_private.h"

int mcp_members_text(struct buf *out, const json_t *object) {
    cleanup_free char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    size_t n = text ? strlen(text) : 0;
    return n < 2 ? -ENOMEM : buf_put(out, text + 1, n - 2);
}

int mcp_settings_text(struct buf *out, const char *kind, const char *kind_api_version, const json_t *hooks) {
    json_t *doc = json_pack("{s:{s:s, s:s}}", MCP_EXTENSION, "kind", kind, "kind_api_version", kind_api_version);
    json_t *named = doc && hooks ? json_copy((json_t *)(uintptr_t)hooks) : NULL;
    int r = -ENOMEM;
    if (doc && (!hooks || json_object_set_new(json_object_get(doc, MCP_EXTENSION), "hooks", named) == 0))
        r = mcp_members_text(out, doc);
    json_decref(doc);
    return r;
}

int mcp_meta_text(struct buf *out, const char *version, const char *kind, const char *kind_api_version,
                  const json_t *hooks) {
    size_t before = out->len;
    int r = buf_puts(out, "\"io.modelcontextprotocol/protocolVersion\":\"" MCP_MODERN
                          "\",\"io.modelcontextprotocol/clientInfo\":{\"name\":\"hookcastd\",\"version\":");
    if (r == 0) r = text_escape(out, version, strlen(version));
    if (r == 0) r = buf_puts(out, "},\"io.modelcontextprotocol/clientCapabilities\":{\"extensions\":{");
    if (r == 0) r = mcp_settings_text(out, kind, kind_api_version, hooks);
    if (r == 0) r = buf_puts(out, "}}");
    if (r < 0) out->len = before;
    return r;
}

int mcp_ask(struct mcp *m, enum mcp_ask ask, const char *method, const char *members, bool modern, struct buf *out) {
    struct buf params = BUF_INIT(0);
    char id[16];
    (void)snprintf(id, sizeof id, "h%u", m->last_id + 1);
    int r = buf_puts(&params, "{");
    if (r == 0) r = buf_puts(&params, members);
    if (r == 0 && modern) r = buf_puts(&params, members[0] ? ",\"_meta\":{" : "\"_meta\":{");
    if (r == 0 && modern) r = buf_puts(&params, m->meta);
    if (r == 0) r = buf_puts(&params, modern ? "}}" : "}");
    const char *text = r == 0 ? buf_cstr(&params) : NULL;
    r = text ? jsonrpc_call(out, id, method, text) : -ENOMEM;
    if (r == 0) m->open[ask] = ++m->last_id;
    buf_deinit(&params);
    return r;
}

enum mcp_ask mcp_asked(const struct mcp *m, const struct scan *s, const struct node *id) {
    char text[16];
    for (unsigned a = 0; id && id->type == NODE_STRING && a < MCP_ASKS; a++) {
        if (!m->open[a]) continue;
        int n = snprintf(text, sizeof text, "h%u", m->open[a]);
        if (scan_equal(s, id, text, (size_t)n)) return (enum mcp_ask)a;
    }
    return MCP_ASKS;
}

/* The specification asks no `_meta` of a client's notifications: NotificationParams has it as optional. */
int mcp_cancel(struct mcp *m, uint64_t seq, const char *reason, struct buf *out) {
    if (m->state != MCP_SERVING || m->native || m->listening) return -EBUSY;
    struct buf params = BUF_INIT(0);
    int r = buf_putf(&params, "{\"requestId\":%" PRIu64 ",\"reason\":", seq);
    if (r == 0) r = text_escape(&params, reason, strlen(reason));
    if (r == 0) r = buf_puts(&params, "}");
    const char *text = r == 0 ? buf_cstr(&params) : NULL;
    r = text ? jsonrpc_call(out, NULL, "notifications/cancelled", text) : -ENOMEM;
    buf_deinit(&params);
    return r;
}

int mcp_probe(struct mcp *m, struct buf *out) {
    if (m->state != MCP_SERVING || m->open[MCP_ASK_HEALTH] || m->listening) return -EBUSY;
    const char *method = m->native ? "hooks/health" : m->modern ? "server/discover" : "ping";
    int r = mcp_ask(m, MCP_ASK_HEALTH, method, "", m->modern, out);
    if (r == 0 && !m->native) (void)mcp_list_refill(m, out);
    return r;
}

int mcp_teardown(struct mcp *m, struct buf *out) {
    if (m->state != MCP_SERVING || m->listening || !m->native) return -EBUSY;
    int r = mcp_ask(m, MCP_ASK_TEARDOWN, "hooks/teardown", "", m->modern, out);
    if (r == 0) m->state = MCP_CLOSING;
    return r;
}
