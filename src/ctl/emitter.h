/* emitter.h — notify requests out, their answers reported.
 *
 * What all requests of one command have in common (kind, hook, metadata) is encoded once; a payload is spliced in
 * between. Reports go to stdout, warnings and refusals to stderr, as the options say. One emitter is one connection to
 * the events socket. */
#ifndef HOOKCAST_CTL_EMITTER_H
#define HOOKCAST_CTL_EMITTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "ctl/answer.h"
#include "ctl/client.h"
#include "ctl/options.h"
#include "json/scan.h"

struct emitter {
    const struct options *options; /* borrowed */
    struct client *client;         /* owned; NULL until emitter_connect() */
    struct scan scan;
    struct buf head, tail; /* what stands before and after the payload */
    json_t *warned;        /* the "failed" list last told, so that a stream repeats it only when it changes */
};

/* Encode what is common; no connection yet. Returns 0, -EINVAL with the sentence in `e` (a usage error), or -ENOMEM. */
int emitter_init(struct emitter *m, const struct options *o, struct err *e);
void emitter_deinit(struct emitter *m); /* twice is harmless */

/* Connect. Returns 0, or an exit code with the message already told. */
int emitter_connect(struct emitter *m);

/* Append a whole request to `out`; an `out` that failed is left as it was. Returns 0, -EINVAL with the sentence in `e`
 * (the text is not JSON), or -ENOMEM. */
int emitter_put(struct emitter *m, struct buf *out, int64_t id, const char *payload, size_t len, struct err *e);

/* Report an answer. `what` names the event in front of warnings and refusals ("line 7: ", or ""). Returns 0, or
 * EXIT_REFUSED. */
int emitter_report(struct emitter *m, const struct answer *a, const char *what);

/* --wait: flush, and name who is behind. Returns an exit code. */
int emitter_flush(struct emitter *m);

#endif
