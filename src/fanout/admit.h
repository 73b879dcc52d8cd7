/* admit.h — may this payload be published? Everything that is checked before an event gets its number.
 *
 * An object, no larger than event_max_size, without the key `_meta` (which is the daemon's), valid against its hook's
 * schema. Pure; what is admitted costs no allocation. */
#ifndef HOOKCAST_FANOUT_ADMIT_H
#define HOOKCAST_FANOUT_ADMIT_H

#include "base/buf.h"
#include "base/err.h"
#include "fanout/topics.h"
#include "json/scan.h"
#include "schema/schema.h"

enum admit {
    ADMIT_OK,
    ADMIT_INVALID_PAYLOAD,
    ADMIT_RESERVED_KEY,
    ADMIT_TOO_LARGE,
    ADMIT_TOO_COMPLEX,  /* the schema could not be held against it within its limits */
    ADMIT_NUMBER_RANGE, /* a number beyond the double range where the schema looks at it */
    ADMIT_NO_MEMORY,    /* nothing was decided */
};

/* `run` is the caller's scratch memory for validating. `e` gets the sentence; `errors` (cleared first) the JSON Schema
 * basic output, a JSON array, after INVALID_PAYLOAD; with `errors` NULL only the first error is looked for. */
enum admit admit_payload(const struct topic *t, struct schema_run *run, const struct scan *s,
                         const struct node *payload, size_t max, struct err *e, struct buf *errors);

#endif
