#include "schema/arena.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_MIN 4000
#define ALIGN 16

struct arena_chunk {
    struct arena_chunk *next;
    size_t cap, used;
    _Alignas(ALIGN) unsigned char mem[];
};

static void chunks_free(struct arena_chunk *c) {
    while (c) {
        struct arena_chunk *next = c->next;
        free(c);
        c = next;
    }
}

void arena_deinit(struct arena *a) {
    chunks_free(a->first);
    *a = (struct arena){0};
}

static struct arena_chunk *arena_grow(struct arena *a, size_t n) {
    struct arena_chunk *now = a->now, *next = now ? now->next : a->first;
    if (next && next->cap >= n) {
        next->used = 0;
        return a->now = next;
    }
    size_t cap = now ? now->cap * 2 : CHUNK_MIN;
    if (cap > (size_t)1 << 20) cap = (size_t)1 << 20;
    if (cap < n) cap = n;
    struct arena_chunk *c = malloc(sizeof *c + cap);
    if (!c) return NULL;
    *c = (struct arena_chunk){.next = next, .cap = cap};
    if (now)
        now->next = c;
    else
        a->first = c;
    return a->now = c;
}

void *arena_take(struct arena *a, size_t n) {
    if (n > SIZE_MAX / 2) return NULL;
    n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct arena_chunk *c = a->now;
    if ((!c || c->cap - c->used < n) && !(c = arena_grow(a, n))) return NULL;
    void *p = c->mem + c->used;
    c->used += n;
    return p;
}

void *arena_zero(struct arena *a, size_t n, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(n, size, &total)) return NULL;
    void *p = arena_take(a, total);
    if (p) memset(p, 0, total);
    return p;
}

char *arena_string(struct arena *a, const char *p, size_t len) {
    char *s = arena_take(a, len + 1);
    if (!s) return NULL;
    memcpy(s, p, len);
    s[len] = 0;
    return s;
}

struct arena_mark arena_mark(const struct arena *a) {
    return (struct arena_mark){a->now, a->now ? a->now->used : 0};
}

void arena_release(struct arena *a, struct arena_mark m) {
    a->now = m.chunk;
    if (m.chunk) m.chunk->used = m.used;
}

void arena_shrink(struct arena *a, size_t bytes) {
    size_t held = 0;
    for (const struct arena_chunk *c = a->first; c; c = c->next) held += c->cap;
    if (held <= bytes) return;
    struct arena_chunk **tail = a->now ? &a->now->next : &a->first;
    chunks_free(*tail);
    *tail = NULL;
}
