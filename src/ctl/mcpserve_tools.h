/* mcpserve_tools.h — the hooks that are tools, and their list.
 *
 * A tool is a hook with `mcp_exposed: true` that can be published to (dispatch broadcast_notify); its name is
 * "KIND.HOOK". Of several majors of a kind the newest that exposes the hook is meant. The daemon is asked each time, so
 * a reload shows at once. */
#ifndef HOOKCAST_CTL_MCPSERVE_TOOLS_H
#define HOOKCAST_CTL_MCPSERVE_TOOLS_H

#include "ctl/mcpserve_reply.h"
#include "ctl/mcpserve_revision.h"
#include "ctl/options.h"

/* [2026-07-28 server/tools, Tool Names]: 1 to 128 of A-Z a-z 0-9 _ - . */
enum { MCPSERVE_TOOL_NAME_MAX = 128 };

struct mcpserve_tool {
    char name[MCPSERVE_TOOL_NAME_MAX + 1];
    const char *kind, *hook, *version; /* borrowed from the daemon's result; version: kind_api_version */
    const json_t *row;                 /* the hook's row */
    long long major;
};

struct mcpserve_tools {
    struct mcpserve_tool *items; /* owned; sorted by name, each name once */
    size_t n;
};

/* From the result of kind.list (borrowed; it must outlive the tools). Returns 0 or -ENOMEM. */
int mcpserve_tools_collect(const json_t *kinds, struct mcpserve_tools *t);
void mcpserve_tools_deinit(struct mcpserve_tools *t); /* twice is harmless */

/* tools/list. */
void mcpserve_tools_list(const struct options *o, enum mcpserve_revision v, struct mcpserve_reply *r);

#endif
