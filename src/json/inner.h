/* inner.h — how the scanner's own files fit together. Private to src/json, its unit test and its fuzz target.
 *
 *   scan.c   the main loop: texts -> nodes        keys.c     duplicate keys, look-up by key
 *   cut.c    what is nested beyond the limit      token.h    strings, numbers, literals, white space
 *                                                 opening.h  what a text has in common with the last */
#ifndef HOOKCAST_JSON_INNER_H
#define HOOKCAST_JSON_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include "json/scan.h"

enum { NODE_SUSPECT = 8 }; /* an open object in which a key may have been named twice */

/* scan_text() without SSE2: the reference the fast path is compared with. */
int scan_text_scalar(struct scan *s, const char *text, size_t len);

/* Check a container that is not recorded, p at its opening bracket; *pp is then the byte behind it. Not recursive: one
 * bit per level on s->stack. Returns 0, SCAN_E_SYNTAX or -ENOMEM. */
int cut_skip(struct scan *s, const uint8_t **pp, const uint8_t *end, bool simd);

/* Look for a key twice in the complete object node `obj` of `members` members; sets s->duplicate. Linear in the
 * object's bytes, whatever the keys. Returns 0 or -ENOMEM. */
int keys_check(struct scan *s, uint32_t obj, uint32_t members);

/* Of a key's first eight and last eight bytes and its length: different digests, different keys. May read up to `end`,
 * where the text ends. */
static inline uint64_t keys_digest(const void *key, size_t len, const void *end) {
    const uint8_t *p = key;
    uint64_t head = 0, tail = 0;
    if (len >= 8) {
        memcpy(&head, p, 8);
        memcpy(&tail, p + len - 8, 8);
    } else if ((const uint8_t *)end - p >= 8) { /* reads on into the text behind the key, then masks that */
        memcpy(&head, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        head = __builtin_bswap64(head);
#endif
        head &= (UINT64_C(1) << (8 * len)) - 1;
    } else {
        for (size_t i = 0; i < len; i++) head |= (uint64_t)p[i] << (8 * i);
    }
    return head ^ (tail << 29 | tail >> 35) ^ len * UINT64_C(0x9E3779B97F4A7C15);
}

/* Enter a key without escapes of object node `obj` in the filter. False when there may have been one like it: only then
 * are the keys compared, when the object is complete. */
static inline bool keys_note(struct scan *s, uint32_t obj, const void *key, size_t len, const void *end) {
    uint64_t hash = (keys_digest(key, len, end) + obj) * UINT64_C(0x9FB21C651E98DF25);
    uint64_t *word = s->seen + (hash >> 59), bit = UINT64_C(1) << (hash >> 53 & 63);
    bool fresh = !(*word & bit);
    *word |= bit;
    return fresh;
}

/* A hash key that differs from process to process. */
void keys_seed(uint64_t key[2]);

/* Grow a private array (elements of `size` bytes) to hold at least `want`. Contents are kept. Returns 0 or -ENOMEM. */
int scan_grow(void **arrayp, size_t *capp, size_t want, size_t size);

#endif
