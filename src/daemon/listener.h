/* listener.h — accepts connections on one socket and keeps them.
 *
 * Out of file descriptors it stops accepting, does not spin, and tries again when a connection closes or a moment has
 * passed; those it has are served on. Over the limit a connection is refused with a line that says so. */
#ifndef HOOKCAST_DAEMON_LISTENER_H
#define HOOKCAST_DAEMON_LISTENER_H

#include "daemon/peer.h"

struct listener_options {
    int fd;               /* listening, non-blocking; taken over */
    const char *name;     /* for the log: "events" */
    size_t line_max, max; /* bytes a line; connections */
    bool share;           /* one non-root uid holds at most half of max */
    bool private;         /* only root and this daemon's user; others are closed without an answer */
    void (*line)(void *ctx, struct peer *p, const char *line, size_t len, enum line_result r);
    void (*chunk_end)(void *ctx, size_t bytes); /* behind the last line of a chunk of so many; may be NULL */
    void (*gone)(void *ctx, struct peer *p);    /* may be NULL */
    void *ctx;
};

struct listener;

struct listener *listener_new(struct context *cx,
                              const struct listener_options *o); /* NULL: out of memory; fd closed */
struct listener *listener_free(struct listener *l);

void listener_start(struct listener *l); /* begin to accept and read */
void listener_configure(struct listener *l, size_t line_max,
                        size_t max); /* those that are connected keep their place */
/* Accept at another listening socket from now on; takes over `fd`. Those that wait at the old one come first. */
void listener_rebind(struct listener *l, int fd);
void listener_stop_accepting(struct listener *l);
size_t listener_count(const struct listener *l);
/* The connections, in no order: for (p = listener_first(l); p; p = p->next). Dead ones have p->dead. */
struct peer *listener_first(const struct listener *l);

#endif
