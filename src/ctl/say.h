/* say.h — messages for people on stderr, and the exit codes of DESIGN §9.
 *
 * Every message starts with "hookcastctl: " and is made harmless (screen.h), whoever its words come from. */
#ifndef HOOKCAST_CTL_SAY_H
#define HOOKCAST_CTL_SAY_H

#include <sysexits.h>

#include "base/err.h"

enum {
    EXIT_REFUSED = 1,                /* the daemon said no; validate: not valid */
    EXIT_USAGE = EX_USAGE,           /* 64 */
    EXIT_UNREADABLE = EX_DATAERR,    /* 65: a schema or a document that cannot be read */
    EXIT_NO_DAEMON = EX_UNAVAILABLE, /* 69 */
    EXIT_IO = EX_IOERR,              /* 74: standard input or output failed */
    EXIT_TIMED_OUT = EX_TEMPFAIL,    /* 75 */
    EXIT_BAD_CONFIG = EX_CONFIG      /* 78: check found something */
};

/* Print a sentence. Returns `code`, so that a verb can end with it. */
int say(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
