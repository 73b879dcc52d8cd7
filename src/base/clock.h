/* clock.h — time: monotonic for every decision, wall only for what people read.
 *
 * Logic never reads a clock: it is handed `nsec_t now`. Only the loop and the log do, through a `struct clock`, so that
 * a test can put its own in place. Nothing here fails. */
#ifndef HOOKCAST_BASE_CLOCK_H
#define HOOKCAST_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

typedef int64_t nsec_t; /* nanoseconds; monotonic unless a name says wall */

#define NSEC_PER_SEC 1000000000LL
#define NSEC_PER_MSEC 1000000LL
#define NSEC_PER_USEC 1000LL

struct clock {
    nsec_t (*mono)(void *ctx);
    nsec_t (*wall)(void *ctx); /* since the epoch, UTC */
    void *ctx;
};

/* The real one (CLOCK_MONOTONIC, CLOCK_REALTIME). */
struct clock clock_system(void);

static inline nsec_t clock_mono(const struct clock *c) { return c->mono(c->ctx); }
static inline nsec_t clock_wall(const struct clock *c) { return c->wall(c->ctx); }

/* "2026-11-23T18:30:00.123456Z": RFC 3339, UTC, microseconds. */
#define CLOCK_RFC3339_LEN 27

/* A formatter that remembers the last second, so that many stamps a second cost one gmtime. Zero-initialise. */
struct clock_stamp {
    int64_t second;
    char prefix[20]; /* "2026-11-23T18:30:00" */
};

/* Writes exactly CLOCK_RFC3339_LEN bytes and a NUL (`out` holds one more than that). */
void clock_rfc3339(struct clock_stamp *cache, nsec_t wall, char out[CLOCK_RFC3339_LEN + 1]);

#endif
