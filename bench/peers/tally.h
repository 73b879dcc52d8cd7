/* tally.h — what a sink has been sent: it counts events, and reports when it has so many.
 *
 * Options that every sink takes: -c COUNT (up to 16, ascending), -o REPORT (a file, which is appended to, or a named
 * pipe that somebody reads; else stderr), -N NAME (else HOOKCAST_PLUGIN or the pid), -t SECONDS (then SIGALRM), -l DIR.
 * A report is one line, written when the sink is ready (at=0, with -o), at every COUNT, on SIGUSR1 (at=now), and by
 * tally_end (at=end); last is when it read last:
 *
 *     name=NAME at=0|COUNT|now|end ns=CLOCK_MONOTONIC events=… bytes=… reads=… notices=… dropped=… pid=… last=…
 *
 * An event dropped by hookcastd with a notice counts as one that came, but apart. With -l the events between the first
 * COUNT and the second are searched for "t_ns":"<19 digits of CLOCK_MONOTONIC>"; how long ago that was, in nanoseconds
 * (int64_t), goes to DIR/NAME before the second COUNT is reported. */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <fcntl.h>
#include <inttypes.h>

#include "common.h"

enum { TALLY_MARKS = 16, TALLY_HEAD = 1024, TALLY_LAGS = 1 << 20, STAMP_DIGITS = 19 };
#define TALLY_OPTIONS "c:o:N:t:l:"
#define STAMP_KEY "\"t_ns\":\""

static const char tally_notice[] =
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/hooks/dropped\",\"params\":{\"count\":";

struct tally {
    uint64_t events, bytes, reads, notices, dropped;
    uint64_t marks[TALLY_MARKS];
    unsigned n_marks, reached;
    int report; /* an fd, 0 for stderr */
    char name[128];
    int64_t now; /* of the last read */
    const char *lag_dir;
    int64_t *lags;
    size_t n_lags, head_len; /* head: of a line that began in an earlier chunk, its first bytes */
    char head[TALLY_HEAD];
};

static volatile sig_atomic_t tally_asked;

static inline void tally_ask(int sig) {
    (void)sig;
    tally_asked = 1;
}

/* Returns 0 when `c` is none of the options of every sink. */
static inline int tally_option(struct tally *t, int c, const char *arg) {
    switch (c) {
        case 'c':
            if (t->n_marks == TALLY_MARKS) die(64, "too many of", "-c");
            t->marks[t->n_marks++] = number(arg, 1, UINT64_MAX, "-c");
            return 1;
        case 'o':
            t->report = open(arg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
            if (t->report < 0) die(1, arg, strerror(errno));
            return 1;
        case 'N':
            (void)snprintf(t->name, sizeof t->name, "%s", arg);
            return 1;
        case 't':
            (void)alarm((unsigned)number(arg, 1, 86400, "-t"));
            return 1;
        case 'l':
            t->lag_dir = arg;
            t->lags = malloc(TALLY_LAGS * sizeof *t->lags);
            if (!t->lags) die(1, "out of memory", NULL);
            return 1;
        default:
            return 0;
    }
}

static inline void tally_report(const struct tally *t, const char *at) {
    char line[1024];
    int n =
        snprintf(line, sizeof line,
                 "name=%s at=%s ns=%" PRId64 " events=%" PRIu64 " bytes=%" PRIu64 " reads=%" PRIu64 " notices=%" PRIu64
                 " dropped=%" PRIu64 " pid=%ld last=%" PRId64 "\n",
                 t->name, at, now_ns(), t->events, t->bytes, t->reads, t->notices, t->dropped, (long)getpid(), t->now);
    if (write(t->report ? t->report : 2, line, (size_t)n) < 0 && errno != EPIPE)
        die(1, "cannot report", strerror(errno));
}

/* To be called once the options are read and everything is subscribed. */
static inline void tally_ready(struct tally *t) {
    struct sigaction ask = {.sa_handler = tally_ask};
    const char *name = getenv("HOOKCAST_PLUGIN");
    char pid[24];
    (void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
    if (!*t->name) (void)snprintf(t->name, sizeof t->name, "%s", name ? name : pid);
    (void)signal(SIGPIPE, SIG_IGN); /* nobody may read the report any more at the end */
    (void)sigaction(SIGUSR1, &ask, NULL);
    if (t->report) tally_report(t, "0");
}

static inline void tally_save_lags(struct tally *t) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", t->lag_dir, t->name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(t->lags, sizeof *t->lags, t->n_lags, f) != t->n_lags || fclose(f)) die(1, path, strerror(errno));
    free(t->lags);
    t->lags = NULL;
}

/* SIGUSR1 interrupts a read; call this then and after every read. */
static inline void tally_answer(struct tally *t) {
    if (!tally_asked) return;
    tally_asked = 0;
    if (t->lags) tally_save_lags(t);
    tally_report(t, "now");
}

/* Some bytes have come. The events in them follow, then tally_marks(). */
static inline void tally_read(struct tally *t, size_t n) {
    t->now = now_ns();
    t->reads++;
    t->bytes += n;
}

static inline void tally_event(struct tally *t, const char *p, size_t n) {
    const size_t notice = sizeof tally_notice - 1;
    if (n > notice && memcmp(p, tally_notice, notice) == 0) {
        t->notices++;
        uint64_t count = 0;
        for (p += notice, n -= notice; n && *p >= '0' && *p <= '9'; p++, n--) count = count * 10 + (uint64_t)(*p - '0');
        t->dropped += count;
        return;
    }
    t->events++;
    if (!t->lags || t->reached != 1 || t->n_lags == TALLY_LAGS) return;
    const char *stamp = memmem(p, n, STAMP_KEY, sizeof STAMP_KEY - 1);
    if (!stamp || stamp + sizeof STAMP_KEY - 1 + STAMP_DIGITS >= p + n) return;
    t->lags[t->n_lags++] = t->now - strtoll(stamp + sizeof STAMP_KEY - 1, NULL, 10);
}

static inline void tally_marks(struct tally *t) {
    while (t->reached < t->n_marks && t->events + t->dropped >= t->marks[t->reached]) {
        char at[24];
        (void)snprintf(at, sizeof at, "%" PRIu64, t->marks[t->reached++]);
        if (t->reached == 2 && t->lags) tally_save_lags(t);
        tally_report(t, at);
    }
    tally_answer(t);
}

/* Bytes of a stream of lines, each an event. */
static inline void tally_lines(struct tally *t, const char *p, size_t n) {
    const char *end = p + n;
    tally_read(t, n);
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((nl ? nl : end) - p);
        if (nl && !t->head_len) {
            tally_event(t, p, len);
        } else {
            size_t room = TALLY_HEAD - t->head_len;
            size_t k = len < room ? len : room;
            memcpy(t->head + t->head_len, p, k);
            t->head_len += k;
            if (nl) {
                tally_event(t, t->head, t->head_len);
                t->head_len = 0;
            }
        }
        p = nl ? nl + 1 : end;
    }
    tally_marks(t);
}

#endif
