#include "ctl/emitter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/member.h"
#include "ctl/payload.h"
#include "ctl/runtime.h"
#include "ctl/say.h"

enum {
    DEPTH_MAX = 128, /* as the daemon's; beyond it that one says no */
    SCAN_KEEP = 4 * 1024 * 1024,
    FLUSH_DEFAULT_MS = 5000,
    FLUSH_GRACE_MS = 5000, /* how much later than the daemon this side gives up */
};

static int put_name(struct buf *out, const char *key, const char *name, struct err *e) {
    int r = buf_puts(out, key);
    if (r == 0) r = payload_put_string(out, name);
    if (r == -EILSEQ) return err_set(e, -EINVAL, "\"%s\" is not UTF-8", name);
    return r < 0 ? err_sys(e, -r, "building the request") : 0;
}

static int put_metadata(struct emitter *m, struct err *e) {
    const struct options *o = m->options;
    if (o->n_metas == 0) return 0;
    if (buf_puts(&m->tail, ",\"metadata\":") < 0) return err_sys(e, ENOMEM, "building the request");
    struct err why = {0};
    int r = payload_put_words(&m->tail, &m->scan, o->metas, o->n_metas, &why);
    return r < 0 ? err_set(e, r, "--meta: %s", why.text) : 0;
}

int emitter_init(struct emitter *m, const struct options *o, struct err *e) {
    *m = (struct emitter){.options = o, .head = BUF_INIT(0), .tail = BUF_INIT(0)};
    scan_init(&m->scan, DEPTH_MAX);
    int r = put_name(&m->head, ",\"method\":\"notify\",\"params\":{\"kind\":", o->args[0], e);
    if (r == 0) r = put_name(&m->head, ",\"hook\":", o->args[1], e);
    if (r == 0 && buf_puts(&m->head, ",\"payload\":") < 0) r = err_sys(e, ENOMEM, "building the request");
    if (r == 0) r = put_metadata(m, e);
    if (r == 0 && buf_puts(&m->tail, "}}\n") < 0) r = err_sys(e, ENOMEM, "building the request");
    return r;
}

void emitter_deinit(struct emitter *m) {
    m->client = client_free(m->client);
    scan_deinit(&m->scan);
    buf_deinit(&m->head);
    buf_deinit(&m->tail);
    json_decref(m->warned);
    m->warned = NULL;
}

int emitter_connect(struct emitter *m) { return runtime_connect(m->options, CLIENT_EVENTS, &m->client); }

static int put_request(struct emitter *m, struct buf *out, int64_t id, const char *payload, size_t len, struct err *e) {
    int r = buf_putf(out, "{\"jsonrpc\":\"2.0\",\"id\":%" PRId64, id);
    if (r == 0) r = buf_put(out, buf_data(&m->head), m->head.len);
    if (r < 0) return err_sys(e, -r, "building the request");
    r = payload_put_value(out, &m->scan, payload, len, e);
    if (r < 0) return r;
    r = buf_put(out, buf_data(&m->tail), m->tail.len);
    return r < 0 ? err_sys(e, -r, "building the request") : 0;
}

int emitter_put(struct emitter *m, struct buf *out, int64_t id, const char *payload, size_t len, struct err *e) {
    size_t before = out->len;
    int r = put_request(m, out, id, payload, len, e);
    if (r < 0) out->len = before;
    scan_shrink(&m->scan, SCAN_KEEP);
    return r;
}

/* One warning for each plugin that the event will not reach. */
static void warn_failed(struct emitter *m, const json_t *result, const char *what) {
    json_t *failed = json_object_get(result, "failed");
    if (json_array_size(failed) == 0 || (m->warned && json_equal(m->warned, failed))) return;
    json_decref(m->warned);
    m->warned = json_incref(failed);
    size_t i;
    json_t *item;
    json_array_foreach(failed, i, item)(void)
        say(0, "%swarning: not queued for %s: %s", what, member_str(item, "plugin", "?"),
            member_str(item, "error", "no reason given"));
    int64_t total = member_int(result, "failed_total", 0), told = (int64_t)json_array_size(failed);
    if (total > told) (void)say(0, "%swarning: nor for %" PRId64 " more plugins", what, total - told);
}

int emitter_report(struct emitter *m, const struct answer *a, const char *what) {
    if (a->error) {
        answer_say_error(a->error, what);
        return EXIT_REFUSED;
    }
    if (m->options->quiet) return 0;
    if (m->options->json) {
        answer_print_json(a->result);
        return 0;
    }
    int64_t queued = member_int(a->result, "queued", 0);
    (void)printf("queued seq=%" PRId64 " for %" PRId64 " plugin%s\n", member_int(a->result, "seq", 0), queued,
                 queued == 1 ? "" : "s");
    warn_failed(m, a->result, what);
    return 0;
}

static int report_flush(const struct options *o, const json_t *result) {
    if (o->json && !o->quiet) answer_print_json(result);
    size_t pending = json_array_size(json_object_get(result, "pending"));
    if (pending) {
        struct buf names = BUF_INIT(0);
        (void)say(0, "timed out: still pending for %s", member_words(result, "pending", ", ", &names));
        buf_deinit(&names);
        return EXIT_TIMED_OUT;
    }
    if (!o->json && !o->quiet) (void)printf("delivered up to seq=%" PRId64 "\n", member_int(result, "seq", 0));
    return 0;
}

int emitter_flush(struct emitter *m) {
    const struct options *o = m->options;
    nsec_t ms = o->timeout_given ? o->timeout / NSEC_PER_MSEC : FLUSH_DEFAULT_MS;
    char params[64];
    (void)snprintf(params, sizeof params, "{\"timeout_ms\":%" PRId64 "}", ms > 0 ? ms : 1);
    struct answer a = {0};
    struct err e = {0};
    int r = client_call(m->client, "flush", params, (ms + FLUSH_GRACE_MS) * NSEC_PER_MSEC, &a, &e);
    if (r != 0) return say(client_exit(r), "waiting for delivery: %s", e.text);
    if (a.error) answer_say_error(a.error, "flush: ");
    r = a.error ? EXIT_REFUSED : report_flush(o, a.result);
    answer_deinit(&a);
    return r;
}
