/* suggest.h — "did you mean": the nearest of some names.
 *
 * Damerau-Levenshtein over bytes, at most a third of the word's length away (at least 1, at most 4), so that nonsense
 * gets no advice. Pure; fails never (words over 64 bytes are not compared). */
#ifndef HOOKCAST_BASE_SUGGEST_H
#define HOOKCAST_BASE_SUGGEST_H

#include <stddef.h>

struct suggest {
    const char *word; /* borrowed */
    size_t len;
    const char *best; /* borrowed from the candidates; NULL when none is near */
    unsigned distance;
};

/* Feed candidates one by one; the first of equals wins. */
void suggest_init(struct suggest *s, const char *word, size_t len);
void suggest_offer(struct suggest *s, const char *candidate);

/* Over an array; NULL when none is near. */
const char *suggest_nearest(const char *word, const char *const *names, size_t n);

/* For messages: ` (did you mean "x"?)`, or "" when `best` is NULL. Returns `out`. */
const char *suggest_hint(const char *best, char *out, size_t cap);

#endif
