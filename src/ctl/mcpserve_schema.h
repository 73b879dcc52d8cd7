/* mcpserve_schema.h — a hook's payload schema as a tool's inputSchema.
 *
 * A tool's schema is an object whose root says "type": "object", and a client gets it without the files beside it
 * [2026-07-28 server/tools, Tool; basic/index, $ref Resolution]. A payload is always an object, so saying that changes
 * nothing. A schema that refers to other files is shown without its assertions but `required`: looser, never stricter
 * than what the daemon, which checks every event, accepts. */
#ifndef HOOKCAST_CTL_MCPSERVE_SCHEMA_H
#define HOOKCAST_CTL_MCPSERVE_SCHEMA_H

#include <jansson.h>

/* `schema` is the hook's document; NULL or null: it has none. New; NULL when out of memory. */
json_t *mcpserve_schema(const json_t *schema);

#endif
