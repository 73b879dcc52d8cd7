/* mcpserve_message.h — one message in, what is answered out: the methods of the MCP server, one row each.
 *
 * Notifications and responses are not answered; a batch is, where the revision agreed on has batches (2025-03-26 only).
 * No failure is fatal: without memory an answer is left out. Not thread-safe. */
#ifndef HOOKCAST_CTL_MCPSERVE_MESSAGE_H
#define HOOKCAST_CTL_MCPSERVE_MESSAGE_H

#include "base/buf.h"
#include "ctl/mcpserve_revision.h"
#include "ctl/options.h"
#include "json/scan.h"

struct mcpserve {
    const struct options *options;    /* borrowed */
    enum mcpserve_revision session;   /* what `initialize` agreed on; NONE before */
    struct scan line, element, value; /* of the line, of an element of a batch, of an event's payload */
};

void mcpserve_init(struct mcpserve *m, const struct options *o);
void mcpserve_deinit(struct mcpserve *m); /* twice is harmless */

/* Serve a line; a blank one is nothing. What is to be written, whole lines, is appended to `out`. */
void mcpserve_message(struct mcpserve *m, const char *line, size_t len, struct buf *out);

/* The same for a line that was too long to be read. */
void mcpserve_too_long(struct mcpserve *m, struct buf *out);

#endif
