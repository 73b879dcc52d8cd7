/* mcp.h — the host's side of the Model Context Protocol with one child, and the extension io.hookcast/hooks.
 *
 * A pure state machine over messages: what to write goes to a buffer, what arrives comes as a scanned line, time stays
 * with the caller. Served: revision 2026-07-28 (stateless; basic/index, server/discover) with the extension. A server
 * of another revision, or without the extension, is refused with a sentence that says what it offers.
 *
 *     discover --DiscoverResult--> setup --result--> ready --teardown--> closing
 *         '------ error ------> failed  '-- error --> failed
 *
 * Every request carries the `_meta` that 2026-07-28 requires (basic/index#_meta); no notification precedes the answer
 * to hooks/setup; a request from a modern server is never answered (basic/index: servers MUST NOT send requests). Our
 * ids are strings ("h1"), which no event's id can be. Not thread-safe. */
#ifndef HOOKCAST_RPC_MCP_H
#define HOOKCAST_RPC_MCP_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "rpc/jsonrpc.h"

#define MCP_MODERN "2026-07-28"
#define MCP_EXTENSION "io.hookcast/hooks"

/* What the daemon says of itself and of the plugin's place; the strings are borrowed for the life of the mcp, the
 * documents are kept (a reference). */
struct mcp_identity {
    const char *version; /* the daemon's */
    const char *run;
    const char *plugin, *kind, *kind_api_version;
    json_t *hooks;  /* the kind's hook names this plugin may hear (its manifest's, or all) */
    json_t *config; /* object */
};

enum mcp_said {
    MCP_NOTHING,      /* nothing to do */
    MCP_READY,        /* hooks/setup was answered: events may flow */
    MCP_REFUSED,      /* it will never be ready; `why` says why */
    MCP_FAILED_EVENT, /* notifications/hooks/failed: see mcp_failure() */
    MCP_ALIVE,        /* hooks/health was answered: see mcp_health() */
    MCP_RELEASED,     /* hooks/teardown was answered */
    MCP_UNEXPECTED,   /* something this protocol has no place for; `why` says what */
};

struct mcp;

struct mcp *mcp_new(const struct mcp_identity *id); /* NULL when out of memory */
struct mcp *mcp_free(struct mcp *m);                /* NULL is fine; returns NULL */

/* The first message. Returns 0 or -ENOMEM. */
int mcp_start(struct mcp *m, struct buf *out);

/* Instead of mcp_start(), for a plugin without a handshake: only notifications/hooks/failed is understood. */
void mcp_listen(struct mcp *m);

/* A classified line from the child. May append to `out`. Returns one of enum mcp_said, or -ENOMEM. */
int mcp_receive(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out, struct err *why);

/* Ask for a sign of life; one at a time (-EBUSY while one is unanswered). Only when ready. */
int mcp_probe(struct mcp *m, struct buf *out);
/* Ask it to let go of what it holds, before its stdin is closed. Only when ready. */
int mcp_teardown(struct mcp *m, struct buf *out);

/* What it is waiting for, in words, for a time-out's reason: "an answer to server/discover". */
const char *mcp_awaiting(const struct mcp *m);

/* The negotiated revision; NULL before. */
const char *mcp_revision(const struct mcp *m);

/* Hooks the plugin advertised (NULL when it gave no list), and those of them, or all, that it hears. Borrowed. */
const json_t *mcp_advertised(const struct mcp *m);
const json_t *mcp_heard(const struct mcp *m);

/* After MCP_FAILED_EVENT. `hook` and `message` are borrowed until the next call; seq 0: it gave none. */
struct mcp_failure {
    const char *hook, *message;
    unsigned long long seq;
};
const struct mcp_failure *mcp_failure(const struct mcp *m);

/* After MCP_ALIVE: false when it said "degraded"; the detail goes to `why`. */
bool mcp_health(const struct mcp *m, const char **detailp);

#endif
