/* fanout_nomem.h — the fan-out's sources with allocators that fail on demand.
 *
 * Include it in a test's only file, before anything else of fanout/: the sources become part of the test, so that only
 * their allocations can fail and not the test's own. It works alike under sanitizers and valgrind. */
#ifndef HOOKCAST_TESTS_FANOUT_NOMEM_H
#define HOOKCAST_TESTS_FANOUT_NOMEM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static long nomem_countdown = -1; /* allocations that still succeed before one fails; -1: none fails */
static bool nomem_forever;        /* ... and all after it */
static uint64_t nomem_failures;

static inline bool nomem_fails(void) {
    if (nomem_countdown < 0) return false;
    if (nomem_countdown-- > 0) return false;
    if (nomem_forever) nomem_countdown = 0;
    nomem_failures++;
    return true;
}

static inline void *nomem_malloc(size_t n) { return nomem_fails() ? NULL : malloc(n); }
static inline void *nomem_calloc(size_t n, size_t size) { return nomem_fails() ? NULL : calloc(n, size); }
static inline void *nomem_reallocarray(void *p, size_t n, size_t size) {
    return nomem_fails() ? NULL : reallocarray(p, n, size);
}
static inline void *nomem_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off) {
    return nomem_fails() ? MAP_FAILED : mmap(at, len, prot, flags, fd, off);
}

#define malloc nomem_malloc
#define calloc nomem_calloc
#define reallocarray nomem_reallocarray
#define mmap nomem_mmap
#include "fanout/backlog.c"
#include "fanout/block.c"
#include "fanout/queue.c"
#include "fanout/runs.c"
#undef malloc
#undef calloc
#undef reallocarray
#undef mmap

#endif
