/* micro_scan.c — what scanning a line costs, in nanoseconds, beside jansson's json_loadb() on the same bytes.
 *
 *     micro_scan [FILE...]     a table on stdout: one row per built-in input and per file (scanned whole)
 *
 * Each figure is the best of several rounds, which leaves out what the machine was doing otherwise. "mixed" walks
 * through 512 different events, so that the branch predictor cannot learn one line by heart. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "json/inner.h"
#include "json/scan.h"

#define ROUNDS 9

static const char notify[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"notify\",\"params\":{\"kind\":\"lifecycle_listener\",\"hook\":"
    "\"on_request_started\",\"payload\":{\"request_id\":\"0f8fad5b-d9cb-469f-a165-70867728950e\",\"path\":"
    "\"/api/v1/users/42/orders\",\"actor\":\"user-1234\",\"headers\":{\"accept\":\"application/json\",\"x-n\":12.50},"
    "\"tags\":[\"a\",\"b\",3]},\"metadata\":{\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
    "01\""
    "}}}";

static const char small[] = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}";

struct input {
    const char *name;
    struct buf text; /* all lines, one behind the other */
    size_t *at;      /* line i is text[at[i] .. at[i + 1]) */
    size_t lines;
};

typedef int scan_fn(struct scan *, const char *, size_t);

static nsec_t now(void) {
    struct clock c = clock_system();
    return clock_mono(&c);
}

static void die(const char *what) {
    (void)fprintf(stderr, "micro_scan: %s\n", what);
    exit(1);
}

static void line_end(struct input *in) {
    size_t *at = reallocarray(in->at, in->lines + 2, sizeof *at);
    if (!at) die("out of memory");
    if (!in->at) at[0] = 0;
    in->at = at;
    in->at[++in->lines] = in->text.len;
}

static void put(struct input *in, const char *p, size_t n) {
    if (buf_put(&in->text, p, n)) die("out of memory");
}

static void puts_(struct input *in, const char *s) { put(in, s, strlen(s)); }

/* Events of different shapes, spellings and lengths. */
static void mixed(struct input *in) {
    static const char *const words[] = {"request_id", "path", "actor", "status", "bytes",   "tags",
                                        "headers",    "user", "зона",  "region", "attempt", "error"};
    srand(1);
    for (int i = 0; i < 512; i++) {
        puts_(in, "{\"jsonrpc\":\"2.0\",\"id\":");
        if (buf_putf(&in->text, "%d", rand() % 100000)) die("out of memory");
        puts_(in, ",\"method\":\"notify\",\"params\":{\"kind\":\"lifecycle_listener\",\"hook\":\"on_x\",\"payload\":{");
        int n = 1 + rand() % 9, from = rand() % 12;
        for (int k = 0; k < n; k++) {
            if (buf_putf(&in->text, "%s\"%s\":", k ? "," : "", words[(from + k) % 12])) die("out of memory");
            switch (rand() % 6) {
                case 0:
                    if (buf_putf(&in->text, "%d", rand())) die("out of memory");
                    break;
                case 1:
                    if (buf_putf(&in->text, "%d.%d", rand() % 1000, rand() % 1000)) die("out of memory");
                    break;
                case 2:
                    puts_(in, rand() % 2 ? "true" : "null");
                    break;
                case 3:
                    puts_(in, "[\"a\",\"bc\",3]");
                    break;
                case 4:
                    puts_(in, "{\"a\\n\":1,\"b\":\"\\u00e9t\\u00e9\"}");
                    break;
                default:
                    put(in, "\"", 1);
                    put(in, "0f8fad5b-d9cb-469f-a165-70867728950e/api/v1/users/42/orders", (size_t)(rand() % 60));
                    put(in, "\"", 1);
            }
        }
        puts_(in, "}}}");
        line_end(in);
    }
}

static void many_keys(struct input *in, int n) {
    for (int i = 0; i < n; i++)
        if (buf_putf(&in->text, "%s\"field_number_%d\":%d", i ? "," : "{", i, i)) die("out of memory");
    puts_(in, "}");
    line_end(in);
}

static void long_string(struct input *in, const char *piece, int times) {
    put(in, "[\"", 2);
    for (int i = 0; i < times; i++) puts_(in, piece);
    put(in, "\"]", 2);
    line_end(in);
}

static void pretty(struct input *in) {
    json_t *j = json_loadb(notify, sizeof notify - 1, 0, NULL);
    char *s = j ? json_dumps(j, JSON_INDENT(4)) : NULL;
    if (!s) die("jansson");
    puts_(in, s);
    line_end(in);
    free(s);
    json_decref(j);
}

static double per_scan(const struct input *in, struct scan *s, scan_fn *fn) {
    size_t turns = 1 + ((size_t)4 << 20) / (in->text.len + 1);
    nsec_t best = INT64_MAX;
    for (int r = 0; r < ROUNDS; r++) {
        nsec_t t = now();
        for (size_t k = 0; k < turns; k++)
            for (size_t i = 0; i < in->lines; i++)
                if (fn(s, buf_data(&in->text) + in->at[i], in->at[i + 1] - in->at[i])) die(s->error ? s->error : "?");
        t = now() - t;
        if (t < best) best = t;
    }
    return (double)best / (double)(turns * in->lines);
}

static double per_load(const struct input *in) {
    size_t turns = 1 + ((size_t)1 << 20) / (in->text.len + 1);
    nsec_t best = INT64_MAX;
    for (int r = 0; r < ROUNDS; r++) {
        nsec_t t = now();
        for (size_t k = 0; k < turns; k++) {
            for (size_t i = 0; i < in->lines; i++) {
                json_t *j = json_loadb(buf_data(&in->text) + in->at[i], in->at[i + 1] - in->at[i],
                                       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
                if (!j) die("jansson refuses an input");
                json_decref(j);
            }
        }
        t = now() - t;
        if (t < best) best = t;
    }
    return (double)best / (double)(turns * in->lines);
}

static void report(struct input *in) {
    struct scan s;
    scan_init(&s, 128);
    double fast = per_scan(in, &s, scan_text), plain = per_scan(in, &s, scan_text_scalar), jansson = per_load(in);
    size_t bytes = in->text.len / in->lines;
    printf("%-16s %9zu %12.1f %12.1f %12.1f %7.1fx %6.2f\n", in->name, bytes, fast, plain, jansson, jansson / fast,
           (double)bytes / fast);
    scan_deinit(&s);
    buf_deinit(&in->text);
    free(in->at);
}

int main(int argc, char **argv) {
    printf("%-16s %9s %12s %12s %12s %8s %6s\n", "input", "bytes", "ns", "scalar ns", "jansson ns", "ratio", "GB/s");
    struct input in = {.name = "ping"};
    puts_(&in, small);
    line_end(&in);
    report(&in);
    in = (struct input){.name = "notify"};
    puts_(&in, notify);
    line_end(&in);
    report(&in);
    in = (struct input){.name = "notify, pretty"};
    pretty(&in);
    report(&in);
    in = (struct input){.name = "mixed"};
    mixed(&in);
    report(&in);
    static const int sizes[] = {16, 17, 64, 1000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%d keys", sizes[i]);
        in = (struct input){.name = name};
        many_keys(&in, sizes[i]);
        report(&in);
    }
    in = (struct input){.name = "64 KiB ascii"};
    long_string(&in, "0123456789abcdef", 4096);
    report(&in);
    in = (struct input){.name = "64 KiB cyrillic"};
    long_string(&in, "событие ", 4369);
    report(&in);
    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        char chunk[65536];
        size_t n;
        in = (struct input){.name = argv[i]};
        while (f && (n = fread(chunk, 1, sizeof chunk, f)) > 0) put(&in, chunk, n);
        if (!f || ferror(f)) die("cannot read a file");
        (void)fclose(f);
        line_end(&in);
        report(&in);
    }
    return 0;
}
