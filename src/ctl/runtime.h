/* runtime.h — from options to a connection and an answer, with every failure told.
 *
 * The verbs' common first steps. Each returns 0, or the exit code of a failure whose message is already on stderr. */
#ifndef HOOKCAST_CTL_RUNTIME_H
#define HOOKCAST_CTL_RUNTIME_H

#include <jansson.h>

#include "ctl/client.h"
#include "ctl/options.h"

/* Connect to a socket below the runtime directory that the options, or the defaults, name. */
int runtime_connect(const struct options *o, enum client_socket which, struct client **cp);

/* Ask the control socket. `params` is JSON text or NULL. *resultp is new; the caller owns it. */
int runtime_ask(const struct options *o, struct client *c, const char *method, const char *params, json_t **resultp);

#endif
