/* mcp_native.c — a server with the extension io.hookcast/hooks: setup, health, failed events; and log messages. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/number.h"
#include "rpc/mcp_private.h"

enum { LOG_TEXT_MAX = 1000 };

static bool lists(const json_t *list, const char *what) {
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) if (json_is_string(v) && strcmp(json_string_value(v), what) == 0) return true;
    return false;
}

/* What it advertises, as far as it may hear it; else all it may hear. */
static json_t *choose_heard(const struct mcp *m) {
    if (!m->advertised) return json_copy(m->id.hooks);
    json_t *heard = json_array();
    size_t i;
    json_t *v;
    json_array_foreach(m->id.hooks, i, v) {
        if (!lists(m->advertised, json_string_value(v))) continue;
        if (json_array_append(heard, v) < 0) {
            json_decref(heard);
            return NULL;
        }
    }
    return heard;
}

int mcp_setup(struct mcp *m, struct buf *out) {
    m->heard = choose_heard(m);
    if (!m->heard) return -ENOMEM;
    struct buf members = BUF_INIT(0);
    json_t *params = json_pack("{s:s, s:s, s:O, s:O, s:s}", "plugin", m->id.plugin, "kind", m->id.kind, "hooks",
                               m->heard, "config", m->id.config, "run", m->id.run);
    int r = mcp_members_text(&members, params);
    const char *text = r == 0 ? buf_cstr(&members) : NULL;
    r = text ? mcp_ask(m, MCP_ASK_SETUP, "hooks/setup", text, m->modern, out) : -ENOMEM;
    json_decref(params);
    buf_deinit(&members);
    if (r < 0) return r;
    m->state = MCP_SETTING_UP;
    return MCP_NOTHING;
}

int mcp_on_setup(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct err *why) {
    if (msg->kind == JSONRPC_ERROR) {
        long long code;
        (void)err_set(why, 0, "hooks/setup failed: %s", mcp_error(m, s, msg->error, &code));
        return mcp_refuse(m);
    }
    if (m->modern && !mcp_complete(s, msg->result)) {
        (void)err_set(why, 0, "hooks/setup failed: its answer is not complete");
        return mcp_refuse(m);
    }
    m->state = MCP_SERVING;
    return MCP_READY;
}

/* Any answer is life. Only a native plugin can say that it is not well. */
int mcp_on_health(struct mcp *m, const struct scan *s, const struct jsonrpc *msg) {
    const struct node *status = m->native ? mcp_get(s, msg->result, "status") : NULL;
    const struct node *detail = m->native ? mcp_get(s, msg->result, "detail") : NULL;
    m->healthy = !(status && status->type == NODE_STRING && scan_equal(s, status, "degraded", 8));
    (void)snprintf(m->detail, sizeof m->detail, "%s", mcp_text(&m->text1, s, detail, sizeof m->detail - 1));
    return MCP_ALIVE;
}

int mcp_on_failed(struct mcp *m, const struct scan *s, const struct node *params, struct err *why) {
    const struct node *seq = mcp_get(s, params, "seq");
    const struct node *message = mcp_get(s, mcp_get(s, params, "error"), "message");
    int64_t v = 0;
    if (!message || message->type != NODE_STRING) {
        (void)err_set(why, 0, "notifications/hooks/failed without error.message");
        return MCP_UNEXPECTED;
    }
    if (seq && (seq->type != NODE_NUMBER || number_to_int64(number_of(s, seq), &v) != 0 || v < 0)) v = 0;
    m->failure.hook = mcp_text(&m->text1, s, scan_get(s, params, "hook"), SIZE_MAX);
    m->failure.message = mcp_text(&m->text2, s, message, SIZE_MAX);
    m->failure.seq = (unsigned long long)v;
    return MCP_FAILED_EVENT;
}

/* server/utilities/logging: `data` is any JSON. A modern server is never asked for these; what it says is kept. */
int mcp_on_message(struct mcp *m, const struct scan *s, const struct node *params) {
    static const char *const levels[] = {"emergency", "alert",  "critical", "error",
                                         "warning",   "notice", "info",     "debug"};
    const struct node *level = mcp_get(s, params, "level"), *data = mcp_get(s, params, "data");
    if (!data) return MCP_NOTHING;
    m->logged.severity = 6;
    for (unsigned i = 0; level && level->type == NODE_STRING && i < ARRAY_LEN(levels); i++)
        if (scan_equal(s, level, levels[i], strlen(levels[i]))) m->logged.severity = i;
    m->logged.logger = mcp_text(&m->text1, s, mcp_get(s, params, "logger"), 100);
    struct node raw = *data; /* JSON as it lies: a string without escapes, as far as copying goes */
    if (data->type != NODE_STRING) {
        raw.type = NODE_STRING;
        raw.flags = 0;
    }
    m->logged.text = mcp_text(&m->text2, s, &raw, LOG_TEXT_MAX);
    return MCP_LOG;
}
