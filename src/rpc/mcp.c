#include "rpc/mcp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/number.h"
#include "json/text.h"
#include "rpc/mcp_private.h"

enum { NOTES_MAX = 64 };

struct mcp *mcp_new(const struct mcp_identity *id) {
    struct mcp *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    m->id = *id;
    json_incref(m->id.hooks);
    json_incref(m->id.config);
    m->text1 = m->text2 = BUF_INIT(0);
    m->healthy = true;
    struct buf meta = BUF_INIT(0);
    int r = mcp_meta_text(&meta, id->version, id->kind, id->kind_api_version, id->hooks);
    const char *text = r == 0 ? buf_cstr(&meta) : NULL;
    m->meta = text ? strdup(text) : NULL;
    buf_deinit(&meta);
    m->tools = m->meta ? mcp_tools_new(id) : NULL;
    m->id.wishes = NULL; /* the tools have theirs */
    return m->tools ? m : mcp_free(m);
}

struct mcp *mcp_free(struct mcp *m) {
    if (!m) return NULL;
    json_decref(m->id.hooks);
    json_decref(m->id.config);
    json_decref(m->advertised);
    json_decref(m->discovered.advertised);
    json_decref(m->heard);
    (void)mcp_tools_free(m->tools);
    errs_deinit(&m->notes);
    buf_deinit(&m->text1);
    buf_deinit(&m->text2);
    free(m->meta);
    free(m);
    return NULL;
}

void mcp_listen(struct mcp *m) {
    m->state = MCP_SERVING;
    m->listening = true;
}

int mcp_refuse(struct mcp *m) {
    m->state = MCP_OVER;
    memset(m->open, 0, sizeof m->open);
    return MCP_REFUSED;
}

void mcp_note(struct mcp *m, const char *fmt, ...) {
    if (m->notes.n >= NOTES_MAX) {
        m->notes.lost = true;
        return;
    }
    struct err e;
    va_list ap;
    va_start(ap, fmt);
    (void)err_vat(&e, 0, NULL, 0, 0, fmt, ap);
    va_end(ap);
    errs_add(&m->notes, &e);
}

/* --- what is read from a tree --- */

const struct node *mcp_get(const struct scan *s, const struct node *obj, const char *key) {
    return obj ? scan_get(s, obj, key) : NULL;
}

/* The longest beginning of n bytes that ends with a whole character. */
static size_t whole(const char *p, size_t len, size_t n) {
    if (n >= len) return len;
    while (n > 0 && ((unsigned char)p[n] & 0xC0) == 0x80) n--;
    return n;
}

/* The same for a string's body as it is written: an escape is not torn either. */
static size_t whole_escaped(const char *p, size_t len, size_t n) {
    if (n >= len) return len;
    size_t at = 0;
    while (at < n) {
        size_t step = p[at] != '\\' ? 1 : p[at + 1] == 'u' ? 6 : 2;
        if (at + step > n) break;
        at += step;
    }
    return whole(p, len, at);
}

const char *mcp_text(struct buf *b, const struct scan *s, const struct node *n, size_t max) {
    if (b->cap > 4096) buf_deinit(b); /* what a reused text may keep */
    buf_clear(b);
    if (n && n->type == NODE_STRING) {
        const char *p = scan_ptr(s, n);
        struct node head = *n;
        size_t escaped = max < UINT32_MAX / 6 ? max * 6 : UINT32_MAX;
        head.len = (uint32_t)(n->flags & NODE_ESCAPED ? whole_escaped(p, n->len, escaped) : whole(p, n->len, max));
        (void)text_unescape(s, &head, TEXT_LONE_REPLACE, b);
        b->len = whole(buf_data(b), b->len, max);
    }
    const char *c = buf_cstr(b);
    return c ? c : "";
}

bool mcp_complete(const struct scan *s, const struct node *result) {
    const struct node *type = mcp_get(s, result, "resultType");
    return !type || (type->type == NODE_STRING && scan_equal(s, type, "complete", 8));
}

const char *mcp_error(struct mcp *m, const struct scan *s, const struct node *error, long long *codep) {
    const struct node *code = mcp_get(s, error, "code"), *message = mcp_get(s, error, "message");
    int64_t v = 0;
    if (code && (code->type != NODE_NUMBER || number_to_int64(number_of(s, code), &v) != 0)) v = 0;
    *codep = v;
    return message && message->type == NODE_STRING ? mcp_text(&m->text1, s, message, MCP_MESSAGE_MAX) : "no message";
}

/* --- messages --- */

static int on_response(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out,
                       struct err *why) {
    if (msg->id && msg->id->type == NODE_NUMBER) return mcp_on_answer(m, s, msg, why);
    enum mcp_ask ask = mcp_asked(m, s, msg->id);
    if (ask != MCP_ASKS) m->open[ask] = 0;
    switch (ask) {
        case MCP_ASK_DISCOVER:
            return mcp_on_discover(m, s, msg, out, why);
        case MCP_ASK_INITIALIZE:
            return mcp_on_initialize(m, s, msg, out, why);
        case MCP_ASK_SETUP:
            return mcp_on_setup(m, s, msg, why);
        case MCP_ASK_LIST:
            return mcp_on_list(m, s, msg, out, why);
        case MCP_ASK_LISTEN: /* patterns/subscriptions#graceful-closure: it is over; or it was refused */
            if (msg->kind == JSONRPC_ERROR) {
                long long code;
                const char *message = mcp_error(m, s, msg->error, &code);
                mcp_note(m, "it will not tell when its tools change: %s (%lld)", message, code);
            }
            return MCP_NOTHING;
        case MCP_ASK_HEALTH:
            return mcp_on_health(m, s, msg);
        case MCP_ASK_TEARDOWN:
            return MCP_RELEASED;
        case MCP_ASKS:
            break;
    }
    (void)err_set(why, 0, "an answer to nothing that was asked");
    return MCP_UNEXPECTED;
}

static bool named(const struct scan *s, const struct jsonrpc *msg, const char *method) {
    return scan_equal(s, msg->method, method, strlen(method));
}

/* The tools may have changed. A modern server says so on our subscription only (patterns/subscriptions: clients MUST
 * correlate by subscriptionId); one that forgets the id is believed. */
static int on_tools_changed(struct mcp *m, const struct scan *s, const struct node *params, struct buf *out,
                            struct err *why) {
    const struct node *id = mcp_get(s, mcp_get(s, params, "_meta"), "io.modelcontextprotocol/subscriptionId");
    if (m->modern && id && mcp_asked(m, s, id) != MCP_ASK_LISTEN) {
        (void)err_set(why, 0, "a notification for a subscription that is not ours");
        return MCP_UNEXPECTED;
    }
    int r = m->native || m->listening ? 0 : mcp_list_again(m, out);
    return r < 0 ? r : MCP_NOTHING;
}

/* patterns/subscriptions: a modern server may end a subscription with this. A legacy one takes back a request that was
 * refused already. */
static int on_cancelled(struct mcp *m, const struct scan *s, const struct node *params) {
    if (mcp_asked(m, s, mcp_get(s, params, "requestId")) == MCP_ASK_LISTEN) m->open[MCP_ASK_LISTEN] = 0;
    return MCP_NOTHING;
}

static int on_notification(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out,
                           struct err *why) {
    static const char *const understood[] = {/* ServerNotification of the five schemas */
                                             "notifications/progress",
                                             "notifications/resources/updated",
                                             "notifications/resources/list_changed",
                                             "notifications/prompts/list_changed",
                                             "notifications/subscriptions/acknowledged",
                                             "notifications/tasks/status",
                                             "notifications/elicitation/complete"};
    if (named(s, msg, "notifications/hooks/failed") && (m->native || m->listening))
        return mcp_on_failed(m, s, msg->params, why);
    if (named(s, msg, "notifications/message")) return mcp_on_message(m, s, msg->params);
    if (named(s, msg, "notifications/tools/list_changed")) return on_tools_changed(m, s, msg->params, out, why);
    if (named(s, msg, "notifications/cancelled")) return on_cancelled(m, s, msg->params);
    for (unsigned i = 0; i < ARRAY_LEN(understood); i++)
        if (named(s, msg, understood[i])) return MCP_NOTHING;
    (void)err_set(why, 0, "a notification that is not known here: %s", mcp_text(&m->text1, s, msg->method, 200));
    return MCP_UNEXPECTED;
}

/* Only a session that `initialize` opened has requests from the server; until its answer is there the server may still
 * turn out to be modern, but then it sends none. basic/utilities/ping: "the receiver MUST respond promptly". */
static int on_request(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out,
                      struct err *why) {
    bool legacy = m->state == MCP_INITIALIZING ? !m->discovered.modern : m->revision && !m->modern;
    bool answer = legacy && !m->hushed && m->state != MCP_OVER && msg->id && msg->id->type != NODE_NULL;
    const char *method = mcp_text(&m->text1, s, msg->method, 200);
    if (legacy && named(s, msg, "ping")) {
        int r = answer ? jsonrpc_result(out, s, msg->id, "{}", 2) : 0;
        return r < 0 ? r : MCP_NOTHING;
    }
    if (answer && jsonrpc_error(out, s, msg->id, JSONRPC_METHOD_NOT_FOUND, "Method not found", NULL) < 0)
        return -ENOMEM;
    if (m->modern)
        (void)err_set(why, 0, "a request, which a server of %s must not send: %s", MCP_MODERN, method);
    else
        (void)err_set(why, 0, "a request that is not served here: %s", method);
    return MCP_UNEXPECTED;
}

int mcp_receive(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out, struct err *why) {
    switch (msg->kind) {
        case JSONRPC_RESULT:
        case JSONRPC_ERROR:
            return on_response(m, s, msg, out, why);
        case JSONRPC_NOTIFICATION:
            return on_notification(m, s, msg, out, why);
        case JSONRPC_REQUEST:
            return on_request(m, s, msg, out, why);
        case JSONRPC_BATCH:
        case JSONRPC_INVALID:
            (void)err_set(why, 0, "not JSON-RPC: %s", msg->why);
            return MCP_UNEXPECTED;
    }
    return MCP_NOTHING;
}

/* --- what is known --- */

const char *mcp_awaiting(const struct mcp *m) {
    switch (m->state) {
        case MCP_DISCOVERING:
        case MCP_UNDECIDED:
            return "an answer to server/discover";
        case MCP_INITIALIZING:
            return "an answer to initialize";
        case MCP_SETTING_UP:
            return "an answer to hooks/setup";
        case MCP_LISTING:
            return "an answer to tools/list";
        case MCP_CLOSING:
            return "an answer to hooks/teardown";
        case MCP_IDLE:
        case MCP_SERVING:
        case MCP_OVER:
            return "nothing";
    }
    return "nothing";
}

void mcp_hush(struct mcp *m, bool hushed) { m->hushed = hushed; }
struct errs *mcp_notes(struct mcp *m) {
    return &m->notes;
}
bool mcp_native(const struct mcp *m) { return m->native || m->listening; }
const char *mcp_revision(const struct mcp *m) { return m->revision; }
bool mcp_batches(const struct mcp *m) { return m->revision && strcmp(m->revision, "2025-03-26") == 0; }
const json_t *mcp_advertised(const struct mcp *m) { return m->advertised; }
const json_t *mcp_heard(const struct mcp *m) { return m->heard; }
const struct mcp_failure *mcp_failure(const struct mcp *m) { return &m->failure; }
const struct mcp_answer *mcp_answer(const struct mcp *m) { return &m->answer; }
const struct mcp_logged *mcp_logged(const struct mcp *m) { return &m->logged; }

bool mcp_health(const struct mcp *m, const char **detailp) {
    *detailp = m->detail;
    return m->healthy;
}
