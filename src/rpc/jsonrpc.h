/* jsonrpc.h — JSON-RPC 2.0 (jsonrpc.org/specification): what a scanned line is, and how answers are written.
 *
 * Classification works on the flat tree and copies nothing. Builders append one line, newline included, to a buffer and
 * return 0, or a negative code of buf.h and leave the buffer as it was. An id is echoed as the very bytes it was sent
 * in. */
#ifndef HOOKCAST_RPC_JSONRPC_H
#define HOOKCAST_RPC_JSONRPC_H

#include "base/buf.h"
#include "json/scan.h"

enum jsonrpc_kind {
    JSONRPC_INVALID,      /* an object that is none of the below; `why` says what is wrong */
    JSONRPC_BATCH,        /* an array: not served (MCP removed batches in 2025-06-18) */
    JSONRPC_REQUEST,      /* method and id */
    JSONRPC_NOTIFICATION, /* method, no id */
    JSONRPC_RESULT,       /* id and result */
    JSONRPC_ERROR,        /* error (and an id, or null) */
};

/* Codes of section 5.1. */
enum {
    JSONRPC_PARSE_ERROR = -32700,
    JSONRPC_INVALID_REQUEST = -32600,
    JSONRPC_METHOD_NOT_FOUND = -32601,
    JSONRPC_INVALID_PARAMS = -32602,
    JSONRPC_INTERNAL_ERROR = -32603,
};

struct jsonrpc {
    enum jsonrpc_kind kind;
    const struct node *id; /* a string, number or null node; NULL when absent or unusable */
    const struct node *method, *params, *result, *error; /* params: of any type */
    bool anonymous;                                      /* an object without an id: nothing is ever answered to it */
    const char *why;
};

/* The tree must be that of a scan that returned 0, SCAN_E_DEPTH or SCAN_E_DUPLICATE. An id given twice is unusable. */
void jsonrpc_classify(const struct scan *s, struct jsonrpc *m);

/* The same for one node of the tree: an element of a batch. */
void jsonrpc_classify_at(const struct scan *s, const struct node *n, struct jsonrpc *m);

/* The bytes of an id, quotes included ("null" when `id` is NULL), for an answer that comes after the line is gone. */
const char *jsonrpc_id(const struct scan *s, const struct node *id, size_t *lenp);
int jsonrpc_result_to(struct buf *out, const char *id, size_t id_len, const char *result, size_t len);
int jsonrpc_error_to(struct buf *out, const char *id, size_t id_len, int code, const char *message, const char *data);

/* {"jsonrpc":"2.0","id":ID,"result":RESULT}; `result` is JSON text. `id` may be NULL: null. */
int jsonrpc_result(struct buf *out, const struct scan *s, const struct node *id, const char *result, size_t len);

/* {"jsonrpc":"2.0","id":ID,"error":{"code":CODE,"message":MESSAGE,"data":DATA}}; `data` is JSON text or NULL. */
int jsonrpc_error(struct buf *out, const struct scan *s, const struct node *id, int code, const char *message,
                  const char *data);

/* A notification or a request of ours; `params` is JSON text. `id` is our own string id, or NULL for a notification. */
int jsonrpc_call(struct buf *out, const char *id, const char *method, const char *params);

#endif
