/* member.h — members of the daemon's results, read with patience.
 *
 * A daemon may be older or newer than this program: what is missing, null or of another type than expected yields the
 * fallback. `object` may be NULL or anything. Returned strings are borrowed from the object. */
#ifndef HOOKCAST_CTL_MEMBER_H
#define HOOKCAST_CTL_MEMBER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

const char *member_str(const json_t *object, const char *key, const char *fallback);
int64_t member_int(const json_t *object, const char *key, int64_t fallback); /* a real is cut */

/* An array of strings (other elements are left out) joined with `between`; appended to `out`, which the caller owns.
 * Returns the text ("" for an empty list or no memory), valid until `out` changes. */
const char *member_words(const json_t *object, const char *key, const char *between, struct buf *out);

/* For people, into `out`; "" when the field is missing: seconds as "3min 4s"; bytes as "12KiB", rounded to what the eye
 * wants. Both return `out`. */
const char *member_duration(const json_t *object, const char *key, char *out, size_t cap);
const char *member_size(const json_t *object, const char *key, char *out, size_t cap);

#endif
