/* publish.c — a publisher that sends events as fast as it can, or at a given rate.
 *
 *     publish [-n EVENTS] [-s BYTES] [-1] [-r RATE] [-T] [-t SECONDS] [-k KIND] [-H HOOK] [-F] SOCKET
 *     publish -p ...                                                     for something that is not hookcastd
 *
 * Sends EVENTS `notify` lines without id whose payloads have exactly BYTES bytes each, up to 64 KiB of whole lines per
 * write, then (without -F) `flush`, and waits for its answer. With -p a line is a payload alone, BYTES bytes with its
 * newline, and there is no flush. peers/events.h has the other options, and what the payloads are.
 *
 * Prints one line: events, bytes, and as nanoseconds of CLOCK_MONOTONIC when the first write began (start), when the
 * last one had ended (sent) and when everything was in the plugins' pipes (done); then seconds from start to done.
 * Exit codes: 0; 1 trouble; 64 usage; 75 the flush or the whole took longer than -t. */
#include "peers/notify.h"

static void fill(struct pool *pool, const struct plan *plan, bool plain, const char *kind, const char *hook) {
    if (plain)
        pool_fill(pool, plan, "", 0, plan->size - 1, "\n");
    else
        notify_fill(pool, plan, kind, hook);
}

static void flush(int fd, unsigned timeout) {
    char line[4096];
    size_t n = 0;
    int len = snprintf(line, sizeof line,
                       "{\"jsonrpc\":\"2.0\",\"id\":\"f\",\"method\":\"flush\",\"params\":{\"timeout_ms\":%u}}\n",
                       timeout * 1000);
    send_all(fd, line, (size_t)len);
    while (n < sizeof line - 1 && !memchr(line, '\n', n)) n += receive(fd, line + n, sizeof line - 1 - n);
    line[n] = '\0';
    if (!strstr(line, "\"result\"")) die(1, "flush", line);
    if (!strstr(line, "\"pending\":[]")) die(75, "flush", line);
}

int main(int argc, char **argv) {
    struct plan plan = plan_default;
    struct pool pool;
    bool plain = false, no_flush = false;
    const char *kind = notify_kind, *hook = notify_hook;
    for (int c; (c = getopt(argc, argv, PLAN_OPTIONS "k:H:pF")) != -1;) switch (c) {
            case 'k':
                kind = optarg;
                break;
            case 'H':
                hook = optarg;
                break;
            case 'p':
                plain = true;
                break;
            case 'F':
                no_flush = true;
                break;
            default:
                if (!plan_option(&plan, c, optarg))
                    die(64,
                        "usage: publish [-n EVENTS] [-s BYTES] [-1] [-r RATE] [-T] [-t SECONDS] [-k KIND] [-H HOOK] "
                        "[-p] [-F] SOCKET",
                        NULL);
        }
    if (optind != argc - 1) die(64, "give one socket", NULL);
    plan_begin(&plan);
    fill(&pool, &plan, plain, kind, hook);
    int fd = connect_to(argv[optind]);
    int64_t start = now_ns();
    plan_send(&plan, &pool, fd, start, NULL);
    int64_t sent = now_ns();
    if (!plain && !no_flush) flush(fd, plan.timeout);
    int64_t done = now_ns();
    (void)close(fd);
    free(pool.text);
    plan_report(&plan, &pool, start, sent, done);
    return 0;
}
