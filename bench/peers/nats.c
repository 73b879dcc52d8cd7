/* nats.c — a subscriber and a publisher of NATS, over the loopback interface.
 *
 * The publisher sends PUB after PUB and PING at the end; the answer says that the server has seen all. */
#include "client.h"

static const char hello[] =
    "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":false,\"name\":\"\",\"lang\":\"c\","
    "\"version\":\"1\",\"protocol\":1,\"echo\":true}\r\n";
static const char ping[] = "PING\r\n", pong[] = "PONG\r\n";

static int login(const char *port, const char *more) {
    int fd = connect_to(port);
    expect(fd, "\r\n", 2); /* INFO */
    send_all(fd, hello, sizeof hello - 1);
    send_all(fd, more, strlen(more));
    send_all(fd, ping, sizeof ping - 1);
    expect(fd, pong, sizeof pong - 1);
    return fd;
}

/* MSG SUBJECT ID LENGTH, or a word from the server. */
static size_t parse(struct tally *t, int fd, const char *p, size_t n) {
    const char *nl = memchr(p, '\n', n);
    if (!nl) return 0;
    size_t line = (size_t)(nl - p) + 1;
    if (*p == '-') die(1, "the server refused", p);
    if (line == sizeof ping - 1 && memcmp(p, ping, line) == 0) send_all(fd, pong, sizeof pong - 1);
    if (*p != 'M') return line;
    const char *last = memrchr(p, ' ', line);
    size_t len = strtoul(last + 1, NULL, 10);
    if (n < line + len + 2) return 0;
    tally_event(t, p + line, len);
    return line + len + 2;
}

static void publish(const struct plan *plan, const char *port) {
    struct pool pool;
    char head[64];
    int n = snprintf(head, sizeof head, "PUB events %zu\r\n", plan->size);
    pool_fill(&pool, plan, head, (size_t)n, plan->size, "\r\n");
    int fd = login(port, "");
    int64_t start = now_ns();
    plan_send(plan, &pool, fd, start, NULL);
    int64_t sent = now_ns();
    send_all(fd, ping, sizeof ping - 1);
    expect(fd, pong, sizeof pong - 1);
    plan_report(plan, &pool, start, sent, now_ns());
    free(pool.text);
}

int main(int argc, char **argv) {
    static struct client c;
    client_options(&c, argc, argv);
    if (c.subscribes) {
        client_run(&c.tally, login(c.where, "SUB events 1\r\n"), parse);
    }
    publish(&c.plan, c.where);
    return 0;
}
