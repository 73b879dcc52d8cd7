/* fuzz_jsonrpc.c — any line is classified, and what is answered to it is itself one line that is read as an answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/jsonrpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The answer must be an answer, to the same id. */
static void check(const struct buf *out, const struct scan *s, const struct node *id, enum jsonrpc_kind kind) {
    struct scan t;
    struct jsonrpc m;
    scan_init(&t, 128);
    if (!out->len || memchr(buf_data(out), '\n', out->len) != buf_data(out) + out->len - 1) abort();
    if (scan_text(&t, buf_data(out), out->len - 1) != 0) abort();
    jsonrpc_classify(&t, &m);
    size_t a_len, b_len;
    const char *a = jsonrpc_id(s, id, &a_len), *b = jsonrpc_id(&t, m.id, &b_len);
    if (m.kind != kind || a_len != b_len || memcmp(a, b, a_len) != 0) abort();
    scan_deinit(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct scan s;
    struct jsonrpc m;
    if (memchr(data, '\n', size)) return 0; /* no line */
    scan_deinit(&s), scan_init(&s, 128);
    int r = scan_text(&s, (const char *)data, size);
    if (r != 0 && r != SCAN_E_DEPTH && r != SCAN_E_DUPLICATE) return 0;
    jsonrpc_classify(&s, &m);
    bool called = m.kind == JSONRPC_REQUEST || m.kind == JSONRPC_NOTIFICATION;
    if (called != (m.method && m.kind != JSONRPC_INVALID)) abort();
    if (m.kind == JSONRPC_REQUEST && !m.id) abort();
    if ((m.kind == JSONRPC_INVALID || m.kind == JSONRPC_BATCH) && !m.why) abort();

    char message[64] = "";
    memcpy(message, data, size < 63 ? size : 63);
    struct buf out = BUF_INIT(0);
    if (jsonrpc_error(&out, &s, m.id, JSONRPC_INVALID_PARAMS, message, "{\"reason\":\"x\"}") < 0) abort();
    check(&out, &s, m.id, JSONRPC_ERROR);
    buf_clear(&out);
    if (jsonrpc_result(&out, &s, m.id, "[]", 2) < 0) abort();
    check(&out, &s, m.id, JSONRPC_RESULT);
    buf_deinit(&out);
    return 0;
}
