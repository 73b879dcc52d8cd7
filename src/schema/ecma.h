/* ecma.h — regular expressions of ECMA-262 (with the u flag, as JSON Schema asks: core, section 6.4) as PCRE2 reads
 * them.
 *
 * What means something else there is rewritten: `.`, `\s`, `\v`, `\cX`, `\uXXXX` and `\u{...}`, `\p{Letter}` and
 * `\p{Script=Greek}`, `[]`, `[^]`, `[` inside a class, named groups, back references to groups that are not set.
 * `\d`, `\w` and `\b` are ASCII on both sides as long as PCRE2_UCP is off. What ECMA-262 does not have (possessive
 * quantifiers, inline flags, `\A`, `\Z`, `(?P<name>...)`, POSIX classes ...) is refused. Escaped punctuation and
 * braces that are no quantifier stand for themselves, as in most implementations without the u flag. */
#ifndef HOOKCAST_SCHEMA_ECMA_H
#define HOOKCAST_SCHEMA_ECMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Append the translation of the `len` bytes at `p` to `out`; *repeatsp: it has a quantifier. 0; -EINVAL with the reason
 * appended to `why`; -ENOMEM. */
int ecma_translate(const char *p, size_t len, struct buf *out, bool *repeatsp, struct buf *why);

/* ecma_names.c: the inside of \p{...} as PCRE2 writes it, appended to `out`. -EINVAL when it is no property. */
int ecma_property(const char *p, size_t len, struct buf *out);

#endif
