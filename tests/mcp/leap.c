/* leap.c — LD_PRELOAD: CLOCK_MONOTONIC is ahead by the seconds that the file $LEAP holds. A wait that goes on is as long
 * as ever: who leaps has to wake the process, too. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long leap(void) {
    long n = 0;
    const char *path = getenv("LEAP");
    FILE *f = path ? fopen(path, "re") : NULL;
    if (f && fscanf(f, "%ld", &n) != 1) n = 0;
    if (f) (void)fclose(f);
    return n;
}

int clock_gettime(clockid_t clock, struct timespec *ts) {
    int r = (int)syscall(SYS_clock_gettime, clock, ts);
    if (r == 0 && clock == CLOCK_MONOTONIC) ts->tv_sec += leap();
    return r;
}
