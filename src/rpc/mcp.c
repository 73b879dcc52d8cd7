#include "rpc/mcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/number.h"
#include "json/text.h"

enum state { DISCOVERING, SETTING_UP, READY, CLOSING, REFUSED };
enum { TEXT_KEEP = 4096 }; /* bytes a reused text may keep */

struct mcp {
    struct mcp_identity id;
    enum state state;
    unsigned last_id;
    unsigned awaiting, probe, teardown; /* ids of ours still unanswered; 0 = none */
    bool probed_again;                  /* server/discover was sent a second time */
    json_t *advertised;                 /* as it said; NULL: it gave no list */
    json_t *heard;                      /* what it will hear */
    const char *revision;
    bool listening; /* no handshake, nothing is ever asked */
    struct buf text1, text2;
    struct mcp_failure failure;
    bool healthy;
    char detail[256];
};

struct mcp *mcp_new(const struct mcp_identity *id) {
    struct mcp *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    m->id = *id;
    json_incref(m->id.hooks);
    json_incref(m->id.config);
    m->text1 = m->text2 = BUF_INIT(0);
    return m;
}

struct mcp *mcp_free(struct mcp *m) {
    if (!m) return NULL;
    json_decref(m->id.hooks);
    json_decref(m->id.config);
    json_decref(m->advertised);
    json_decref(m->heard);
    buf_deinit(&m->text1);
    buf_deinit(&m->text2);
    free(m);
    return NULL;
}

/* basic/index#_meta: protocolVersion and clientCapabilities are required in every request, clientInfo should be there.
 * The extension's settings tell the plugin which kind it is to serve. */
static json_t *request_meta(const struct mcp *m) {
    return json_pack("{s:s, s:{s:s, s:s}, s:{s:{s:{s:s, s:s, s:O}}}}", "io.modelcontextprotocol/protocolVersion",
                     MCP_MODERN, "io.modelcontextprotocol/clientInfo", "name", "hookcastd", "version", m->id.version,
                     "io.modelcontextprotocol/clientCapabilities", "extensions", MCP_EXTENSION, "kind", m->id.kind,
                     "kind_api_version", m->id.kind_api_version, "hooks", m->id.hooks);
}

/* Write a request; steals `params`. Returns its id's number, or -ENOMEM. */
static int request_take(struct mcp *m, const char *method, json_t *params, struct buf *out) {
    json_t *meta = request_meta(m);
    int r = -ENOMEM;
    if (params && meta && json_object_set(params, "_meta", meta) == 0) {
        cleanup_free char *text = json_dumps(params, JSON_COMPACT);
        char id[16];
        (void)snprintf(id, sizeof id, "h%u", m->last_id + 1);
        if (text && jsonrpc_call(out, id, method, text) == 0) r = (int)++m->last_id;
    }
    json_decref(meta);
    json_decref(params);
    return r;
}

int mcp_start(struct mcp *m, struct buf *out) {
    int r = request_take(m, "server/discover", json_object(), out);
    if (r < 0) return r;
    m->awaiting = (unsigned)r;
    return 0;
}

void mcp_listen(struct mcp *m) {
    m->state = READY;
    m->listening = true;
}

static int refuse(struct mcp *m) {
    m->state = REFUSED;
    m->awaiting = 0;
    return MCP_REFUSED;
}

/* "a, b, c" */
static void join(const json_t *list, char *out, size_t cap) {
    size_t i, at = 0;
    json_t *v;
    out[0] = '\0';
    json_array_foreach(list, i, v) {
        if (!json_is_string(v) || at >= cap - 1) continue;
        int n = snprintf(out + at, cap - at, "%s%s", at ? ", " : "", json_string_value(v));
        at += n > 0 ? (size_t)n : 0;
    }
    if (!out[0]) (void)snprintf(out, cap, "none");
}

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

static int setup(struct mcp *m, struct buf *out) {
    m->heard = choose_heard(m);
    if (!m->heard) return -ENOMEM;
    json_t *params = json_pack("{s:s, s:s, s:O, s:O, s:s}", "plugin", m->id.plugin, "kind", m->id.kind, "hooks",
                               m->heard, "config", m->id.config, "run", m->id.run);
    int r = request_take(m, "hooks/setup", params, out);
    if (r < 0) return r;
    m->awaiting = (unsigned)r;
    m->state = SETTING_UP;
    return MCP_NOTHING;
}

/* server/discover: DiscoverResult. */
static int discovered(struct mcp *m, const json_t *result, struct buf *out, struct err *why) {
    char offered[256];
    const json_t *versions = json_object_get(result, "supportedVersions");
    if (!lists(versions, MCP_MODERN)) {
        join(versions, offered, sizeof offered);
        (void)err_set(why, 0, "no MCP revision in common: it supports %s, hookcastd supports %s", offered, MCP_MODERN);
        return refuse(m);
    }
    const json_t *caps = json_object_get(result, "capabilities");
    const json_t *ext = json_object_get(json_object_get(caps, "extensions"), MCP_EXTENSION);
    if (!ext) ext = json_object_get(json_object_get(caps, "experimental"), MCP_EXTENSION);
    if (!json_is_object(ext)) {
        (void)err_set(why, 0, "it does not advertise the extension %s (capabilities.extensions)", MCP_EXTENSION);
        return refuse(m);
    }
    const json_t *hooks = json_object_get(ext, "hooks");
    if (hooks && !json_is_array(hooks)) {
        (void)err_set(why, 0, "its extension %s has a \"hooks\" that is not a list", MCP_EXTENSION);
        return refuse(m);
    }
    m->advertised = hooks ? json_deep_copy(hooks) : NULL;
    if (hooks && !m->advertised) return -ENOMEM;
    m->revision = MCP_MODERN;
    return setup(m, out);
}

static const char *error_message(const json_t *error) {
    const char *s = json_string_value(json_object_get(error, "message"));
    return s ? s : "no message";
}

/* -32022, UnsupportedProtocolVersion: one that names our revision as supported is asked once more. */
static int version_refused(struct mcp *m, const json_t *supported, struct buf *out, struct err *why) {
    char offered[256];
    if (!lists(supported, MCP_MODERN)) {
        join(supported, offered, sizeof offered);
        (void)err_set(why, 0, "no MCP revision in common: it supports %s, hookcastd supports %s", offered, MCP_MODERN);
        return refuse(m);
    }
    if (m->probed_again) {
        (void)err_set(why, 0, "it refuses MCP %s and says that it supports it", MCP_MODERN);
        return refuse(m);
    }
    m->probed_again = true;
    int r = mcp_start(m, out);
    return r < 0 ? r : MCP_NOTHING;
}

/* -32021, MissingRequiredClientCapability. */
static int capability_missing(struct mcp *m, const json_t *required, struct err *why) {
    cleanup_free char *text = required ? json_dumps(required, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    (void)err_set(why, 0, "it requires client capabilities that hookcastd does not have: %s",
                  text ? text : "it does not say which");
    return refuse(m);
}

static int discover_failed(struct mcp *m, const json_t *error, struct buf *out, struct err *why) {
    json_int_t code = json_integer_value(json_object_get(error, "code"));
    const json_t *data = json_object_get(error, "data");
    if (code == -32022) return version_refused(m, json_object_get(data, "supported"), out, why);
    if (code == -32021) return capability_missing(m, json_object_get(data, "requiredCapabilities"), why);
    (void)err_set(why, 0, "server/discover failed: %s (%lld); a server of MCP %s with %s is needed",
                  error_message(error), (long long)code, MCP_MODERN, MCP_EXTENSION);
    return refuse(m);
}

static int setup_failed(struct mcp *m, const json_t *error, struct err *why) {
    (void)err_set(why, 0, "hooks/setup failed: %s", error_message(error));
    return refuse(m);
}

static int health(struct mcp *m, const json_t *result) {
    m->probe = 0;
    const char *status = json_string_value(json_object_get(result, "status"));
    const char *detail = json_string_value(json_object_get(result, "detail"));
    m->healthy = !status || strcmp(status, "degraded") != 0;
    (void)snprintf(m->detail, sizeof m->detail, "%s", detail ? detail : "");
    return MCP_ALIVE;
}

/* The request of ours that an answer's id names, if it is still unanswered; else 0. */
static unsigned asked(const struct mcp *m, const struct scan *s, const struct node *id) {
    const unsigned open[] = {m->awaiting, m->probe, m->teardown};
    char text[16];
    for (size_t i = 0; id && id->type == NODE_STRING && i < ARRAY_LEN(open); i++) {
        int n = snprintf(text, sizeof text, "h%u", open[i]);
        if (open[i] && scan_equal(s, id, text, (size_t)n)) return open[i];
    }
    return 0;
}

/* An answer is rare: it may become a document. `body` is its result or its error; NULL: it cannot be read (a number
 * beyond every range, no memory), which only the answer to server/discover needs. */
static int answered(struct mcp *m, unsigned n, bool failed, const json_t *body, struct buf *out, struct err *why) {
    if (n == m->probe) return health(m, failed ? NULL : body);
    if (n == m->teardown) {
        m->teardown = 0;
        return MCP_RELEASED;
    }
    m->awaiting = 0;
    if (m->state == DISCOVERING && !body) return refuse(m);
    if (m->state == DISCOVERING) return failed ? discover_failed(m, body, out, why) : discovered(m, body, out, why);
    if (failed) return setup_failed(m, body, why);
    m->state = READY;
    return MCP_READY;
}

static int on_answer(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out, struct err *why) {
    unsigned n = asked(m, s, msg->id);
    if (!n) {
        (void)err_set(why, 0, "an answer to nothing that was asked");
        return MCP_UNEXPECTED;
    }
    bool failed = msg->kind == JSONRPC_ERROR;
    const struct node *body = failed ? msg->error : msg->result;
    bool quoted = body->type == NODE_STRING;
    json_error_t je;
    json_t *doc =
        json_loadb(scan_ptr(s, body) - quoted, body->len + 2u * quoted, JSON_DECODE_ANY | JSON_ALLOW_NUL, &je);
    if (!doc) (void)err_set(why, 0, "an answer that cannot be read: %s", je.text);
    int r = answered(m, n, failed, doc, out, why);
    json_decref(doc);
    return r;
}

static const char *put_text(struct buf *b, const struct scan *s, const struct node *n) {
    if (b->cap > TEXT_KEEP) buf_deinit(b);
    buf_clear(b);
    if (n && n->type == NODE_STRING) (void)text_unescape(s, n, TEXT_LONE_REPLACE, b);
    const char *c = buf_cstr(b);
    return c ? c : "";
}

static int on_failed_event(struct mcp *m, const struct scan *s, const struct node *params, struct err *why) {
    const struct node *seq = params ? scan_get(s, params, "seq") : NULL;
    const struct node *error = params ? scan_get(s, params, "error") : NULL;
    const struct node *message = error ? scan_get(s, error, "message") : NULL;
    int64_t v = 0;
    if (!message || message->type != NODE_STRING) {
        (void)err_set(why, 0, "notifications/hooks/failed without error.message");
        return MCP_UNEXPECTED;
    }
    if (seq && (seq->type != NODE_NUMBER || number_to_int64(number_of(s, seq), &v) != 0 || v < 0)) v = 0;
    m->failure.hook = put_text(&m->text1, s, scan_get(s, params, "hook"));
    m->failure.message = put_text(&m->text2, s, message);
    m->failure.seq = (unsigned long long)v;
    return MCP_FAILED_EVENT;
}

static int on_notification(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct err *why) {
    if (scan_equal(s, msg->method, "notifications/hooks/failed", 26) && (m->revision || m->listening))
        return on_failed_event(m, s, msg->params, why);
    if (scan_equal(s, msg->method, "notifications/message", 21)) return MCP_NOTHING;
    if (scan_equal(s, msg->method, "notifications/progress", 22)) return MCP_NOTHING;
    (void)err_set(why, 0, "a notification that is not known here: %s", put_text(&m->text1, s, msg->method));
    return MCP_UNEXPECTED;
}

int mcp_receive(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out, struct err *why) {
    switch (msg->kind) {
        case JSONRPC_RESULT:
        case JSONRPC_ERROR:
            return on_answer(m, s, msg, out, why);
        case JSONRPC_NOTIFICATION:
            return on_notification(m, s, msg, why);
        case JSONRPC_REQUEST:
            (void)err_set(why, 0, "a request, which a server of %s must not send: %s", MCP_MODERN,
                          put_text(&m->text1, s, msg->method));
            return MCP_UNEXPECTED;
        case JSONRPC_BATCH:
        case JSONRPC_INVALID:
            (void)err_set(why, 0, "not JSON-RPC: %s", msg->why);
            return MCP_UNEXPECTED;
    }
    return MCP_NOTHING;
}

int mcp_probe(struct mcp *m, struct buf *out) {
    if (m->state != READY || m->probe || m->listening) return -EBUSY;
    int r = request_take(m, "hooks/health", json_object(), out);
    if (r < 0) return r;
    m->probe = (unsigned)r;
    return 0;
}

int mcp_teardown(struct mcp *m, struct buf *out) {
    if (m->state != READY || m->listening) return -EBUSY;
    int r = request_take(m, "hooks/teardown", json_object(), out);
    if (r < 0) return r;
    m->teardown = (unsigned)r;
    m->state = CLOSING;
    return 0;
}

const char *mcp_awaiting(const struct mcp *m) {
    switch (m->state) {
        case DISCOVERING:
            return "an answer to server/discover";
        case SETTING_UP:
            return "an answer to hooks/setup";
        case CLOSING:
            return "an answer to hooks/teardown";
        case READY:
        case REFUSED:
            return "nothing";
    }
    return "nothing";
}

const char *mcp_revision(const struct mcp *m) { return m->revision; }
const json_t *mcp_advertised(const struct mcp *m) { return m->advertised; }
const json_t *mcp_heard(const struct mcp *m) { return m->heard; }
const struct mcp_failure *mcp_failure(const struct mcp *m) { return &m->failure; }

bool mcp_health(const struct mcp *m, const char **detailp) {
    *detailp = m->detail;
    return m->healthy;
}
