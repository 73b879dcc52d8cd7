/* client.h — for the clients of brokers: a command line, and a buffer between a socket and a parser.
 *
 * Every client is called as
 *
 *     NAME sub [options of tally.h] WHERE
 *     NAME pub [options of events.h] WHERE          WHERE: a Unix socket's path, or a port of the loopback interface */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "events.h"
#include "tally.h"

enum { CLIENT_ROOM = 256 * 1024 };

/* Looks at the first of `n` bytes. Returns how long the message there is, or 0 when it is not complete, and calls
 * tally_event() if it is an event. */
typedef size_t (*client_parse)(struct tally *t, int fd, const char *p, size_t n);

/* Read and count for ever. */
static inline _Noreturn void client_run(struct tally *t, int fd, client_parse parse) {
    static char buf[CLIENT_ROOM];
    size_t have = 0;
    tally_ready(t);
    for (;;) {
        ssize_t n = recv(fd, buf + have, sizeof buf - have, 0);
        if (n < 0 && errno != EINTR) die(1, "receive", strerror(errno));
        if (n == 0) die(1, "receive", "the connection was closed");
        if (n < 0) {
            tally_answer(t);
            continue;
        }
        tally_read(t, (size_t)n);
        have += (size_t)n;
        size_t at = 0;
        for (size_t len; at < have && (len = parse(t, fd, buf + at, have - at)) != 0;) at += len;
        have -= at;
        memmove(buf, buf + at, have);
        if (have == sizeof buf) die(1, "a message is too long", NULL);
        tally_marks(t);
    }
}

struct client {
    struct plan plan;
    struct tally tally;
    bool subscribes;
    const char *where;
};

static inline void client_options(struct client *c, int argc, char **argv) {
    c->plan = plan_default;
    c->subscribes = argc > 1 && strcmp(argv[1], "sub") == 0;
    if (argc < 3 || (!c->subscribes && strcmp(argv[1], "pub") != 0)) die(64, "usage: sub|pub [OPTION]... WHERE", NULL);
    optind = 2;
    for (int o; (o = getopt(argc, argv, c->subscribes ? TALLY_OPTIONS : PLAN_OPTIONS)) != -1;)
        if (!(c->subscribes ? tally_option(&c->tally, o, optarg) : plan_option(&c->plan, o, optarg)))
            die(64, "a bad option", NULL);
    if (optind != argc - 1) die(64, "say where", NULL);
    c->where = argv[optind];
    if (!c->subscribes) plan_begin(&c->plan);
}

/* A decimal number that ends with CR LF; sets *end behind it, or to NULL when it is not complete. */
static inline size_t client_number(const char *p, size_t n, const char **end) {
    const char *nl = memchr(p, '\n', n);
    *end = nl ? nl + 1 : NULL;
    return nl ? strtoul(p, NULL, 10) : 0;
}

#endif
