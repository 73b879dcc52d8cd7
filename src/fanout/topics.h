/* topics.h — where an event goes: (kind, hook) -> topic, by binary search, so that the price of an event does not
 * depend on how many kinds, hooks or idle plugins there are.
 *
 * Built from a catalog and immutable but for the subscribers. A topic is a hook of one kind and major version, with an
 * encoding for each wire form somebody hears it in. Owned by the router. */
#ifndef HOOKCAST_FANOUT_TOPICS_H
#define HOOKCAST_FANOUT_TOPICS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "fanout/backlog.h"
#include "fanout/encoding.h"
#include "fanout/queue.h"
#include "registry/catalog.h"

enum subscriber_state {
    SUBSCRIBER_OFF,    /* hears nothing (stopped) */
    SUBSCRIBER_FAILED, /* would hear, but cannot: `error` says why; publishers are told */
    SUBSCRIBER_ON,     /* events are queued for it */
};

/* A plugin as the fan-out sees it. Owned by the daemon's child; registered with router_subscribe(). */
struct subscriber {
    struct queue *queue;
    const char *name;
    const struct hookspec *spec;
    enum subscriber_state state;
    char error[160];
    bool *hears; /* spec->n_hooks entries: which hooks; owned by the child */
    /* A tool server: spec->n_hooks entries, the tool that each heard hook calls, and what its revision requires in
     * `_meta` (NULL: nothing); borrowed from the child. NULL: events come as notifications. */
    const char *const *tools;
    const char *tool_meta;
    bool active;      /* the router's: in its list of those that may hold blocks */
    uint64_t settled; /* the router's: the last batch that it was offered */
    uint64_t hooks;   /* the router's: which of the first TOPICS_MASK hooks it hears */
    uint64_t copied;  /* the router's: events up to this one were copied out of the log */
    bool signaled;    /* the sink was told that there is something to write; the child clears it */
    void *owner;
};

enum { TOPICS_MASK = 64 };

struct topics_kind;

struct topic {
    struct topics_kind *kind;
    const struct hookspec *spec;
    uint32_t hook; /* index in spec->hooks */
    size_t name_len;
    struct encoding *encodings; /* the native one first, always there */
    size_t n_encodings;
};

struct topics_kind {
    const struct hookspec *spec;
    size_t kind_len;
    struct topic *topics;   /* by hook index */
    uint32_t *by_name;      /* indices of topics, sorted by hook name */
    struct backlog *log;    /* the native form's */
    struct hearers natives; /* everybody who hears any hook in that form */
};

struct topics {
    struct {
        struct topic *topic; /* the one that was found last; NULL: none */
        int major;
    } last;
    struct topics_kind *kinds; /* as the catalog: by kind, then major, ascending */
    size_t n;
    struct backlog **retired; /* logs of kinds that are gone, for what is still queued of them */
    size_t n_retired;
    const char *run; /* the router's, as the next three: for the logs of tools */
    struct memory *memory;
    void (*wanted)(void *ctx);
    void *ctx;
};

/* NULL when out of memory. `run` is borrowed; `wanted` and `ctx` go to every backlog. */
struct topics *topics_new(const struct catalog *c, const char *run, struct memory *m, void (*wanted)(void *),
                          void *ctx);
struct topics *topics_free(struct topics *t);

enum {
    TOPICS_E_KIND = 1,  /* no such kind */
    TOPICS_E_MAJOR = 2, /* the kind, but not in that major version */
    TOPICS_E_HOOK = 3,  /* the kind has no such hook */
};

/* Find a topic; `major` < 0: the newest. On failure `e` names the nearest existing one. */
int topics_find(struct topics *t, const char *kind, size_t kind_len, int major, const char *hook, size_t hook_len,
                struct topic **topicp, struct err *e);

/* A reload: kinds that `from` has too (same kind and major) keep their log; the logs of those that are gone live on
 * until nothing is queued of them. `from` is freed. Cannot fail after topics_reserve(). */
int topics_reserve(struct topics *t, const struct topics *from); /* 0 or -ENOMEM */
void topics_inherit_take(struct topics *t, struct topics *from);

/* (Re)enter a subscriber under every hook it hears; leave removes it everywhere. -ENOMEM leaves it out everywhere. */
int topics_enter(struct topics *t, struct subscriber *s);
void topics_leave(struct topics *t, struct subscriber *s);

/* The log of a kind's native form; NULL when the kind is not one of these. (Logs of tools need no copying out: see
 * encoding.h.) */
struct backlog *topics_log(const struct topics *t, const struct hookspec *spec);
/* Unmap the newest block of every log that nobody reads. */
void topics_trim(struct topics *t);

#endif
