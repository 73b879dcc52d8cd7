/* publish.c — a publisher that sends events as fast as it can, or at a given rate.
 *
 *     publish [-n EVENTS] [-s BYTES] [-1] [-r RATE] [-k KIND] [-H HOOK] [-t SECONDS] SOCKET
 *     publish -p ...                                                     for something that is not hookcastd
 *
 * Sends EVENTS `notify` lines without id whose payloads have exactly BYTES bytes each, up to 64 KiB of whole lines per
 * write (-1: one line per write), then `flush`, and waits for its answer. With -r it sends RATE events a second; what
 * is due together goes in one write. With -p a line is a payload alone, BYTES bytes with its newline, and there is no
 * flush. Payloads differ from each other (a few hundred of them, in turn; the same ones in every run).
 *
 * Prints one line: events, bytes, and as nanoseconds of CLOCK_MONOTONIC when the first write began (start), when the
 * last one had ended (sent) and when everything was in the plugins' pipes (done); then seconds from start to done.
 * Exit codes: 0; 1 trouble; 64 usage; 75 the flush or the whole took longer than -t. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64 * 1024, POOL = 4 << 20, LINES_MAX = 512, PAYLOAD_MIN = 48, MEMBER_MAX = 128 };

struct options {
    uint64_t events, rate;
    size_t size;
    bool each, plain;
    unsigned timeout;
    const char *kind, *hook, *socket;
};

/* Lines of one length, one behind the other; a whole number of batches. */
struct pool {
    char *text;
    size_t line_len, lines, batch; /* batch: lines per write */
};

static _Noreturn void die(int code, const char *what, const char *why) {
    (void)fprintf(stderr, "publish: %s%s%s\n", what, why ? ": " : "", why ? why : "");
    exit(code);
}

static int64_t now_ns(void) {
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* --- lines --- */

static uint32_t next_random(uint64_t *state) { /* xorshift64: the same events in every run */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

/* One more member of a payload, as a request's events have them. Returns its length. */
static size_t put_member(char *out, unsigned i, uint64_t *rnd) {
    static const char word[] = "accept-language;q=0.8,text/html,application/json,gzip,no-cache,keep-alive";
    uint32_t r = next_random(rnd);
    int len = (int)(r % (sizeof word - 1));
    int n = 0;
    switch (i) {
        case 0:
            n = snprintf(out, MEMBER_MAX, ",\"path\":\"/api/v1/users/%" PRIu32 "/orders\"", r % 1000);
            break;
        case 1:
            n = snprintf(out, MEMBER_MAX, ",\"actor\":\"user-%" PRIu32 "\"", r % 100000);
            break;
        case 2:
            n = snprintf(out, MEMBER_MAX, ",\"duration_ms\":%" PRIu32 ".%" PRIu32, r % 900, r % 97);
            break;
        case 3:
            n = snprintf(out, MEMBER_MAX, ",\"tags\":[\"a%" PRIu32 "\",\"web\",%" PRIu32 "]", r % 50, r % 7);
            break;
        default:
            if (r & 1)
                n = snprintf(out, MEMBER_MAX, ",\"field_%u\":\"%.*s\"", i, len, word);
            else if (r & 2)
                n = snprintf(out, MEMBER_MAX, ",\"field_%u\":%" PRIu32, i, r >> 8);
            else
                n = snprintf(out, MEMBER_MAX, ",\"field_%u\":{\"ok\":%s,\"n\":%" PRIu32 "}", i, r & 4 ? "true" : "null",
                             r % 1000);
    }
    return (size_t)n;
}

/* Write a JSON object of exactly `size` bytes. */
static void put_payload(char *out, size_t size, uint64_t *rnd) {
    static const char pad[] = ",\"pad\":\"";
    const size_t rest = sizeof pad - 1 + 2; /* of the last member, and the brace */
    char member[MEMBER_MAX];
    size_t n = (size_t)snprintf(member, sizeof member, "{\"request_id\":\"r-%08" PRIx32 "\"", next_random(rnd));
    memcpy(out, member, n);
    for (unsigned i = 0;; i++) {
        size_t m = put_member(member, i, rnd);
        if (n + m + rest > size) break;
        memcpy(out + n, member, m);
        n += m;
    }
    memcpy(out + n, pad, sizeof pad - 1);
    n += sizeof pad - 1;
    memset(out + n, '.', size - n - 2);
    out[size - 2] = '"';
    out[size - 1] = '}';
}

static void fill(struct pool *p, const struct options *o) {
    char head[512] = "";
    const char *tail = o->plain ? "\n" : "}}\n";
    int h = o->plain
                ? 0
                : snprintf(head, sizeof head,
                           "{\"jsonrpc\":\"2.0\",\"method\":\"notify\",\"params\":{\"kind\":\"%s\",\"hook\":\"%s\","
                           "\"payload\":",
                           o->kind, o->hook);
    if (h < 0 || (size_t)h >= sizeof head) die(64, "the names are too long", NULL);
    size_t payload = o->plain ? o->size - 1 : o->size;
    p->line_len = (size_t)h + payload + strlen(tail);
    p->batch = o->each || p->line_len > BATCH ? 1 : BATCH / p->line_len;
    size_t want = POOL / p->line_len > LINES_MAX ? LINES_MAX : POOL / p->line_len;
    p->lines = want < p->batch ? p->batch : want / p->batch * p->batch;
    p->text = malloc(p->lines * p->line_len);
    if (!p->text) die(1, "out of memory", NULL);
    uint64_t rnd = 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < p->lines; i++) {
        char *at = p->text + i * p->line_len;
        memcpy(at, head, (size_t)h);
        put_payload(at + h, payload, &rnd);
        memcpy(at + h + payload, tail, strlen(tail));
    }
}

/* --- the socket --- */

static int connect_to(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) die(64, "the socket's path is too long", path);
    memcpy(a.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0) die(1, path, strerror(errno));
    return fd;
}

static void send_all(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) die(1, "send", strerror(errno));
        p += w;
        n -= (size_t)w;
    }
}

/* Events that may be sent now; with a rate it sleeps until there is one. */
static uint64_t due(const struct options *o, int64_t start, uint64_t sent) {
    if (!o->rate) return o->events - sent;
    int64_t at = start + (int64_t)((double)sent * 1e9 / (double)o->rate);
    struct timespec ts = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR) continue;
    uint64_t until = (uint64_t)((double)(now_ns() - start) * (double)o->rate / 1e9) + 1;
    if (until > o->events) until = o->events;
    return until > sent ? until - sent : 1;
}

static void publish(int fd, const struct options *o, const struct pool *p, int64_t start) {
    size_t at = 0; /* the next line of the pool */
    for (uint64_t sent = 0; sent < o->events;) {
        size_t k = p->batch < p->lines - at ? p->batch : p->lines - at;
        uint64_t may = due(o, start, sent);
        if (may < k) k = (size_t)may;
        send_all(fd, p->text + at * p->line_len, k * p->line_len);
        at = (at + k) % p->lines;
        sent += k;
    }
}

static void flush(int fd, unsigned timeout) {
    char line[4096];
    size_t n = 0;
    int len = snprintf(line, sizeof line,
                       "{\"jsonrpc\":\"2.0\",\"id\":\"f\",\"method\":\"flush\",\"params\":{\"timeout_ms\":%u}}\n",
                       timeout * 1000);
    send_all(fd, line, (size_t)len);
    while (n < sizeof line - 1 && !memchr(line, '\n', n)) {
        ssize_t r = recv(fd, line + n, sizeof line - 1 - n, 0);
        if (r < 0 && errno == EINTR) continue;
        if (r <= 0) die(1, "flush", r ? strerror(errno) : "the connection was closed");
        n += (size_t)r;
    }
    line[n] = '\0';
    if (!strstr(line, "\"result\"")) die(1, "flush", line);
    if (!strstr(line, "\"pending\":[]")) die(75, "flush", line);
}

/* --- main --- */

static uint64_t number(const char *s, uint64_t lo, uint64_t hi, const char *what) {
    char *end;
    errno = 0;
    unsigned long long v = strtoull(s, &end, 10);
    if (errno || end == s || *end || v < lo || v > hi) die(64, "not a good number for", what);
    return v;
}

static void parse(int argc, char **argv, struct options *o) {
    *o = (struct options){
        .events = 10000, .size = 256, .timeout = 60, .kind = "lifecycle_listener", .hook = "on_request_started"};
    for (int c; (c = getopt(argc, argv, "n:s:1r:k:H:t:p")) != -1;) switch (c) {
            case 'n':
                o->events = number(optarg, 1, UINT64_MAX / 2, "-n");
                break;
            case 's':
                o->size = number(optarg, PAYLOAD_MIN, 1u << 30, "-s");
                break;
            case '1':
                o->each = true;
                break;
            case 'r':
                o->rate = number(optarg, 1, 1000000000, "-r");
                break;
            case 'k':
                o->kind = optarg;
                break;
            case 'H':
                o->hook = optarg;
                break;
            case 't':
                o->timeout = (unsigned)number(optarg, 1, 3600, "-t");
                break;
            case 'p':
                o->plain = true;
                break;
            default:
                die(64,
                    "usage: publish [-n EVENTS] [-s BYTES] [-1] [-r RATE] [-k KIND] [-H HOOK] [-t SECONDS] [-p] "
                    "SOCKET",
                    NULL);
        }
    if (optind != argc - 1) die(64, "give one socket", NULL);
    o->socket = argv[optind];
}

static void too_long(int sig) {
    static const char text[] = "publish: timed out\n";
    (void)sig;
    ssize_t w = write(2, text, sizeof text - 1);
    _exit(w < 0 ? 1 : 75);
}

int main(int argc, char **argv) {
    struct options o;
    struct pool p;
    parse(argc, argv, &o);
    fill(&p, &o);
    int fd = connect_to(o.socket);
    (void)signal(SIGALRM, too_long);
    (void)alarm(o.timeout);
    int64_t start = now_ns();
    publish(fd, &o, &p, start);
    int64_t sent = now_ns();
    if (!o.plain) flush(fd, o.timeout);
    int64_t done = now_ns();
    (void)close(fd);
    free(p.text);
    printf("events=%" PRIu64 " bytes=%" PRIu64 " start=%" PRId64 " sent=%" PRId64 " done=%" PRId64 " elapsed=%.6f\n",
           o.events, o.events * p.line_len, start, sent, done, (double)(done - start) / 1e9);
    return 0;
}
