/* mcp_fit.h — can the payloads of a hook be the arguments of a tool?
 *
 * Two JSON Schemas are compared at their top level, as far as that is certain: what the tool requires against what the
 * hook defines and requires; the types of properties that both name; and what the tool refuses beyond its properties.
 * Behind $ref and the composition keywords nothing is looked for: what cannot be judged is taken to fit. Pure. */
#ifndef HOOKCAST_RPC_MCP_FIT_H
#define HOOKCAST_RPC_MCP_FIT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

/* Append what does not fit, in words, separated by "; ": as much as `out` has room for. Either schema may be NULL or of
 * any type. True when all fits; then nothing is appended. */
bool mcp_fit(const json_t *hook, const json_t *tool, struct buf *out);

#endif
