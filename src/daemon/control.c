#include "daemon/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "daemon/listener.h"
#include "daemon/reply.h"
#include "json/text.h"

enum { LINE_MAX_BYTES = 1 << 20, CONNECTIONS_MAX = 256 };

struct control {
    struct context *cx;
    const struct control_view *view;
    struct listener *listener;
    struct reply reply;
    struct waits *waits;
};

static void on_line(void *ctx, struct peer *p, const char *line, size_t len, enum line_result r);
static void on_gone(void *ctx, struct peer *p);

struct control *control_new(struct context *cx, int fd, const struct control_view *view) {
    struct control *c = calloc(1, sizeof *c);
    const struct listener_options o = {.fd = fd,
                                       .name = "control",
                                       .line_max = LINE_MAX_BYTES,
                                       .max = CONNECTIONS_MAX,
                                       .private = true,
                                       .line = on_line,
                                       .gone = on_gone,
                                       .ctx = c};
    struct listener *l = listener_new(cx, &o);
    if (!c || !l) {
        (void)listener_free(l);
        free(c);
        return NULL;
    }
    *c = (struct control){.cx = cx, .view = view, .listener = l, .waits = waits_new(cx, view->supervisor)};
    if (!c->waits) return control_free(c);
    reply_init(&c->reply, cx, "control");
    listener_start(l);
    return c;
}

struct control *control_free(struct control *c) {
    if (!c) return NULL;
    c->listener = listener_free(c->listener);
    c->waits = waits_free(c->waits);
    reply_deinit(&c->reply);
    free(c);
    return NULL;
}

void control_rebind(struct control *c, int fd) { listener_rebind(c->listener, fd); }

void control_moved(struct control *c) { waits_moved(c->waits); }

static void on_gone(void *ctx, struct peer *p) {
    struct control *c = ctx;
    waits_forget(c->waits, p);
}

/* A control request is rare: its params become a document. */
static json_t *params_of(const struct context *cx, const struct jsonrpc *m) {
    if (!m->params) return json_object();
    return json_loadb(scan_ptr(&cx->scan, m->params), m->params->len, JSON_ALLOW_NUL, NULL);
}

/* Which of its processes a plugin has now: the answer waits for the next. */
static uint64_t generation_of(const struct control *c, const json_t *params) {
    const char *name = json_string_value(json_object_get(params, "name"));
    const struct child *child = name ? supervisor_find(c->view->supervisor, name) : NULL;
    return child ? child_generation(child) : 0;
}

static void wait_for(struct control *c, struct peer *p, const struct jsonrpc *m, const struct control_method *method,
                     const json_t *params, uint64_t generation) {
    const char *name = json_string_value(json_object_get(params, "name"));
    if (waits_add(c->waits, p, m, name, method->wait, generation) < 0)
        reply_error(&c->reply, p, m, JSONRPC_INTERNAL_ERROR, NULL, "out of memory", NULL);
}

static void failed(struct control *c, struct peer *p, const struct jsonrpc *m, const struct control_failure *f) {
    if (!f->reason) {
        reply_error(&c->reply, p, m, JSONRPC_INTERNAL_ERROR, NULL, "out of memory", NULL);
        return;
    }
    char *errors = f->errors ? json_dumps(f->errors, JSON_COMPACT) : NULL;
    reply_error(&c->reply, p, m, f->code ? f->code : JSONRPC_INVALID_PARAMS, f->reason, f->e.text, errors);
    free(errors);
}

static void run(struct control *c, struct peer *p, const struct jsonrpc *m, const struct control_method *method) {
    struct control_failure f = {0};
    if (!reply_params(&c->reply, p, m, method->params, method->n_params)) return;
    json_t *params = params_of(c->cx, m);
    if (!params) {
        reply_error(&c->reply, p, m, JSONRPC_INVALID_PARAMS, "invalid_params", "params cannot be read", NULL);
        return;
    }
    const uint64_t generation = method->wait ? generation_of(c, params) : 0;
    json_t *result = method->run(c->view, params, &f);
    char *text = result ? json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    if (text && method->wait && reply_wanted(m))
        wait_for(c, p, m, method, params, generation);
    else if (text)
        reply_result(&c->reply, p, m, text, strlen(text));
    else
        failed(c, p, m, &f);
    free(text);
    json_decref(f.errors);
    json_decref(result);
    json_decref(params);
}

static void on_line(void *ctx, struct peer *p, const char *line, size_t len, enum line_result r) {
    struct control *c = ctx;
    struct jsonrpc m;
    char text[256], hint[96];
    if (!reply_open(&c->reply, p, line, len, r, &m)) return;
    struct buf name = BUF_INIT(256);
    (void)text_unescape(&c->cx->scan, m.method, TEXT_LONE_REPLACE, &name);
    const char *word = buf_cstr(&name), *nearest = NULL;
    const struct control_method *method = control_method(word ? word : "", &nearest);
    if (method) {
        run(c, p, &m, method);
    } else {
        (void)snprintf(text, sizeof text, "unknown method \"%.64s\"%s", word ? word : "",
                       suggest_hint(nearest, hint, sizeof hint));
        reply_error(&c->reply, p, &m, JSONRPC_METHOD_NOT_FOUND, NULL, text, NULL);
    }
    buf_deinit(&name);
}
