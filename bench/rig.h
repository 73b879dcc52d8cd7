/* rig.h — the event path below the sockets, without a daemon: the catalog of hookspecs/, a router, and readers that are
 * pipes. For main files only; the working directory is the repository's. */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include <fcntl.h>

#include "fanout/router.h"
#include "peers/notify.h"
#include "registry/catalog.h"
#include "rpc/wire.h"

enum { READERS_MAX = 64, PIPE_SIZE = 512 * 1024 /* as a busy plugin's */ };

/* 2026-11-24T00:00:00.123456Z: no clock is read, so that every run does the same. */
static const nsec_t rig_wall = 1795478400LL * NSEC_PER_SEC + 123456789;

struct reader {
    struct subscriber sub;
    bool *hears;
    int fds[2]; /* its stdin: read end (-1: /dev/null), write end */
    uint64_t bytes;
};

struct rig {
    struct catalog *catalog;
    const struct hookspec *spec;
    struct router *router;
    struct topic *topic;
    struct reader readers[READERS_MAX];
    unsigned n;
};

static inline void rig_ready(void *ctx, struct subscriber *s) {
    (void)ctx;
    (void)s;
}

static inline void rig_full(void *ctx, struct subscriber *s) {
    (void)ctx;
    (void)s;
}

static inline void rig_lost(void *ctx, struct subscriber *s, int why) {
    (void)ctx;
    (void)s;
    (void)why;
    die(1, "an event was lost", NULL);
}

static inline void rig_begin(struct rig *r) {
    static const char *const dirs[] = {"hookspecs"};
    const struct router_sink sink = {.ready = rig_ready, .full = rig_full, .lost = rig_lost};
    const struct settings defaults = settings_default();
    const struct catalog_options o = {
        .hookspec_dirs = dirs, .n_hookspec_dirs = 1, .defaults = &defaults, .core_version = HOOKCAST_VERSION};
    struct err e;
    *r = (struct rig){.catalog = catalog_load(&o)};
    if (!r->catalog || r->catalog->spec_errors.n) die(1, "hookspecs/ cannot be loaded (start in the repository)", NULL);
    r->spec = catalog_spec(r->catalog, notify_kind, sizeof notify_kind - 1, -1);
    if (!r->spec) die(1, "hookspecs/ does not have the kind", notify_kind);
    r->router = router_new(r->catalog, "abcdefghijkl", (size_t)1 << 34, &sink);
    if (!r->router) die(1, "out of memory", NULL);
    if (router_find(r->router, notify_kind, sizeof notify_kind - 1, -1, notify_hook, sizeof notify_hook - 1, &r->topic,
                    &e) != 0)
        die(1, e.text, NULL);
}

/* One more reader, of a pipe or of /dev/null, whose queue has room for everything. `stage_runs` 0: as the router has
 * it. */
static inline struct reader *rig_reader(struct rig *r, bool pipe, uint32_t stage_runs) {
    struct reader *p = &r->readers[r->n++];
    struct queue_options o = {.max_events = 1000000000, .max_size = UINT64_C(1) << 40};
    router_queue_options(r->router, &o);
    if (stage_runs) o.stage_runs = stage_runs;
    *p = (struct reader){.hears = calloc(r->spec->n_hooks, sizeof *p->hears), .fds = {-1, -1}};
    if (pipe) {
        if (pipe2(p->fds, O_NONBLOCK | O_CLOEXEC) < 0) die(1, "pipe", strerror(errno));
        if (fcntl(p->fds[1], F_SETPIPE_SZ, PIPE_SIZE) != PIPE_SIZE) die(1, "a pipe of 512 KiB", strerror(errno));
    } else {
        p->fds[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
    }
    p->sub = (struct subscriber){.queue = queue_new(&o),
                                 .name = "reader",
                                 .spec = r->spec,
                                 .state = SUBSCRIBER_ON,
                                 .hears = p->hears,
                                 .owner = p};
    if (!p->hears || !p->sub.queue) die(1, "out of memory", NULL);
    p->hears[r->topic->hook] = true;
    queue_attach(p->sub.queue, p->fds[1]);
    queue_open(p->sub.queue);
    if (router_subscribe(r->router, &p->sub) < 0) die(1, "out of memory", NULL);
    return p;
}

/* Write once what is queued, as the daemon does at the end of a turn. False: there is more. */
static inline bool reader_write(struct reader *p) {
    p->sub.signaled = false;
    int w = queue_write(p->sub.queue, SIZE_MAX, NULL, NULL);
    if (w < 0) die(1, "queue_write", strerror(-w));
    if (p->fds[0] < 0) queue_advance(p->sub.queue, 0); /* /dev/null has read it */
    return w == 0;
}

/* Read what is in the pipe. */
static inline void reader_drain(struct reader *p) {
    static char chunk[PIPE_SIZE];
    for (ssize_t n; p->fds[0] >= 0 && (n = read(p->fds[0], chunk, sizeof chunk)) > 0;) p->bytes += (uint64_t)n;
}

/* Write and read until nothing is left, everybody in turn. */
static inline void rig_deliver(struct rig *r) {
    for (bool done = false; !done;) {
        done = true;
        for (unsigned i = 0; i < r->n; i++) done &= reader_write(&r->readers[i]);
        for (unsigned i = 0; i < r->n; i++) reader_drain(&r->readers[i]);
    }
}

static inline void rig_end(struct rig *r) {
    for (unsigned i = 0; i < r->n; i++) {
        struct reader *p = &r->readers[i];
        router_unsubscribe(r->router, &p->sub);
        p->sub.queue = queue_free(p->sub.queue);
        free(p->hears);
        if (p->fds[0] >= 0) (void)close(p->fds[0]);
        (void)close(p->fds[1]);
    }
    r->n = 0;
    if (router_backlog_bytes(r->router) > BLOCK_DATA + sizeof(struct block) + BLOCK_MESSAGES * sizeof(struct message))
        die(1, "something still holds the log", NULL);
    r->router = router_free(r->router);
    r->catalog = catalog_unref(r->catalog);
}

#endif
