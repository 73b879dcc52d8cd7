/* command.h — the verbs that change something: start, stop, restart, reload.
 *
 * Each waits until it has happened or was refused, and returns an exit code; messages are already told. With --json the
 * daemon's result goes to stdout as one line. */
#ifndef HOOKCAST_CTL_COMMAND_H
#define HOOKCAST_CTL_COMMAND_H

#include "ctl/options.h"

int command_plugin(const struct options *o); /* start, stop, restart: o->verb says which */
int command_reload(const struct options *o);

#endif
