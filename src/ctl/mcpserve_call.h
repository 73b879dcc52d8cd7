/* mcpserve_call.h — tools/call: one event published.
 *
 * What a model can put right, or should know of, is a result with isError: a refused payload with every error in its
 * place, a daemon that is not there [2026-07-28 server/tools, Error Handling]. A malformed request and an unknown tool
 * are JSON-RPC errors. The arguments' bytes become the payload unchanged; a trace context in _meta becomes metadata. */
#ifndef HOOKCAST_CTL_MCPSERVE_CALL_H
#define HOOKCAST_CTL_MCPSERVE_CALL_H

#include "ctl/mcpserve_reply.h"
#include "ctl/mcpserve_revision.h"
#include "ctl/options.h"

/* `params` is a node of `s` or NULL; `scratch` is another scan, reused. */
void mcpserve_call(const struct options *o, enum mcpserve_revision v, const struct scan *s, const struct node *params,
                   struct scan *scratch, struct mcpserve_reply *r);

#endif
