/* sink.c — a plugin that only counts what it is sent.
 *
 *     sink [-c COUNT]... [-o REPORT] [-t SECONDS]
 *
 * A `protocol: jsonrpc` plugin: reads stdin in 64 KiB reads and counts lines and bytes. A line that is a notice of
 * dropped events is not an event: it and the events it stands for are counted apart. When events and dropped ones
 * together reach a COUNT (in ascending order), and again at the end of its input, it writes one line to REPORT (a file,
 * which is appended to, or a named pipe that somebody reads; stderr when not given):
 *
 *     name=NAME at=COUNT|end ns=CLOCK_MONOTONIC events=… bytes=… reads=… notices=… dropped=…
 *
 * NAME is HOOKCAST_PLUGIN or the pid. It ends with its input, or by SIGALRM after -t seconds. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, MARKS_MAX = 16, HEAD_MAX = 256 };

static const char notice[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/hooks/dropped\",\"params\":{\"count\":";
enum { NOTICE_LEN = sizeof notice - 1 };

struct sink {
    uint64_t events, bytes, reads, notices, dropped;
    uint64_t marks[MARKS_MAX];
    unsigned n_marks, reached;
    int report;
    size_t head_len; /* of a line that began in an earlier chunk, its first bytes */
    char head[HEAD_MAX];
};

static _Noreturn void die(int code, const char *what, const char *why) {
    (void)fprintf(stderr, "sink: %s%s%s\n", what, why ? ": " : "", why ? why : "");
    exit(code);
}

static int64_t now_ns(void) {
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void report(const struct sink *s, const char *at) {
    const char *name = getenv("HOOKCAST_PLUGIN");
    char line[512], pid[24];
    (void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
    int n = snprintf(line, sizeof line,
                     "name=%.200s at=%s ns=%" PRId64 " events=%" PRIu64 " bytes=%" PRIu64 " reads=%" PRIu64
                     " notices=%" PRIu64 " dropped=%" PRIu64 "\n",
                     name ? name : pid, at, now_ns(), s->events, s->bytes, s->reads, s->notices, s->dropped);
    if (write(s->report, line, (size_t)n) < 0 && errno != EPIPE) die(1, "cannot report", strerror(errno));
}

/* A line is complete; `p` is its beginning, of which `n` bytes are at hand. */
static void line_ends(struct sink *s, const char *p, size_t n) {
    if (n > NOTICE_LEN && memcmp(p, notice, NOTICE_LEN) == 0) {
        s->notices++;
        uint64_t count = 0;
        for (p += NOTICE_LEN, n -= NOTICE_LEN; n && *p >= '0' && *p <= '9'; p++, n--)
            count = count * 10 + (uint64_t)(*p - '0');
        s->dropped += count;
    } else {
        s->events++;
    }
}

static void take(struct sink *s, const char *p, size_t n) {
    const char *end = p + n;
    s->reads++;
    s->bytes += n;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((nl ? nl : end) - p);
        if (nl && !s->head_len) {
            line_ends(s, p, len);
        } else {
            size_t room = HEAD_MAX - s->head_len;
            size_t k = len < room ? len : room;
            memcpy(s->head + s->head_len, p, k);
            s->head_len += k;
            if (nl) {
                line_ends(s, s->head, s->head_len);
                s->head_len = 0;
            }
        }
        p = nl ? nl + 1 : end;
    }
    while (s->reached < s->n_marks && s->events + s->dropped >= s->marks[s->reached]) {
        char at[24];
        (void)snprintf(at, sizeof at, "%" PRIu64, s->marks[s->reached++]);
        report(s, at);
    }
}

static uint64_t number(const char *s, const char *what) {
    char *end;
    errno = 0;
    unsigned long long v = strtoull(s, &end, 10);
    if (errno || end == s || *end || !v) die(64, "not a good number for", what);
    return v;
}

int main(int argc, char **argv) {
    static struct sink s = {.report = 2};
    static char chunk[CHUNK];
    for (int c; (c = getopt(argc, argv, "c:o:t:")) != -1;) switch (c) {
            case 'c':
                if (s.n_marks == MARKS_MAX) die(64, "too many of", "-c");
                s.marks[s.n_marks++] = number(optarg, "-c");
                break;
            case 'o':
                s.report = open(optarg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
                if (s.report < 0) die(1, optarg, strerror(errno));
                break;
            case 't':
                (void)alarm((unsigned)number(optarg, "-t"));
                break;
            default:
                die(64, "usage: sink [-c COUNT]... [-o REPORT] [-t SECONDS]", NULL);
        }
    (void)signal(SIGPIPE, SIG_IGN); /* nobody may read the report any more at the end */
    for (;;) {
        ssize_t n = read(0, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) die(1, "stdin", strerror(errno));
        if (n == 0) break;
        take(&s, chunk, (size_t)n);
    }
    report(&s, "end");
    return 0;
}
