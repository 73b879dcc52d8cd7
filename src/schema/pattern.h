/* pattern.h — ECMA-262 regular expressions on PCRE2, within limits.
 *
 * A pattern is translated (ecma.h), compiled with JIT where it exists, and searched unanchored. What one search may
 * cost is limited: match and heap limits for each start, and time over all searches of a validation, so that a
 * catastrophic pattern ends as PATTERN_E_LIMIT within milliseconds. */
#ifndef HOOKCAST_SCHEMA_PATTERN_H
#define HOOKCAST_SCHEMA_PATTERN_H

#include <stddef.h>

#include "base/buf.h"

struct pattern;
struct pattern_run; /* scratch: match data and stack, one per validator */

enum { PATTERN_NO_MATCH = 0, PATTERN_MATCH = 1, PATTERN_E_LIMIT = 2 };

/* Compile. 0; -EINVAL (no regular expression) or -ENOTSUP (one that PCRE2 cannot do) with the reason appended to `why`
 * (may be NULL); -ENOMEM. Patterns form a list, so that a schema
 * frees all of its own at once: the new one goes in front. */
int pattern_new(const char *p, size_t len, struct pattern **listp, struct buf *why);
struct pattern *pattern_free_all(struct pattern *list); /* returns NULL */

const char *pattern_text(const struct pattern *p); /* as it was written, NUL-terminated; for messages */

struct pattern_run *pattern_run_new(void);
struct pattern_run *pattern_run_free(struct pattern_run *r); /* NULL is fine */
void pattern_run_begin(struct pattern_run *r);               /* a validation begins: its time starts anew */

/* Search; the bytes are UTF-8 or WTF-8. A PATTERN_* value or -ENOMEM. */
int pattern_search(const struct pattern *p, struct pattern_run *r, const char *text, size_t len);

#endif
