/* events.h — what a publisher sends, and when. The same events for every system that is measured.
 *
 * Options that every publisher takes: -n EVENTS, -s BYTES (of a payload), -1 (one event per write; else up to 64 KiB),
 * -r RATE (events a second; what is due together goes in one write; else flat out), -T (payloads carry the time at
 * which they are sent, see tally.h), -t SECONDS (exit code 75 after that).
 *
 * A payload is a JSON object of exactly so many bytes. A few hundred different ones go round; in every run the same. */
#ifndef BENCH_EVENTS_H
#define BENCH_EVENTS_H

#include <inttypes.h>
#include <stdbool.h>

#include "common.h"

enum { BATCH = 64 * 1024, POOL = 4 << 20, LINES_MAX = 512, PAYLOAD_MIN = 48, STAMPED_MIN = 96, MEMBER_MAX = 128 };
#define PLAN_OPTIONS "n:s:1r:Tt:"
#define STAMP_BEFORE ",\"t_ns\":\""

struct plan {
    uint64_t events, rate;
    size_t size;
    bool each, stamp;
    unsigned timeout;
};

/* Messages of one length, one behind the other; a whole number of batches. */
struct pool {
    char *text;
    size_t line_len, lines, batch; /* batch: messages per write */
    size_t stamp;                  /* where the 19 digits are in a message, or 0 */
};

static const struct plan plan_default = {.events = 10000, .size = 256, .timeout = 60};

static inline void too_long(int sig) {
    static const char text[] = "publisher: timed out\n";
    (void)sig;
    ssize_t w = write(2, text, sizeof text - 1);
    _exit(w < 0 ? 1 : 75);
}

/* Returns false when `c` is none of the options of every publisher. */
static inline bool plan_option(struct plan *p, int c, const char *arg) {
    switch (c) {
        case 'n':
            p->events = number(arg, 1, UINT64_MAX / 2, "-n");
            return true;
        case 's':
            p->size = number(arg, PAYLOAD_MIN, 1u << 30, "-s");
            return true;
        case '1':
            return p->each = true;
        case 'r':
            p->rate = number(arg, 1, 1000000000, "-r");
            return true;
        case 'T':
            return p->stamp = true;
        case 't':
            p->timeout = (unsigned)number(arg, 1, 3600, "-t");
            return true;
        default:
            return false;
    }
}

/* Call when all options are read. */
static inline void plan_begin(const struct plan *p) {
    if (p->stamp && p->size < STAMPED_MIN) die(64, "too small for a time stamp", "-s");
    (void)signal(SIGALRM, too_long);
    (void)alarm(p->timeout);
}

/* --- payloads --- */

static inline uint32_t next_random(uint64_t *state) { /* xorshift64: the same events in every run */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

/* One more member of a payload, as a request's events have them. Returns its length. */
static inline size_t put_member(char *out, unsigned i, uint64_t *rnd) {
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

/* Write a JSON object of exactly `size` bytes. Returns where its time stamp is, or 0. */
static inline size_t put_payload(char *out, size_t size, bool stamp, uint64_t *rnd) {
    static const char pad[] = ",\"pad\":\"";
    const size_t rest = sizeof pad - 1 + 2; /* of the last member, and the brace */
    char member[MEMBER_MAX];
    size_t n = (size_t)snprintf(member, sizeof member, "{\"request_id\":\"r-%08" PRIx32 "\"", next_random(rnd)), at = 0;
    memcpy(out, member, n);
    if (stamp) {
        at = n + sizeof STAMP_BEFORE - 1;
        n += (size_t)snprintf(member, sizeof member, STAMP_BEFORE "%019d\"", 0);
        memcpy(out + at - (sizeof STAMP_BEFORE - 1), member, n - at + sizeof STAMP_BEFORE - 1);
    }
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
    return at;
}

/* Messages: `head`, a payload of `size` bytes, `tail`. */
static inline void pool_fill(struct pool *p, const struct plan *plan, const void *head, size_t head_len, size_t size,
                             const char *tail) {
    p->stamp = 0;
    p->line_len = head_len + size + strlen(tail);
    p->batch = plan->each || p->line_len > BATCH ? 1 : BATCH / p->line_len;
    size_t want = POOL / p->line_len > LINES_MAX ? LINES_MAX : POOL / p->line_len;
    p->lines = want < p->batch ? p->batch : want / p->batch * p->batch;
    p->text = malloc(p->lines * p->line_len);
    if (!p->text) die(1, "out of memory", NULL);
    uint64_t rnd = 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < p->lines; i++) {
        char *at = p->text + i * p->line_len;
        memcpy(at, head, head_len);
        p->stamp = put_payload(at + head_len, size, plan->stamp, &rnd);
        if (p->stamp) p->stamp += head_len;
        memcpy(at + head_len + size, tail, strlen(tail));
    }
}

/* Write the time into `k` messages. */
static inline void pool_stamp(const struct pool *p, char *at, size_t k) {
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%019" PRId64, now_ns());
    for (; p->stamp && k; k--, at += p->line_len) memcpy(at + p->stamp, digits, 19);
}

/* --- sending --- */

/* Events that may be sent now; with a rate it sleeps until there is one. */
static inline uint64_t plan_due(const struct plan *p, int64_t start, uint64_t sent) {
    if (!p->rate) return p->events - sent;
    int64_t at = start + (int64_t)((double)sent * 1e9 / (double)p->rate);
    struct timespec ts = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR) continue;
    uint64_t until = (uint64_t)((double)(now_ns() - start) * (double)p->rate / 1e9) + 1;
    if (until > p->events) until = p->events;
    return until > sent ? until - sent : 1;
}

/* Called after every write with the number of events sent so far; it may wait, when too much is unanswered. */
typedef void (*plan_after)(int fd, uint64_t sent);

static inline void plan_send(const struct plan *p, const struct pool *pool, int fd, int64_t start, plan_after after) {
    size_t at = 0; /* the next message of the pool */
    for (uint64_t sent = 0; sent < p->events;) {
        size_t k = pool->batch < pool->lines - at ? pool->batch : pool->lines - at;
        uint64_t may = plan_due(p, start, sent);
        if (may < k) k = (size_t)may;
        char *text = pool->text + at * pool->line_len;
        if (pool->stamp) pool_stamp(pool, text, k);
        send_all(fd, text, k * pool->line_len);
        at = (at + k) % pool->lines;
        sent += k;
        if (after) after(fd, sent);
    }
}

/* start: when the first write began; sent: when the last had ended; done: when everything was answered for. */
static inline void plan_report(const struct plan *p, const struct pool *pool, int64_t start, int64_t sent,
                               int64_t done) {
    printf("events=%" PRIu64 " bytes=%" PRIu64 " start=%" PRId64 " sent=%" PRId64 " done=%" PRId64 " elapsed=%.6f\n",
           p->events, p->events * pool->line_len, start, sent, done, (double)(done - start) / 1e9);
}

#endif
