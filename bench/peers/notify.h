/* notify.h — the lines of an event's publisher: `notify` without id, around a payload of events.h. */
#ifndef BENCH_NOTIFY_H
#define BENCH_NOTIFY_H

#include "events.h"

static const char notify_kind[] = "lifecycle_listener", notify_hook[] = "on_request_started";

static inline void notify_fill(struct pool *pool, const struct plan *plan, const char *kind, const char *hook) {
    char head[512];
    int h = snprintf(head, sizeof head,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"notify\",\"params\":{\"kind\":\"%s\",\"hook\":\"%s\","
                     "\"payload\":",
                     kind, hook);
    if (h < 0 || (size_t)h >= sizeof head) die(64, "the names are too long", NULL);
    pool_fill(pool, plan, head, (size_t)h, plan->size, "}}\n");
}

#endif
