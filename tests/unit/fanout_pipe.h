/* fanout_pipe.h — pipes made of memory: they take as many bytes as a test says, byte by byte if it wants.
 *
 * write(), writev(), tee() and ioctl(FIONREAD) are defined here for descriptors from FAKE_FD on; all others go to the
 * kernel. Include it in a test's only file. */
#ifndef HOOKCAST_TESTS_FANOUT_PIPE_H
#define HOOKCAST_TESTS_FANOUT_PIPE_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FAKE_FD = 1 << 20, FAKE_PIPES = 16, FAKE_RING = 1 << 19 };

struct fake_pipe {
    char ring[FAKE_RING];
    size_t head, fill, cap; /* cap <= FAKE_RING */
    size_t quota;           /* bytes it still takes before it says EAGAIN */
    unsigned eintr;         /* so many calls are interrupted first */
    int error;              /* when not 0: every write fails with it */
    bool no_tee;            /* tee(2) is forbidden */
    uint64_t total, calls;  /* bytes taken, write calls; ever */
};

static struct fake_pipe fake_pipes[FAKE_PIPES];

static inline struct fake_pipe *fake_of(int fd) {
    return fd >= FAKE_FD && fd < FAKE_FD + FAKE_PIPES ? &fake_pipes[fd - FAKE_FD] : NULL;
}

static inline void fake_reset(struct fake_pipe *p, size_t cap) {
    p->head = p->fill = 0;
    p->cap = cap;
    p->quota = SIZE_MAX;
    p->eintr = 0;
    p->error = 0;
}

static inline void fake_put(struct fake_pipe *p, const char *bytes, size_t n) {
    size_t at = (p->head + p->fill) % FAKE_RING, first = n < FAKE_RING - at ? n : FAKE_RING - at;
    memcpy(p->ring + at, bytes, first);
    memcpy(p->ring, bytes + first, n - first);
    p->fill += n;
    p->total += n;
    p->quota -= n;
}

/* Take up to n bytes out. */
static inline size_t fake_get(struct fake_pipe *p, char *out, size_t n) {
    if (n > p->fill) n = p->fill;
    size_t first = n < FAKE_RING - p->head ? n : FAKE_RING - p->head;
    memcpy(out, p->ring + p->head, first);
    memcpy(out + first, p->ring, n - first);
    p->head = (p->head + n) % FAKE_RING;
    p->fill -= n;
    return n;
}

static inline ssize_t fake_fail(int code) {
    errno = code;
    return -1;
}

ssize_t writev(int fd, const struct iovec *iov, int n) {
    struct fake_pipe *p = fake_of(fd);
    if (!p) return syscall(SYS_writev, fd, iov, n);
    p->calls++;
    if (p->eintr) return p->eintr--, fake_fail(EINTR);
    if (p->error) return fake_fail(p->error);
    size_t took = 0;
    for (int i = 0; i < n; i++) {
        size_t room = p->cap - p->fill < p->quota ? p->cap - p->fill : p->quota;
        size_t k = iov[i].iov_len < room ? iov[i].iov_len : room;
        fake_put(p, iov[i].iov_base, k);
        took += k;
        if (k < iov[i].iov_len) break;
    }
    return took ? (ssize_t)took : fake_fail(EAGAIN);
}

/* A place in a pipe for every page, or what is left of one; the bytes come from a pipe of the kernel's. */
enum { FAKE_PAGE = 4096 };
static uint64_t fake_given; /* bytes that were not copied, ever */

ssize_t tee(int in, int out, size_t len, unsigned flags) {
    static int between[2];
    static char bytes[FAKE_RING];
    struct fake_pipe *p = fake_of(out);
    if (!p) return syscall(SYS_tee, in, out, len, flags);
    p->calls++;
    if (p->eintr) return p->eintr--, fake_fail(EINTR);
    if (p->error) return fake_fail(p->error);
    if (p->no_tee) return fake_fail(EPERM);
    size_t room = p->cap - p->fill < p->quota ? p->cap - p->fill : p->quota;
    if (room < len) len = room / FAKE_PAGE * FAKE_PAGE;
    if (!len) return fake_fail(EAGAIN);
    if (!between[1] && (pipe2(between, O_CLOEXEC | O_NONBLOCK) < 0 || fcntl(between[1], F_SETPIPE_SZ, FAKE_RING) < 0))
        return -1;
    ssize_t n = syscall(SYS_tee, in, between[1], len, flags);
    if (n > 0 && read(between[0], bytes, sizeof bytes) != n) return fake_fail(EIO);
    if (n > 0) fake_put(p, bytes, (size_t)n);
    fake_given += n > 0 ? (uint64_t)n : 0;
    return n;
}

ssize_t write(int fd, const void *bytes, size_t n) {
    if (!fake_of(fd)) return syscall(SYS_write, fd, bytes, n);
    return writev(fd, &(struct iovec){(void *)(uintptr_t)bytes, n}, 1);
}

int ioctl(int fd, unsigned long request, ...) {
    va_list ap;
    va_start(ap, request);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    struct fake_pipe *p = fake_of(fd);
    if (!p || request != FIONREAD) return (int)syscall(SYS_ioctl, fd, request, arg);
    int unread = (int)p->fill;
    memcpy(arg, &unread, sizeof unread);
    return 0;
}

#endif
