/* payload.h — payloads on their way into a request: built from key=value words, or checked and spliced.
 *
 * What a publisher wrote goes into the request byte for byte (numbers, escapes and key order as given), so it must be
 * exactly one JSON value: a text such as `{},"metadata":{}` would otherwise add parameters of its own. That much is
 * checked here; whether an event may have that payload is for the daemon to say. Line breaks between tokens become
 * blanks, for the wire is one line a request.
 *
 *     actor=u1 n:=3            ->  {"actor":"u1","n":3} */
#ifndef HOOKCAST_CTL_PAYLOAD_H
#define HOOKCAST_CTL_PAYLOAD_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "json/scan.h"

/* Append `s` as a JSON string with its quotes. Returns 0, -EILSEQ when it is not UTF-8, or buf_put()'s error. */
int payload_put_string(struct buf *out, const char *s);

/* Append one JSON value. `scan` is scratch memory, reused. Returns 0, -EINVAL with the sentence in `e` when the text is
 * not one JSON value, or -ENOMEM. */
int payload_put_value(struct buf *out, struct scan *scan, const char *text, size_t len, struct err *e);

/* Append an object made of `n` words. The first "=" or ":=" of a word ends its key. Returns 0, -EINVAL with the
 * sentence in `e`, or -ENOMEM. */
int payload_put_words(struct buf *out, struct scan *scan, const char *const *words, size_t n, struct err *e);

#endif
