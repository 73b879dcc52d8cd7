/* daemon.h — the running daemon: owns and wires every part, in one order, undone in reverse.
 *
 *     starting --(every plugin settled, or startup_grace)--> running --SIGTERM--> draining --> stopping --> gone
 */
#ifndef HOOKCAST_DAEMON_DAEMON_H
#define HOOKCAST_DAEMON_DAEMON_H

#include "daemon/config.h"
#include "registry/catalog.h"

struct daemon_options {
    const struct config_flags *flags; /* for a reload; outlives the run */
    struct config *config;            /* taken over */
    struct catalog *catalog;          /* a reference is kept */
    struct log *log;
};

/* Load the kinds and plugins that a configuration names. NULL when out of memory; see its errs. */
struct catalog *daemon_load_catalog(const struct config *c);

/* Run until told to stop. Returns the exit code: 0; 1 when another daemon has the runtime directory; a sysexits code
 * otherwise (the reason has been logged). */
int daemon_run(const struct daemon_options *o);

#endif
