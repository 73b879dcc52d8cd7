/* Random operations on real queues and on a naive model of them, side by side.
 * HOOKCAST_MODEL_STEPS and HOOKCAST_MODEL_SEED choose how long and which; a failure names its seed and step. */
#include <inttypes.h>
#include <stdio.h>

#include "fanout_nomem.h"
/* the sources come first */
#include "base/cleanup.h"
#include "fanout/stage.h"
#include "fanout_suite.h"
#include "fanout_world.h"

/* --- what the daemon does ----------------------------------------------------------------------------------------- */

static void seat_new(struct seat *s) {
    struct queue_options o = random_options();
    o.notice = one_in(3) ? NULL : notice;
    uint64_t failures = nomem_failures;
    s->q = queue_new(&o);
    if (!s->q) {
        must(nomem_failures != failures);
        s->q = queue_new(&o);
    }
    must(s->q != NULL);
    queue_on_sent(s->q, on_sent, &w);
    s->m = (struct model){.o = o};
}

static void seat_end(struct seat *s) {
    w.delivered += s->m.c.delivered;
    w.dropped += s->m.c.dropped;
    w.redelivered += s->m.c.redelivered;
    s->q = queue_free(s->q);
    model_deinit(&s->m);
    fake_reset(s->pipe, 1);
    s->reader.got = 0;
}

static void do_attach(struct seat *s) {
    if (s->m.attached) return;
    size_t cap = one_in(3) ? 1 + below(300) : one_in(2) ? 4096 : one_in(2) ? 65536 : FAKE_RING;
    fake_reset(s->pipe, cap);
    s->pipe->no_tee = one_in(8);
    queue_attach(s->q, FAKE_FD + (int)(s->pipe - fake_pipes));
    s->m.attached = true;
    s->m.open = s->m.condemned = false;
    s->m.allowed = UINT64_MAX;
    s->reader.got = 0;
    s->lazy = one_in(2);
    s->read_mark = 0;
    s->base = s->pipe->total;
    if (one_in(2)) {
        queue_open(s->q);
        s->m.open = true;
    }
}

/* No room for `least` bytes: a page that is given needs a place of its own. */
static bool is_full(const struct fake_pipe *p, size_t least) { return p->cap - p->fill < least || p->quota < least; }

static void died(struct seat *s) {
    w.crashes++;
    s->reader.got = 0;
    fake_reset(s->pipe, 1);
    must_eq(queue_in_pipe(s->q), 0);
}

static void do_crash(struct seat *s) {
    if (!s->m.attached) return;
    uint64_t failures = nomem_failures;
    int r = queue_rewind(s->q, s->pipe->fill);
    must_eq(r, nomem_failures == failures ? 0 : -ENOMEM);
    (r ? model_forget : model_rewind)(&s->m);
    died(s);
}

static void do_vanish(struct seat *s) {
    if (!s->m.attached) return;
    queue_forget(s->q);
    model_forget(&s->m);
    died(s);
}

static void write_some(struct seat *s, size_t quota, size_t budget) {
    struct fake_pipe *p = s->pipe;
    uint64_t before = p->total, failures = nomem_failures, delivered = s->m.c.delivered;
    p->quota = quota;
    p->eintr = one_in(8) ? 1 + (unsigned)below(3) : 0;
    p->error = one_in(40) ? EPIPE : 0;
    w.lag_count = w.sent_count = w.sent_seen = 0;
    int r = queue_write(s->q, budget, on_lag, &w);
    bool wanted = model_wants_write(&s->m);
    model_wrote(&s->m, p->total - before, model_done);
    if (nomem_failures != failures)
        must(r == -ENOMEM || r == QUEUE_E_AGAIN || r == QUEUE_E_GONE || r == QUEUE_E_BUDGET || r == 0);
    else if (!wanted)
        must_eq(r, 0);
    else if (r == 0)
        must(!model_wants_write(&s->m) && !queue_wants_write(s->q));
    else if (r == QUEUE_E_AGAIN)
        must(model_wants_write(&s->m) && is_full(p, s->m.o.stage_min ? FAKE_PAGE : 1));
    else if (r == QUEUE_E_BUDGET)
        must(model_wants_write(&s->m) && p->total - before >= budget);
    else
        must(r == QUEUE_E_GONE && p->error);
    must(p->total - before <= budget + QUEUE_WRITE_MAX);
    must_eq(w.lag_count, s->m.c.delivered - delivered);
    must_eq(w.sent_seen, w.sent_count);
}

static void do_write(struct seat *s) {
    write_some(s, one_in(6) ? below(3) : skewed(70000), one_in(6) ? skewed(3000) : QUEUE_WRITE_MAX);
}

static void do_read_some(struct seat *s) { do_read(s, skewed(s->lazy ? 400 : 70000)); }

/* A new event, at the end of log `log`. Returns 0, or -ENOMEM. */
static int append(size_t log, struct item *it, struct block **bp, uint32_t *indexp) {
    struct head h = {.type = ITEM_EVENT, .len = random_len(), .id = ++w.seq};
    struct iovec parts[3] = {{&h, sizeof h}, {(void *)(uintptr_t)body_of(h.id), (h.len - sizeof h) / 2}};
    parts[2].iov_base = (void *)(uintptr_t)(body_of(h.id) + parts[1].iov_len);
    parts[2].iov_len = h.len - sizeof h - parts[1].iov_len;
    *it = (struct item){.type = ITEM_EVENT, .id = h.id, .len = h.len, .hook = (uint32_t)below(HOOKS)};
    it->accepted = w.now += (nsec_t)below(1000);
    uint64_t failures = nomem_failures;
    w.published++;
    int r = backlog_append(w.logs[log], parts, 3, it->hook, it->id, it->accepted, bp, indexp);
    must_eq(r, nomem_failures == failures ? 0 : -ENOMEM);
    if (r == 0) block_hold(*bp);
    return r;
}

static void miss(struct seat *s, const struct item *it) {
    queue_miss(s->q, it->id);
    items_push_back(&s->m.due, *it);
    s->m.c.accepted++;
    (void)model_refuse(&s->m, it->id);
}

static void offer(struct seat *s, const struct item *it, struct block *b, uint32_t index) {
    uint64_t failures = nomem_failures;
    bool room = queue_has_room(s->q, 1, it->len);
    int got = queue_offer(s->q, b, index);
    int expected = model_offer(&s->m, *it);
    must_eq(room, !expected);
    if (nomem_failures == failures) {
        must_eq(got, expected);
        return;
    } /* else room was made, but there was no memory for the run */
    must(got == QUEUE_E_REFUSED && (expected == 0 || expected == QUEUE_E_DROPPED));
    (void)items_pop_back(&s->m.pending);
    s->m.c.events--;
    s->m.c.bytes -= it->len;
    (void)model_refuse(&s->m, it->id);
}

/* Seat 0 hears both logs, the others one each; of a publication nobody or some or all. */
static uint64_t hearers(size_t log) {
    uint64_t hear = one_in(3) ? UINT64_MAX : below(1U << QUEUES), of_log = 1;
    for (size_t i = 1; i < QUEUES; i++) of_log |= (uint64_t)(i % LOGS == log) << i;
    return hear & of_log;
}

static void do_publish(struct seat *whoever) {
    (void)whoever;
    struct item it;
    struct block *b = NULL;
    uint32_t index = 0;
    size_t log = below(LOGS);
    uint64_t hear = hearers(log);
    int r = append(log, &it, &b, &index);
    for (size_t i = 0; i < QUEUES; i++) {
        if (!(hear >> i & 1)) continue;
        if (r < 0)
            miss(&w.seats[i], &it);
        else
            offer(&w.seats[i], &it, b, index);
    }
    if (r == 0) block_release(b);
}

/* Messages that stand side by side, offered as one: it comes out as if they had been offered one by one. */
static void offer_run(struct seat *s, const struct item *it, struct block *b, uint32_t first, uint32_t count) {
    uint64_t failures = nomem_failures;
    bool room = queue_has_room(s->q, count, block_span(b, first, count));
    int got = one_in(6) ? QUEUE_E_EACH : queue_offer_run(s->q, b, first, count);
    if (got == QUEUE_E_EACH) {
        for (uint32_t i = 0; i < count; i++) offer(s, &it[i], b, first + i);
        return;
    }
    must_eq(nomem_failures, failures);
    must_eq(room, !got);
    int expected = 0;
    for (uint32_t i = 0; i < count; i++) {
        int one = model_offer(&s->m, it[i]);
        must(one == got || (got == QUEUE_E_DROPPED && one == 0));
        if (one) expected = one;
    }
    must_eq(got, expected);
    w.offered_runs[got]++;
}

static void do_publish_run(struct seat *whoever) {
    (void)whoever;
    struct item it[RUN_MAX];
    struct block *b[RUN_MAX];
    uint32_t index[RUN_MAX], n = 0, want = 2 + (uint32_t)below(RUN_MAX - 1), end;
    size_t log = below(LOGS);
    while (n < want && append(log, &it[n], &b[n], &index[n]) == 0) n++; /* one that fails is heard by nobody */
    uint64_t hear = hearers(log);
    for (uint32_t at = 0; at < n; at = end) {
        for (end = at + 1; end < n && b[end] == b[at] && index[end] == index[at] + (end - at);) end++;
        for (size_t i = 0; i < QUEUES; i++)
            if (hear >> i & 1) offer_run(&w.seats[i], it + at, b[at], index[at], end - at);
    }
    for (uint32_t i = 0; i < n; i++) block_release(b[i]);
}

static void do_own(struct seat *s) {
    struct head h = {.type = ITEM_OWN, .id = ++w.own_id | OWN_ID};
    h.len = (uint32_t)(sizeof h + skewed(one_in(20) ? 70000 : 200));
    memcpy(w.message, &h, sizeof h);
    memcpy(w.message + sizeof h, body_of(h.id), h.len - sizeof h);
    uint64_t failures = nomem_failures;
    int r = queue_own(s->q, w.message, h.len);
    must_eq(r, nomem_failures == failures ? 0 : -ENOMEM);
    if (r == 0) items_push_back(&s->m.own, (struct item){.type = ITEM_OWN, .id = h.id, .len = h.len});
}

static void do_sync(struct seat *s) {
    if (!s->m.attached) return;
    if (one_in(2))
        queue_sync(s->q);
    else
        queue_advance(s->q, s->pipe->fill);
    uint64_t mark = s->pipe->total - s->base - s->pipe->fill;
    if (mark > s->read_mark) s->read_mark = mark;
    must_eq(queue_written(s->q), s->pipe->total - s->base);
    must_eq(queue_in_pipe(s->q), s->pipe->total - s->base - s->read_mark);
}

static void do_give_up(struct seat *s) {
    bool synced = s->m.attached && one_in(2);
    if (synced) do_sync(s);
    uint64_t given = queue_give_up(s->q), expected = model_give_up(&s->m);
    if (synced) must_eq(given, expected);
    must(given >= expected);
    const struct item *last = s->m.tail_left ? items_back(&s->m.sent) : NULL;
    uint64_t kept = last ? last->len - s->m.tail_left : 0;
    if (s->m.attached && s->pipe->total - s->base - kept > s->read_mark) s->read_mark = s->pipe->total - s->base - kept;
}

static void do_copy_out(struct seat *s) {
    struct block *b = backlog_oldest(w.logs[below(LOGS)]);
    if (b && one_in(2)) b = b->next ? b->next : b;
    const struct runs *r = one_in(2) ? &s->q->sent : &s->q->pending;
    if (one_in(3) && r->n && runs_front(r)->type == RUN_LOG) b = runs_front(r)->log.block;
    if (!b) return;
    uint64_t failures = nomem_failures;
    size_t held = queue_holds(s->q, b), sum = 0;
    for (int k = 0; k < 2; k++) {
        r = k ? &s->q->sent : &s->q->pending;
        for (uint32_t i = 0; i < r->n; i++)
            if (runs_at(r, i)->type == RUN_LOG && runs_at(r, i)->log.block == b) sum += run_bytes(runs_at(r, i));
    }
    must_eq(held, sum);
    block_hold(b);
    int got = queue_copy_out(s->q, b);
    must_eq(got, nomem_failures == failures ? 0 : -ENOMEM);
    if (got == 0) must_eq(queue_holds(s->q, b), 0);
    block_release(b);
}

static void do_shed(struct seat *s) {
    uint64_t before = s->q->c.dropped;
    int r = queue_shed(s->q);
    uint64_t dropped = s->q->c.dropped - before;
    if (r == QUEUE_E_RESTART) {
        must(s->m.o.overflow == QUEUE_RESTART && !s->m.condemned && s->m.c.events);
        s->m.condemned = true;
        model_drop_all(&s->m);
    } else if (r == QUEUE_E_REFUSED) {
        must_eq(dropped, 0);
        for (size_t i = 0; i < s->m.pending.n; i++) must(items_at(&s->m.pending, i)->type == ITEM_GAP);
    } else {
        must(r == 0 && dropped);
        s->m.refusing = s->m.refusing || s->m.o.overflow == QUEUE_DROP_NEWEST;
        while (dropped--) must(model_drop_end(&s->m, s->m.o.overflow == QUEUE_DROP_OLDEST));
    }
}

static bool keep(void *ctx, uint32_t hook) {
    must(ctx == &w);
    return w.hooks_kept >> hook & 1;
}

static void do_retain(struct seat *s) {
    uint64_t failures = nomem_failures;
    w.hooks_kept = below(1U << HOOKS);
    queue_retain(s->q, keep, &w);
    if (nomem_failures != failures) return;
    struct items old = s->m.pending;
    s->m.pending = (struct items){0};
    while (old.n) {
        struct item it = items_pop_front(&old);
        if (it.type == ITEM_GAP)
            model_gap(&s->m, false, it.gap);
        else if (keep(&w, it.hook))
            items_push_back(&s->m.pending, it);
        else
            model_drop_queued(&s->m, &it, false);
    }
    free(old.v);
}

static void do_configure(struct seat *s) {
    struct queue_options o = random_options();
    o.notice = s->m.o.notice;
    queue_configure(s->q, &o);
    s->m.o = o;
    if (o.overflow != QUEUE_DROP_NEWEST) s->m.refusing = false;
}

static void do_open(struct seat *s) {
    queue_open(s->q);
    s->m.open = s->m.attached;
}

static void do_hold(struct seat *s) {
    queue_hold(s->q);
    s->m.open = false;
}

static void do_allow(struct seat *s) {
    s->m.allowed = one_in(3) ? UINT64_MAX : below(20);
    queue_allow(s->q, s->m.allowed);
}

static void do_drop_all(struct seat *s) {
    queue_drop_all(s->q);
    model_drop_all(&s->m);
}

static void do_trim(struct seat *whoever) {
    (void)whoever;
    backlog_trim(w.logs[below(LOGS)]);
}

static void do_replace(struct seat *s) {
    if (!one_in(10)) return;
    seat_end(s);
    seat_new(s);
}

/* --- the test ----------------------------------------------------------------------------------------------------- */

static void wanted(void *ctx) {
    must(ctx == &w);
    for (size_t i = 0; i < QUEUES; i++)
        if (one_in(2)) do_sync(&w.seats[i]);
}

/* What happens, and how often. */
static const struct {
    uint64_t weight;
    void (*happen)(struct seat *s);
} OPERATIONS[] = {
    {150, do_publish}, {20, do_publish_run}, {400, do_write},   {400, do_read_some}, {40, do_own},
    {20, do_sync},     {3, do_crash},        {1, do_vanish},    {30, do_attach},     {20, do_open},
    {3, do_hold},      {5, do_give_up},      {10, do_copy_out}, {4, do_shed},        {1, do_drop_all},
    {4, do_retain},    {4, do_configure},    {6, do_allow},     {4, do_trim},        {1, do_replace},
};

static void operate(struct seat *s) {
    static uint64_t sum;
    if (!sum)
        for (size_t i = 0; i < ARRAY_LEN(OPERATIONS); i++) sum += OPERATIONS[i].weight;
    uint64_t dice = below(sum);
    size_t i = 0;
    for (; dice >= OPERATIONS[i].weight; i++) dice -= OPERATIONS[i].weight;
    OPERATIONS[i].happen(s);
}

/* All children read to the end: then every event offered was read, told or known to be lost with a dead child. */
static void settle(struct seat *s) {
    if (s->m.condemned) do_crash(s);
    do_attach(s);
    do_open(s);
    queue_allow(s->q, s->m.allowed = UINT64_MAX);
    s->pipe->cap = FAKE_RING;
    for (size_t i = 0; s->pipe->fill || model_wants_write(&s->m); i++) {
        must(i < 100000);
        write_some(s, SIZE_MAX, QUEUE_WRITE_MAX);
        do_read(s, FAKE_RING);
        check_seat(s);
    }
    while (!s->m.o.notice && s->m.due.n && items_front(&s->m.due)->given_up) (void)items_pop_front(&s->m.due);
    must_say(!s->m.due.n, "%zu events are neither read nor told", s->m.due.n);
    must_eq(s->m.c.events, 0);
    must_eq(s->m.c.bytes, 0);
}

static void play(uint64_t seed, uint64_t steps) {
    w.random = w.seed = seed;
    w.random |= 1ULL << 40;
    w.seq = 0;
    for (int i = 0; i < 20; i++) (void)below(2);
    for (size_t i = 0; i < sizeof w.pattern; i++) w.pattern[i] = (char)below(256);
    for (size_t i = 0; i < LOGS; i++) w.logs[i] = backlog_new(&w.memory, wanted, &w);
    w.memory.stages = stages_new();
    for (size_t i = 0; i < QUEUES; i++) {
        w.seats[i].pipe = &fake_pipes[i];
        seat_new(&w.seats[i]);
    }
    for (w.step = 0; w.step < steps; w.step++) {
        struct seat *s = &w.seats[below(QUEUES)];
        if (one_in(50)) nomem_countdown = (long)below(3);
        operate(s);
        nomem_countdown = -1;
        check_seat(s);
        if (one_in(2000)) check_memory();
        if (one_in(5000)) { /* tee(2) was forbidden somewhere, perhaps: others may again */
            (void)stages_free(w.memory.stages);
            w.memory.stages = one_in(20) ? NULL : stages_new();
        }
    }
    check_memory();
    for (size_t i = 0; i < QUEUES; i++) settle(&w.seats[i]);
    for (size_t i = 0; i < QUEUES; i++) seat_end(&w.seats[i]);
    for (size_t i = 0; i < LOGS; i++) {
        backlog_trim(w.logs[i]);
        must_eq(0, (uintptr_t)backlog_oldest(w.logs[i]));
        w.logs[i] = backlog_free(w.logs[i]);
    }
    must_eq(w.memory.used, 0);
    memory_deinit(&w.memory);
    w.memory.stages = stages_free(w.memory.stages);
}

static uint64_t from_env(const char *name, uint64_t otherwise) {
    const char *s = getenv(name);
    return s && *s ? strtoull(s, NULL, 0) : otherwise;
}

#ifdef __SANITIZE_ADDRESS__
enum { STEPS = 2000 * 1000, WORLDS = 8 };
#else
enum { STEPS = 10 * 1000 * 1000, WORLDS = 8 };
#endif

static void say_where(void) {
    if (w.step != UINT64_MAX)
        fprintf(stderr, "HOOKCAST_MODEL_SEED=%" PRIu64 " failed at step %" PRIu64 "\n", w.seed, w.step);
}

START_TEST(test_queues_do_what_a_naive_model_does_and_every_event_is_accounted_for) {
    uint64_t steps = from_env("HOOKCAST_MODEL_STEPS", STEPS), seed = from_env("HOOKCAST_MODEL_SEED", 1);
    must_eq(atexit(say_where), 0);
    for (uint64_t i = 0; i < WORLDS; i++) play(seed + i, steps / WORLDS);
    w.step = UINT64_MAX;
    ck_assert_uint_gt(fake_given, 1 << 20); /* both ways of writing were taken */
    static const int outcomes[] = {0, QUEUE_E_DROPPED, QUEUE_E_REFUSED, QUEUE_E_RESTART};
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) ck_assert_uint_gt(w.offered_runs[outcomes[i]], 50);
    printf(
        "model: %ju steps from seed %ju: %ju published, %ju delivered, %ju redelivered, %ju dropped, %ju told, "
        "%ju crashes, %ju allocations failed\n",
        (uintmax_t)steps, (uintmax_t)seed, (uintmax_t)w.published, (uintmax_t)w.delivered, (uintmax_t)w.redelivered,
        (uintmax_t)w.dropped, (uintmax_t)w.told, (uintmax_t)w.crashes, (uintmax_t)nomem_failures);
}
END_TEST

RUN_SUITE("queue_model", test_queues_do_what_a_naive_model_does_and_every_event_is_accounted_for)
