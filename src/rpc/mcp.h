/* mcp.h — the host's side of the Model Context Protocol with one child, and the extension io.hookcast/hooks.
 *
 * A pure state machine over messages: what to write goes to a buffer, what arrives comes as a scanned line, time stays
 * with the caller. Both eras of MCP are spoken (2026-07-28 basic/versioning): the modern one, stateless, where every
 * request carries its `_meta`; and the legacy one, where `initialize` opens a session.
 *
 *     discover --DiscoverResult-------------------------------+--native--> setup -----------------+-> ready --> closing
 *        |-- none in common, -32021 -> refused                |'--tool server--> list, its pages -'
 *        |-- only legacy revisions in common --+              |
 *        '-- any other error, mcp_silent() ----+-> initialize +-- a result: legacy
 *     (a legacy start) ------------------------'        '-- an error: modern if a DiscoverResult came or comes, else
 *                                                           refused
 *
 * A server that advertises the extension is *native*: it is set up, and events are notifications. Any other is a *tool
 * server*: its tools are listed, and each hook is heard by the tool that the identity wishes for it. Its events are
 * tools/call requests whose id is the event's seq, a number; our own ids are strings ("h1"). Which calls are in flight
 * is kept by calls.h.
 *
 * A modern server is never written a response (basic/transports/stdio: "the client MUST NOT write JSON-RPC responses");
 * a legacy one's `ping` is answered {}, its other requests -32601.
 *
 * Not thread-safe. Functions that write return 0, -ENOMEM, or -EBUSY when it is not the time for it, and then nothing
 * was written. */
#ifndef HOOKCAST_RPC_MCP_H
#define HOOKCAST_RPC_MCP_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "rpc/jsonrpc.h"

#define MCP_MODERN "2026-07-28"
#define MCP_EXTENSION "io.hookcast/hooks"

/* A hook that may be heard through a tool, should the child be a tool server. At most one wish per hook. */
struct mcp_wish {
    const char *hook;
    const char *tool;
    bool named;                 /* by the manifest: its lack is worth a note; else by the hook's template */
    const json_t *input_schema; /* the hook's, to compare with the tool's; NULL: nothing is compared */
};

/* What the daemon says of itself and of the plugin's place. Strings are borrowed for the life of the mcp; documents are
 * kept (a reference); the array of wishes is copied. */
struct mcp_identity {
    const char *version; /* the daemon's */
    const char *run;
    const char *plugin, *kind, *kind_api_version;
    json_t *hooks;  /* the kind's hook names this plugin may hear (its manifest's, or all) */
    json_t *config; /* object */
    const struct mcp_wish *wishes;
    size_t n_wishes;
};

enum mcp_era { MCP_ERA_UNKNOWN, MCP_ERA_MODERN, MCP_ERA_LEGACY };

enum mcp_said {
    MCP_NOTHING,      /* nothing to do */
    MCP_READY,        /* events may flow: see mcp_native(), mcp_heard() */
    MCP_REFUSED,      /* it will never be ready; `why` says why */
    MCP_FAILED_EVENT, /* notifications/hooks/failed: see mcp_failure() */
    MCP_ALIVE,        /* the probe was answered: see mcp_health() */
    MCP_RELEASED,     /* hooks/teardown was answered */
    MCP_UNEXPECTED,   /* something this protocol has no place for; `why` says what (it may have been answered -32601) */
    MCP_TOOL_ANSWER,  /* a response to an event: see mcp_answer() */
    MCP_TOOLS_CHANGED, /* its tools were read again, and another set of hooks is heard: see mcp_heard(), mcp_tool() */
    MCP_TOOLS_GONE,    /* its tools were read again, and none is left to hear anything by; `why` says what it has */
    MCP_LOG,           /* notifications/message: see mcp_logged() */
};

struct mcp;

struct mcp *mcp_new(const struct mcp_identity *id); /* NULL when out of memory */
struct mcp *mcp_free(struct mcp *m);                /* NULL is fine; returns NULL */

/* --- the handshake --- */

/* The first message: `server/discover`, or for MCP_ERA_LEGACY `initialize`. */
int mcp_start(struct mcp *m, enum mcp_era era, struct buf *out);

/* Instead of mcp_start(), for a plugin without a handshake: only notifications/hooks/failed and notifications/message
 * are understood. */
void mcp_listen(struct mcp *m);

/* True while only the answer to the first `server/discover` is awaited: who dies now may have died of the probe. */
bool mcp_probing(const struct mcp *m);

/* True as well while `initialize`, written after such a silence, is unanswered: it has not answered anything yet. */
bool mcp_unanswered(const struct mcp *m);

/* The time for that answer is over: `initialize` is written. -EBUSY when mcp_probing() is false: nothing to do. */
int mcp_silent(struct mcp *m, struct buf *out);

/* The era to start with next time, as far as this process has told; UNKNOWN when it was refused. */
enum mcp_era mcp_era_next(const struct mcp *m);

/* What it is waiting for, in words, for a time-out's reason: "an answer to server/discover". */
const char *mcp_awaiting(const struct mcp *m);

/* The negotiated revision; NULL before. And whether that revision has JSON-RPC batches, which must then be received
 * (2025-03-26 only, basic/index#batching): take the array apart with jsonrpc_classify_at(). */
const char *mcp_revision(const struct mcp *m);
bool mcp_batches(const struct mcp *m);

/* --- what it says --- */

/* A classified line from the child. May append to `out`. Returns one of enum mcp_said, or -ENOMEM. */
int mcp_receive(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out, struct err *why);

/* While hushed, requests of a legacy server are not answered: for a child that asks and does not read. */
void mcp_hush(struct mcp *m, bool hushed);

/* Things a person should know, found in what it said: a tool that is lacking, a schema that does not fit. They gather
 * (64 at most) until the caller has logged them and says errs_deinit(). Look after each mcp_receive(). */
struct errs *mcp_notes(struct mcp *m);

/* True when it advertised the extension (or is listened to): its events are notifications. Else they are tool calls. */
bool mcp_native(const struct mcp *m);

/* Hooks a native plugin advertised (NULL when it gave no list); and those it hears: of the native, its own or all; of a
 * tool server, those it has a tool for. Borrowed until the next mcp_receive(). */
const json_t *mcp_advertised(const struct mcp *m);
const json_t *mcp_heard(const struct mcp *m);

/* The tool by which a tool server hears this hook; NULL: it does not. Lives as long as the identity's strings. */
const char *mcp_tool(const struct mcp *m, const char *hook);

/* After MCP_FAILED_EVENT. `hook` and `message` are borrowed until the next call; seq 0: it gave none. */
struct mcp_failure {
    const char *hook, *message;
    unsigned long long seq;
};
const struct mcp_failure *mcp_failure(const struct mcp *m);

/* After MCP_TOOL_ANSWER. Whether that seq was in flight is the caller's to know (calls.h). `message` is "" or why it
 * failed, at most 300 bytes, borrowed until the next call. */
struct mcp_answer {
    uint64_t seq;
    bool failed;
    const char *message;
};
const struct mcp_answer *mcp_answer(const struct mcp *m);

/* After MCP_LOG: RFC 5424's severity (0 emergency .. 7 debug; 6 when it gave none), the logger's name ("" when it gave
 * none), and the data: a string's text or else its JSON, at most 1000 bytes. Borrowed until the next call. */
struct mcp_logged {
    unsigned severity;
    const char *logger, *text;
};
const struct mcp_logged *mcp_logged(const struct mcp *m);

/* After MCP_ALIVE: false when a native plugin said "degraded"; the detail ("" when there is none) goes to `detailp`. */
bool mcp_health(const struct mcp *m, const char **detailp);

/* --- what is asked of it once it is ready --- */

/* Ask for a sign of life; one at a time (-EBUSY while one is unanswered). hooks/health, ping or server/discover. */
int mcp_probe(struct mcp *m, struct buf *out);

/* Ask a native plugin to let go of what it holds, before its stdin is closed. -EBUSY for a tool server. */
int mcp_teardown(struct mcp *m, struct buf *out);

/* Tell a tool server that nobody waits for this event's answer any more. */
int mcp_cancel(struct mcp *m, uint64_t seq, const char *reason, struct buf *out);

/* --- for wire.h --- */

/* Append the members of the `_meta` that every modern request must carry (basic/index#_meta), without braces:
 * "io.modelcontextprotocol/protocolVersion":"2026-07-28",... `hooks` may be NULL: then they are not named. */
int mcp_meta_text(struct buf *out, const char *version, const char *kind, const char *kind_api_version,
                  const json_t *hooks);

#endif
