/* reload.c — the difference between what runs and a new catalog (DESIGN §7).
 *
 * Everything that can fail is done first; then the switch cannot. What is equal keeps process, queue and counters; what
 * is new is started, what is gone is stopped and freed when it has ended, what changed is restarted with its queue. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/supervisor_private.h"

/* The same kind for whoever runs under it: what the handshake says of it. Schemas and
 * descriptions are not his. */
static bool same_kind(const struct hookspec *a, const struct hookspec *b) {
    if (!a || !b) return a == b;
    if (strcmp(a->kind, b->kind) != 0 || strcmp(a->version, b->version) != 0 || a->n_hooks != b->n_hooks) return false;
    for (size_t i = 0; i < a->n_hooks; i++)
        if (strcmp(a->hooks[i].name, b->hooks[i].name) != 0) return false;
    return true;
}

/* The same tools for a tool server, of two kinds that are the same otherwise. */
static bool same_tools(const struct hookspec *a, const struct hookspec *b) {
    for (size_t i = 0; a && i < a->n_hooks; i++)
        if (a->hooks[i].mcp_exposed != b->hooks[i].mcp_exposed ||
            strcmp(a->hooks[i].tool_template, b->hooks[i].tool_template) != 0)
            return false;
    return true;
}

/* Must the process be another one? Settings apply to the one that runs. */
static bool differs(const struct child *c, const struct manifest *is) {
    const struct manifest *was = child_manifest(c);
    if (was->refusal || is->refusal || !same_kind(was->spec, is->spec)) return true;
    if (child_calls_tools(c) && !same_tools(was->spec, is->spec)) return true;
    struct manifest like = *is;
    like.settings = was->settings;
    like.spec = was->spec;
    return !manifest_equal(was, &like);
}

struct plan {
    struct child **children, **dirty;
    bool *fresh; /* per child: made by this reload */
    size_t n;    /* the new catalog's; then those that leave */
    size_t n_leaving, cap_dirty;
    struct topics *topics;
};

static struct child *find_any(const struct supervisor *s, const char *name) {
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(child_manifest(s->children[i])->name, name) == 0) return s->children[i];
    return NULL;
}

static int prepare(struct supervisor *s, struct catalog *catalog, struct plan *p) {
    size_t most = catalog->n_manifests + s->n;
    p->children = calloc(most + 1, sizeof(*p->children));
    p->fresh = calloc(most + 1, sizeof *p->fresh);
    p->cap_dirty = supervisor_dirty_room(most);
    p->dirty = calloc(p->cap_dirty, sizeof(*p->dirty));
    p->topics = router_prepare(s->router, catalog);
    if (!p->children || !p->fresh || !p->dirty || !p->topics) return -ENOMEM;
    for (size_t i = 0; i < catalog->n_manifests; i++) {
        struct child *c = find_any(s, catalog->manifests[i]->name);
        p->fresh[p->n] = !c;
        if (!c) c = supervisor_make_child(s, catalog->manifests[i], catalog);
        if (!c) return -ENOMEM;
        p->children[p->n++] = c;
    }
    return 0;
}

static void abandon(struct plan *p) {
    for (size_t i = 0; i < p->n; i++)
        if (p->fresh[i]) (void)child_free(p->children[i]);
    free(p->children);
    free(p->fresh);
    free(p->dirty);
    (void)topics_free(p->topics);
}

static void adopt(struct supervisor *s, struct catalog *catalog, struct plan *p) {
    for (size_t i = 0; i < p->n; i++) {
        struct child *c = p->children[i];
        if (p->fresh[i]) continue;
        child_adopt(c, catalog->manifests[i], catalog, child_leaving(c) || differs(c, catalog->manifests[i]));
    }
    for (size_t i = 0; i < s->n; i++) {
        bool kept = false;
        for (size_t j = 0; j < catalog->n_manifests && !kept; j++) kept = p->children[j] == s->children[i];
        if (!kept) {
            p->children[p->n++] = s->children[i];
            p->n_leaving++;
        }
    }
}

int supervisor_reload(struct supervisor *s, struct catalog *catalog) {
    struct plan p = {0};
    if (prepare(s, catalog, &p) < 0) {
        abandon(&p);
        return -ENOMEM;
    }
    for (size_t i = 0; i < s->n_dirty; i++) p.dirty[i] = s->dirty[(s->dirty_head + i) % s->cap_dirty];
    adopt(s, catalog, &p);
    router_commit_take(s->router, p.topics, s->cx->config->backlog_max_size);
    free(s->children);
    free(s->dirty);
    s->children = p.children;
    s->dirty = p.dirty;
    s->dirty_head = 0;
    s->cap_dirty = p.cap_dirty;
    s->n = p.n;
    s->n_leaving = p.n_leaving;
    (void)catalog_unref(s->catalog);
    s->catalog = catalog_ref(catalog);
    size_t stay = s->n - s->n_leaving;
    for (size_t i = 0; i < s->n; i++) {
        struct child *c = s->children[i];
        bool back = child_leaving(c) && i < stay;
        child_set_leaving(c, i >= stay);
        if (i >= stay)
            child_event(c, LIFE_STOP, NULL);
        else if (p.fresh[i])
            child_event(c, LIFE_START, NULL);
        else {
            child_apply(c);
            if (back) child_event(c, LIFE_START, NULL);
        }
    }
    free(p.fresh);
    return 0;
}

void supervisor_free_gone(struct supervisor *s) {
    if (!s->n_leaving) return;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct child *c = s->children[i];
        if (!child_leaving(c) || child_phase(c) != LIFE_DOWN || child_pid(c)) {
            s->children[n++] = c;
            continue;
        }
        size_t d = 0;
        for (size_t j = 0; j < s->n_dirty; j++) {
            struct child *other = s->dirty[(s->dirty_head + j) % s->cap_dirty];
            if (other != c) s->dirty[(s->dirty_head + d++) % s->cap_dirty] = other;
        }
        s->n_dirty = d;
        s->n_leaving--;
        (void)child_free(c);
    }
    s->n = n;
}
