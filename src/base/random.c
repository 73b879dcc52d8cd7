#include "base/random.h"

#include <sys/random.h>

#include "base/clock.h"

uint32_t random_u32(void) {
    uint32_t v;
    if (getrandom(&v, sizeof v, 0) == (ssize_t)sizeof v) return v;
    struct clock c = clock_system(); /* a kernel without it: unpredictable enough for names of processes */
    return (uint32_t)((uint64_t)clock_wall(&c) * 2654435761u >> 16);
}

void random_name(char *out, size_t n) {
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    enum { DIGITS = sizeof digits - 1, EVEN = 256 / DIGITS * DIGITS }; /* a byte below EVEN is as good as any other */
    uint8_t pool[64];
    size_t left = 0;
    for (size_t i = 0; i < n;) {
        if (!left) left = getrandom(pool, sizeof pool, 0) == (ssize_t)sizeof pool ? sizeof pool : 0;
        uint32_t v = left ? pool[--left] : random_u32() % EVEN;
        if (v < EVEN) out[i++] = digits[v % DIGITS];
    }
    out[n] = '\0';
}
