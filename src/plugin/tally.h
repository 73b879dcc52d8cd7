/* tally.h — the last deaths of a plugin, in words a person understands.
 *
 * A fixed ring; nothing fails. */
#ifndef HOOKCAST_PLUGIN_TALLY_H
#define HOOKCAST_PLUGIN_TALLY_H

#include <stddef.h>
#include <sys/types.h>

#include "base/clock.h"

enum { TALLY_MAX = 8, TALLY_LINE = 160 };

enum death_kind { DEATH_EXIT, DEATH_SIGNAL, DEATH_EXEC };

struct death {
    nsec_t at;  /* monotonic */
    nsec_t ran; /* how long the process had lived */
    pid_t pid;
    enum death_kind kind;
    int code;              /* exit status, signal number, or errno of the exec */
    const char *doing;     /* static text: what it was doing, e.g. "answering hooks/setup" */
    char path[TALLY_LINE]; /* DEATH_EXEC: what could not be done: "cannot execute ./x" */
};

struct tally {
    struct death deaths[TALLY_MAX];
    unsigned n; /* ever */
};

void tally_add(struct tally *t, const struct death *d);
const struct death *tally_last(const struct tally *t); /* NULL: none yet */

/* "exited with status 3", "killed by SIGSEGV", "cannot execute ./x: No such file or directory". Returns `out`. */
const char *death_words(const struct death *d, char *out, size_t cap);

#endif
