/* micro_schema.c — what validating costs, in nanoseconds per instance.
 *
 *     micro_schema SCHEMA.json INSTANCES.ndjson      prints: scan, validate, scan and validate
 *
 * Each figure is the best of several rounds over all instances in turn, so that the branch predictor cannot learn one
 * of them by heart. Every instance must be valid. bench/schema compares these figures with other validators'. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "json/scan.h"
#include "schema/schema.h"

enum { ROUND_NS = 2 * 1000 * 1000, ALL_NS = 200 * 1000 * 1000, DEPTH = 128 };

struct instance {
    const char *text;
    size_t len;
    struct scan scan; /* of its own, for validating alone */
};

struct bench {
    struct schema *schema;
    struct schema_run *run;
    struct scan scan; /* the one that is reused, as a daemon does */
    struct instance *instances;
    size_t n;
};

static _Noreturn void die(const char *what) {
    (void)fprintf(stderr, "micro_schema: %s\n", what);
    exit(1);
}

static nsec_t now(void) {
    struct clock c = clock_system();
    return clock_mono(&c);
}

static void read_file(const char *path, struct buf *b) {
    FILE *f = fopen(path, "rb");
    if (!f) die(path);
    for (size_t n = 1; n;) {
        if (buf_reserve(b, 65536)) die("out of memory");
        n = fread(b->mem + b->off + b->len, 1, 65536, f);
        b->len += n;
    }
    (void)fclose(f);
}

static void compile(struct bench *b, const char *path) {
    json_t *doc = json_load_file(path, JSON_DECODE_ANY, NULL);
    const struct schema_options o = {0};
    struct err e;
    if (!doc) die(path);
    if (schema_compile(doc, path, &o, &b->schema, &e) != 0) die(e.text);
    json_decref(doc);
    b->run = schema_run_new();
    if (!b->run) die("out of memory");
}

static void load_instances(struct bench *b, const struct buf *text) {
    const char *p = buf_data(text), *end = p + text->len;
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        b->instances = reallocarray(b->instances, b->n + 1, sizeof *b->instances);
        if (!b->instances) die("out of memory");
        struct instance *i = &b->instances[b->n++];
        *i = (struct instance){.text = p, .len = (size_t)(stop - p)};
        scan_init(&i->scan, DEPTH);
        if (scan_text(&i->scan, i->text, i->len) != 0) die("an instance is not JSON");
        if (schema_validate(b->schema, b->run, &i->scan, scan_root(&i->scan), NULL) != 0) die(schema_why(b->run));
        p = stop + 1;
    }
    if (!b->n) die("no instances");
}

static int scan_only(struct bench *b, struct instance *i) { return scan_text(&b->scan, i->text, i->len); }

static int validate_only(struct bench *b, struct instance *i) {
    return schema_validate(b->schema, b->run, &i->scan, scan_root(&i->scan), NULL);
}

static int both(struct bench *b, struct instance *i) {
    int r = scan_text(&b->scan, i->text, i->len);
    return r ? r : schema_validate(b->schema, b->run, &b->scan, scan_root(&b->scan), NULL);
}

static double measure(struct bench *b, int (*fn)(struct bench *, struct instance *)) {
    double best = 1e18;
    for (nsec_t begin = now(); now() - begin < ALL_NS;) {
        size_t turns = 0;
        nsec_t start = now(), t;
        do {
            for (size_t i = 0; i < b->n; i++)
                if (fn(b, &b->instances[i]) != 0) die("a verdict changed");
            turns++;
            t = now() - start;
        } while (t < ROUND_NS);
        double each = (double)t / (double)(turns * b->n);
        if (each < best) best = each;
    }
    return best;
}

int main(int argc, char **argv) {
    if (argc != 3) die("usage: micro_schema SCHEMA.json INSTANCES.ndjson");
    struct bench b = {0};
    struct buf text = BUF_INIT(0);
    scan_init(&b.scan, DEPTH);
    compile(&b, argv[1]);
    read_file(argv[2], &text);
    load_instances(&b, &text);
    printf("%.1f %.1f %.1f\n", measure(&b, scan_only), measure(&b, validate_only), measure(&b, both));
    for (size_t i = 0; i < b.n; i++) scan_deinit(&b.instances[i].scan);
    free(b.instances);
    scan_deinit(&b.scan);
    buf_deinit(&text);
    (void)schema_run_free(b.run);
    (void)schema_free(b.schema);
    return 0;
}
