/* output.c — JSON Schema basic output (core, section 12.4.2), and the sentence for people. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "json/text.h"
#include "schema/run.h"
#include "schema/uri.h"

const char *output_type(const struct node *v) {
    static const char *const names[] = {"null",     "a boolean", "a boolean", "a number",
                                        "a string", "an array",  "an object"};
    return names[v->type];
}

/* The pointer along the frames, outermost first. Recursion is bounded by RUN_DEPTH. */
static int put_keywords(const struct frame *f, struct buf *out, bool *refp) {
    if (!f->up) return 0;
    int rc = put_keywords(f->up, out, refp);
    if (rc) return rc;
    if (f->via != VIA_KEYWORD) {
        *refp = true;
        return buf_puts(out, f->via == VIA_REF ? "/$ref" : "/$dynamicRef");
    }
    return pointer_between(&f->sub->doc->scan, f->up->sub->node, f->sub->node, out);
}

static int put_tail(const char *tail, struct buf *out) {
    if (!*tail) return 0;
    int rc = buf_put(out, "/", 1);
    return rc ? rc : buf_puts(out, tail);
}

static int put_absolute(const struct sub *s, const char *tail, struct buf *out) {
    struct buf pointer = BUF_INIT(0);
    int rc = pointer_between(&s->doc->scan, s->resource->node, s->node, &pointer);
    if (!rc) rc = put_tail(tail, &pointer);
    if (!rc) rc = buf_puts(out, s->resource->uri);
    if (!rc) rc = buf_put(out, "#", 1);
    if (!rc) rc = uri_encode_fragment(buf_data(&pointer), pointer.len, out);
    buf_deinit(&pointer);
    return rc;
}

static int put_member(struct buf *out, const char *name, const struct buf *value) {
    int rc = buf_putf(out, "%s\"%s\":", *name == 'i' ? "{" : ",", name);
    return rc ? rc : text_escape(out, buf_data(value), value->len);
}

/* What an error is made of. */
struct parts {
    struct buf instance, keyword, absolute, sentence;
    bool ref;
};

static int parts_fill(struct parts *p, const struct schema_run *r, const struct frame *f, const struct node *v,
                      const char *tail, const char *fmt, va_list ap) {
    int rc = pointer_between(r->scan, r->instance, v, &p->instance);
    if (!rc) rc = put_keywords(f, &p->keyword, &p->ref);
    if (!rc) rc = put_tail(tail, &p->keyword);
    if (!rc && p->ref) rc = put_absolute(f->sub, tail, &p->absolute);
    return rc ? rc : buf_vputf(&p->sentence, fmt, ap);
}

static int unit_put(struct schema_run *r, struct output_unit *u, const struct parts *p) {
    struct buf *out = &r->texts;
    u->why = out->len;
    int rc = buf_put(out, buf_data(&p->instance), p->instance.len);
    if (!rc && p->instance.len) rc = buf_puts(out, ": ");
    if (!rc) rc = buf_put(out, buf_data(&p->sentence), p->sentence.len);
    u->why_len = out->len - u->why;
    u->json = out->len;
    if (!rc) rc = put_member(out, "instanceLocation", &p->instance);
    if (!rc) rc = put_member(out, "keywordLocation", &p->keyword);
    if (!rc && p->ref) rc = put_member(out, "absoluteKeywordLocation", &p->absolute);
    if (!rc) rc = put_member(out, "error", &p->sentence);
    if (!rc) rc = buf_put(out, "}", 1);
    u->json_len = out->len - u->json;
    return rc;
}

static int unit_add(struct schema_run *r, const struct frame *f, const struct node *v, const char *tail,
                    const char *fmt, va_list ap) {
    struct parts p = {0};
    int rc = parts_fill(&p, r, f, v, tail, fmt, ap);
    if (!rc) rc = unit_put(r, &r->unit[r->n_units], &p);
    if (!rc) r->n_units++;
    buf_deinit(&p.instance);
    buf_deinit(&p.keyword);
    buf_deinit(&p.absolute);
    buf_deinit(&p.sentence);
    return rc ? rc : SCHEMA_E_INVALID;
}

int output_error(struct schema_run *r, const struct frame *f, const struct node *v, const char *tail, const char *fmt,
                 ...) {
    if (r->n_units == r->max_units) return RUN_FULL;
    va_list ap;
    va_start(ap, fmt);
    int rc = unit_add(r, f, v, tail, fmt, ap);
    va_end(ap);
    return rc;
}

int output_write(const struct schema_run *r, struct buf *errors) {
    int rc = buf_put(errors, "[", 1);
    for (unsigned i = 0; i < r->n_units && !rc; i++) {
        if (i) rc = buf_put(errors, ",", 1);
        if (!rc) rc = buf_put(errors, buf_data(&r->texts) + r->unit[i].json, r->unit[i].json_len);
    }
    if (!rc) rc = buf_put(errors, "]", 1);
    if (rc) buf_clear(errors);
    return rc;
}

int run_stop(struct schema_run *r, const struct frame *f, int code, const char *fmt, ...) {
    buf_clear(&r->why);
    int rc = pointer_between(r->scan, r->instance, f->v, &r->why);
    if (!rc && r->why.len) rc = buf_puts(&r->why, ": ");
    va_list ap;
    va_start(ap, fmt);
    if (!rc) rc = buf_vputf(&r->why, fmt, ap);
    va_end(ap);
    if (!rc) rc = buf_put(&r->why, "", 1);
    if (rc) buf_clear(&r->why);
    return rc ? rc : code;
}
