/* text.h — JSON strings and the bytes they stand for.
 *
 * A string node (a value or a key of a scanned tree) is read unescaped: compared, hashed, measured, or copied out. As
 * far as comparing, ordering and hashing go, a lone surrogate (the escape \ud800 without its other half, legal in JSON
 * but no character) is its three-byte WTF-8 form, which no other string can hold. \u0000 is a NUL byte like any other;
 * lengths are always explicit.
 *
 * Nodes must be strings of a scan that succeeded (or only found depth or duplicates). Appending to a buffer either
 * succeeds whole or leaves it as it was and returns -ENOMEM or -EMSGSIZE (see buf.h). Nothing else fails or allocates.
 */
#ifndef HOOKCAST_JSON_TEXT_H
#define HOOKCAST_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "json/scan.h"

enum text_lone {
    TEXT_LONE_REPLACE, /* a lone surrogate becomes U+FFFD: the result is UTF-8 */
    TEXT_LONE_KEEP,    /* it keeps its three bytes: nothing is lost, but the result may not be UTF-8 */
};

/* Append the unescaped bytes. */
int text_unescape(const struct scan *s, const struct node *n, enum text_lone lone, struct buf *out);

/* Append any bytes as a JSON string, quotes included. Quotes, backslashes and control characters are escaped, a byte
 * that is not part of valid UTF-8 becomes U+FFFD, everything else stays. */
int text_escape(struct buf *out, const char *p, size_t len);

/* Unescaped bytes equal? The nodes may belong to different scans. (Against plain bytes: scan_equal().) */
bool text_equal(const struct scan *s, const struct node *a, const struct scan *t, const struct node *b);

/* Order of the unescaped bytes, which is the order of code points: < 0, 0, > 0. */
int text_compare(const struct scan *s, const struct node *a, const struct scan *t, const struct node *b);

/* SipHash-1-3 of the unescaped bytes under `key`; with a secret key nobody can choose strings that collide. */
uint64_t text_hash(const struct scan *s, const struct node *n, const uint64_t key[2]);

/* Characters (code points), as JSON Schema counts them; a lone surrogate is one. */
size_t text_count(const struct scan *s, const struct node *n);

#endif
