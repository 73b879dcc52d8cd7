#include "ctl/mcpserve_message.h"

#include <string.h>

#include "base/cleanup.h"
#include "ctl/mcpserve_call.h"
#include "ctl/mcpserve_resources.h"
#include "ctl/mcpserve_tools.h"

enum { DEPTH_MAX = 128, SCAN_KEEP = 4 * 1024 * 1024 };

struct request {
    struct mcpserve *server;
    const struct scan *scan;
    const struct node *params; /* an object, or NULL */
    const struct jsonrpc *message;
    enum mcpserve_revision revision;
};

static const char INSTRUCTIONS[] =
    "Each tool publishes one event of hookcastd, which hands it to every plugin that hears it; nothing comes back from "
    "the plugins. The resources hookcast://plugins and hookcast://kinds show who there is and what events there are.";

/* --- methods -------------------------------------------------------------------------------------------------------
 */

static json_t *server_info(void) { return json_pack("{s:s, s:s}", "name", "hookcastctl", "version", HOOKCAST_VERSION); }

static json_t *capabilities(void) {
    return json_pack("{s:{s:b}, s:{s:b, s:b}}", "tools", "listChanged", 0, "resources", "listChanged", 0, "subscribe",
                     0);
}

static void discover(const struct request *q, struct mcpserve_reply *r) {
    (void)q;
    r->result = json_pack("{s:o, s:o, s:s}", "supportedVersions", mcpserve_revision_names(), "capabilities",
                          capabilities(), "instructions", INSTRUCTIONS);
}

static void initialize(const struct request *q, struct mcpserve_reply *r) {
    const struct node *asked = mcpserve_member(q->scan, q->params, "protocolVersion");
    if (!asked || asked->type != NODE_STRING) {
        mcpserve_refuse_take(r, JSONRPC_INVALID_PARAMS, NULL, "\"protocolVersion\" must be given, as a string");
        return;
    }
    enum mcpserve_revision v = mcpserve_revision_agree(q->scan, asked);
    q->server->session = v;
    r->result = json_pack("{s:s, s:o, s:o, s:s}", "protocolVersion", mcpserve_revision_name(v), "capabilities",
                          capabilities(), "serverInfo", server_info(), "instructions", INSTRUCTIONS);
}

static void ping(const struct request *q, struct mcpserve_reply *r) {
    (void)q;
    r->result = json_object();
}

/* All lists are one page: a cursor was never given out [server/utilities/pagination, Error Handling]. */
static bool first_page(const struct request *q, struct mcpserve_reply *r) {
    if (!mcpserve_member(q->scan, q->params, "cursor")) return true;
    mcpserve_refuse_take(r, JSONRPC_INVALID_PARAMS, NULL, "Invalid cursor: the list has one page");
    return false;
}

static void tools_list(const struct request *q, struct mcpserve_reply *r) {
    if (first_page(q, r)) mcpserve_tools_list(q->server->options, q->revision, r);
}

static void tools_call(const struct request *q, struct mcpserve_reply *r) {
    mcpserve_call(q->server->options, q->revision, q->scan, q->params, &q->server->value, r);
}

static void resources_list(const struct request *q, struct mcpserve_reply *r) {
    if (first_page(q, r)) mcpserve_resources_list(r);
}

static void templates_list(const struct request *q, struct mcpserve_reply *r) {
    if (first_page(q, r)) r->result = json_pack("{s:[]}", "resourceTemplates");
}

static void resources_read(const struct request *q, struct mcpserve_reply *r) {
    mcpserve_resources_read(q->server->options, q->revision, q->scan, q->params, r);
}

/* Nothing is ever told of: the stream is acknowledged with an empty filter and stays open, as the client wants, until
 * it cancels it or this process ends [2026-07-28 basic/patterns/subscriptions]. */
static void listen(const struct request *q, struct mcpserve_reply *r) {
    const struct node *filter = mcpserve_member(q->scan, q->params, "notifications");
    if (!filter || filter->type != NODE_OBJECT) {
        mcpserve_refuse_take(r, JSONRPC_INVALID_PARAMS, NULL, "\"notifications\" must be given, as an object");
        return;
    }
    size_t len;
    const char *id = jsonrpc_id(q->scan, q->message->id, &len);
    json_t *value = json_loadb(id, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    r->note = json_pack("{s:s, s:s, s:{s:{s:o}, s:{}}}", "jsonrpc", "2.0", "method",
                        "notifications/subscriptions/acknowledged", "params", "_meta", MCPSERVE_META "subscriptionId",
                        value, "notifications");
}

/* --- the table -----------------------------------------------------------------------------------------------------
 */

enum { LEGACY = 1, MODERN = 2, BOTH = 3, UNBOUND = 4 /* also before `initialize` */ };
enum cache { NEVER, SHARED, PRIVATE };
enum { FIXED_MS = 3600 * 1000, TOOLS_MS = 10 * 1000 };

struct method {
    const char *name;
    unsigned eras;
    void (*run)(const struct request *q, struct mcpserve_reply *r);
    enum cache cache; /* [2026-07-28 server/utilities/caching] */
    int ttl_ms;
};

static const struct method methods[] = {
    {"initialize", LEGACY | UNBOUND, initialize, NEVER, 0},
    {"ping", LEGACY | UNBOUND, ping, NEVER, 0},
    {"server/discover", MODERN, discover, SHARED, FIXED_MS},
    {"subscriptions/listen", MODERN, listen, NEVER, 0},
    {"tools/list", BOTH, tools_list, PRIVATE, TOOLS_MS},
    {"tools/call", BOTH, tools_call, NEVER, 0},
    {"resources/list", BOTH, resources_list, SHARED, FIXED_MS},
    {"resources/templates/list", BOTH, templates_list, SHARED, FIXED_MS},
    {"resources/read", BOTH, resources_read, PRIVATE, 0},
};

static const struct method *find(const struct scan *s, const struct node *name, unsigned era) {
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (methods[i].eras & era && scan_equal(s, name, methods[i].name, strlen(methods[i].name))) return &methods[i];
    return NULL;
}

static void refuse_method(const struct request *q, struct mcpserve_reply *r) {
    cleanup_free char *word = mcpserve_string(q->scan, q->message->method);
    mcpserve_refuse_take(r, JSONRPC_METHOD_NOT_FOUND, NULL, "Method not found: %.160s", word ? word : "");
}

/* What every modern result has [2026-07-28 basic/index, ResultType and Per-response protocol fields]. */
static void finish_modern(const struct method *method, json_t *result) {
    if (!result) return;
    (void)json_object_set_new(result, "resultType", json_string("complete"));
    (void)json_object_set_new(result, "_meta", json_pack("{s:o}", MCPSERVE_META "serverInfo", server_info()));
    if (method->cache == NEVER) return;
    (void)json_object_set_new(result, "ttlMs", json_integer(method->ttl_ms));
    (void)json_object_set_new(result, "cacheScope", json_string(method->cache == SHARED ? "public" : "private"));
}

static void run_modern(struct request *q, struct mcpserve_reply *r) {
    if (!mcpserve_revision_check(q->scan, q->params, r)) return;
    q->revision = MCPSERVE_MODERN;
    const struct method *method = find(q->scan, q->message->method, MODERN);
    if (!method) {
        refuse_method(q, r);
        return;
    }
    method->run(q, r);
    finish_modern(method, r->result);
}

static void run_legacy(struct request *q, struct mcpserve_reply *r) {
    q->revision = q->server->session;
    bool bound = q->revision != MCPSERVE_NONE;
    const struct method *method = find(q->scan, q->message->method, bound ? LEGACY : BOTH);
    if (!method)
        refuse_method(q, r);
    else if (!bound && !(method->eras & UNBOUND))
        mcpserve_refuse_take(r, JSONRPC_INVALID_PARAMS, NULL,
                             "\"" MCPSERVE_META
                             "protocolVersion\" is missing in _meta, which every request of MCP %s "
                             "has; for an older revision send initialize first",
                             mcpserve_revision_name(MCPSERVE_MODERN));
    else
        method->run(q, r);
}

/* --- messages ------------------------------------------------------------------------------------------------------
 */

/* Without an id that can be read: MCP has none in the answer since 2025-11-25, JSON-RPC 2.0 wants null. */
static const char *no_id(const struct mcpserve *m) {
    return m->session == MCPSERVE_NONE || m->session >= MCPSERVE_2025_11_25 ? NULL : "null";
}

static void put_failure(const struct mcpserve *m, int code, const char *why, struct buf *out) {
    struct mcpserve_reply r = {0};
    mcpserve_refuse_take(&r, code, NULL, "%s", why);
    (void)mcpserve_reply_put(&r, no_id(m), strlen("null"), out);
    mcpserve_reply_deinit(&r);
}

/* A string or an integer [basic/index, Requests]; never null. */
static bool usable(const struct node *id) {
    return id && (id->type == NODE_STRING || (id->type == NODE_NUMBER && id->flags & NODE_INTEGER));
}

/* What is wrong with a message's form beyond JSON-RPC; NULL: nothing. */
static const char *form_error(int scanned, const struct jsonrpc *msg) {
    if (scanned == SCAN_E_DEPTH) return "nested more than 128 levels deep";
    if (scanned == SCAN_E_DUPLICATE) return "a key is named twice in one object";
    if (msg->params && msg->params->type != NODE_OBJECT) return "\"params\" must be an object";
    return NULL;
}

static void answer(struct mcpserve *m, const struct scan *s, int scanned, const struct jsonrpc *msg, bool in_batch,
                   struct buf *out) {
    struct mcpserve_reply r = {0};
    struct request q = {.server = m, .scan = s, .params = msg->params, .message = msg};
    const char *wrong = msg->kind == JSONRPC_REQUEST ? form_error(scanned, msg) : msg->why;
    size_t len;
    const char *id = jsonrpc_id(s, msg->id, &len);
    if (!usable(msg->id)) {
        put_failure(m, JSONRPC_INVALID_REQUEST, msg->id ? "the id must be a string or an integer" : msg->why, out);
        return;
    }
    if (!wrong && in_batch && scan_equal(s, msg->method, "initialize", strlen("initialize")))
        wrong = "initialize must not be part of a batch"; /* [2025-03-26 basic/lifecycle] */
    if (wrong)
        mcpserve_refuse_take(&r, JSONRPC_INVALID_REQUEST, NULL, "%s", wrong);
    else if (mcpserve_revision_is_modern(s, q.params))
        run_modern(&q, &r);
    else
        run_legacy(&q, &r);
    (void)mcpserve_reply_put(&r, id, len, out);
    mcpserve_reply_deinit(&r);
}

static void serve_one(struct mcpserve *m, const struct scan *s, int scanned, bool in_batch, struct buf *out) {
    struct jsonrpc msg;
    jsonrpc_classify(s, &msg);
    switch (msg.kind) {
        case JSONRPC_NOTIFICATION: /* initialized, cancelled (too late: one request at a time), and others */
        case JSONRPC_RESULT:
        case JSONRPC_ERROR: /* answers to what was never asked */
            return;
        case JSONRPC_BATCH:
            put_failure(m, JSONRPC_INVALID_REQUEST, "a batch is not served here: send one message a line", out);
            return;
        case JSONRPC_INVALID:
        case JSONRPC_REQUEST:
            answer(m, s, scanned, &msg, in_batch, out);
            return;
    }
}

/* [2025-03-26 basic/index, Batching]: receiving them is required there, and gone in later revisions. */
static void serve_batch(struct mcpserve *m, const struct scan *s, struct buf *out) {
    struct buf answers = BUF_INIT(0);
    const struct node *root = scan_root(s);
    for (const struct node *e = scan_first(s, root); e; e = scan_next(s, root, e)) {
        bool quoted = e->type == NODE_STRING; /* a string's span lies between its quotes */
        int scanned = scan_text(&m->element, scan_ptr(s, e) - quoted, e->len + 2u * quoted);
        if (scanned >= 0) serve_one(m, &m->element, scanned, true, &answers);
    }
    if (answers.len) {
        answers.len--; /* the last newline */
        char *p = answers.mem + answers.off;
        for (size_t i = 0; i < answers.len; i++)
            if (p[i] == '\n') p[i] = ',';
        size_t before = out->len;
        int r = buf_puts(out, "[");
        if (r == 0) r = buf_put(out, p, answers.len);
        if (r == 0) r = buf_puts(out, "]\n");
        if (r < 0) out->len = before;
    }
    buf_deinit(&answers);
}

void mcpserve_message(struct mcpserve *m, const char *line, size_t len, struct buf *out) {
    size_t blank = 0;
    while (blank < len && (line[blank] == ' ' || line[blank] == '\t' || line[blank] == '\r')) blank++;
    if (blank == len) return;
    int scanned = scan_text(&m->line, line, len);
    const struct node *root = scan_root(&m->line);
    if (scanned < 0)
        put_failure(m, JSONRPC_INTERNAL_ERROR, err_str(-scanned), out);
    else if (scanned == SCAN_E_SYNTAX || scanned == SCAN_E_UTF8)
        put_failure(m, JSONRPC_PARSE_ERROR, m->line.error, out);
    else if (m->session == MCPSERVE_2025_03_26 && scanned == 0 && root->type == NODE_ARRAY && root->count > 0)
        serve_batch(m, &m->line, out);
    else
        serve_one(m, &m->line, scanned, false, out);
    scan_shrink(&m->line, SCAN_KEEP);
    scan_shrink(&m->element, SCAN_KEEP);
    scan_shrink(&m->value, SCAN_KEEP);
}

void mcpserve_too_long(struct mcpserve *m, struct buf *out) {
    put_failure(m, JSONRPC_INVALID_REQUEST, "the line is too long", out);
}

void mcpserve_init(struct mcpserve *m, const struct options *o) {
    *m = (struct mcpserve){.options = o};
    scan_init(&m->line, DEPTH_MAX);
    scan_init(&m->element, DEPTH_MAX);
    scan_init(&m->value, DEPTH_MAX);
}

void mcpserve_deinit(struct mcpserve *m) {
    scan_deinit(&m->line);
    scan_deinit(&m->element);
    scan_deinit(&m->value);
}
