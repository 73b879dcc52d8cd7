/* mcpserve_resources.h — what the daemon says of itself, to be read: hookcast://plugins and hookcast://kinds.
 *
 * Their list is fixed, and needs no daemon; reading one asks the control socket. */
#ifndef HOOKCAST_CTL_MCPSERVE_RESOURCES_H
#define HOOKCAST_CTL_MCPSERVE_RESOURCES_H

#include "ctl/mcpserve_reply.h"
#include "ctl/mcpserve_revision.h"
#include "ctl/options.h"

/* resources/list. */
void mcpserve_resources_list(struct mcpserve_reply *r);

/* resources/read; `params` is a node of `s` or NULL. */
void mcpserve_resources_read(const struct options *o, enum mcpserve_revision v, const struct scan *s,
                             const struct node *params, struct mcpserve_reply *r);

#endif
