#include "rpc/jsonrpc.h"

#include <string.h>

#include "json/text.h"

static bool is_id(const struct node *n) {
    return n->type == NODE_STRING || n->type == NODE_NUMBER || n->type == NODE_NULL;
}

static void member(const struct scan *s, const struct node *key, struct jsonrpc *m, const struct node **version,
                   unsigned *ids) {
    const struct node *value = key + 1;
    if (scan_is(s, key, "jsonrpc")) {
        if (!*version) *version = value;
    } else if (scan_is(s, key, "id")) {
        m->id = value;
        ++*ids;
    } else if (scan_is(s, key, "method")) {
        m->method = value;
    } else if (scan_is(s, key, "params")) {
        m->params = value;
    } else if (scan_is(s, key, "result")) {
        m->result = value;
    } else if (scan_is(s, key, "error")) {
        m->error = value;
    }
}

static enum jsonrpc_kind kind_of(const struct scan *s, struct jsonrpc *m, const struct node *version, unsigned ids) {
    if (ids > 1 || (m->id && !is_id(m->id))) {
        m->id = NULL;
        m->why = ids > 1 ? "the id is given twice" : "the id must be a string, a number or null";
        return JSONRPC_INVALID;
    }
    m->why = "\"jsonrpc\" must be \"2.0\"";
    if (!version || version->type != NODE_STRING || !scan_is(s, version, "2.0")) return JSONRPC_INVALID;
    if (m->method) {
        m->why = "\"method\" must be a string";
        if (m->method->type != NODE_STRING) return JSONRPC_INVALID;
        return ids ? JSONRPC_REQUEST : JSONRPC_NOTIFICATION;
    }
    bool no_error = !m->error || (m->error->type == NODE_NULL && m->result); /* some write "error": null beside it */
    if (!no_error) return JSONRPC_ERROR;
    if (m->result && ids) return JSONRPC_RESULT;
    m->why = "\"method\" is missing";
    return JSONRPC_INVALID;
}

void jsonrpc_classify(const struct scan *s, struct jsonrpc *m) { jsonrpc_classify_at(s, scan_root(s), m); }

void jsonrpc_classify_at(const struct scan *s, const struct node *root, struct jsonrpc *m) {
    *m = (struct jsonrpc){.kind = JSONRPC_INVALID, .why = "not an object"};
    if (root->type == NODE_ARRAY) {
        m->kind = JSONRPC_BATCH;
        m->why = "batches are not served: send one request a line";
        return;
    }
    if (root->type != NODE_OBJECT) return;
    unsigned ids = 0;
    const struct node *version = NULL;
    for (const struct node *k = scan_first(s, root); k; k = scan_next_key(s, root, k)) member(s, k, m, &version, &ids);
    m->anonymous = ids == 0;
    m->kind = kind_of(s, m, version, ids);
}

const char *jsonrpc_id(const struct scan *s, const struct node *id, size_t *lenp) {
    if (!id) {
        *lenp = 4;
        return "null";
    }
    bool quoted = id->type == NODE_STRING; /* a string's span lies between its quotes */
    *lenp = id->len + 2u * quoted;
    return scan_ptr(s, id) - quoted;
}

/* A line is appended whole or not at all. */
static int finish(struct buf *out, size_t before, int r) {
    if (r < 0) out->len = before;
    return r;
}

static int head(struct buf *out, const char *id, size_t id_len) {
    int r = buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    return r < 0 ? r : buf_put(out, id, id_len);
}

int jsonrpc_result_to(struct buf *out, const char *id, size_t id_len, const char *result, size_t len) {
    size_t before = out->len;
    int r = head(out, id, id_len);
    if (r == 0) r = buf_puts(out, ",\"result\":");
    if (r == 0) r = buf_put(out, result, len);
    if (r == 0) r = buf_puts(out, "}\n");
    return finish(out, before, r);
}

int jsonrpc_result(struct buf *out, const struct scan *s, const struct node *id, const char *result, size_t len) {
    size_t id_len;
    const char *text = jsonrpc_id(s, id, &id_len);
    return jsonrpc_result_to(out, text, id_len, result, len);
}

int jsonrpc_error_to(struct buf *out, const char *id, size_t id_len, int code, const char *message, const char *data) {
    size_t before = out->len;
    int r = head(out, id, id_len);
    if (r == 0) r = buf_putf(out, ",\"error\":{\"code\":%d,\"message\":", code);
    if (r == 0) r = text_escape(out, message, strlen(message));
    if (r == 0 && data) r = buf_puts(out, ",\"data\":");
    if (r == 0 && data) r = buf_puts(out, data);
    if (r == 0) r = buf_puts(out, "}}\n");
    return finish(out, before, r);
}

int jsonrpc_error(struct buf *out, const struct scan *s, const struct node *id, int code, const char *message,
                  const char *data) {
    size_t id_len;
    const char *text = jsonrpc_id(s, id, &id_len);
    return jsonrpc_error_to(out, text, id_len, code, message, data);
}

int jsonrpc_call(struct buf *out, const char *id, const char *method, const char *params) {
    size_t before = out->len;
    int r = buf_puts(out, "{\"jsonrpc\":\"2.0\"");
    if (r == 0 && id) r = buf_putf(out, ",\"id\":\"%s\"", id);
    if (r == 0) r = buf_puts(out, ",\"method\":");
    if (r == 0) r = text_escape(out, method, strlen(method));
    if (r == 0) r = buf_puts(out, ",\"params\":");
    if (r == 0) r = buf_puts(out, params);
    if (r == 0) r = buf_puts(out, "}\n");
    return finish(out, before, r);
}
