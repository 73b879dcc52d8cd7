/* fuzz_scan.c — the scanner on any bytes: the fast path and the plain one agree, and what it accepts can be read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json/inner.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One that has read something else before finds what a new one finds. */
static void after(const char *before, size_t len, const char *text, size_t size, uint32_t depth) {
    static struct scan fresh, again;
    scan_deinit(&fresh), scan_init(&fresh, depth);
    scan_deinit(&again), scan_init(&again, depth);
    int r = scan_text(&fresh, text, size);
    (void)scan_text(&again, before, len);
    for (int i = 0; i < 2; i++) {
        if (scan_text(&again, text, size) != r || again.n_nodes != fresh.n_nodes) abort();
        if (again.duplicate != fresh.duplicate || again.spaced != fresh.spaced) abort();
        if (again.error != fresh.error || again.error_off != fresh.error_off) abort();
        if (fresh.n_nodes && memcmp(fresh.nodes, again.nodes, fresh.n_nodes * sizeof *fresh.nodes) != 0) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct scan fast, plain;
    uint32_t depth = size ? data[0] % 8u : 0; /* a low limit, so that both sides of it are met */
    scan_deinit(&fast), scan_init(&fast, depth);
    scan_deinit(&plain), scan_init(&plain, depth);
    const char *text = (const char *)data;
    int r = scan_text(&fast, text, size);
    if (r < 0 || r != scan_text_scalar(&plain, text, size)) abort();
    if (fast.error != plain.error || fast.error_off != plain.error_off || fast.error_off > size) abort();
    if (fast.n_nodes != plain.n_nodes || fast.duplicate != plain.duplicate) abort();
    if (fast.n_nodes && memcmp(fast.nodes, plain.nodes, fast.n_nodes * sizeof *fast.nodes) != 0) abort();

    after(text, size - size / 4, text, size, depth);
    const char *cut = size ? memchr(text, 0xFF, size) : NULL; /* two texts: 0xFF is in none */
    if (cut) after(text, (size_t)(cut - text), cut + 1, size - (size_t)(cut - text) - 1, depth);

    struct buf out = BUF_INIT(0);
    for (uint32_t i = 0; i < fast.n_nodes; i++) {
        const struct node *n = fast.nodes + i;
        int64_t integer;
        double real;
        if (n->next <= i || n->next > fast.n_nodes) abort();
        if (n->type == NODE_NUMBER && !number_to_int64(number_of(&fast, n), &integer) &&
            number_to_double(number_of(&fast, n), &real))
            abort();
        if (n->type != NODE_STRING) continue;
        if (text_unescape(&fast, n, TEXT_LONE_KEEP, &out) || !scan_equal(&fast, n, buf_data(&out), out.len)) abort();
        buf_clear(&out);
    }
    buf_deinit(&out);
    return 0;
}
