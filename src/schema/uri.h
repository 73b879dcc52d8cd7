/* uri.h — references and what they refer to, as far as a schema needs it (RFC 3986).
 *
 * Texts in, texts out; nothing is fetched. Results are appended to a caller's buf (which is left as it was on failure)
 * and are 0 or a negative code. */
#ifndef HOOKCAST_SCHEMA_URI_H
#define HOOKCAST_SCHEMA_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Resolve `ref` against `base` (section 5.2), without its fragment. `base` may be "": then a relative reference stays
 * as it is. */
int uri_resolve(const char *base, const char *ref, size_t ref_len, struct buf *out);

/* The fragment of `ref`, behind its '#'; NULL when it has none. */
const char *uri_fragment(const char *ref, size_t len, size_t *lenp);

/* Undo percent-encoding. -EINVAL when a '%' is not followed by two hexadecimal digits. */
int uri_decode(const char *p, size_t len, struct buf *out);

/* A path as a URI ("file:///srv/a%20b.json") and back. `path` is absolute. uri_to_path() gives -EINVAL for what is no
 * local file's URI, or hides a '/' or NUL behind a percent sign. */
int uri_of_path(const char *path, struct buf *out);
int uri_to_path(const char *uri, struct buf *out);

/* Encode what a fragment may not hold as it is. */
int uri_encode_fragment(const char *p, size_t len, struct buf *out);

/* Starts with a scheme? */
bool uri_is_absolute(const char *uri, size_t len);

#endif
