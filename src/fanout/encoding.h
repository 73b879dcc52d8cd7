/* encoding.h — one hook in one wire form: who hears it like that, and where its messages lie.
 *
 * Every hook has the native form; its log is the kind's, shared by all native encodings of the kind. A plugin that
 * hears a hook through an MCP tool needs another: one per (tool, revision), with a log of its own, so that everybody
 * who reads that log hears all of it (and memory pressure never has to copy single messages out of it). Owned by a
 * topic; the encodings of tools stay as long as their kind, since manifests name the tools. */
#ifndef HOOKCAST_FANOUT_ENCODING_H
#define HOOKCAST_FANOUT_ENCODING_H

#include "base/buf.h"
#include "fanout/backlog.h"
#include "rpc/wire.h"

struct subscriber;

/* A list of subscribers, in no order that matters. Zero-initialise; free(v) when done. */
struct hearers {
    struct subscriber **v;
    size_t n, cap;
};
int hearers_add(struct hearers *h, struct subscriber *s); /* 0 or -ENOMEM */
void hearers_remove(struct hearers *h, const struct subscriber *s);

struct encoding {
    char *tool; /* NULL: the native form */
    char *meta; /* what the revision requires in `_meta`; NULL: nothing */
    struct buf prefix;
    struct backlog *log; /* owned by the tool forms, borrowed by the native one */
    struct hearers hearers;
};

/* Both return 0 or a negative code, after which only encoding_deinit() is allowed. */
int encoding_init_native(struct encoding *e, const char *kind, const char *hook, const char *run, struct backlog *log);
/* Takes over `log` (also when it fails; NULL: out of memory). */
int encoding_init_tool_take(struct encoding *e, const char *kind, const char *hook, const char *run, const char *tool,
                            const char *meta, struct backlog *log);
void encoding_deinit(struct encoding *e);

/* Is this the form for `tool` (NULL: native) with `meta`? */
bool encoding_is(const struct encoding *e, const char *tool, const char *meta);

/* One event in this form; see wire.h. */
int encoding_build(const struct encoding *e, struct buf *head, const struct wire_event *event,
                   struct iovec parts[WIRE_PARTS]);

#endif
