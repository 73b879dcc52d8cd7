#include "ctl/mcpserve_reply.h"

#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/text.h"

void mcpserve_refuse_take(struct mcpserve_reply *r, int code, json_t *data, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    (void)err_vat(&r->e, 0, NULL, 0, 0, fmt, ap);
    va_end(ap);
    r->code = code;
    json_decref(r->data);
    r->data = data;
}

char *mcpserve_dump(const json_t *value) {
    return value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) : NULL;
}

static int put_error(const char *id, size_t id_len, int code, const char *message, const char *data, struct buf *out) {
    if (id) return jsonrpc_error_to(out, id, id_len, code, message, data);
    size_t before = out->len;
    int r = buf_putf(out, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":%d,\"message\":", code);
    if (r == 0) r = text_escape(out, message, strlen(message));
    if (r == 0) r = buf_puts(out, "}}\n");
    if (r < 0) out->len = before;
    return r;
}

static int put_note(const json_t *note, struct buf *out) {
    cleanup_free char *text = mcpserve_dump(note);
    size_t before = out->len;
    int r = text ? buf_puts(out, text) : -ENOMEM;
    if (r == 0) r = buf_puts(out, "\n");
    if (r < 0) out->len = before;
    return r;
}

int mcpserve_reply_put(const struct mcpserve_reply *r, const char *id, size_t id_len, struct buf *out) {
    if (r->code) {
        cleanup_free char *data = mcpserve_dump(r->data);
        return put_error(id, id_len, r->code, r->e.text, data, out);
    }
    if (r->note) return put_note(r->note, out);
    cleanup_free char *text = mcpserve_dump(r->result);
    if (text) return jsonrpc_result_to(out, id, id_len, text, strlen(text));
    return put_error(id, id_len, JSONRPC_INTERNAL_ERROR, "out of memory", NULL, out);
}

void mcpserve_reply_deinit(struct mcpserve_reply *r) {
    json_decref(r->result);
    json_decref(r->note);
    json_decref(r->data);
    r->result = r->note = r->data = NULL;
}
