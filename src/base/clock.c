#include "base/clock.h"

#include <string.h>
#include <time.h>

static nsec_t read_clock(clockid_t id) {
    struct timespec ts = {0};
    (void)clock_gettime(id, &ts); /* cannot fail for these ids */
    return (nsec_t)ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static nsec_t system_mono(void *ctx) {
    (void)ctx;
    return read_clock(CLOCK_MONOTONIC);
}

static nsec_t system_wall(void *ctx) {
    (void)ctx;
    return read_clock(CLOCK_REALTIME);
}

struct clock clock_system(void) {
    return (struct clock){.mono = system_mono, .wall = system_wall};
}

void clock_rfc3339(struct clock_stamp *cache, nsec_t wall, char out[CLOCK_RFC3339_LEN + 1]) {
    if (wall < 0) wall = 0;
    int64_t second = wall / NSEC_PER_SEC;
    if (!cache->prefix[0] || second != cache->second) {
        time_t t = (time_t)second;
        struct tm tm = {0};
        (void)gmtime_r(&t, &tm);
        if (strftime(cache->prefix, sizeof cache->prefix, "%Y-%m-%dT%H:%M:%S", &tm) != 19) /* beyond year 9999 */
            memcpy(cache->prefix, "9999-12-31T23:59:59", 20);
        cache->second = second;
    }
    memcpy(out, cache->prefix, 19);
    unsigned us = (unsigned)(wall % NSEC_PER_SEC / NSEC_PER_USEC);
    out[19] = '.';
    for (int i = 25; i >= 20; i--) {
        out[i] = (char)('0' + us % 10);
        us /= 10;
    }
    out[26] = 'Z';
    out[27] = '\0';
}
