/* arena.h — memory that lives and dies together.
 *
 * Two uses: a compiled schema grows one and frees it whole; a run keeps one as scratch, takes from it and goes back to
 * a mark, so that nothing is allocated once it has been warm. Pointers stay valid until they are given back. */
#ifndef HOOKCAST_SCHEMA_ARENA_H
#define HOOKCAST_SCHEMA_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *first, *now; /* chunks behind `now` are empty and kept for later */
};

struct arena_mark {
    struct arena_chunk *chunk;
    size_t used;
};

void arena_deinit(struct arena *a); /* twice is harmless */

/* `n` bytes for any type, not cleared; NULL when out of memory. */
void *arena_take(struct arena *a, size_t n);

/* Cleared memory for `n` elements of `size` bytes; NULL when out of memory (or over SIZE_MAX). */
void *arena_zero(struct arena *a, size_t n, size_t size);

/* A NUL-terminated copy of `len` bytes. */
char *arena_string(struct arena *a, const char *p, size_t len);

struct arena_mark arena_mark(const struct arena *a);
void arena_release(struct arena *a, struct arena_mark m); /* everything taken since is given back */

/* Free what is empty when more than `bytes` is held in all. */
void arena_shrink(struct arena *a, size_t bytes);

#endif
