/* events.h — the events socket: publishers, and what they may ask (DESIGN §8).
 *
 * Owns the listener and the flushes that wait. It publishes through a router and never waits for a plugin. */
#ifndef HOOKCAST_DAEMON_EVENTS_H
#define HOOKCAST_DAEMON_EVENTS_H

#include "daemon/context.h"
#include "daemon/supervisor.h"

struct events;

/* Takes over the listening fd. NULL when out of memory. Nothing is accepted yet. */
struct events *events_new(struct context *cx, int fd, struct supervisor *s);
struct events *events_free(struct events *e);

void events_start(struct events *e);
/* The configuration has changed: new limits apply. */
void events_configure(struct events *e);
/* Accept at another listening socket; takes over `fd`. */
void events_rebind(struct events *e, int fd);
/* Shutdown: accept nobody more; read once what each publisher had sent; then refuse what still comes. */
void events_shut(struct events *e, nsec_t deadline);
/* Queues have moved: answer the flushes that are complete. */
void events_moved(struct events *e);

size_t events_publishers(const struct events *e);
uint64_t events_accepted(const struct events *e);
uint64_t events_rejected(const struct events *e);

#endif
