/* say.h — messages for people on stderr, and the exit codes of DESIGN §9.
 *
 * Every message starts with "hookcastctl: " and is made harmless (screen.h), whoever its words come from. */
#ifndef HOOKCAST_CTL_SAY_H
#define HOOKCAST_CTL_SAY_H

#include <sysexits.h>

#include "base/err.h"

enum {
    EXIT_REFUSED = 1,                /* the daemon said no */
    EXIT_USAGE = EX_USAGE,           /* 64 */
    EXIT_NO_DAEMON = EX_UNAVAILABLE, /* 69 */
    EXIT_IO = EX_IOERR,              /* 74: standard input or output failed */
    EXIT_TIMED_OUT = EX_TEMPFAIL     /* 75 */
};

/* Print a sentence. Returns `code`, so that a verb can end with it. */
int say(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
