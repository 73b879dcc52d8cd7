/* redis.c — a subscriber and a publisher of Redis, over a Unix socket.
 *
 * The publisher sends PUBLISH after PUBLISH without waiting for each answer, but with not more than WINDOW unanswered,
 * so that the server, which keeps what subscribers have not read yet, is never far behind it. */
#include "client.h"

enum { WINDOW = 4096 };

/* Messages are arrays of three: "message", the channel, the payload; or "subscribe", the channel, a number. */
static size_t parse(struct tally *t, int fd, const char *p, size_t n) {
    const char *at, *end = p + n, *last = NULL;
    size_t len = 0;
    (void)fd;
    if (*p != '*') die(1, "an unexpected answer", p);
    (void)client_number(p + 1, n - 1, &at);
    for (int i = 0; i < 3; i++) {
        if (!at || at >= end) return 0;
        char type = *at;
        len = client_number(at + 1, (size_t)(end - at - 1), &last);
        if (!last) return 0;
        if (type == ':') return (size_t)(last - p);
        if ((size_t)(end - last) < len + 2) return 0;
        at = last + len + 2;
    }
    tally_event(t, last, len);
    return (size_t)(at - p);
}

static uint64_t answered;

/* Read answers until at most `unanswered` are missing. Every answer is one line. */
static void answers(int fd, uint64_t sent, uint64_t unanswered) {
    static char buf[64 * 1024];
    while (sent - answered > unanswered) {
        size_t n = receive(fd, buf, sizeof buf);
        if (buf[0] == '-') die(1, "the server refused", buf);
        for (const char *p = buf; (p = memchr(p, '\n', (size_t)(buf + n - p))); p++) answered++;
    }
}

static void after(int fd, uint64_t sent) { answers(fd, sent, WINDOW); }

static void publish(const struct plan *plan, const char *where) {
    struct pool pool;
    char head[128];
    int n = snprintf(head, sizeof head, "*3\r\n$7\r\nPUBLISH\r\n$6\r\nevents\r\n$%zu\r\n", plan->size);
    pool_fill(&pool, plan, head, (size_t)n, plan->size, "\r\n");
    int fd = connect_to(where);
    int64_t start = now_ns();
    plan_send(plan, &pool, fd, start, after);
    int64_t sent = now_ns();
    answers(fd, plan->events, 0);
    plan_report(plan, &pool, start, sent, now_ns());
    free(pool.text);
}

int main(int argc, char **argv) {
    static struct client c;
    client_options(&c, argc, argv);
    if (c.subscribes) {
        static const char subscribe[] = "SUBSCRIBE events\r\n";
        int fd = connect_to(c.where);
        send_all(fd, subscribe, sizeof subscribe - 1);
        expect(fd, ":1\r\n", 4);
        client_run(&c.tally, fd, parse);
    }
    publish(&c.plan, c.where);
    return 0;
}
