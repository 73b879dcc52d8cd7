/* startorder.h — in which order plugins start: dependencies first; then priority descending, then name. Pure. */
#ifndef HOOKCAST_REGISTRY_STARTORDER_H
#define HOOKCAST_REGISTRY_STARTORDER_H

#include <stddef.h>

struct startorder_item {
    const char *name; /* different from all others */
    unsigned priority;
    char *const *depends_on; /* names, NULL-terminated; NULL is fine */
};

struct startorder_verdict {
    const char *missing; /* its first dependency that is no item (borrowed from depends_on); NULL when all are there */
    char *cycle;         /* "a -> b -> a" when it depends on itself in the end (new; the caller frees); else NULL */
};

/* order[i] is the index of the item that comes i-th: every item is in it once, and after what it depends on
 * unless it is in a cycle itself. Both arrays have n places, given by the caller. Returns 0, or -ENOMEM (arrays
 * untouched).
 */
int startorder_sort(const struct startorder_item *items, size_t n, size_t *order, struct startorder_verdict *verdicts);

#endif
