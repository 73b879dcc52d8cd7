#include "daemon/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "json/text.h"

void reply_init(struct reply *a, struct context *cx, const char *socket) {
    *a = (struct reply){.cx = cx, .socket = socket, .line = BUF_INIT(0), .data = BUF_INIT(0)};
}

void reply_deinit(struct reply *a) {
    buf_deinit(&a->line);
    buf_deinit(&a->data);
}

void reply_result(struct reply *a, struct peer *p, const struct jsonrpc *m, const char *json, size_t len) {
    if (!reply_wanted(m)) return;
    buf_clear(&a->line);
    if (jsonrpc_result(&a->line, &a->cx->scan, m->id, json, len) == 0)
        peer_send(p, buf_data(&a->line), a->line.len);
    else
        peer_close(p); /* no memory for an answer: the connection says so */
}

static void note(struct reply *a, struct peer *p, const char *reason, const char *message) {
    a->rejected++;
    p->rejected++;
    char *copy = strdup(message);
    if (copy) {
        free(p->last_error);
        p->last_error = copy;
    }
    uint64_t held;
    if (!log_gate_pass(&p->g_errors, 1, context_now(a->cx), &held)) {
        log_count_suppressed(a->cx->log, 1);
        return;
    }
    struct log_field f[7] = {LOG_S("socket", a->socket), LOG_N("uid", p->uid), LOG_N("pid", p->pid)};
    size_t n = 3;
    if (reason) f[n++] = LOG_S("reason", reason);
    f[n++] = LOG_S("error", message);
    if (held) f[n++] = LOG_N("suppressed", held);
    log_write(a->cx->log, LOG_WARNING, "request refused", f, n);
}

static int build(struct reply *a, const struct node *id, int code, const char *reason, const char *message,
                 const char *errors) {
    const char *data = NULL;
    int r = 0;
    buf_clear(&a->data);
    buf_clear(&a->line);
    if (reason) {
        r = buf_putf(&a->data, "{\"reason\":\"%s\"", reason);
        if (r == 0 && errors) r = buf_putf(&a->data, ",\"errors\":%s", errors);
        if (r == 0) r = buf_puts(&a->data, "}");
        data = buf_cstr(&a->data);
        if (!data) return -1;
    }
    return r == 0 ? jsonrpc_error(&a->line, &a->cx->scan, id, code, message, data) : r;
}

void reply_error(struct reply *a, struct peer *p, const struct jsonrpc *m, int code, const char *reason,
                 const char *message, const char *errors) {
    note(a, p, reason, message);
    if (!reply_wanted(m)) return;
    if (build(a, m->id, code, reason, message, errors) == 0)
        peer_send(p, buf_data(&a->line), a->line.len);
    else
        peer_close(p);
}

void reply_unreadable(struct reply *a, struct peer *p, int code, const char *reason, const char *message) {
    note(a, p, reason, message);
    if (build(a, NULL, code, reason, message, NULL) == 0) peer_send_now(p, buf_data(&a->line), a->line.len);
}

static bool unparsed(struct reply *a, struct peer *p, int r) {
    const struct scan *s = &a->cx->scan;
    char text[256];
    if (r == SCAN_E_SYNTAX || r == SCAN_E_UTF8) {
        (void)snprintf(text, sizeof text, "%s at byte %zu: %s", r == SCAN_E_UTF8 ? "not UTF-8" : "not JSON",
                       s->error_off + 1, s->error);
        reply_unreadable(a, p, JSONRPC_PARSE_ERROR, NULL, text);
    } else {
        reply_unreadable(a, p, JSONRPC_INTERNAL_ERROR, NULL, "out of memory");
    }
    return false;
}

/* Well-formed, but with something in it that no request may have. */
static bool faulty(struct reply *a, struct peer *p, const struct jsonrpc *m, int r) {
    const char *reason = r == SCAN_E_DEPTH ? "too_complex" : "duplicate_key";
    const char *why = r == SCAN_E_DEPTH ? "nested deeper than 128" : "an object names a key twice";
    if (m->kind == JSONRPC_REQUEST || m->kind == JSONRPC_NOTIFICATION)
        reply_error(a, p, m, JSONRPC_INVALID_PARAMS, reason, why, NULL);
    else
        reply_unreadable(a, p, JSONRPC_INVALID_REQUEST, reason, m->kind == JSONRPC_BATCH ? m->why : why);
    return false;
}

bool reply_open(struct reply *a, struct peer *p, const char *line, size_t len, enum line_result r, struct jsonrpc *m) {
    char text[128];
    if (r == LINE_TOO_LONG) {
        (void)snprintf(text, sizeof text, "the line is longer than %zu bytes", p->line.max);
        reply_unreadable(a, p, JSONRPC_INVALID_REQUEST, "too_large", text);
        return false;
    }
    int s = scan_text(&a->cx->scan, line, len);
    const char *cr =
        s || a->cx->scan.spaced ? memchr(line, '\r', len) : NULL; /* else the scan saw that there is none */
    if (cr) {
        (void)snprintf(text, sizeof text, "a raw CR at byte %zu: it ends a line for some readers",
                       (size_t)(cr - line) + 1);
        reply_unreadable(a, p, JSONRPC_PARSE_ERROR, NULL, text);
        return false;
    }
    if (s && s != SCAN_E_DEPTH && s != SCAN_E_DUPLICATE) return unparsed(a, p, s);
    jsonrpc_classify(&a->cx->scan, m);
    if (s) return faulty(a, p, m, s);
    if (m->kind == JSONRPC_REQUEST || m->kind == JSONRPC_NOTIFICATION) return true;
    if (m->kind == JSONRPC_INVALID && m->id) {
        m->kind = JSONRPC_REQUEST; /* not one we understand, but its id can be read */
        reply_error(a, p, m, JSONRPC_INVALID_REQUEST, NULL, m->why, NULL);
    } else if (m->anonymous) {
        note(a, p, NULL, m->why ? m->why : "an answer, where a request was expected");
    } else {
        reply_unreadable(a, p, JSONRPC_INVALID_REQUEST, NULL,
                         m->why ? m->why : "an answer, where a request was expected");
    }
    return false;
}

static bool refuse_param(struct reply *a, struct peer *p, const struct jsonrpc *m, const struct node *key,
                         const char *const *known, size_t n) {
    struct buf name = BUF_INIT(256);
    char text[256], hint[96];
    (void)text_unescape(&a->cx->scan, key, TEXT_LONE_REPLACE, &name);
    const char *word = buf_cstr(&name);
    if (!word) word = "";
    (void)snprintf(text, sizeof text, "unknown parameter \"%.64s\"%s", word,
                   suggest_hint(suggest_nearest(word, known, n), hint, sizeof hint));
    reply_error(a, p, m, JSONRPC_INVALID_PARAMS, "invalid_params", text, NULL);
    buf_deinit(&name);
    return false;
}

bool reply_params(struct reply *a, struct peer *p, const struct jsonrpc *m, const char *const *known, size_t n) {
    const struct scan *s = &a->cx->scan;
    if (!m->params) return true;
    if (m->params->type != NODE_OBJECT) {
        reply_error(a, p, m, JSONRPC_INVALID_PARAMS, "invalid_params", "params must be an object", NULL);
        return false;
    }
    for (const struct node *k = scan_first(s, m->params); k; k = scan_next_key(s, m->params, k)) {
        bool found = false;
        for (size_t i = 0; i < n && !found; i++) found = scan_equal(s, k, known[i], strlen(known[i]));
        if (!found) return refuse_param(a, p, m, k, known, n);
    }
    return true;
}
