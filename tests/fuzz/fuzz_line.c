/* fuzz_line.c — the line reader against a plain one: the same lines, however the stream is cut into chunks.
 *
 * The first byte is the limit, the second the size of the first chunk (each later one is a step longer). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What has been handed out so far, as it should be. */
struct expected {
    const char *p, *end;
    size_t max;
};

/* The next line of the whole stream. LINE_NONE: what is left has no newline. */
static enum line_result expect(struct expected *e, const char **linep, size_t *lenp) {
    const char *nl = memchr(e->p, '\n', (size_t)(e->end - e->p));
    if (!nl) return LINE_NONE;
    size_t n = (size_t)(nl - e->p);
    if (n && e->p[n - 1] == '\r') n--;
    *linep = e->p;
    *lenp = n;
    e->p = nl + 1;
    return n > e->max ? LINE_TOO_LONG : LINE_WHOLE;
}

static void check(struct expected *e, enum line_result r, const char *line, size_t len) {
    const char *want;
    size_t want_len;
    enum line_result w = expect(e, &want, &want_len);
    if (w == LINE_NONE && r == LINE_TOO_LONG) { /* told before its newline has come; it must be the last */
        want_len = (size_t)(e->end - e->p);
        want = e->p;
        e->p = e->end;
        w = want_len > e->max ? LINE_TOO_LONG : LINE_NONE;
    }
    if (r != w || len > want_len + 1 || (r == LINE_WHOLE && len != want_len)) abort();
    if (memcmp(line, want, len < want_len ? len : want_len) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    struct expected e = {.p = (const char *)data + 2, .end = (const char *)data + size, .max = data[0]};
    size_t chunk = data[1];
    struct line l;
    const char *line;
    size_t len;
    enum line_result r;
    line_init(&l, data[0]);
    for (size_t at = 2; at < size;) {
        size_t n = size - at < chunk + 1 ? size - at : chunk + 1;
        char *copy = malloc(n);
        if (!copy) abort();
        memcpy(copy, data + at, n);
        line_feed(&l, copy, n);
        while ((r = line_next(&l, &line, &len)) != LINE_NONE) check(&e, r, line, len);
        free(copy);
        at += n;
        chunk++;
    }
    len = line_tail(&l, &line);
    if (len && (len != (size_t)(e.end - e.p) || memcmp(line, e.p, len) != 0)) abort();
    if (!len && e.p != e.end) abort();
    line_deinit(&l);
    return 0;
}
