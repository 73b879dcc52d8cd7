#include "daemon/waits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct wait {
    struct wait *next;
    struct peer *peer;
    enum wait_for what;
    uint64_t generation;
    char name[160];
    size_t id_len;
    char id[];
};

struct waits {
    struct context *cx;
    struct supervisor *supervisor;
    struct wait *first;
    struct buf line;
};

struct waits *waits_new(struct context *cx, struct supervisor *s) {
    struct waits *w = calloc(1, sizeof *w);
    if (w) *w = (struct waits){.cx = cx, .supervisor = s, .line = BUF_INIT(0)};
    return w;
}

struct waits *waits_free(struct waits *w) {
    if (!w) return NULL;
    for (struct wait *i = w->first, *next; i; i = next) {
        next = i->next;
        free(i);
    }
    buf_deinit(&w->line);
    free(w);
    return NULL;
}

/* OVERTAKEN: somebody has asked for the opposite meanwhile. */
enum outcome { NOT_YET, DONE, REFUSED, OVERTAKEN };

static enum outcome outcome_of(const struct wait *i, const struct child *c) {
    if (!c) return i->what == WAIT_STOPPED ? DONE : REFUSED; /* removed by a reload */
    bool down = child_phase(c) == LIFE_DOWN;
    if (i->what == WAIT_STOPPED) return down ? DONE : child_wanted(c) ? OVERTAKEN : NOT_YET;
    if (child_generation(c) > i->generation || (child_phase(c) == LIFE_UP && child_pid(c))) return DONE;
    if (!child_wanted(c)) return OVERTAKEN;
    return down ? REFUSED : NOT_YET;
}

static int build(struct waits *w, const struct wait *i, const struct child *c, enum outcome how) {
    buf_clear(&w->line);
    if (how == REFUSED)
        return jsonrpc_error_to(&w->line, i->id, i->id_len, -32000, c ? child_last_error(c) : "the plugin is gone",
                                "{\"reason\":\"unavailable\"}");
    if (how == OVERTAKEN)
        return jsonrpc_error_to(
            &w->line, i->id, i->id_len, -32000,
            i->what == WAIT_STOPPED ? "a later request started it again" : "a later request stopped it",
            "{\"reason\":\"overtaken\"}");
    json_t *row = c ? child_row(c) : json_object();
    char *text = row ? json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    int r = text ? jsonrpc_result_to(&w->line, i->id, i->id_len, text, strlen(text)) : -ENOMEM;
    free(text);
    json_decref(row);
    return r;
}

static void answer(struct waits *w, struct wait *i, const struct child *c, enum outcome how) {
    i->peer->held--;
    if (build(w, i, c, how) == 0)
        peer_send(i->peer, buf_data(&w->line), w->line.len);
    else
        peer_close(i->peer);
    peer_close_if_done(i->peer);
}

void waits_moved(struct waits *w) {
    for (struct wait **at = &w->first; *at;) {
        struct wait *i = *at;
        const struct child *c = supervisor_find(w->supervisor, i->name);
        enum outcome how = outcome_of(i, c);
        if (how == NOT_YET) {
            at = &i->next;
            continue;
        }
        *at = i->next;
        answer(w, i, c, how);
        free(i);
        at = &w->first; /* a connection that closed took its others with it */
    }
}

int waits_add(struct waits *w, struct peer *p, const struct jsonrpc *m, const char *name, enum wait_for what,
              uint64_t generation) {
    size_t len;
    const char *id = jsonrpc_id(&w->cx->scan, m->id, &len);
    struct wait *i = malloc(sizeof *i + len);
    if (!i) return -ENOMEM;
    *i = (struct wait){.peer = p, .what = what, .generation = generation, .id_len = len};
    memcpy(i->id, id, len);
    (void)strncpy(i->name, name, sizeof i->name - 1);
    p->held++;
    struct wait **at = &w->first;
    while (*at) at = &(*at)->next;
    *at = i;
    waits_moved(w);
    return 0;
}

void waits_forget(struct waits *w, const struct peer *p) {
    for (struct wait **at = &w->first; *at;) {
        struct wait *i = *at;
        if (i->peer == p) {
            *at = i->next;
            free(i);
        } else {
            at = &i->next;
        }
    }
}
