/* router_rig.h — a router over a catalog made by hand, and plugins that read from real pipes.
 *
 * Kinds: "alpha" in majors 1, 2 and 5 (hooks on_zulu, on_alpha, on_mike), "beta" in major 1 (on_alpha). */
#ifndef HOOKCAST_TESTS_ROUTER_RIG_H
#define HOOKCAST_TESTS_ROUTER_RIG_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fanout/router.h"
#include "rpc/wire.h"

static struct hook alpha_hooks[] = {{.name = (char *)(uintptr_t) "on_zulu", .dispatch = DISPATCH_BROADCAST_NOTIFY},
                                    {.name = (char *)(uintptr_t) "on_alpha", .dispatch = DISPATCH_BROADCAST_NOTIFY},
                                    {.name = (char *)(uintptr_t) "on_mike", .dispatch = DISPATCH_CHAIN}};
#define ALPHA(m) \
    { .kind = (char *)(uintptr_t) "alpha", .major = (m), .hooks = alpha_hooks, .n_hooks = 3 }
static struct hookspec alpha1 = ALPHA(1), alpha2 = ALPHA(2), alpha5 = ALPHA(5);
static struct hookspec beta1 = {.kind = (char *)(uintptr_t) "beta", .major = 1, .hooks = &alpha_hooks[1], .n_hooks = 1};
static struct hookspec *specs[] = {&alpha1, &alpha2, &alpha5, &beta1};
static const struct catalog catalog = {.specs = specs, .n_specs = 4};

enum { PLUGINS = 24, HOOKS = 3 };

struct plugin {
    struct subscriber sub;
    bool hears[HOOKS];
    char name[16];
    int fds[2];       /* its stdin: read end, write end */
    struct buf input; /* what it has read */
    unsigned ready, full, lost[QUEUE_E_RESTART + 1];
};

static struct plugin plugins[PLUGINS];
static struct router *router;
static struct scan rig_scan;
static struct router_result result;
static bool drains_when_full; /* the sink's full() writes, as the daemon's does */

static inline struct plugin *plugin_of(struct subscriber *s) { return s->owner; }

static inline void rig_ready(void *ctx, struct subscriber *s) {
    (void)ctx;
    plugin_of(s)->ready++;
}

static inline void rig_full(void *ctx, struct subscriber *s) {
    (void)ctx;
    plugin_of(s)->full++;
    if (drains_when_full) (void)queue_write(s->queue, SIZE_MAX, NULL, NULL);
}

static inline void rig_lost(void *ctx, struct subscriber *s, int why) {
    (void)ctx;
    ck_assert(why == QUEUE_E_DROPPED || why == QUEUE_E_REFUSED || why == QUEUE_E_RESTART);
    plugin_of(s)->lost[why]++;
}

static inline void rig_begin(size_t backlog_max) {
    const struct router_sink sink = {.ready = rig_ready, .full = rig_full, .lost = rig_lost};
    router = router_new(&catalog, "abcdefghijkl", backlog_max, &sink);
    ck_assert_ptr_nonnull(router);
    scan_init(&rig_scan, 128);
    drains_when_full = false;
}

static inline uint32_t rig_notice(const struct gap *g, char *out) {
    return wire_dropped(g->count, g->first, g->last, out);
}

/* Plugin `i` of `spec`, which hears the hooks of `mask` (bit 0: the first); ready, with an open pipe. */
static inline struct plugin *plug(int i, const struct hookspec *spec, unsigned mask, enum queue_overflow overflow,
                                  uint64_t max_events) {
    struct plugin *p = &plugins[i];
    *p = (struct plugin){.input = BUF_INIT(0)};
    (void)snprintf(p->name, sizeof p->name, "p%d", i);
    struct queue_options o = {
        .max_events = max_events, .max_size = 1ull << 30, .overflow = overflow, .notice = rig_notice};
    router_queue_options(router, &o);
    for (int h = 0; h < HOOKS; h++) p->hears[h] = mask >> h & 1;
    p->sub = (struct subscriber){
        .queue = queue_new(&o), .name = p->name, .spec = spec, .state = SUBSCRIBER_ON, .hears = p->hears, .owner = p};
    ck_assert_ptr_nonnull(p->sub.queue);
    ck_assert_int_eq(pipe2(p->fds, O_NONBLOCK | O_CLOEXEC), 0);
    queue_attach(p->sub.queue, p->fds[1]);
    queue_open(p->sub.queue);
    ck_assert_int_eq(router_subscribe(router, &p->sub), 0);
    return p;
}

/* Write what is queued, as far as the pipe takes it. */
static inline int rig_flush(struct plugin *p) {
    p->sub.signaled = false;
    return queue_write(p->sub.queue, SIZE_MAX, NULL, NULL);
}

/* Write and read until nothing is left; everything it has read so far. */
static inline const char *rig_text(struct plugin *p) {
    char chunk[65536];
    int r;
    do {
        ssize_t n;
        r = rig_flush(p);
        while ((n = read(p->fds[0], chunk, sizeof chunk)) > 0)
            ck_assert_int_eq(buf_put(&p->input, chunk, (size_t)n), 0);
    } while (r == QUEUE_E_AGAIN);
    return buf_cstr(&p->input);
}

static inline unsigned count_of(const char *text, const char *part) {
    unsigned n = 0;
    for (; (text = strstr(text, part)); text += strlen(part)) n++;
    return n;
}

static inline const struct queue_counters *books(const struct plugin *p) {
    const struct queue_counters *c = queue_counters(p->sub.queue);
    ck_assert_uint_eq(c->accepted + c->redelivered, c->delivered + c->dropped + c->events);
    return c;
}

static inline void unplug(struct plugin *p) {
    if (!p->sub.queue) return;
    (void)books(p);
    router_unsubscribe(router, &p->sub);
    p->sub.queue = queue_free(p->sub.queue);
    (void)close(p->fds[0]);
    (void)close(p->fds[1]);
    buf_deinit(&p->input);
}

/* All memory must be given back once nobody holds anything. */
static inline void rig_end(void) {
    for (int i = 0; i < PLUGINS; i++) unplug(&plugins[i]);
    router = router_free(router);
    scan_deinit(&rig_scan);
    memset(plugins, 0, sizeof plugins);
}

static inline struct topic *topic(const char *kind, int major, const char *hook) {
    struct topic *t = NULL;
    struct err e;
    ck_assert_msg(router_find(router, kind, strlen(kind), major, hook, strlen(hook), &t, &e) == 0, "%s", e.text);
    return t;
}

/* Hand in a payload of about `size` bytes, by one of the two ways. */
static inline void hand_in(struct topic *t, size_t size, bool post) {
    char *line = malloc(size + 64);
    ck_assert_ptr_nonnull(line);
    memset(line, 'x', size + 64);
    memcpy(line, "{\"p\":\"", 6);
    memcpy(line + 6 + size, "\"}", 3);
    ck_assert_int_eq(scan_text(&rig_scan, line, size + 8), 0);
    const struct router_event e = {.scan = &rig_scan,
                                   .payload = scan_root(&rig_scan),
                                   .uid = 7,
                                   .pid = 8,
                                   .now = 1,
                                   .wall = 1795458600LL * NSEC_PER_SEC};
    if (post)
        router_post(router, t, &e);
    else
        router_publish(router, t, &e, &result);
    free(line);
}

static inline uint64_t publish(struct topic *t, size_t size) {
    hand_in(t, size, false);
    return result.seq;
}

static inline void post(struct topic *t, size_t size) { hand_in(t, size, true); }

#endif
