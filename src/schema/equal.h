/* equal.h — when two JSON values are the same (core, section 4.2.2): numbers by value, strings by characters, objects
 * whatever the order of their members. Exact: 1 is 1.0, 2^53 is not 2^53+1.
 *
 * Work is taken from *steps; when that becomes negative the answer means nothing and the caller gives up. */
#ifndef HOOKCAST_SCHEMA_EQUAL_H
#define HOOKCAST_SCHEMA_EQUAL_H

#include <stdbool.h>
#include <stdint.h>

#include "json/scan.h"
#include "schema/arena.h"

/* 1, 0, or -ENOMEM (objects of many members are sorted in `scratch`). */
int equal_values(const struct scan *s, const struct node *a, const struct scan *t, const struct node *b,
                 struct arena *scratch, int64_t *steps);

/* Equal values have equal hashes under one key. */
uint64_t equal_hash(const struct scan *s, const struct node *n, const uint64_t key[2], int64_t *steps);

/* Are the elements of an array all different? 1, 0 (then *ap and *bp are two that are equal), or -ENOMEM. Takes time in
 * proportion to the array's bytes. */
int equal_unique(const struct scan *s, const struct node *array, const uint64_t key[2], struct arena *scratch,
                 int64_t *steps, const struct node **ap, const struct node **bp);

#endif
