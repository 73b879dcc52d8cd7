/* chaos.h — allocations that fail on demand, and a count of those alive: include it in one test program's only file.
 *
 * Not under a sanitizer, which brings an allocator of its own: CHAOS is 0 there. */
#ifndef HOOKCAST_TESTS_CHAOS_H
#define HOOKCAST_TESTS_CHAOS_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define CHAOS 0
#else
#define CHAOS 1

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static long chaos_countdown = -1; /* the allocation that makes it 0 fails, and none after it; negative: none */
static bool chaos_fired;
static long chaos_alive;

static bool chaos_fails(void) {
    if (chaos_countdown < 0 || chaos_countdown-- > 0) return false;
    chaos_fired = true;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) {
    void *p = chaos_fails() ? NULL : __libc_malloc(size);
    if (p) chaos_alive++;
    return p;
}

void *calloc(size_t n, size_t size) {
    void *p = chaos_fails() ? NULL : __libc_calloc(n, size);
    if (p) chaos_alive++;
    return p;
}

void *realloc(void *old, size_t size) {
    void *p = chaos_fails() ? NULL : __libc_realloc(old, size);
    if (p && !old) chaos_alive++;
    return p;
}

void free(void *p) {
    int saved = errno;
    if (p) chaos_alive--;
    __libc_free(p);
    errno = saved;
}

/* Run `attempt` with the 1st, 2nd, 3rd ... allocation failing, until none was asked for any more. It returns true when
 * its subject either did all of its work or none; what it allocated must be gone when it returns. The number of
 * allocations that were made to fail, or -1 when an attempt returned false or leaked; LONG_MAX when allocations do not
 * come here at all (valgrind puts its own in their place). */
static long chaos_run(bool (*attempt)(void)) {
    long idle = chaos_alive;
    void *volatile probe = malloc(1);
    bool works = chaos_alive != idle;
    free(probe);
    if (!works) return LONG_MAX;
    (void)attempt(); /* warm up what libraries keep */
    for (long n = 0;; n++) {
        long before = chaos_alive;
        chaos_fired = false;
        chaos_countdown = n;
        bool ok = attempt();
        chaos_countdown = -1;
        if (!ok || chaos_alive != before) return -1;
        if (!chaos_fired) return n;
    }
}
#endif

#endif
