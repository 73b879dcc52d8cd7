/* calls.h — the events in flight at a tool server: sent as tools/call, not answered yet.
 *
 *     by age     oldest <-> ... <-> newest         (a list through the slots; all wait equally long, so it is the
 *                                                   order in which they expire)
 *     by seq     bucket -> slot -> slot            (a hash table, at most half full)
 *
 * Answers come in any order; each verb is O(1). Nothing is allocated after calls_new(). Time only comes as an argument,
 * and must not go back. Not thread-safe. */
#ifndef HOOKCAST_RPC_CALLS_H
#define HOOKCAST_RPC_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct calls;

struct calls *calls_new(size_t max); /* NULL when out of memory; max 0 counts as 1 */
struct calls *calls_free(struct calls *c);

size_t calls_in_flight(const struct calls *c);
size_t calls_room(const struct calls *c); /* how many more may be sent */

/* An event's call is written. Returns 0, -ENOSPC when there is no room, or -EEXIST when that seq is in flight. */
int calls_sent(struct calls *c, uint64_t seq, uint32_t hook, nsec_t now);

/* An answer came. True when it was in flight; then it is no more, and `hookp` (may be NULL) has its hook. */
bool calls_answered(struct calls *c, uint64_t seq, uint32_t *hookp);

/* Take one that has waited for `timeout` or longer, the oldest first; false when there is none. */
bool calls_expired(struct calls *c, nsec_t now, nsec_t timeout, uint64_t *seqp, uint32_t *hookp);

/* When the oldest will have waited that long; 0 when none is in flight. */
nsec_t calls_next_expiry(const struct calls *c, nsec_t timeout);

/* Forget all: the server is gone. */
void calls_clear(struct calls *c);

#endif
