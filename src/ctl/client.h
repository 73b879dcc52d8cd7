/* client.h — one connection to the daemon: lines out, lines in, never stuck.
 *
 * The socket does not block. Whole request lines are appended to client_out(); client_turn() waits (until a deadline)
 * for whatever can move, moves it, and returns; client_line(), asked until it has no more, hands out the lines that
 * came. So reading and writing go on together, however many requests are under way. client_call() is the short way for
 * one request.
 *
 * Failures are CLIENT_E_* codes with a sentence for the person in `e`; client_exit() maps them to exit codes. */
#ifndef HOOKCAST_CTL_CLIENT_H
#define HOOKCAST_CTL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "ctl/answer.h"

enum {
    CLIENT_E_ABSENT = 1,  /* nobody listens there */
    CLIENT_E_TIMEOUT = 2, /* the deadline passed */
    CLIENT_E_CLOSED = 3,  /* the daemon closed the connection */
    CLIENT_E_BROKEN = 4,  /* what came is not what hookcastd says */
    CLIENT_E_DENIED = 5,  /* we may not connect */
};

enum client_socket { CLIENT_EVENTS, CLIENT_CONTROL };

#define CLIENT_NEVER INT64_MAX /* a deadline that does not come */

struct client;

/* Connect to <runtime_dir>/events.sock or control.sock, waiting at most `timeout`. Returns 0, CLIENT_E_ABSENT,
 * CLIENT_E_DENIED, CLIENT_E_TIMEOUT or -errno. */
int client_open(const char *runtime_dir, enum client_socket which, nsec_t timeout, struct client **cp, struct err *e);
struct client *client_free(struct client *c); /* NULL is fine; returns NULL */

/* Requests not yet written; append whole lines. Owned by the client. */
struct buf *client_out(struct client *c);

/* Wait until something moves or `deadline` (monotonic) passes, and move it. `also_fd` (-1: none) is waited for as well;
 * *also_readyp tells that it can be read. Returns 0, CLIENT_E_TIMEOUT or -errno. A connection that the daemon closed
 * is no failure here: what it sent before is still to be read. */
int client_turn(struct client *c, int also_fd, nsec_t deadline, bool *also_readyp, struct err *e);

/* The next complete line without its newline, in *linep (NULL: none is complete yet); valid until the next call with
 * this client. Returns 0, CLIENT_E_CLOSED when none will come any more, CLIENT_E_BROKEN for an endless line. */
int client_line(struct client *c, const char **linep, size_t *lenp, struct err *e);

/* Wait until `deadline` for the answer to the one request under way. An answer without a readable id counts as its; one
 * with another id is CLIENT_E_BROKEN. Returns 0 with *answerp filled (answer_deinit() it), a CLIENT_E_* code or -errno.
 */
int client_await(struct client *c, int64_t id, nsec_t deadline, struct answer *answerp, struct err *e);

/* Send a request and await its answer. `params` is JSON text or NULL. */
int client_call(struct client *c, const char *method, const char *params, nsec_t timeout, struct answer *answerp,
                struct err *e);

/* The exit code for what the functions above returned (not 0). */
int client_exit(int code);

/* The monotonic clock that deadlines are measured with. */
nsec_t client_now(void);

#endif
