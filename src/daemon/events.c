#include "daemon/events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/flush.h"
#include "daemon/listener.h"
#include "daemon/reply.h"
#include "fanout/admit.h"
#include "json/number.h"
#include "json/text.h"

enum { LINE_EXTRA = 64 * 1024, FLUSH_DEFAULT_MS = 5000, FLUSH_MAX_MS = 3600 * 1000 };

struct events {
    struct context *cx;
    struct supervisor *supervisor;
    struct router *router;
    struct listener *listener;
    struct flushes *flushes;
    struct reply reply;
    struct schema_run *run; /* what validating needs, reused for every event */
    struct buf result, errors;
    uint64_t accepted;
    bool shut;
};

static void on_line(void *ctx, struct peer *p, const char *line, size_t len, enum line_result r);
static void on_gone(void *ctx, struct peer *p);
static void on_chunk_end(void *ctx, size_t bytes);

struct events *events_new(struct context *cx, int fd, struct supervisor *s) {
    struct events *e = calloc(1, sizeof *e);
    const struct listener_options o = {.fd = fd,
                                       .name = "events",
                                       .line_max = cx->config->event_max_size + LINE_EXTRA,
                                       .max = cx->config->publishers_max,
                                       .share = true,
                                       .line = on_line,
                                       .gone = on_gone,
                                       .chunk_end = on_chunk_end,
                                       .ctx = e};
    struct listener *l = listener_new(cx, &o);
    if (!e || !l) {
        (void)listener_free(l);
        free(e);
        return NULL;
    }
    e->cx = cx;
    e->supervisor = s;
    e->router = supervisor_router(s);
    e->listener = l;
    e->result = e->errors = BUF_INIT(0);
    reply_init(&e->reply, cx, "events");
    e->flushes = flushes_new(cx, s);
    e->run = schema_run_new();
    return e->flushes && e->run ? e : events_free(e);
}

struct events *events_free(struct events *e) {
    if (!e) return NULL;
    e->listener = listener_free(e->listener);
    e->flushes = flushes_free(e->flushes);
    e->run = schema_run_free(e->run);
    reply_deinit(&e->reply);
    buf_deinit(&e->result);
    buf_deinit(&e->errors);
    free(e);
    return NULL;
}

void events_start(struct events *e) { listener_start(e->listener); }
void events_configure(struct events *e) {
    listener_configure(e->listener, e->cx->config->event_max_size + LINE_EXTRA, e->cx->config->publishers_max);
}

void events_moved(struct events *e) { flushes_moved(e->flushes); }
void events_rebind(struct events *e, int fd) { listener_rebind(e->listener, fd); }

size_t events_publishers(const struct events *e) { return listener_count(e->listener); }
uint64_t events_accepted(const struct events *e) { return e->accepted; }
uint64_t events_rejected(const struct events *e) { return e->reply.rejected; }

void events_shut(struct events *e, nsec_t deadline) {
    listener_stop_accepting(e->listener);
    for (struct peer *p = listener_first(e->listener); p; p = p->next) peer_read_arrived(p, deadline);
    e->shut = true;
}

static void on_chunk_end(void *ctx, size_t bytes) {
    struct events *e = ctx;
    router_settle(e->router);
    if (intake_took(&e->cx->intake, bytes)) supervisor_flush(e->supervisor);
}

static void on_gone(void *ctx, struct peer *p) {
    struct events *e = ctx;
    flushes_forget(e->flushes, p);
}

/* --- notify --- */

struct notify {
    const struct node *kind, *hook, *payload, *metadata, *version;
    int major; /* -1: the newest */
};

static void invalid(struct events *e, struct peer *p, const struct jsonrpc *m, const char *reason, const char *text) {
    reply_error(&e->reply, p, m, JSONRPC_INVALID_PARAMS, reason, text, NULL);
}

/* "1", "1.0.0" or 1 -> 1; -2 when it is none of these. */
static int major_of(const struct scan *s, const struct node *n) {
    const char *p = scan_ptr(s, n);
    int major = 0;
    uint32_t i = 0;
    if (n->type != NODE_STRING && !(n->type == NODE_NUMBER && (n->flags & NODE_INTEGER))) return -2;
    for (; i < n->len && p[i] >= '0' && p[i] <= '9'; i++) {
        if (major > 100000) return -2;
        major = major * 10 + (p[i] - '0');
    }
    return i && (i == n->len || p[i] == '.') ? major : -2;
}

/* One pass over the params; false when there is one that is not known. */
static bool notify_read(const struct scan *s, const struct node *params, struct notify *n) {
    for (const struct node *k = scan_first(s, params); k; k = scan_next_key(s, params, k)) {
        if (scan_is(s, k, "kind"))
            n->kind = k + 1;
        else if (scan_is(s, k, "hook"))
            n->hook = k + 1;
        else if (scan_is(s, k, "payload"))
            n->payload = k + 1;
        else if (scan_is(s, k, "metadata"))
            n->metadata = k + 1;
        else if (scan_is(s, k, "kind_api_version"))
            n->version = k + 1;
        else
            return false;
    }
    return true;
}

static bool notify_params(struct events *e, struct peer *p, const struct jsonrpc *m, struct notify *n) {
    static const char *const known[] = {"kind", "hook", "payload", "metadata", "kind_api_version"};
    const struct scan *s = &e->cx->scan;
    const char *why = NULL;
    *n = (struct notify){.major = -1};
    bool read = m->params && m->params->type == NODE_OBJECT && notify_read(s, m->params, n);
    if (!read && !reply_params(&e->reply, p, m, known, ARRAY_LEN(known))) return false;
    if (n->version) n->major = major_of(s, n->version);
    if (!n->kind || n->kind->type != NODE_STRING) why = "\"kind\" must be given, as a string";
    if (!why && (!n->hook || n->hook->type != NODE_STRING)) why = "\"hook\" must be given, as a string";
    if (!why && !n->payload) why = "\"payload\" must be given, as an object";
    if (!why && n->metadata && n->metadata->type != NODE_OBJECT) why = "\"metadata\" must be an object";
    if (!why && n->major == -2) why = "\"kind_api_version\" must be a version such as \"1\" or \"1.0.0\"";
    if (why) invalid(e, p, m, "invalid_params", why);
    return !why;
}

/* A name in its plain bytes; an escaped one is unescaped into e->result. */
static const char *name_of(struct events *e, const struct node *n, size_t *lenp) {
    *lenp = n->len;
    if (!(n->flags & NODE_ESCAPED)) return scan_ptr(&e->cx->scan, n);
    size_t at = e->result.len;
    if (text_unescape(&e->cx->scan, n, TEXT_LONE_REPLACE, &e->result) < 0) *lenp = 0;
    *lenp = e->result.len - at;
    return buf_data(&e->result) + at;
}

static struct topic *notify_topic(struct events *e, struct peer *p, const struct jsonrpc *m, const struct notify *n) {
    static const char *const reasons[] = {[TOPICS_E_KIND] = "unknown_kind",
                                          [TOPICS_E_MAJOR] = "unknown_kind_api_version",
                                          [TOPICS_E_HOOK] = "unknown_hook"};
    struct topic *t;
    struct err err;
    size_t kind_len, hook_len;
    buf_clear(&e->result);
    if ((n->kind->flags | n->hook->flags) & NODE_ESCAPED)
        (void)buf_reserve(&e->result, (size_t)n->kind->len + n->hook->len); /* so that the first stays where it is */
    const char *kind = name_of(e, n->kind, &kind_len);
    const char *hook = name_of(e, n->hook, &hook_len);
    int r = router_find(e->router, kind, kind_len, n->major, hook, hook_len, &t, &err);
    if (r) {
        invalid(e, p, m, reasons[r], err.text);
        return NULL;
    }
    const struct hook *h = &t->spec->hooks[t->hook];
    if (h->dispatch != DISPATCH_BROADCAST_NOTIFY) {
        (void)err_set(&err, 0, "hook \"%s\" has dispatch class %s; only broadcast_notify is served", h->name,
                      dispatch_name(h->dispatch));
        invalid(e, p, m, "not_broadcast_notify", err.text);
        return NULL;
    }
    return t;
}

static bool notify_admit(struct events *e, struct peer *p, const struct jsonrpc *m, const struct topic *t,
                         const struct node *payload) {
    static const char *const reasons[] = {[ADMIT_INVALID_PAYLOAD] = "invalid_payload",
                                          [ADMIT_RESERVED_KEY] = "reserved_key",
                                          [ADMIT_TOO_LARGE] = "too_large",
                                          [ADMIT_TOO_COMPLEX] = "too_complex",
                                          [ADMIT_NUMBER_RANGE] = "number_range"};
    struct err err;
    struct buf *errors = reply_wanted(m) ? &e->errors : NULL; /* nobody would read them */
    enum admit a = admit_payload(t, e->run, &e->cx->scan, payload, e->cx->config->event_max_size, &err, errors);
    if (a == ADMIT_OK) return true;
    if (a == ADMIT_NO_MEMORY) {
        reply_error(&e->reply, p, m, JSONRPC_INTERNAL_ERROR, NULL, err.text, NULL);
        return false;
    }
    reply_error(&e->reply, p, m, JSONRPC_INVALID_PARAMS, reasons[a], err.text,
                a == ADMIT_INVALID_PAYLOAD && errors ? buf_cstr(errors) : NULL);
    return false;
}

static int put_result(struct buf *b, const char *run, const struct router_result *res) {
    int r = buf_putf(b, "{\"run\":\"%s\",\"seq\":%" PRIu64 ",\"queued\":%" PRIu32 ",\"failed\":[", run, res->seq,
                     res->queued);
    for (uint32_t i = 0; i < res->failed_total && i < ROUTER_FAILED_MAX && r == 0; i++) {
        r = buf_puts(b, i ? ",{\"plugin\":" : "{\"plugin\":");
        if (r == 0) r = text_escape(b, res->failed[i].plugin, strlen(res->failed[i].plugin));
        if (r == 0) r = buf_puts(b, ",\"error\":");
        if (r == 0) r = text_escape(b, res->failed[i].error, strlen(res->failed[i].error));
        if (r == 0) r = buf_puts(b, "}");
    }
    return r < 0 ? r : buf_putf(b, "],\"failed_total\":%" PRIu32 "}", res->failed_total);
}

static void do_notify(struct events *e, struct peer *p, const struct jsonrpc *m) {
    struct notify n;
    if (!notify_params(e, p, m, &n)) return;
    if (e->shut) {
        invalid(e, p, m, "shutting_down", "the daemon is shutting down");
        return;
    }
    struct topic *t = notify_topic(e, p, m, &n);
    if (!t || !notify_admit(e, p, m, t, n.payload)) return;
    struct router_result res;
    const struct router_event ev = {.scan = &e->cx->scan,
                                    .payload = n.payload,
                                    .metadata = n.metadata,
                                    .uid = p->uid,
                                    .pid = p->pid,
                                    .now = p->read_at,
                                    .wall = p->read_wall};
    e->accepted++;
    p->accepted++;
    if (!reply_wanted(m)) {
        router_post(e->router, t, &ev);
        return;
    }
    router_publish(e->router, t, &ev, &res);
    buf_clear(&e->result);
    if (put_result(&e->result, e->cx->run, &res) == 0)
        reply_result(&e->reply, p, m, buf_data(&e->result), e->result.len);
    else
        peer_close(p);
}

/* --- the others --- */

static void do_flush(struct events *e, struct peer *p, const struct jsonrpc *m) {
    static const char *const known[] = {"timeout_ms"};
    int64_t ms = FLUSH_DEFAULT_MS;
    if (!reply_params(&e->reply, p, m, known, ARRAY_LEN(known))) return;
    const struct node *t = m->params ? scan_get(&e->cx->scan, m->params, "timeout_ms") : NULL;
    if (t && (t->type != NODE_NUMBER || number_to_int64(number_of(&e->cx->scan, t), &ms) != 0 || ms < 0 ||
              ms > FLUSH_MAX_MS)) {
        invalid(e, p, m, "invalid_params", "\"timeout_ms\" must be a whole number from 0 to 3600000");
        return;
    }
    if (!reply_wanted(m)) return;
    if (p->held >= FLUSH_PER_PEER) {
        invalid(e, p, m, "invalid_params", "at most 16 flushes may wait on one connection");
        return;
    }
    router_settle(e->router);
    if (flushes_add(e->flushes, p, m, router_seq(e->router), ms * NSEC_PER_MSEC) < 0)
        reply_error(&e->reply, p, m, JSONRPC_INTERNAL_ERROR, NULL, "out of memory", NULL);
}

static void do_ping(struct events *e, struct peer *p, const struct jsonrpc *m) {
    if (reply_params(&e->reply, p, m, NULL, 0)) reply_result(&e->reply, p, m, "{}", 2);
}

static void do_stats(struct events *e, struct peer *p, const struct jsonrpc *m) {
    if (!reply_params(&e->reply, p, m, NULL, 0)) return;
    buf_clear(&e->result);
    int r = buf_putf(&e->result, "{\"accepted\":%" PRIu64 ",\"rejected\":%" PRIu64 ",\"last_error\":", p->accepted,
                     p->rejected);
    if (r == 0)
        r = p->last_error ? text_escape(&e->result, p->last_error, strlen(p->last_error))
                          : buf_puts(&e->result, "null");
    if (r == 0) r = buf_puts(&e->result, "}");
    if (r == 0)
        reply_result(&e->reply, p, m, buf_data(&e->result), e->result.len);
    else
        peer_close(p);
}

static const struct {
    const char *name;
    void (*run)(struct events *e, struct peer *p, const struct jsonrpc *m);
} methods[] = {{"flush", do_flush}, {"stats", do_stats}, {"ping", do_ping}};

static void on_line(void *ctx, struct peer *p, const char *line, size_t len, enum line_result r) {
    struct events *e = ctx;
    struct jsonrpc m;
    if (!reply_open(&e->reply, p, line, len, r, &m)) return;
    if (scan_is(&e->cx->scan, m.method, "notify")) { /* nearly always */
        do_notify(e, p, &m);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (scan_equal(&e->cx->scan, m.method, methods[i].name, strlen(methods[i].name))) {
            methods[i].run(e, p, &m);
            return;
        }
    reply_error(&e->reply, p, &m, JSONRPC_METHOD_NOT_FOUND, NULL,
                "unknown method: the events socket serves notify, flush, stats and ping", NULL);
}
