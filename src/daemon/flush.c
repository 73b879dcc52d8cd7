#include "daemon/flush.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json/text.h"

struct flush {
    struct flush *next;
    struct peer *peer;
    uint64_t seq;
    nsec_t deadline;
    size_t id_len;
    char id[];
};

struct flushes {
    struct context *cx;
    struct supervisor *supervisor;
    struct flush *first;
    ev_timer t_deadline;
    struct buf result, line;
};

static void on_deadline(struct ev_loop *loop, ev_timer *t, int revents);

struct flushes *flushes_new(struct context *cx, struct supervisor *s) {
    struct flushes *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    *f = (struct flushes){.cx = cx, .supervisor = s, .result = BUF_INIT(0), .line = BUF_INIT(0)};
    ev_init(&f->t_deadline, on_deadline);
    f->t_deadline.data = f;
    return f;
}

struct flushes *flushes_free(struct flushes *f) {
    if (!f) return NULL;
    ev_timer_stop(f->cx->loop, &f->t_deadline);
    for (struct flush *w = f->first, *next; w; w = next) {
        next = w->next;
        free(w);
    }
    buf_deinit(&f->result);
    buf_deinit(&f->line);
    free(f);
    return NULL;
}

static int put_pending(struct flushes *f, uint64_t seq) {
    const char *sep = "";
    int r = buf_puts(&f->result, "[");
    for (size_t i = 0; i < supervisor_count(f->supervisor) && r == 0; i++) {
        const struct child *c = supervisor_at(f->supervisor, i);
        if (!child_has_pending(c, seq)) continue;
        const char *name = child_manifest(c)->name;
        r = buf_puts(&f->result, sep);
        if (r == 0) r = text_escape(&f->result, name, strlen(name));
        sep = ",";
    }
    return r < 0 ? r : buf_puts(&f->result, "]");
}

static void answer(struct flushes *f, struct flush *w) {
    buf_clear(&f->result);
    buf_clear(&f->line);
    int r = buf_putf(&f->result, "{\"run\":\"%s\",\"seq\":%" PRIu64 ",\"pending\":", f->cx->run, w->seq);
    if (r == 0) r = put_pending(f, w->seq);
    if (r == 0) r = buf_puts(&f->result, "}");
    if (r == 0) r = jsonrpc_result_to(&f->line, w->id, w->id_len, buf_data(&f->result), f->result.len);
    w->peer->held--;
    if (r == 0)
        peer_send(w->peer, buf_data(&f->line), f->line.len);
    else
        peer_close(w->peer);
    peer_close_if_done(w->peer);
}

static bool complete(const struct flushes *f, uint64_t seq) {
    for (size_t i = 0; i < supervisor_count(f->supervisor); i++)
        if (child_has_pending(supervisor_at(f->supervisor, i), seq)) return false;
    return true;
}

/* Answer what is due; arm the timer for the next. */
static void look(struct flushes *f) {
    nsec_t now = context_now(f->cx), next = 0;
    for (struct flush **at = &f->first; *at;) {
        struct flush *w = *at;
        if (complete(f, w->seq) || now >= w->deadline) {
            *at = w->next;
            answer(f, w);
            free(w);
            at = &f->first; /* a connection that closed took its others with it */
            next = 0;
            continue;
        }
        if (!next || w->deadline < next) next = w->deadline;
        at = &w->next;
    }
    if (next)
        context_timer(f->cx, &f->t_deadline, next - now);
    else
        ev_timer_stop(f->cx->loop, &f->t_deadline);
}

static void on_deadline(struct ev_loop *loop, ev_timer *t, int revents) {
    (void)loop;
    (void)revents;
    look(t->data);
}

void flushes_moved(struct flushes *f) {
    if (f->first) look(f);
}

int flushes_add(struct flushes *f, struct peer *p, const struct jsonrpc *m, uint64_t seq, nsec_t timeout) {
    size_t len;
    const char *id = jsonrpc_id(&f->cx->scan, m->id, &len);
    struct flush *w = malloc(sizeof *w + len);
    if (!w) return -ENOMEM;
    *w = (struct flush){.peer = p, .seq = seq, .deadline = context_now(f->cx) + timeout, .id_len = len};
    memcpy(w->id, id, len);
    p->held++;
    struct flush **at = &f->first;
    while (*at) at = &(*at)->next;
    *at = w;
    if (timeout == 0 || f->first == w) look(f);
    return 0;
}

void flushes_forget(struct flushes *f, const struct peer *p) {
    for (struct flush **at = &f->first; *at;) {
        struct flush *w = *at;
        if (w->peer == p) {
            *at = w->next;
            free(w);
        } else {
            at = &w->next;
        }
    }
}
