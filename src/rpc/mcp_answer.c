/* mcp_answer.c — what a tool server answers to an event (server/tools#calling-tools, CallToolResult).
 *
 * Once per event: only the tree is looked at, and the texts are reused. */
#include <stdio.h>
#include <string.h>

#include "json/number.h"
#include "rpc/mcp_private.h"

static int is(const struct scan *s, const struct node *n, const char *text) {
    return n && n->type == NODE_STRING && scan_equal(s, n, text, strlen(text));
}

/* The first text among the content. */
static const char *content_text(struct mcp *m, const struct scan *s, const struct node *result) {
    const struct node *content = mcp_get(s, result, "content");
    if (content && content->type == NODE_ARRAY) {
        for (const struct node *e = scan_first(s, content); e; e = scan_next(s, content, e)) {
            const struct node *text = is(s, mcp_get(s, e, "type"), "text") ? mcp_get(s, e, "text") : NULL;
            if (text && text->type == NODE_STRING) return mcp_text(&m->text2, s, text, MCP_MESSAGE_MAX);
        }
    }
    return "the tool says that it failed, not why";
}

/* basic/index#resulttype: absent is "complete"; what the client does not know MUST be considered invalid. */
static const char *incomplete(struct mcp *m, const struct scan *s, const struct node *result) {
    if (mcp_complete(s, result)) return NULL;
    const struct node *type = scan_get(s, result, "resultType");
    if (is(s, type, "input_required")) return "it asks for input, which nobody can give to an event";
    const char *name = mcp_text(&m->text1, s, type, 64);
    buf_clear(&m->text2);
    (void)buf_putf(&m->text2, "a resultType that is not known here: %s", name);
    const char *text = buf_cstr(&m->text2);
    return text ? text : "a resultType that is not known here";
}

/* NULL: it was handled. */
static const char *failure(struct mcp *m, const struct scan *s, const struct jsonrpc *msg) {
    if (msg->kind == JSONRPC_ERROR) {
        long long code;
        return mcp_error(m, s, msg->error, &code);
    }
    if (msg->result->type != NODE_OBJECT) return "its result is not an object";
    const char *why = m->modern ? incomplete(m, s, msg->result) : NULL;
    if (why) return why;
    const struct node *is_error = scan_get(s, msg->result, "isError");
    return is_error && is_error->type == NODE_TRUE ? content_text(m, s, msg->result) : NULL;
}

int mcp_on_answer(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct err *why) {
    int64_t seq;
    bool calls = m->state == MCP_SERVING && !m->native && !m->listening;
    if (!calls || number_to_int64(number_of(s, msg->id), &seq) != 0 || seq <= 0) {
        (void)err_set(why, 0, "an answer to nothing that was asked");
        return MCP_UNEXPECTED;
    }
    const char *message = failure(m, s, msg);
    m->answer = (struct mcp_answer){.seq = (uint64_t)seq, .failed = message != NULL, .message = message ? message : ""};
    return MCP_TOOL_ANSWER;
}
