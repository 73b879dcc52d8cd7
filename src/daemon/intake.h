/* intake.h — how much may be read from publishers before what was read is written to plugins.
 *
 * One that sends flat out is read from in large chunks, which saves wake-ups. But a plugin can be given what its pipe
 * holds each time, and no more: if more came in between, one that does nothing but read would fall behind. The largest
 * chunk is less than a busy plugin's pipe. While a pipe is small, since it is new or the system allows no larger one
 * (pipe-user-pages-soft), its plugin may have emptied it, and it still does not hold what waits. Then half as much is
 * read before the next time, as often as that is seen, and an eighth more each time it is not.
 *
 * Pure; cannot fail. */
#ifndef HOOKCAST_DAEMON_INTAKE_H
#define HOOKCAST_DAEMON_INTAKE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    INTAKE_MAX = 192 * 1024,  /* what a socket holds of a publisher that writes as fast as it can */
    INTAKE_SHARE = 64 * 1024, /* of each, where there are several */
    INTAKE_MIN = 4 * 1024,
};

struct intake {
    size_t bound;     /* bytes to read between two flushes, about; INTAKE_MIN .. INTAKE_MAX */
    size_t unwritten; /* read since the last */
    size_t turn;      /* read in this turn of the loop */
    bool starved;
};

void intake_init(struct intake *in);

/* What may be read of the next publisher that has something to say; never 0. */
size_t intake_room(const struct intake *in);
/* So much was read of it. True: write to the plugins before more is read. */
bool intake_took(struct intake *in, size_t bytes);

/* A plugin's pipe, a small one, was empty, and has not held what waited. */
void intake_starved(struct intake *in);
/* All plugins were written to. */
void intake_flushed(struct intake *in);
/* A new turn of the loop. */
void intake_turn(struct intake *in);

#endif
