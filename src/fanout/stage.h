/* stage.h — a stretch of the log that stands in the kernel already, for all who are about to read it.
 *
 *     block:   ....[ m m m m m m m m m ].......          write(2), once: the stage's pipe gets pages of its own
 *                        |
 *     stage:   [=================]                       tee(2), per child: its pipe gets references to those pages
 *                 |         |
 *     child A's pipe    child B's pipe ...
 *
 * tee(2) always begins at the front, so a stage serves the children that are exactly at its beginning; who is in the
 * middle of it is written what is left, and is at the beginning of the next. A few stages are kept, the youngest
 * stretches of all logs together; that is what children need that keep up. For one child, a stage is a copy too many:
 * when it pays is the queue's to judge.
 *
 * A stage holds at most STAGE_MAX bytes, in pages that no process owns; they are let go with the block. What was given
 * to a child's pipe stays there until it is read. Blocks are append-only, so a stage never differs from its stretch.
 *
 * Owned by the router, one set for all its queues. Where the system gives no pipes for it (of STAGE_LEAST bytes), or
 * forbids tee(2), there is none, and everything is copied. */
#ifndef HOOKCAST_FANOUT_STAGE_H
#define HOOKCAST_FANOUT_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { STAGES = 8, STAGE_MAX = 256 * 1024, STAGE_LEAST = 64 * 1024, STAGE_DESCRIPTORS = 256 };

struct block;
struct stages;

/* Opens its pipes: 2 * STAGES + 1 descriptors. NULL when out of memory or descriptors, where these pipes are too small
 * to be of use, and where no more than STAGE_DESCRIPTORS may be open: plugins need them more. */
struct stages *stages_new(void);
struct stages *stages_free(struct stages *s); /* NULL is fine; returns NULL */

/* Send bytes [at, at + len) of `b`, or as many from the front as one step takes, into the pipe `fd` (non-blocking):
 * through a stage that begins there; or else as they lie, up to where a stage begins of which at least `least` bytes
 * are wanted too; or else, with `fill`, through a stage that is filled with them. Returns the bytes that went, or -1
 * (errno, as of write(2)); `*triedp` is how many were tried: fewer went, the pipe is full. */
ssize_t stages_send(struct stages *s, const struct block *b, uint32_t at, uint32_t len, uint32_t least, bool fill,
                    int fd, size_t *triedp);

/* The block goes: let go of what was staged of it. */
void stages_forget(struct stages *s, uint64_t serial);

#endif
