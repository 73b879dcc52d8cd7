#include "base/suggest.h"

#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 64 };

static unsigned min3(unsigned a, unsigned b, unsigned c) {
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Optimal string alignment distance. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m) {
    unsigned rows[3][WORD_MAX + 1];
    unsigned *prev2 = rows[0], *prev = rows[1], *cur = rows[2];
    for (size_t j = 0; j <= m; j++) prev[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        cur[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned cost = a[i - 1] != b[j - 1];
            cur[j] = min3(prev[j] + 1, cur[j - 1] + 1, prev[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && prev2[j - 2] + 1 < cur[j])
                cur[j] = prev2[j - 2] + 1;
        }
        unsigned *t = prev2;
        prev2 = prev;
        prev = cur;
        cur = t;
    }
    return prev[m];
}

void suggest_init(struct suggest *s, const char *word, size_t len) {
    unsigned limit = (unsigned)(len / 3);
    if (limit < 1) limit = 1;
    if (limit > 4) limit = 4;
    *s = (struct suggest){.word = word, .len = len, .distance = limit + 1};
}

void suggest_offer(struct suggest *s, const char *candidate) {
    size_t m = strlen(candidate);
    if (s->len == 0 || s->len > WORD_MAX || m == 0 || m > WORD_MAX) return;
    unsigned d = distance(s->word, s->len, candidate, m);
    if (d < s->distance) {
        s->distance = d;
        s->best = candidate;
    }
}

const char *suggest_nearest(const char *word, const char *const *names, size_t n) {
    struct suggest s;
    suggest_init(&s, word, strlen(word));
    for (size_t i = 0; i < n; i++) suggest_offer(&s, names[i]);
    return s.best;
}

const char *suggest_hint(const char *best, char *out, size_t cap) {
    if (best)
        (void)snprintf(out, cap, " (did you mean \"%s\"?)", best);
    else if (cap)
        out[0] = '\0';
    return out;
}
