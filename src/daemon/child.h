/* child.h — one plugin: its process, pipes and watchers, its queue, its life.
 *
 * Owned by the supervisor from load to removal; the process inside comes and goes. What happens to it arrives as
 * callbacks from the loop, is judged by the pure rooms (lifecycle, reasons, restart, mcp, queue), and is told upwards
 * through `struct child_owner`. A child never frees itself. It logs what concerns this plugin, once per change. */
#ifndef HOOKCAST_DAEMON_CHILD_H
#define HOOKCAST_DAEMON_CHILD_H

#include <jansson.h>
#include <stdbool.h>

#include "daemon/context.h"
#include "daemon/orphans.h"
#include "fanout/router.h"
#include "plugin/lifecycle.h"
#include "registry/manifest.h"

enum child_state {
    CHILD_STARTING,
    CHILD_READY,
    CHILD_DEGRADED,
    CHILD_UNAVAILABLE,
    CHILD_STOPPING,
    CHILD_STOPPED,
    CHILD_STATES
};
const char *child_state_name(enum child_state s);

struct child;

struct child_owner {
    void (*changed)(void *ctx, struct child *c);    /* its state, or what others wait for, may have changed */
    void (*check_deps)(void *ctx, struct child *c); /* answer with child_event(DEPS_OK / DEPS_FAIL), now or later */
    void (*dirty)(void *ctx, struct child *c);      /* call child_flush() before the loop waits */
    size_t (*bury)(void *ctx);                      /* kill what the dead left behind; how many were there? */
    void (*restless)(void *ctx);                    /* call child_tick() on all in a moment */
    void *ctx;
};

/* A plugin that is not started yet. NULL when out of memory. `m` is one of `catalog`'s, which is kept (a reference). */
struct child *child_new(struct context *cx, struct router *router, const struct manifest *m, struct catalog *catalog,
                        const struct child_owner *owner);
/* The process must be gone (or nobody cares any more: it is killed). NULL is fine; returns NULL. */
struct child *child_free(struct child *c);

/* A reload describes it anew. With `restart` what it runs is not what it should run: it is started again, its queue and
 * counters go on. Otherwise only its settings may differ, and apply from now on. Follows a router_prepare(), before the
 * commit; child_apply() comes behind it. */
void child_adopt(struct child *c, const struct manifest *m, struct catalog *catalog, bool restart);
void child_apply(struct child *c);

const struct manifest *child_manifest(const struct child *c);
enum child_state child_state(const struct child *c);
enum life_phase child_phase(const struct child *c);
const char *child_last_error(const struct child *c);     /* "" when there is none */
uint64_t child_generation(const struct child *c);        /* processes started for it so far */
const char *child_instance(const struct child *c);       /* its generation's mark; "" before the first */
const struct orphans *child_tree(const struct child *c); /* what stood below it when its ending began */
pid_t child_pid(const struct child *c);                  /* 0 when there is no process */
bool child_calls_tools(const struct child *c);           /* it was ready as an MCP server without the extension */
bool child_crashed_before_ready(const struct child *c);

/* Something happened to it: see lifecycle.h. `why` becomes last_error when not NULL. */
void child_event(struct child *c, enum life_event event, const char *why);

bool child_wanted(const struct child *c);
/* Removed by a reload: it only ends, and is then freed. */
bool child_leaving(const struct child *c);
void child_set_leaving(struct child *c, bool leaving);
/* Down because a dependency was not available: to be tried again when that is ready. */
bool child_waits_for_dependency(const struct child *c);

/* Events were dropped for it, or (QUEUE_E_RESTART) it is to be restarted. */
void child_overflow(struct child *c, int why);

/* Write what is pending, in the middle of a publication: nothing else happens. */
void child_relieve(struct child *c);
/* Write what is pending, and do what was put off to this moment. */
void child_flush(struct child *c);
/* Let time pass: reasons come and go. Returns after how long more may change by time alone; 0: never. */
nsec_t child_tick(struct child *c);
/* Anything queued, or its seq at most `seq`? For flush. */
bool child_has_pending(const struct child *c, uint64_t seq);
/* Still something to deliver to a running process? For the drain at shutdown. */
bool child_draining(const struct child *c);

/* The kernel says that `pid` ended; true when it was this child's. Called by the reaper for whatever order the kernel
 * tells things in. */
bool child_reap(struct child *c);

/* From now on an ending must be over by `deadline` (monotonic). */
void child_hurry(struct child *c, nsec_t deadline);

/* The row of plugin.list (new reference; NULL when out of memory). */
json_t *child_row(const struct child *c);

#endif
