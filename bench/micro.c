/* micro.c — what each stage of the event path costs, in nanoseconds per event (or per delivery), as a table.
 *
 *     micro [-r ROUNDS]
 *
 * The events are those of bench/publish.c, some hundreds of different ones in turn, so that the branch predictor cannot
 * learn one by heart. Each figure is the median of several rounds of a few milliseconds. */
#include "base/buf.h"
#include "fanout/admit.h"
#include "fanout/backlog.h"
#include "front.h"
#include "rpc/jsonrpc.h"

enum { ROUNDS = 9, ROUNDS_MAX = 99, ROUND_NS = 10 * 1000 * 1000, SIZES = 2 };

struct micro {
    struct plan plan;
    struct pool pool;
    struct scan *scans; /* of every line, done before: for the stages behind it */
    const struct node **payloads;
    struct scan scan;
    struct schema_run *run;
    struct rig rig;
    struct front front;
    struct memory memory;
    struct backlog *log;
    struct wire_origin origin;
    struct buf prefix, head;
    uint64_t seq;
};

/* Handle one batch of lines from line `at`. Returns the nanoseconds of it that count, and adds to *n what they bought.
 */
typedef int64_t stage_fn(struct micro *m, size_t at, uint64_t *n);

static const char *line_of(const struct micro *m, size_t i) { return m->pool.text + i * m->pool.line_len; }

static int64_t do_scan(struct micro *m, size_t at, uint64_t *n) {
    int64_t t = now_ns();
    for (size_t i = at; i < at + m->pool.batch; i++)
        if (scan_text(&m->scan, line_of(m, i), m->pool.line_len - 1) != 0) die(1, "scan", m->scan.error);
    *n += m->pool.batch;
    return now_ns() - t;
}

/* As notify_read() of daemon/events.c. */
static const struct node *params(const struct scan *s, const struct node *of, const struct node **kind,
                                 const struct node **hook) {
    const struct node *payload = NULL;
    for (const struct node *k = scan_first(s, of); k; k = scan_next_key(s, of, k)) {
        if (scan_is(s, k, "kind"))
            *kind = k + 1;
        else if (scan_is(s, k, "hook"))
            *hook = k + 1;
        else if (scan_is(s, k, "payload"))
            payload = k + 1;
        else
            return NULL;
    }
    return payload;
}

static int64_t do_classify(struct micro *m, size_t at, uint64_t *n) {
    int64_t t = now_ns();
    for (size_t i = at; i < at + m->pool.batch; i++) {
        const struct node *kind = NULL, *hook = NULL;
        struct jsonrpc j;
        jsonrpc_classify(&m->scans[i], &j);
        if (j.kind != JSONRPC_NOTIFICATION || !params(&m->scans[i], j.params, &kind, &hook) || !kind || !hook)
            die(1, "classify", j.why);
    }
    *n += m->pool.batch;
    return now_ns() - t;
}

static int64_t do_find(struct micro *m, size_t at, uint64_t *n) {
    int64_t t = now_ns();
    for (size_t i = at; i < at + m->pool.batch; i++) {
        struct topic *topic;
        struct err e;
        if (router_find(m->rig.router, notify_kind, sizeof notify_kind - 1, -1, notify_hook, sizeof notify_hook - 1,
                        &topic, &e) != 0)
            die(1, "find", e.text);
    }
    *n += m->pool.batch;
    return now_ns() - t;
}

static int64_t do_admit(struct micro *m, size_t at, uint64_t *n) {
    int64_t t = now_ns();
    struct err e;
    for (size_t i = at; i < at + m->pool.batch; i++)
        if (admit_payload(m->rig.topic, m->run, &m->scans[i], m->payloads[i], 16 << 20, &e, NULL) != ADMIT_OK)
            die(1, "validate", e.text);
    *n += m->pool.batch;
    return now_ns() - t;
}

static void encode(struct micro *m, size_t i, struct iovec parts[WIRE_PARTS]) {
    const struct wire_event w = {
        .origin = &m->origin, .seq = ++m->seq, .scan = &m->scans[i], .payload = m->payloads[i]};
    if (wire_native(&m->head, &m->prefix, &w, parts) < 0) die(1, "encode", NULL);
}

static int64_t do_encode(struct micro *m, size_t at, uint64_t *n) {
    struct iovec parts[WIRE_PARTS];
    int64_t t = now_ns();
    for (size_t i = at; i < at + m->pool.batch; i++) encode(m, i, parts);
    *n += m->pool.batch;
    return now_ns() - t;
}

/* One event's bytes, again and again: encoding is not in it. */
static int64_t do_append(struct micro *m, size_t at, uint64_t *n) {
    struct iovec parts[WIRE_PARTS];
    struct block *block;
    uint32_t index;
    encode(m, at, parts);
    int64_t t = now_ns();
    for (size_t i = 0; i < m->pool.batch; i++)
        if (backlog_append(m->log, parts, WIRE_PARTS, 0, m->seq, 1, &block, &index) < 0) die(1, "append", NULL);
    *n += m->pool.batch;
    return now_ns() - t;
}

/* One chunk's events, as the daemon hands them to the router. */
static int64_t post(struct micro *m, size_t at) {
    struct router_event e = {.uid = 1000, .pid = 4242, .now = 1, .wall = rig_wall};
    int64_t t = now_ns();
    for (size_t i = at; i < at + m->pool.batch; i++) {
        e.scan = &m->scans[i];
        e.payload = m->payloads[i];
        router_post(m->rig.router, m->rig.topic, &e);
    }
    router_settle(m->rig.router);
    return now_ns() - t;
}

static int64_t do_post(struct micro *m, size_t at, uint64_t *n) {
    int64_t t = post(m, at);
    *n += m->pool.batch;
    rig_deliver(&m->rig);
    return t;
}

static int64_t do_write(struct micro *m, size_t at, uint64_t *n) {
    int64_t sum = 0;
    (void)post(m, at);
    for (unsigned i = 0; i < m->rig.n; i++) {
        struct reader *p = &m->rig.readers[i];
        const struct queue_counters *c = queue_counters(p->sub.queue);
        uint64_t before = c->delivered;
        for (bool done = false; !done;) {
            int64_t t = now_ns();
            done = reader_write(p);
            sum += now_ns() - t;
            reader_drain(p);
        }
        *n += c->delivered - before;
    }
    return sum;
}

static int64_t do_line(struct micro *m, size_t at, uint64_t *n) {
    int64_t t = now_ns();
    front_chunk(&m->front, line_of(m, at), m->pool.batch * m->pool.line_len);
    t = now_ns() - t;
    *n += m->pool.batch;
    rig_deliver(&m->rig);
    return t;
}

/* --- measuring --- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double measure(struct micro *m, stage_fn *fn, unsigned rounds) {
    double each[ROUNDS_MAX];
    size_t at = 0;
    for (unsigned r = 0; r <= rounds; r++) { /* the first one warms up */
        uint64_t n = 0;
        int64_t spent = 0;
        for (int64_t begin = now_ns(); now_ns() - begin < ROUND_NS; at = (at + m->pool.batch) % m->pool.lines)
            spent += fn(m, at, &n);
        if (r) each[r - 1] = (double)spent / (double)n;
    }
    qsort(each, rounds, sizeof *each, ascending);
    return each[rounds / 2];
}

static void prepare(struct micro *m, size_t size) {
    *m = (struct micro){.plan = plan_default, .prefix = BUF_INIT(0), .head = BUF_INIT(0)};
    m->plan.size = size;
    notify_fill(&m->pool, &m->plan, notify_kind, notify_hook);
    m->scans = calloc(m->pool.lines, sizeof *m->scans);
    m->payloads = calloc(m->pool.lines, sizeof(*m->payloads));
    m->memory.limit = SIZE_MAX;
    m->log = backlog_new(&m->memory, NULL, NULL);
    m->run = schema_run_new();
    scan_init(&m->scan, 128);
    if (!m->scans || !m->payloads || !m->log || !m->run) die(1, "out of memory", NULL);
    char time[CLOCK_RFC3339_LEN + 1];
    struct clock_stamp stamp = {0};
    clock_rfc3339(&stamp, rig_wall, time);
    wire_origin_set(&m->origin, time, 1000, 4242);
    if (wire_prefix(&m->prefix, notify_kind, notify_hook, "abcdefghijkl") < 0) die(1, "out of memory", NULL);
    for (size_t i = 0; i < m->pool.lines; i++) {
        struct scan *s = &m->scans[i];
        scan_init(s, 128);
        if (scan_text(s, line_of(m, i), m->pool.line_len - 1) != 0) die(1, "scan", s->error);
        m->payloads[i] = scan_get(s, scan_get(s, scan_root(s), "params"), "payload");
    }
}

static void dispose(struct micro *m) {
    for (size_t i = 0; i < m->pool.lines; i++) scan_deinit(&m->scans[i]);
    free(m->scans);
    free(m->payloads);
    free(m->pool.text);
    scan_deinit(&m->scan);
    m->run = schema_run_free(m->run);
    m->log = backlog_free(m->log);
    memory_deinit(&m->memory);
    buf_deinit(&m->prefix);
    buf_deinit(&m->head);
}

static const struct row {
    const char *name;
    stage_fn *fn;
    unsigned readers;
    bool pipe, front;
    uint32_t stage_runs; /* UINT32_MAX: always copy */
} rows[] = {
    {"scan: `scan_text`", do_scan, 0, false, false, 0},
    {"classify and read the params", do_classify, 0, false, false, 0},
    {"find the topic: `router_find`", do_find, 0, false, false, 0},
    {"validate: `admit_payload`", do_admit, 0, false, false, 0},
    {"encode: `wire_native`", do_encode, 0, false, false, 0},
    {"append to a log: `backlog_append`", do_append, 0, false, false, 0},
    {"`router_post`, `router_settle`, N = 1 (encodes, appends and offers)", do_post, 1, false, false, UINT32_MAX},
    {"the same, N = 4", do_post, 4, false, false, UINT32_MAX},
    {"the same, N = 16", do_post, 16, false, false, UINT32_MAX},
    {"the same, N = 64", do_post, 64, false, false, UINT32_MAX},
    {"a line to a queue, as `daemon/events.c` does it, N = 1 (all of the above)", do_line, 1, false, true, UINT32_MAX},
    {"`queue_write` into a pipe, copying, per delivery", do_write, 1, true, false, UINT32_MAX},
    {"the same, through a stage, N = 4", do_write, 4, true, false, 0},
    {"the same, through a stage, N = 16", do_write, 16, true, false, 0},
};

int main(int argc, char **argv) {
    static const size_t sizes[SIZES] = {256, 4096};
    static double ns[sizeof rows / sizeof *rows][SIZES];
    unsigned rounds = ROUNDS;
    if (argc == 3 && strcmp(argv[1], "-r") == 0)
        rounds = (unsigned)number(argv[2], 1, ROUNDS_MAX, "-r");
    else if (argc != 1)
        die(64, "usage: micro [-r ROUNDS]", NULL);
    for (int k = 0; k < SIZES; k++) {
        static struct micro m;
        prepare(&m, sizes[k]);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const struct row *row = &rows[i];
            rig_begin(&m.rig);
            for (unsigned j = 0; j < row->readers; j++) (void)rig_reader(&m.rig, row->pipe, row->stage_runs);
            if (row->front) front_begin(&m.front, m.rig.router);
            ns[i][k] = measure(&m, row->fn, rounds);
            if (row->front) front_end(&m.front);
            rig_end(&m.rig);
        }
        dispose(&m);
    }
    printf("| ns per event, payloads of | %zu B | %zu B |\n|---|---:|---:|\n", sizes[0], sizes[1]);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        printf("| %s | %.1f | %.1f |\n", rows[i].name, ns[i][0], ns[i][1]);
    return 0;
}
