/* peer.h — one connection on one of our sockets: lines in, answers out, who it is.
 *
 * Reads at most one chunk a turn, so that nobody can keep the loop to himself. Answers that the other side does not
 * read are kept up to a limit; beyond it the connection is closed (its reader is told nothing: it does not read). Half
 * a line at the end of the stream costs that line. Owned by a listener (listener.h), which frees it in a sweep, never
 * inside a callback of its own. */
#ifndef HOOKCAST_DAEMON_PEER_H
#define HOOKCAST_DAEMON_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/context.h"
#include "rpc/line.h"

enum { PEER_OUT_MAX = 1 << 20 };

struct peer;

struct peer_owner {
    void (*line)(void *ctx, struct peer *p, const char *line, size_t len, enum line_result r);
    void (*chunk_end)(void *ctx, size_t bytes); /* behind the last line of a chunk of so many */
    void (*closed)(void *ctx, struct peer *p);  /* it is gone: free it when no callback of its is on the stack */
    void *ctx;
};

struct peer {
    struct context *cx;
    const struct peer_owner *owner;
    int fd;
    uid_t uid;
    pid_t pid;
    ev_io w_read, w_write;
    struct line line;
    struct buf out;
    bool dead;     /* closed; waits to be freed */
    bool eof;      /* it will send no more; it still gets its answers */
    unsigned held; /* answers that will come later (a flush): not closed at end of file before */
    void *data;    /* the owner's */
    struct peer *prev, *next;
    uint64_t accepted, rejected; /* of this connection, for `stats` */
    char *last_error;            /* owned; NULL: none */
    struct log_gate g_errors;
    nsec_t read_at, read_wall; /* when the chunk whose lines are being handed out was read */
};

/* Takes over `fd` (non-blocking). NULL when out of memory (fd is closed). Reading starts with peer_resume(). */
struct peer *peer_new_take(struct context *cx, int fd, size_t line_max, const struct peer_owner *owner);
struct peer *peer_free(struct peer *p);

void peer_resume(struct peer *p);
void peer_pause(struct peer *p);

/* Send bytes (whole lines): now as far as they go, the rest when there is room. */
void peer_send(struct peer *p, const char *bytes, size_t len);
/* Only if all of it goes out now; otherwise it is dropped. */
void peer_send_now(struct peer *p, const char *bytes, size_t len);
void peer_close(struct peer *p);
/* Close it if it will send no more and is owed nothing more. */
void peer_close_if_done(struct peer *p);

/* Read what had arrived when this was called (SIOCINQ), whatever the budget, and hand out its whole lines. */
void peer_read_arrived(struct peer *p, nsec_t deadline);

#endif
