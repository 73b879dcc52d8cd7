/* router.h — an event comes in, every plugin that hears it gets it queued.
 *
 * One pass: a seq is taken, the event is encoded once per wire form and appended to that form's log, and each
 * subscriber's queue is told where it lies. Nobody is waited for. What has to happen afterwards (writing, killing) is
 * told to the sink. The router owns the topics, the logs and the memory account; queues belong to their children and
 * must be gone before it. Pure: time comes in, no loop, no process, no log. */
#ifndef HOOKCAST_FANOUT_ROUTER_H
#define HOOKCAST_FANOUT_ROUTER_H

#include <sys/types.h>

#include "fanout/topics.h"
#include "json/scan.h"

struct router_sink {
    void (*ready)(void *ctx, struct subscriber *s); /* has something to write (once until !signaled) */
    void (*full)(void *ctx,
                 struct subscriber *s); /* its queue has no room: write now what the pipe takes (else nothing) */
    void (*lost)(void *ctx, struct subscriber *s, int why); /* QUEUE_E_DROPPED, _REFUSED or _RESTART */
    void *ctx;
};

struct router_event {
    const struct scan *scan;
    const struct node *payload, *metadata; /* metadata may be NULL */
    uid_t uid;
    pid_t pid;
    nsec_t now, wall;
};

enum { ROUTER_FAILED_MAX = 16 };

struct router_result {
    uint64_t seq;
    uint32_t queued, failed_total;
    struct {
        const char *plugin, *error; /* valid until the next turn of the loop */
    } failed[ROUTER_FAILED_MAX];
};

struct router;

/* `run` is copied. NULL when out of memory. */
struct router *router_new(const struct catalog *c, const char *run, size_t backlog_max, const struct router_sink *sink);
struct router *router_free(struct router *r);

/* No stages: whatever a child is sent is copied, however many read the same. For measuring. */
void router_copy_only(struct router *r);

int router_find(const struct router *r, const char *kind, size_t kind_len, int major, const char *hook, size_t hook_len,
                struct topic **topicp, struct err *e);

/* Hand the event to every subscriber of the topic. Never fails: what cannot be kept is counted and told per plugin. */
void router_publish(struct router *r, struct topic *t, const struct router_event *e, struct router_result *result);

/* The same for an event whose publisher asks for no answer. It may be offered to the subscribers only at the next
 * router_settle(), together with its neighbours: until then queues do not know of it. */
void router_post(struct router *r, struct topic *t, const struct router_event *e);
/* Offer what was posted. To be called before anything else happens to subscribers or queues: at the end of every chunk
 * of input, and before queues are looked at. The router's own functions do it themselves. */
void router_settle(struct router *r);

int router_subscribe(struct router *r, struct subscriber *s); /* 0 or -ENOMEM; again after its hooks changed */
void router_unsubscribe(struct router *r, struct subscriber *s);

/* A reload, in three steps: build what `c` says (NULL: out of memory, nothing has changed); the caller then gives every
 * subscriber its spec of the new catalog; the commit swaps it in and enters all subscribers anew. Logs, queues and seq
 * go on; a subscriber whose kind is gone must have been unsubscribed. The commit takes `t` and cannot fail. */
struct topics *router_prepare(struct router *r, const struct catalog *c);
void router_commit_take(struct router *r, struct topics *t, size_t backlog_max);

/* Memory for a new queue (shared account and scratch). */
void router_queue_options(struct router *r, struct queue_options *o);

uint64_t router_seq(const struct router *r); /* the last one given */
size_t router_backlog_bytes(const struct router *r);
uint64_t router_given_up(const struct router *r); /* deliveries whose redelivery was given up for want of memory */

#endif
