/* mcpserve_revision.h — under which revision of MCP a request is served.
 *
 * Legacy ones (2024-11-05 ... 2025-11-25) are agreed on once, by `initialize`. 2026-07-28 has no handshake: each of its
 * requests says in params._meta what it speaks [2026-07-28 basic/index, _meta; basic/versioning]. Both may be used over
 * one pair of streams. */
#ifndef HOOKCAST_CTL_MCPSERVE_REVISION_H
#define HOOKCAST_CTL_MCPSERVE_REVISION_H

#include <stdbool.h>

#include "ctl/mcpserve_reply.h"
#include "json/scan.h"

/* In the order of time, so that they compare. */
enum mcpserve_revision {
    MCPSERVE_NONE, /* nothing agreed on yet */
    MCPSERVE_2024_11_05,
    MCPSERVE_2025_03_26,
    MCPSERVE_2025_06_18,
    MCPSERVE_2025_11_25,
    MCPSERVE_2026_07_28,
    MCPSERVE_REVISIONS,
    MCPSERVE_LEGACY = MCPSERVE_2025_11_25, /* the newest of them */
    MCPSERVE_MODERN = MCPSERVE_2026_07_28
};

#define MCPSERVE_META "io.modelcontextprotocol/"

const char *mcpserve_revision_name(enum mcpserve_revision v); /* not of NONE */

/* Names of all that are served, newest first; new, NULL when out of memory. */
json_t *mcpserve_revision_names(void);

/* What `initialize` agrees on when `asked` is what the client speaks (any node, may be NULL): the same if it is served,
 * else the newest legacy one [2025-11-25 basic/lifecycle, Version Negotiation]. */
enum mcpserve_revision mcpserve_revision_agree(const struct scan *s, const struct node *asked);

/* Does a request carry any of the metadata that only modern ones have? `params` may be NULL. */
bool mcpserve_revision_is_modern(const struct scan *s, const struct node *params);

/* Is that metadata complete, and of a revision served so? Otherwise the reply refuses, and false. */
bool mcpserve_revision_check(const struct scan *s, const struct node *params, struct mcpserve_reply *r);

/* An object's member; NULL also when `object` is NULL. */
const struct node *mcpserve_member(const struct scan *s, const struct node *object, const char *key);

/* A string node as text (new; free() it; cut at a NUL), "" for anything else, NULL when out of memory. */
char *mcpserve_string(const struct scan *s, const struct node *n);

#endif
