/* wire.h — an accepted event becomes the bytes of one wire form (DESIGN §5).
 *
 * The native form, shared by every native and jsonrpc plugin of a kind:
 *
 *     {"jsonrpc":"2.0","method":HOOK,"params":{"_meta":{"io.hookcast/event":{...},"traceparent":...}, PAYLOAD }}\n
 *     '------------------------- head (built in a reused buffer) --------------------------------' '-span-' '-tail-'
 *
 * The tool form, for a tool server (one per tool and revision; DESIGN §5), a request whose id is the event's seq:
 *
 *     {"jsonrpc":"2.0","method":"tools/call","params":{"name":TOOL,"_meta":{MODERN,"io.hookcast/event":{...},...},
 *      "arguments":PAYLOAD},"id":SEQ}\n
 *
 * MODERN are the members that a modern request's `_meta` must have (mcp_meta_text()). As the method no longer tells the
 * hook, "io.hookcast/event" has it as "hook"; else it is the same as in the native form.
 *
 * The payload's bytes are spliced as published, never printed again. The trace keys of the metadata (W3C trace context:
 * traceparent, tracestate, baggage) stand in `_meta` under their bare names, as MCP reserves them; an invalid one is
 * left out and the event goes on. */
#ifndef HOOKCAST_RPC_WIRE_H
#define HOOKCAST_RPC_WIRE_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "json/scan.h"

enum { WIRE_PARTS = 3 };

/* When an event came and from whom, as it stands in "io.hookcast/event": the same for all that one read brings. */
struct wire_origin {
    uint32_t len;
    char text[96];
};

/* `time`: RFC 3339, CLOCK_RFC3339_LEN bytes. */
void wire_origin_set(struct wire_origin *o, const char *time, uid_t uid, pid_t pid);

struct wire_event {
    const struct wire_origin *origin;
    uint64_t seq;
    const struct scan *scan;     /* of the line the event came in */
    const struct node *payload;  /* an object */
    const struct node *metadata; /* an object, or NULL */
};

/* What is the same for every event of a hook: `{"jsonrpc"... "seq":`. Appended to `out`. 0 or a negative code. */
int wire_prefix(struct buf *out, const char *kind, const char *hook, const char *run);

/* Build one event: `head` (cleared first) takes what is ours; `parts` then name all of its bytes, valid until head or
 * the line change. Returns 0 or a negative code. */
int wire_native(struct buf *head, const struct buf *prefix, const struct wire_event *e, struct iovec parts[WIRE_PARTS]);

/* The same for the tool form; `modern_meta` is NULL for a legacy server. The tool's name may hold anything. */
int wire_tool_prefix(struct buf *out, const char *kind, const char *hook, const char *run, const char *tool,
                     const char *modern_meta);
int wire_tool(struct buf *head, const struct buf *prefix, const struct wire_event *e, struct iovec parts[WIRE_PARTS]);

/* notifications/hooks/dropped; `out` holds at least 256 bytes; returns the length. */
uint32_t wire_dropped(uint64_t count, uint64_t first_seq, uint64_t last_seq, char *out);

/* W3C trace context, section 3.2.2: version-traceid-parentid-flags, no all-zero ids, version not ff. A later version
 * may be longer. */
int wire_traceparent_valid(const char *s, size_t len);

#endif
