/* inner.h — how the scanner's own files fit together. Private to src/json, its unit test and its fuzz target.
 *
 *   scan.c   the main loop: texts -> nodes        keys.c   duplicate keys, look-up by key
 *   cut.c    what is nested beyond the limit      token.h  strings, numbers, literals, white space */
#ifndef HOOKCAST_JSON_INNER_H
#define HOOKCAST_JSON_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/scan.h"

/* scan_text() without SSE2: the reference the fast path is compared with. */
int scan_text_scalar(struct scan *s, const char *text, size_t len);

/* Check a container that is not recorded, p at its opening bracket; *pp is then the byte behind it. Not recursive: one
 * bit per level on s->stack. Returns 0, SCAN_E_SYNTAX or -ENOMEM. */
int cut_skip(struct scan *s, const uint8_t **pp, const uint8_t *end, bool simd);

/* Look for a key twice in the complete object node `obj` of `members` members; sets s->duplicate. Linear in the
 * object's bytes, whatever the keys. Returns 0 or -ENOMEM. */
int keys_check(struct scan *s, uint32_t obj, uint32_t members);

/* A hash key that differs from process to process. */
void keys_seed(uint64_t key[2]);

/* Grow a private array (elements of `size` bytes) to hold at least `want`. Contents are kept. Returns 0 or -ENOMEM. */
int scan_grow(void **arrayp, size_t *capp, size_t want, size_t size);

#endif
