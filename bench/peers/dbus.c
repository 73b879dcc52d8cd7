/* dbus.c — a subscriber and a publisher of D-Bus signals, written out by hand so that many go in one write.
 *
 * A signal's body is an array of bytes, the payload. The publisher asks the bus for its id at the end; the answer says
 * that the bus has seen all. */
#include "client.h"

enum { CALL = 1, RETURN = 2, FAILED = 3, SIGNAL = 4, FIXED = 16, ROOM = 1024 };
static const char bus[] = "org.freedesktop.DBus", bus_path[] = "/org/freedesktop/DBus", ours[] = "org.hookcast.Bench";

/* A message that is being written: little-endian, everything aligned to its size. */
struct message {
    unsigned char bytes[ROOM];
    size_t n;
};

static void align(struct message *m, size_t to) {
    while (m->n % to) m->bytes[m->n++] = 0;
}

static void put_u32(unsigned char *at, size_t v) {
    for (int i = 0; i < 4; i++) at[i] = (unsigned char)(v >> 8 * i);
}

static uint32_t get_u32(const char *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v); /* the peer is on this machine; so is its byte order */
    return v;
}

static void put_text(struct message *m, const char *text) {
    align(m, 4);
    put_u32(m->bytes + m->n, strlen(text));
    memcpy(m->bytes + m->n + 4, text, strlen(text) + 1);
    m->n += 4 + strlen(text) + 1;
}

static void put_field(struct message *m, int code, char type, const char *text) {
    align(m, 8);
    const unsigned char head[] = {(unsigned char)code, 1, (unsigned char)type, 0};
    memcpy(m->bytes + m->n, head, sizeof head);
    m->n += sizeof head;
    if (type != 'g') {
        put_text(m, text);
        return;
    }
    m->bytes[m->n++] = (unsigned char)strlen(text);
    memcpy(m->bytes + m->n, text, strlen(text) + 1);
    m->n += strlen(text) + 1;
}

/* The header of a message, whose body is still to come; its first bytes may be part of the message already. */
static void begin(struct message *m, int type, const char *to, const char *path, const char *interface,
                  const char *member, const char *signature) {
    *m = (struct message){.bytes = {'l', (unsigned char)type, type == SIGNAL, 1}, .n = FIXED};
    put_u32(m->bytes + 8, 1); /* the serial number: nobody needs it */
    put_field(m, 1, 'o', path);
    put_field(m, 2, 's', interface);
    put_field(m, 3, 's', member);
    if (to) put_field(m, 6, 's', to);
    if (signature) put_field(m, 8, 'g', signature);
    put_u32(m->bytes + 12, m->n - FIXED);
    align(m, 8);
}

/* The length of the message at `p`, or 0 when it is not all there. */
static size_t length(const char *p, size_t n) {
    if (n < FIXED) return 0;
    size_t whole = FIXED + (get_u32(p + 12) + 7) / 8 * 8 + get_u32(p + 4);
    return n < whole ? 0 : whole;
}

/* Call a method of the bus and wait for the answer, behind which nothing follows. */
static void call(int fd, const char *member, const char *argument) {
    static char buf[64 * 1024];
    struct message m;
    begin(&m, CALL, bus, bus_path, bus, member, argument ? "s" : NULL);
    size_t head = m.n;
    if (argument) put_text(&m, argument);
    put_u32(m.bytes + 4, m.n - head);
    send_all(fd, m.bytes, m.n);
    for (size_t have = 0;;) {
        size_t at = 0;
        have += receive(fd, buf + have, sizeof buf - have);
        for (size_t len; (len = length(buf + at, have - at)) != 0; at += len) {
            if (buf[at + 1] == RETURN) return;
            if (buf[at + 1] == FAILED) die(1, member, "the bus refused");
        }
        have -= at;
        memmove(buf, buf + at, have);
    }
}

static int login(const char *where) {
    char line[64], uid[16], hex[33] = "";
    int fd = connect_to(where);
    int digits = snprintf(uid, sizeof uid, "%lu", (unsigned long)getuid());
    for (int i = 0; i < digits; i++) (void)snprintf(hex + 2 * i, 3, "%02x", uid[i]);
    send_all(fd, "", 1);
    int n = snprintf(line, sizeof line, "AUTH EXTERNAL %s\r\n", hex);
    send_all(fd, line, (size_t)n);
    expect(fd, "\r\n", 2);
    send_all(fd, "BEGIN\r\n", 7);
    call(fd, "Hello", NULL);
    return fd;
}

static size_t parse(struct tally *t, int fd, const char *p, size_t n) {
    (void)fd;
    size_t whole = length(p, n);
    if (!whole || p[1] != SIGNAL) return whole;
    const char *body = p + whole - get_u32(p + 4);
    tally_event(t, body + 4, get_u32(body));
    return whole;
}

static void publish(const struct plan *plan, const char *where) {
    struct pool pool;
    struct message m;
    begin(&m, SIGNAL, NULL, "/bench", ours, "Event", "ay");
    put_u32(m.bytes + m.n, plan->size);
    put_u32(m.bytes + 4, plan->size + 4);
    pool_fill(&pool, plan, m.bytes, m.n + 4, plan->size, "");
    int fd = login(where);
    int64_t start = now_ns();
    plan_send(plan, &pool, fd, start, NULL);
    int64_t sent = now_ns();
    call(fd, "GetId", NULL);
    plan_report(plan, &pool, start, sent, now_ns());
    free(pool.text);
}

int main(int argc, char **argv) {
    static struct client c;
    client_options(&c, argc, argv);
    if (c.subscribes) {
        int fd = login(c.where);
        call(fd, "AddMatch", "type='signal',interface='org.hookcast.Bench'");
        client_run(&c.tally, fd, parse);
    }
    publish(&c.plan, c.where);
    return 0;
}
