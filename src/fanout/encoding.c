#include "fanout/encoding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int encoding_init_native(struct encoding *e, const char *kind, const char *hook, const char *run, struct backlog *log) {
    *e = (struct encoding){.prefix = BUF_INIT(0), .log = log};
    return wire_prefix(&e->prefix, kind, hook, run);
}

int encoding_init_tool_take(struct encoding *e, const char *kind, const char *hook, const char *run, const char *tool,
                            const char *meta, struct backlog *log) {
    *e = (struct encoding){.tool = strdup(tool), .prefix = BUF_INIT(0), .log = log};
    if (meta) e->meta = strdup(meta);
    if (!e->tool || !log || (meta && !e->meta)) {
        if (!e->tool) (void)backlog_free(log); /* encoding_deinit() would take it for a native one */
        if (!e->tool) e->log = NULL;
        return -ENOMEM;
    }
    return wire_tool_prefix(&e->prefix, kind, hook, run, tool, meta);
}

void encoding_deinit(struct encoding *e) {
    if (e->tool) (void)backlog_free(e->log);
    buf_deinit(&e->prefix);
    free(e->hearers.v);
    free(e->tool);
    free(e->meta);
    *e = (struct encoding){.prefix = BUF_INIT(0)};
}

static bool same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

bool encoding_is(const struct encoding *e, const char *tool, const char *meta) {
    return same(e->tool, tool) && (!tool || same(e->meta, meta));
}

int hearers_add(struct hearers *h, struct subscriber *s) {
    if (h->n == h->cap) {
        size_t cap = h->cap ? h->cap * 2 : 4;
        struct subscriber **p = reallocarray(h->v, cap, sizeof(*p));
        if (!p) return -ENOMEM;
        h->v = p;
        h->cap = cap;
    }
    h->v[h->n++] = s;
    return 0;
}

void hearers_remove(struct hearers *h, const struct subscriber *s) {
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++)
        if (h->v[i] != s) h->v[n++] = h->v[i];
    h->n = n;
}

int encoding_build(const struct encoding *e, struct buf *head, const struct wire_event *event,
                   struct iovec parts[WIRE_PARTS]) {
    return e->tool ? wire_tool(head, &e->prefix, event, parts) : wire_native(head, &e->prefix, event, parts);
}
