/* mqtt.c — a subscriber and a publisher of MQTT 3.1.1, quality of service 0.
 *
 * The publisher sends PUBLISH after PUBLISH and PINGREQ at the end; the answer says that the broker has seen all. */
#include "client.h"

enum { CONNECT = 0x10, PUBLISH = 0x30, PUBLISH_TOP = 0xf0 };
static const char topic[] = "events";

/* The length of what follows: seven bits a byte. Returns how many bytes that takes. */
static size_t put_length(unsigned char *out, size_t length) {
    size_t n = 0;
    do {
        out[n] = (unsigned char)(length & 0x7f);
        length >>= 7;
        if (length) out[n] |= 0x80;
        n++;
    } while (length);
    return n;
}

static size_t put_text(unsigned char *out, const char *text) {
    size_t n = strlen(text);
    out[0] = (unsigned char)(n >> 8);
    out[1] = (unsigned char)n;
    memcpy(out + 2, text, n);
    return n + 2;
}

static int login(const char *where) {
    unsigned char p[64] = {CONNECT, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0};
    char id[24];
    (void)snprintf(id, sizeof id, "bench-%ld", (long)getpid());
    size_t n = 12 + put_text(p + 12, id);
    p[1] = (unsigned char)(n - 2);
    int fd = connect_to(where);
    send_all(fd, p, n);
    expect(fd, "\x20\x02\x00\x00", 4);
    return fd;
}

static void subscribe(int fd) {
    unsigned char p[64] = {0x82, 0, 0, 1};
    size_t n = 4 + put_text(p + 4, topic);
    p[n++] = 0;
    p[1] = (unsigned char)(n - 2);
    send_all(fd, p, n);
    expect(fd, "\x90\x03\x00\x01\x00", 5);
}

static size_t parse(struct tally *t, int fd, const char *p, size_t n) {
    size_t length = 0, head = 1;
    (void)fd;
    for (unsigned shift = 0;; shift += 7) {
        if (head == n) return 0;
        unsigned char c = (unsigned char)p[head++];
        length |= (size_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) break;
    }
    if (n - head < length) return 0;
    const size_t skip = 2 + sizeof topic - 1;
    if (((unsigned char)p[0] & PUBLISH_TOP) == PUBLISH && length >= skip)
        tally_event(t, p + head + skip, length - skip);
    return head + length;
}

static void publish(const struct plan *plan, const char *where) {
    struct pool pool;
    unsigned char head[64] = {PUBLISH};
    size_t n = 1 + put_length(head + 1, 2 + strlen(topic) + plan->size);
    n += put_text(head + n, topic);
    pool_fill(&pool, plan, head, n, plan->size, "");
    int fd = login(where);
    int64_t start = now_ns();
    plan_send(plan, &pool, fd, start, NULL);
    int64_t sent = now_ns();
    send_all(fd, "\xc0\x00", 2);
    expect(fd, "\xd0\x00", 2);
    plan_report(plan, &pool, start, sent, now_ns());
    free(pool.text);
}

int main(int argc, char **argv) {
    static struct client c;
    client_options(&c, argc, argv);
    if (c.subscribes) {
        int fd = login(c.where);
        subscribe(fd);
        client_run(&c.tally, fd, parse);
    }
    publish(&c.plan, c.where);
    return 0;
}
