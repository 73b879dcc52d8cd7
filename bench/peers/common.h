/* common.h — what the programs of this folder share: dying, time, numbers, sockets. For main files only. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static inline _Noreturn void die(int code, const char *what, const char *why) {
    (void)fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, what, why ? ": " : "", why ? why : "");
    exit(code);
}

static inline int64_t now_ns(void) {
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline uint64_t number(const char *s, uint64_t lo, uint64_t hi, const char *what) {
    char *end;
    errno = 0;
    unsigned long long v = strtoull(s, &end, 10);
    if (errno || end == s || *end || v < lo || v > hi) die(64, "not a good number for", what);
    return v;
}

static inline struct sockaddr_un unix_address(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) die(64, "the socket's path is too long", path);
    memcpy(a.sun_path, path, strlen(path));
    return a;
}

/* To a path, or to a port of the loopback interface. */
static inline int connect_to(const char *where) {
    int fd, r;
    if (strchr(where, '/')) {
        struct sockaddr_un a = unix_address(where);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        r = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&a, sizeof a);
    } else {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        a.sin_port = htons((uint16_t)number(where, 1, 65535, "a port"));
        int on = 1;
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        r = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&a, sizeof a);
        if (r == 0) r = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (r < 0) die(1, where, strerror(errno));
    return fd;
}

static inline int listen_at(const char *path) {
    struct sockaddr_un a = unix_address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 4) < 0) die(1, path, strerror(errno));
    return fd;
}

static inline void send_all(int fd, const void *data, size_t n) {
    for (const char *p = data; n;) {
        ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) die(1, "send", strerror(errno));
        p += w;
        n -= (size_t)w;
    }
}

/* What there is, at least one byte; the end of the stream is the end of the program. */
static inline size_t receive(int fd, void *to, size_t room) {
    for (;;) {
        ssize_t r = recv(fd, to, room, 0);
        if (r < 0 && errno == EINTR) continue;
        if (r <= 0) die(1, "receive", r ? strerror(errno) : "the connection was closed");
        return (size_t)r;
    }
}

/* Read until the last bytes are `end`. Only for answers behind which nothing follows. */
static inline void expect(int fd, const void *end, size_t n) {
    char seen[8192];
    for (size_t have = 0; have < n || memcmp(seen + have - n, end, n) != 0;) {
        if (have == sizeof seen) die(1, "an unexpected answer", NULL);
        have += receive(fd, seen + have, sizeof seen - have);
    }
}

#endif
