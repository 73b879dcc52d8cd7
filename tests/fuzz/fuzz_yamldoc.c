/* fuzz_yamldoc.c — the YAML and the JSON reader on any bytes: what is refused says where, what is accepted keeps its
 * bounds and can be read every way. The first byte's last bit chooses the syntax. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/yamldoc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every node, by every reader. Aliases make this a walk over at most 10,000 nodes more than were written. */
static void read_all(const struct yamldoc *d, const struct yamldoc_node *n, unsigned depth) {
    char q[YAMLDOC_QUOTE_MAX];
    if (depth > 64 || !n->line || !n->col) abort();
    if (strlen(yamldoc_show(n, q)) >= sizeof q) abort();
    const char *s;
    uint64_t v;
    nsec_t t;
    bool b;
    struct err e;
    if (yamldoc_string(d, n, &s, &e) < 0 && !e.text[0]) abort();
    if (yamldoc_int(d, n, 1, 100, &v, &e) == 0 && (v < 1 || v > 100)) abort();
    if (yamldoc_size(d, n, 1, 100, &v, &e) == 0 && (v < 1 || v > 100)) abort();
    if (yamldoc_duration(d, n, 1, 100, &t, &e) == 0 && (t < 1 || t > 100)) abort();
    if (yamldoc_seconds(d, n, 1, 100, &t, &e) == 0 && (t < 1 || t > 100)) abort();
    (void)yamldoc_bool(d, n, &b, &e);
    for (size_t i = 0; i < n->n; i++) {
        if (n->type == YAMLDOC_MAP && yamldoc_get(n, n->keys[i]->text) != n->items[i]) abort();
        read_all(d, n->items[i], depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct yamldoc *d = NULL;
    struct err e = {0};
    enum yamldoc_syntax syntax = data[0] & 1 ? YAMLDOC_YAML : YAMLDOC_JSON;
    int r = yamldoc_parse("fuzz", (const char *)data + 1, size - 1, syntax, &d, &e);
    if (r < 0) {
        if (d || !e.text[0] || strcmp(e.file, "fuzz") != 0) abort();
        return 0;
    }
    read_all(d, yamldoc_root(d), 1);
    json_t *j = NULL;
    r = yamldoc_to_json(d, yamldoc_root(d), &j, &e);
    if ((r == 0) != (j != NULL)) abort();
    json_decref(j);
    yamldoc_free(d);
    return 0;
}
