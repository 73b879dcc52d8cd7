/* fuzz_mcp.c — whatever a server says, line after line, what is written to it is whole lines of JSON-RPC, a modern one
 * is never written a response, and a refused one nothing.
 *
 * The first byte: how to start (two bits), whether it is a native plugin's turn to be listened to (one). Then lines;
 * an empty one is the end of the probe's time, a line "?" a health probe. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/mcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct mcp *m, struct buf *out) {
    while (out->len) {
        struct scan t;
        struct jsonrpc msg;
        const char *end = memchr(buf_data(out), '\n', out->len);
        if (!end) abort();
        size_t n = (size_t)(end - buf_data(out));
        scan_init(&t, 1024);
        int r = scan_text(&t, buf_data(out), n);
        if (r) abort();
        jsonrpc_classify(&t, &msg);
        bool response = msg.kind == JSONRPC_RESULT || msg.kind == JSONRPC_ERROR;
        const char *revision = mcp_revision(m);
        if (!response && msg.kind != JSONRPC_REQUEST && msg.kind != JSONRPC_NOTIFICATION) abort();
        if (response && revision && strcmp(revision, MCP_MODERN) == 0) abort();
        scan_deinit(&t);
        buf_consume(out, n + 1);
    }
}

static void line(struct mcp *m, const char *p, size_t n, struct buf *out) {
    static struct scan s;
    struct jsonrpc msg;
    struct err why = {0};
    scan_deinit(&s), scan_init(&s, 128);
    if (n == 0) (void)mcp_silent(m, out);
    if (n == 1 && *p == '?') (void)mcp_probe(m, out);
    if (scan_text(&s, p, n) == 0) {
        jsonrpc_classify(&s, &msg);
        int said = mcp_receive(m, &s, &msg, out, &why);
        if (said < 0) abort();
        if ((said == MCP_REFUSED || said == MCP_TOOLS_GONE || said == MCP_UNEXPECTED) && !why.text[0]) abort();
        if ((said == MCP_REFUSED || said == MCP_TOOLS_GONE) && out->len) abort();
        if (said == MCP_TOOL_ANSWER && strlen(mcp_answer(m)->message) > 300) abort();
        if (said == MCP_READY && !json_is_array(mcp_heard(m))) abort();
    }
    check(m, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *hooks = json_pack("[s,s]", "on_a", "on_b"), *config = json_object();
    json_t *schema = json_pack("{s:{s:{s:s}}, s:[s]}", "properties", "p", "type", "string", "required", "p");
    const struct mcp_wish wishes[] = {{"on_a", "t", true, schema}, {"on_b", "u", false, NULL}};
    struct mcp_identity id = {"0", "run", "plugin", "kind", "1.0.0", hooks, config, wishes, 2};
    struct mcp *m = mcp_new(&id);
    struct buf out = BUF_INIT(0);
    if (!m) abort();
    unsigned how = size ? data[0] : 0;
    if (how & 4)
        mcp_listen(m);
    else if (mcp_start(m, (enum mcp_era)(how % 3), &out) < 0)
        abort();
    check(m, &out);
    for (size_t at = size > 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t n = end ? (size_t)(end - data) - at : size - at;
        line(m, (const char *)data + at, n, &out);
        at += n + 1;
    }
    (void)mcp_free(m);
    buf_deinit(&out);
    json_decref(hooks);
    json_decref(config);
    json_decref(schema);
    return 0;
}
