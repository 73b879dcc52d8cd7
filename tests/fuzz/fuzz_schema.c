/* fuzz_schema.c — any schema and any instance: schema NUL instance. What compiles gives the same verdict with output
 * and without, twice; output is a JSON array of what basic output promises; nothing takes more than its steps. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 20000, DEPTH = 128 };

static void look_at_output(const struct buf *errors) {
    json_t *list = json_loadb(buf_data(errors), errors->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (!json_is_array(list) || json_array_size(list) < 1 || json_array_size(list) > 32) abort();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *e = json_array_get(list, i);
        const char *instance = json_string_value(json_object_get(e, "instanceLocation"));
        const char *keyword = json_string_value(json_object_get(e, "keywordLocation"));
        const char *sentence = json_string_value(json_object_get(e, "error"));
        if (!instance || !keyword || !sentence || !sentence[0]) abort();
        if ((instance[0] && instance[0] != '/') || (keyword[0] && keyword[0] != '/')) abort();
    }
    json_decref(list);
}

static void validate(const struct schema *s, const char *text, size_t len) {
    struct scan scan;
    struct buf errors = BUF_INIT(0);
    struct schema_run *run = schema_run_new();
    scan_init(&scan, DEPTH);
    if (run && scan_text(&scan, text, len) == 0) {
        int quick = schema_validate(s, run, &scan, scan_root(&scan), NULL);
        if (quick < 0 || quick > SCHEMA_E_NUMBER_RANGE) abort();
        if (quick && (!schema_why(run) || !schema_why(run)[0])) abort();
        int full = schema_validate(s, run, &scan, scan_root(&scan), &errors);
        /* looking for more errors costs more, and may come across another limit */
        if (full != quick && quick != SCHEMA_E_INVALID) abort();
        if (full == SCHEMA_E_INVALID) look_at_output(&errors);
        if (full == 0 && quick != 0) abort();
        if (schema_validate(s, run, &scan, scan_root(&scan), NULL) != quick) abort();
    }
    (void)schema_run_free(run);
    scan_deinit(&scan);
    buf_deinit(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    if (!nul) return 0;
    size_t n = (size_t)(nul - data);
    json_t *doc = json_loadb((const char *)data, n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (!doc) return 0;
    const struct schema_options o = {.format_assertion = n % 2, .max_steps = STEPS};
    struct schema *s = NULL;
    struct err e = {0};
    int r = schema_compile(doc, NULL, &o, &s, &e);
    json_decref(doc);
    if ((r == 0) != (s != NULL) || (r < 0 && !e.text[0]) || r > 0) abort();
    if (s) validate(s, (const char *)nul + 1, size - n - 1);
    (void)schema_free(s);
    return 0;
}
