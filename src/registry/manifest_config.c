/* A plugin's config: read, and held against its config_schema. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/text.h"
#include "registry/jsonfile.h"
#include "registry/manifest_read.h"
#include "registry/paths.h"

enum { DEPTH_MAX = 128 };

void manifest_read_config(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct err e;
    int code = yamldoc_map(r->doc, n, &e);
    if (code == 0) code = yamldoc_to_json(r->doc, n, slot, &e);
    if (code < 0) keys_report(r, f->key, code, &e);
}

/* References lead to files below the plugin's own directory. */
static struct schema_options options_of(const struct manifest *m) { return (struct schema_options){.root = m->dir}; }

static void read_inline(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, json_t **slot) {
    struct manifest *m = manifest_of(r);
    struct err e;
    int code = yamldoc_to_json(r->doc, n, slot, &e);
    if (code < 0) {
        keys_report(r, f->key, code, &e);
        return;
    }
    const struct schema_options o = options_of(m);
    code = schema_compile(m->config_schema, m->path, &o, &m->config_compiled, &e);
    if (code == -ENOMEM)
        r->nomem = r->bad = true;
    else if (code < 0)
        keys_bad(r, n, "%s: %s", f->key, e.text);
}

void manifest_read_config_schema(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct manifest *m = manifest_of(r);
    struct err e;
    if (n->type == YAMLDOC_MAP) {
        read_inline(r, n, f, slot);
        return;
    }
    cleanup_free char *rel = NULL;
    key_string(r, n, f, &rel);
    if (!rel) return;
    int code = path_below(m->dir, m->dir, rel, &m->config_schema_path, &e);
    if (code < 0 && code != -ENOMEM) {
        keys_bad(r, n, "config_schema: %s", e.text);
        return;
    }
    if (code == 0) code = jsonfile_load(m->config_schema_path, slot, &e);
    if (code == 0 && !json_is_object(m->config_schema) && !json_is_boolean(m->config_schema)) {
        r->bad = true;
        errs_addf(r->errs, m->config_schema_path, 1, 1, "a JSON Schema must be an object, true or false");
        return;
    }
    const struct schema_options o = options_of(m);
    if (code == 0) code = jsonfile_compile(m->config_schema_path, &o, &m->config_compiled, &e);
    if (code < 0) keys_report_file(r, n, f->key, code, &e);
}

/* ---- the config as JSON text, its numbers in the fewest digits: 0.1 stays 0.1 ---- */

static int put_value(struct buf *out, const json_t *v);

static int put_array(struct buf *out, const json_t *v) {
    int r = buf_puts(out, "[");
    for (size_t i = 0; i < json_array_size(v) && r == 0; i++) {
        if (i) r = buf_puts(out, ",");
        if (r == 0) r = put_value(out, json_array_get(v, i));
    }
    return r < 0 ? r : buf_puts(out, "]");
}

static int put_object(struct buf *out, const json_t *v) {
    int r = buf_puts(out, "{");
    json_t *o = (json_t *)v; /* only iterated */
    for (void *it = json_object_iter(o); it && r == 0; it = json_object_iter_next(o, it)) {
        if (it != json_object_iter(o)) r = buf_puts(out, ",");
        if (r == 0) r = text_escape(out, json_object_iter_key(it), json_object_iter_key_len(it));
        if (r == 0) r = buf_puts(out, ":");
        if (r == 0) r = put_value(out, json_object_iter_value(it));
    }
    return r < 0 ? r : buf_puts(out, "}");
}

static int put_value(struct buf *out, const json_t *v) {
    char digits[NUMBER_PRINT_MAX];
    struct number n;
    switch (json_typeof(v)) {
        case JSON_OBJECT:
            return put_object(out, v);
        case JSON_ARRAY:
            return put_array(out, v);
        case JSON_STRING:
            return text_escape(out, json_string_value(v), json_string_length(v));
        case JSON_INTEGER:
            return buf_putf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        case JSON_REAL:
            n = number_print(json_real_value(v), digits);
            return buf_put(out, n.p, n.len);
        case JSON_TRUE:
            return buf_puts(out, "true");
        case JSON_FALSE:
            return buf_puts(out, "false");
        case JSON_NULL:
            break;
    }
    return buf_puts(out, "null");
}

/* ---- the verdict ---- */

static int judge(struct manifest *m, struct schema_run *run, struct scan *scan, const struct buf *text) {
    int r = scan_text(scan, buf_data(text), text->len);
    if (r < 0) return r;
    if (r != 0) return manifest_refuse(m, "config cannot be held against config_schema: it is nested too deep");
    r = schema_validate(m->config_compiled, run, scan, scan_root(scan), NULL);
    if (r < 0) return r;
    switch (r) {
        case 0:
            return 0;
        case SCHEMA_E_INVALID:
            return manifest_refuse(m, "config does not fit config_schema: %s", schema_why(run));
        default:
            return manifest_refuse(m, "config cannot be held against config_schema: %s", schema_why(run));
    }
}

int manifest_admit_config(struct manifest *m) {
    if (!json_is_object(m->config)) return manifest_refuse(m, "config must be a map of keys");
    if (!m->config_compiled) return 0;
    struct buf text = BUF_INIT(0);
    struct scan scan;
    scan_init(&scan, DEPTH_MAX);
    struct schema_run *run = schema_run_new();
    int r = run ? put_value(&text, m->config) : -ENOMEM;
    if (r == 0) r = judge(m, run, &scan, &text);
    (void)schema_run_free(run);
    scan_deinit(&scan);
    buf_deinit(&text);
    return r;
}
