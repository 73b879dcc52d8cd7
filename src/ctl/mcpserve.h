/* mcpserve.h — the verb `mcp`: an MCP server on standard input and output, for programs that let a model publish
 * events.
 *
 *     stdin --line--> mcpserve_message --> mcpserve_tools, mcpserve_call, mcpserve_resources --> mcpserve_daemon
 *     stdout <--line-------- mcpserve_reply <-----------------------------------------------------------'
 *
 * One message a line (basic/transports, stdio); one is served after the other, in the order they come. Nothing is kept
 * between requests but the revision that `initialize` agreed on: every request that needs the daemon connects anew, so
 * a daemon that went away and came back is not noticed. */
#ifndef HOOKCAST_CTL_MCPSERVE_H
#define HOOKCAST_CTL_MCPSERVE_H

#include "ctl/options.h"

/* Serve until standard input ends or nobody reads standard output any more: 0. Returns an exit code whose message is
 * already told when a stream fails. */
int mcpserve_run(const struct options *o);

#endif
