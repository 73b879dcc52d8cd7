#include "ctl/mcpserve_call.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/suggest.h"
#include "ctl/mcpserve_daemon.h"
#include "ctl/mcpserve_tools.h"
#include "ctl/member.h"
#include "ctl/payload.h"

static void fail_call(struct mcpserve_reply *r, const char *words) {
    r->result = json_pack("{s:[{s:s, s:s}], s:b}", "content", "type", "text", "text", words, "isError", 1);
}

/* --- the request ---------------------------------------------------------------------------------------------------
 */

/* [2026-07-28 basic/index, OpenTelemetry trace context]; the daemon drops what is not well-formed. */
static int put_trace(struct buf *line, const struct scan *s, const struct node *params) {
    static const char *const keys[] = {"traceparent", "tracestate", "baggage"};
    const struct node *meta = mcpserve_member(s, params, "_meta");
    const char *before = ",\"metadata\":{";
    int r = 0;
    for (size_t i = 0; i < ARRAY_LEN(keys) && r == 0; i++) {
        const struct node *n = mcpserve_member(s, meta, keys[i]);
        if (!n || n->type != NODE_STRING) continue;
        r = buf_putf(line, "%s\"%s\":\"", before, keys[i]);
        if (r == 0) r = buf_put(line, scan_ptr(s, n), n->len);
        if (r == 0) r = buf_puts(line, "\"");
        before = ",";
    }
    return r == 0 && *before == ',' && before[1] == '\0' ? buf_puts(line, "}") : r;
}

static int put_request(struct buf *line, const struct mcpserve_tool *t, const struct scan *s, const struct node *params,
                       struct scan *scratch, struct err *e) {
    const struct node *arguments = mcpserve_member(s, params, "arguments");
    int r = buf_puts(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"notify\",\"params\":{\"kind\":");
    if (r == 0) r = payload_put_string(line, t->kind);
    if (r == 0) r = buf_puts(line, ",\"hook\":");
    if (r == 0) r = payload_put_string(line, t->hook);
    if (r == 0) r = buf_puts(line, ",\"kind_api_version\":");
    if (r == 0) r = payload_put_string(line, t->version);
    if (r == 0) r = buf_puts(line, ",\"payload\":");
    if (r == 0)
        r = arguments ? payload_put_value(line, scratch, scan_ptr(s, arguments), arguments->len, e)
                      : buf_puts(line, "{}");
    if (r == 0) r = put_trace(line, s, params);
    if (r == 0) r = buf_puts(line, "}}\n");
    return r == 0 ? 0 : err_sys(e, -r, "building the request");
}

/* --- the answer ----------------------------------------------------------------------------------------------------
 */

/* A schema's error, or a plain string: as emit tells them. */
static void put_detail(struct buf *words, const json_t *item) {
    if (json_is_string(item)) {
        (void)buf_putf(words, "\n%s", json_string_value(item));
        return;
    }
    const char *keyword = member_str(item, "keywordLocation", "");
    (void)buf_putf(words, "\npayload%s: %s%s%s%s", member_str(item, "instanceLocation", ""),
                   member_str(item, "error", "not valid"), keyword[0] ? " (" : "", keyword, keyword[0] ? ")" : "");
}

static void tell_refusal(const struct mcpserve_tool *t, const json_t *error, struct buf *words) {
    const json_t *data = json_object_get(error, "data");
    const char *reason = member_str(data, "reason", "");
    (void)buf_putf(words, "%s was refused: %s%s%s%s", t->name, member_str(error, "message", "no message"),
                   reason[0] ? " [" : "", reason, reason[0] ? "]" : "");
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(data, "errors"), i, item) { put_detail(words, item); }
}

static void tell_success(const struct mcpserve_tool *t, const json_t *told, struct buf *words) {
    int64_t queued = member_int(told, "queued", 0), total = member_int(told, "failed_total", 0);
    json_t *failed = json_object_get(told, "failed");
    (void)buf_putf(words, "Published %s: run %s, seq %" PRId64 ", queued for %" PRId64 " plugin%s.", t->name,
                   member_str(told, "run", "?"), member_int(told, "seq", 0), queued, queued == 1 ? "" : "s");
    size_t i;
    json_t *item;
    json_array_foreach(failed, i, item) {
        (void)buf_putf(words, "\nNot queued for %s: %s.", member_str(item, "plugin", "?"),
                       member_str(item, "error", "no reason given"));
    }
    int64_t more = total - (int64_t)json_array_size(failed);
    if (more > 0) (void)buf_putf(words, "\nNor for %" PRId64 " more plugins.", more);
}

/* As the output schema says, whatever the daemon's age. */
static json_t *structure(const json_t *result) {
    json_t *failed = json_array();
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(result, "failed"), i, item) {
        (void)json_array_append_new(failed, json_pack("{s:s, s:s}", "plugin", member_str(item, "plugin", ""), "error",
                                                      member_str(item, "error", "no reason given")));
    }
    json_int_t total = member_int(result, "failed_total", (int64_t)json_array_size(failed));
    return json_pack("{s:s, s:I, s:I, s:o, s:I}", "run", member_str(result, "run", ""), "seq",
                     (json_int_t)member_int(result, "seq", 0), "queued", (json_int_t)member_int(result, "queued", 0),
                     "failed", failed, "failed_total", total);
}

/* Words, and the structure as text beside them, for clients that do not know of it [server/tools, Structured Content].
 */
static void succeed(const struct mcpserve_tool *t, enum mcpserve_revision v, const json_t *result,
                    struct mcpserve_reply *r) {
    struct buf words = BUF_INIT(0);
    json_t *told = structure(result);
    cleanup_free char *text = mcpserve_dump(told);
    tell_success(t, told, &words);
    const char *sentence = buf_cstr(&words);
    r->result = json_pack("{s:[{s:s, s:s}, {s:s, s:s}], s:b}", "content", "type", "text", "text", sentence, "type",
                          "text", "text", text, "isError", 0);
    if (r->result && v >= MCPSERVE_2025_06_18) (void)json_object_set(r->result, "structuredContent", told);
    buf_deinit(&words);
    json_decref(told);
}

/* --- the call ------------------------------------------------------------------------------------------------------
 */

static void publish(const struct options *o, enum mcpserve_revision v, const struct mcpserve_tool *t,
                    const struct buf *line, struct mcpserve_reply *r) {
    struct answer a = {0};
    struct err e = {0};
    if (mcpserve_publish(o, line, &a, &e) != 0) {
        fail_call(r, e.text);
        return;
    }
    if (a.error) {
        struct buf words = BUF_INIT(0);
        tell_refusal(t, a.error, &words);
        fail_call(r, buf_cstr(&words));
        buf_deinit(&words);
    } else {
        succeed(t, v, a.result, r);
    }
    answer_deinit(&a);
}

/* The tool that `name` means; NULL with the reply refusing. */
static const struct mcpserve_tool *find(const struct mcpserve_tools *tools, const struct scan *s,
                                        const struct node *name, struct mcpserve_reply *r) {
    cleanup_free char *word = mcpserve_string(s, name);
    struct suggest near;
    char hint[160];
    suggest_init(&near, word ? word : "", word ? strlen(word) : 0);
    for (size_t i = 0; i < tools->n; i++) {
        const struct mcpserve_tool *t = &tools->items[i];
        if (scan_equal(s, name, t->name, strlen(t->name))) return t;
        suggest_offer(&near, t->name);
    }
    mcpserve_refuse_take(r, JSONRPC_INVALID_PARAMS, NULL, "Unknown tool: %.160s%s", word ? word : "",
                         suggest_hint(near.best, hint, sizeof hint));
    return NULL;
}

void mcpserve_call(const struct options *o, enum mcpserve_revision v, const struct scan *s, const struct node *params,
                   struct scan *scratch, struct mcpserve_reply *r) {
    const struct node *name = mcpserve_member(s, params, "name");
    const struct node *arguments = mcpserve_member(s, params, "arguments");
    if (!name || name->type != NODE_STRING) {
        mcpserve_refuse_take(r, JSONRPC_INVALID_PARAMS, NULL, "\"name\" must be given, as a string");
        return;
    }
    if (arguments && arguments->type != NODE_OBJECT) {
        mcpserve_refuse_take(r, JSONRPC_INVALID_PARAMS, NULL, "\"arguments\" must be an object");
        return;
    }
    json_t *kinds = NULL;
    struct mcpserve_tools tools = {0};
    struct buf line = BUF_INIT(0);
    struct err e = {0};
    if (mcpserve_control(o, "kind.list", NULL, &kinds, &e) != 0) {
        fail_call(r, e.text);
    } else if (mcpserve_tools_collect(kinds, &tools) == 0) {
        const struct mcpserve_tool *t = find(&tools, s, name, r);
        if (t && put_request(&line, t, s, params, scratch, &e) != 0)
            fail_call(r, e.text);
        else if (t)
            publish(o, v, t, &line, r);
    }
    buf_deinit(&line);
    mcpserve_tools_deinit(&tools);
    json_decref(kinds);
}
