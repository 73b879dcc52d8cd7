/* mcpserve_reply.h — what a request is answered with: a result, an error, or (an open subscription) only a
 * notification.
 *
 * A method fills one in; mcpserve_message writes it. Sections in brackets are those of the MCP specification. */
#ifndef HOOKCAST_CTL_MCPSERVE_REPLY_H
#define HOOKCAST_CTL_MCPSERVE_REPLY_H

#include <jansson.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "rpc/jsonrpc.h"

/* [2026-07-28 basic/index, Error Codes] beside those of JSON-RPC. */
enum {
    MCPSERVE_UNSUPPORTED_VERSION = -32022,
    MCPSERVE_RESOURCE_NOT_FOUND = -32002, /* 2025-11-25 and before; since then -32602 */
};

/* Zero-initialise; mcpserve_reply_deinit() when written. Neither set: out of memory. */
struct mcpserve_reply {
    json_t *result; /* owned */
    json_t *note;   /* owned: a notification to write, and no answer yet */
    int code;       /* not 0: an error, with its sentence and data */
    struct err e;
    json_t *data; /* owned; may be NULL */
};

/* Make it an error. `data` (NULL: none) is taken over. */
void mcpserve_refuse_take(struct mcpserve_reply *r, int code, json_t *data, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Append it as one line. `id` is the text of the request's id; NULL leaves it out, as MCP wants where none could be
 * read. Returns 0, or buf_put()'s error with `out` as it was. */
int mcpserve_reply_put(const struct mcpserve_reply *r, const char *id, size_t id_len, struct buf *out);
void mcpserve_reply_deinit(struct mcpserve_reply *r); /* twice is harmless */

/* A value as compact JSON text (new; free() it), NULL when out of memory. */
char *mcpserve_dump(const json_t *value);

#endif
