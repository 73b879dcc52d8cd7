/* fanout_rig.h — one queue on one log, with a pipe made of memory; what the child reads is compared as text.
 *
 * Event n is "en." (padded with dashes to the length asked for), a notice of c drops "[c:first-last]". */
#ifndef HOOKCAST_TESTS_FANOUT_RIG_H
#define HOOKCAST_TESTS_FANOUT_RIG_H

#include <stdio.h>
#include <stdlib.h>

#include "fanout/backlog.h"
#include "fanout/queue.h"
#include "fanout_books.h"
#include "fanout_pipe.h"
#include "fanout_suite.h"

struct rig {
    struct memory memory;
    struct backlog *log;
    struct queue *q;
    struct fake_pipe *pipe;
    struct queue_options o;
    uint64_t seq;
    char scratch[QUEUE_WRITE_MAX];
    char text[FAKE_RING + 1]; /* what rig_read() returned last */
};

static inline uint32_t rig_notice(const struct gap *g, char *out) {
    return (uint32_t)snprintf(out, QUEUE_NOTICE_MAX, "[%ju:%ju-%ju]", (uintmax_t)g->count, (uintmax_t)g->first,
                              (uintmax_t)g->last);
}

static inline void rig_attach(struct rig *r) {
    fake_reset(r->pipe, FAKE_RING);
    queue_attach(r->q, FAKE_FD);
}

/* Attached and open; at most 1000 events and 1 MiB. */
static inline struct rig *rig_new(enum queue_overflow overflow) {
    struct rig *r = calloc(1, sizeof *r);
    ck_assert_ptr_nonnull(r);
    r->o = (struct queue_options){.max_events = 1000,
                                  .max_size = 1 << 20,
                                  .overflow = overflow,
                                  .notice = rig_notice,
                                  .memory = &r->memory,
                                  .scratch = r->scratch};
    r->log = backlog_new(&r->memory, NULL, NULL);
    r->q = queue_new(&r->o);
    r->pipe = &fake_pipes[0];
    ck_assert(r->log && r->q);
    rig_attach(r);
    queue_open(r->q);
    return r;
}

/* Everything must be given back. */
static inline void rig_free(struct rig *r) {
    if (r->q) books_check(r->q);
    (void)queue_free(r->q);
    backlog_trim(r->log);
    must(!backlog_oldest(r->log));
    (void)backlog_free(r->log);
    must_eq(r->memory.used, 0);
    free(r);
}

static inline void rig_limit(struct rig *r, uint64_t max_events, uint64_t max_size) {
    r->o.max_events = max_events;
    r->o.max_size = max_size;
    queue_configure(r->q, &r->o);
}

/* Append event ++seq of `hook` to the log, of at least `len` bytes. */
static inline struct block *rig_append(struct rig *r, size_t len, uint32_t hook, uint32_t *indexp) {
    char name[32];
    size_t n = (size_t)snprintf(name, sizeof name, "e%ju.", (uintmax_t)++r->seq);
    if (len < n) len = n;
    char *text = malloc(len);
    ck_assert_ptr_nonnull(text);
    memset(text, '-', len);
    memcpy(text, name, n - 1);
    text[len - 1] = '.';
    struct block *b = NULL;
    must_eq(backlog_append(r->log, &(struct iovec){text, len}, 1, hook, r->seq, (nsec_t)r->seq * 10, &b, indexp), 0);
    free(text);
    return b;
}

static inline int rig_event_of(struct rig *r, size_t len, uint32_t hook) {
    uint32_t index = 0;
    struct block *b = rig_append(r, len, hook, &index);
    int why = queue_offer(r->q, b, index);
    books_check(r->q);
    return why;
}

static inline int rig_event(struct rig *r) { return rig_event_of(r, 0, 0); }

/* An event that this queue does not hear. */
static inline void rig_other(struct rig *r) {
    uint32_t index = 0;
    (void)rig_append(r, 0, 0, &index);
}

static inline void rig_events(struct rig *r, unsigned n) {
    while (n--) must_eq(rig_event(r), 0);
}

static inline void rig_own(struct rig *r, const char *text) { must_eq(queue_own(r->q, text, strlen(text)), 0); }

/* Write while the pipe takes at most `quota` bytes more. */
static inline int rig_write(struct rig *r, size_t quota) {
    r->pipe->quota = quota;
    int why = queue_write(r->q, SIZE_MAX, NULL, NULL);
    books_check(r->q);
    return why;
}

/* What the child reads: at most `n` bytes. */
static inline const char *rig_read(struct rig *r, size_t n) {
    size_t got = fake_get(r->pipe, r->text, n < FAKE_RING ? n : FAKE_RING);
    r->text[got] = '\0';
    return r->text;
}

/* Write all and read all. */
static inline const char *rig_all(struct rig *r) {
    must_eq(rig_write(r, SIZE_MAX), 0);
    return rig_read(r, SIZE_MAX);
}

/* The child dies with what is in the pipe unread; its successor is attached, gate open. */
static inline void rig_crash(struct rig *r) {
    must_eq(queue_rewind(r->q, r->pipe->fill), 0);
    books_check(r->q);
    rig_attach(r);
    queue_open(r->q);
}

static inline void rig_count(const struct rig *r, uint64_t accepted, uint64_t redelivered, uint64_t delivered,
                             uint64_t dropped, uint64_t events) {
    const struct queue_counters *c = queue_counters(r->q);
    must_eq(c->accepted, accepted);
    must_eq(c->redelivered, redelivered);
    must_eq(c->delivered, delivered);
    must_eq(c->dropped, dropped);
    must_eq(c->events, events);
}

#endif
