/* mcpserve_daemon.h — one question to the daemon, over a connection of its own.
 *
 * Failures become sentences that also say what to do, for a program passes them on to a person. Nothing is printed. */
#ifndef HOOKCAST_CTL_MCPSERVE_DAEMON_H
#define HOOKCAST_CTL_MCPSERVE_DAEMON_H

#include "ctl/client.h"
#include "ctl/options.h"

/* The result of a method of the control socket, in *resultp (new). `params` is JSON text or NULL. Returns 0, or another
 * number with the sentence in `e`. */
int mcpserve_control(const struct options *o, const char *method, const char *params, json_t **resultp, struct err *e);

/* Send a line with request 1 to the events socket and await its answer (answer_deinit() it). Likewise. It is sent once:
 * when no answer comes the sentence says that the event may have been accepted. */
int mcpserve_publish(const struct options *o, const struct buf *line, struct answer *answerp, struct err *e);

#endif
