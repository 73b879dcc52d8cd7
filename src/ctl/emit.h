/* emit.h — the verb `emit`: publish one event, or one for each line of standard input.
 *
 * Both return an exit code; messages are already told. */
#ifndef HOOKCAST_CTL_EMIT_H
#define HOOKCAST_CTL_EMIT_H

#include "ctl/emitter.h"
#include "ctl/options.h"

int emit_run(const struct options *o);

/* --stdin over a connected emitter: reads `fd` to its end. Requests are pipelined, at most a fixed number under way,
 * and answers are read all the time, so neither side waits for the other. Every refused line is told with its number.
 */
int emit_stream(struct emitter *m, int fd);

#endif
