/* daemon.h — the running daemon: owns and wires every part, in one order, undone in reverse.
 *
 *     starting --(every plugin settled, or startup_grace)--> running --SIGTERM--> draining --> stopping --> gone
 */
#ifndef HOOKCAST_DAEMON_DAEMON_H
#define HOOKCAST_DAEMON_DAEMON_H

#include "daemon/config.h"
#include "registry/catalog.h"

/* Run until told to stop. `catalog` and `config` stay the caller's. Returns the exit code: 0; 1 when another daemon has
 * the runtime directory; a sysexits code otherwise (the reason has been logged). */
int daemon_run(const struct config *config, struct catalog *catalog, struct log *log);

#endif
