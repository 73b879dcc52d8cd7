#include "ctl/emit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ctl/payload.h"
#include "ctl/say.h"

/* The payload that the arguments give, as text; `built` is its memory when it had to be made. */
static int find_payload(struct emitter *m, struct buf *built, const char **textp, size_t *lenp, struct err *e) {
    const struct options *o = m->options;
    if (o->payload) {
        *textp = o->payload;
        *lenp = strlen(o->payload);
        return 0;
    }
    int r = payload_put_words(built, &m->scan, o->args + 2, o->n_args - 2, e);
    *textp = buf_data(built);
    *lenp = built->len;
    return r;
}

/* The request is complete before anything is connected: what is wrong in the arguments is told even without a daemon.
 */
static int build_request(struct emitter *m, struct buf *request, int64_t id, struct err *e) {
    struct buf built = BUF_INIT(0);
    const char *text;
    size_t len;
    int r = find_payload(m, &built, &text, &len, e);
    struct err why = {0};
    if (r == 0) r = emitter_put(m, request, id, text, len, &why);
    if (why.text[0]) (void)err_set(e, r, "%s%s", m->options->payload ? "--payload: " : "", why.text);
    buf_deinit(&built);
    return r;
}

static int emit_one(struct emitter *m) {
    enum { ID = 1 };
    struct buf request = BUF_INIT(0);
    struct err e = {0};
    int r = build_request(m, &request, ID, &e);
    if (r < 0) {
        buf_deinit(&request);
        return say(r == -EINVAL ? EXIT_USAGE : EXIT_IO, "%s", e.text);
    }
    struct answer a = {0};
    int code = emitter_connect(m);
    if (code == 0 && buf_put(client_out(m->client), buf_data(&request), request.len) < 0)
        code = say(EXIT_IO, "out of memory");
    buf_deinit(&request);
    if (code != 0) return code;
    r = client_await(m->client, ID, client_now() + m->options->timeout, &a, &e);
    if (r != 0) return say(client_exit(r), "%s", e.text);
    code = emitter_report(m, &a, "");
    answer_deinit(&a);
    return code;
}

int emit_run(const struct options *o) {
    struct emitter m;
    struct err e = {0};
    int r = emitter_init(&m, o, &e), code;
    if (r < 0)
        code = say(r == -EINVAL ? EXIT_USAGE : EXIT_IO, "%s", e.text);
    else if (!o->from_stdin)
        code = emit_one(&m);
    else if ((code = emitter_connect(&m)) == 0)
        code = emit_stream(&m, STDIN_FILENO);
    if (r == 0 && o->wait && (code == 0 || (o->from_stdin && code == EXIT_REFUSED))) {
        int flushed = emitter_flush(&m);
        if (code == 0) code = flushed;
    }
    emitter_deinit(&m);
    return code;
}
