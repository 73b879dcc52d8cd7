/* cleanup.h — scope-bound release of locals.
 *
 * A local marked with one of these is released when it goes out of scope; to hand it over, copy the pointer and set the
 * local to NULL (or -1 for a descriptor). */
#ifndef HOOKCAST_BASE_CLEANUP_H
#define HOOKCAST_BASE_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_(void *p) { free(*(void **)p); }

static inline void cleanup_close_(const int *fd) {
    if (*fd >= 0) {
        int saved = errno;
        (void)close(*fd);
        errno = saved;
    }
}

static inline void cleanup_fclose_(FILE **f) {
    if (*f) (void)fclose(*f);
}

/* Hand a descriptor over: the local no longer closes it. */
static inline int take_fd(int *fd) {
    int taken = *fd;
    *fd = -1;
    return taken;
}

#define cleanup(fn) __attribute__((cleanup(fn)))
#define cleanup_free cleanup(cleanup_free_)
#define cleanup_close cleanup(cleanup_close_)
#define cleanup_fclose cleanup(cleanup_fclose_)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
