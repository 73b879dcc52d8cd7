/* compile.c — the queue of subschemas, and the dispatch by keyword. */
#include "schema/compile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/suggest.h"
#include "json/number.h"
#include "schema/load.h"
#include "schema/pattern.h"
#include "schema/uri.h"

#define NOTES_MAX 64

int compile_nomem(struct compiler *c) { return err_set(c->e, -ENOMEM, "out of memory"); }

int compile_note(struct compiler *c, const struct document *d, const struct node *at, const char *fmt, ...) {
    struct schema *s = c->schema;
    struct err e;
    char text[ERR_FORMAT_MAX], words[600];
    if (s->n_notes == NOTES_MAX) return 0;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    (void)document_error(d, at, &e, 0, "%s", words);
    (void)err_format(&e, text, sizeof text);
    if (!s->notes) s->notes = arena_zero(c->arena, NOTES_MAX, sizeof *s->notes);
    char *note = s->notes ? arena_string(c->arena, text, strlen(text)) : NULL;
    if (!note) return compile_nomem(c);
    s->notes[s->n_notes++] = note;
    return 0;
}

/* ---- values of keywords ---- */

int compile_count(struct build *b, const char *keyword, const struct node *v, uint64_t *out) {
    struct number n = number_of(&b->doc->scan, v);
    static const struct number zero = {"0", 1};
    int64_t count = INT64_MAX;
    if (v->type != NODE_NUMBER || !number_is_integer(n) || number_compare(n, zero) < 0)
        return document_error(b->doc, v, b->c->e, -EINVAL, "%s must be a non-negative integer", keyword);
    (void)number_to_int64(n, &count);
    *out = (uint64_t)count;
    return 0;
}

int compile_flag(struct build *b, const char *keyword, const struct node *v, bool *out) {
    if (v->type != NODE_TRUE && v->type != NODE_FALSE)
        return document_error(b->doc, v, b->c->e, -EINVAL, "%s must be true or false", keyword);
    *out = v->type == NODE_TRUE;
    return 0;
}

int compile_pattern(struct build *b, const struct node *at, const struct pattern **out) {
    size_t len;
    if (at->type != NODE_STRING) return document_error(b->doc, at, b->c->e, -EINVAL, "pattern must be a string");
    const char *text = document_string(b->doc, at, b->c->arena, &len);
    if (!text) return compile_nomem(b->c);
    struct buf why = BUF_INIT(0);
    int r = pattern_new(text, len, &b->c->schema->patterns, &why);
    if (!r)
        *out = b->c->schema->patterns;
    else if (r != -ENOMEM)
        r = document_error(b->doc, at, b->c->e, -EINVAL, "bad regular expression \"%.200s\": %.*s", text, (int)why.len,
                           buf_data(&why));
    else
        r = compile_nomem(b->c);
    buf_deinit(&why);
    return r;
}

int compile_list(struct build *b, const char *keyword, const struct node *v, struct subs *out) {
    const struct scan *s = &b->doc->scan;
    if (v->type != NODE_ARRAY || !v->count)
        return document_error(b->doc, v, b->c->e, -EINVAL, "%s must be a non-empty array of schemas", keyword);
    uint32_t n = 0;
    for (const struct node *e = scan_first(s, v); e; e = scan_next(s, v, e)) n++;
    out->at = arena_zero(b->c->arena, n, sizeof *out->at);
    if (!out->at) return compile_nomem(b->c);
    int r = 0;
    for (const struct node *e = scan_first(s, v); e && !r; e = scan_next(s, v, e))
        r = compile_sub(b->c, b->doc, e, &out->at[out->n++]);
    return r;
}

/* ---- rules at first use ---- */

#define BUILD(name, ...)                                             \
    struct name##_rules *build_##name(struct build *b) {             \
        if (b->name) return b->name;                                 \
        struct name##_rules *n = arena_take(b->c->arena, sizeof *n); \
        if (n) *n = (struct name##_rules){__VA_ARGS__};              \
        b->sub->name = n;                                            \
        return b->name = n;                                          \
    }

BUILD(value, 0)
BUILD(number, .set = 0)
BUILD(string, .max = UINT64_MAX)
BUILD(array, .max = UINT64_MAX, .min_contains = 1, .max_contains = UINT64_MAX)
BUILD(object, .max = UINT64_MAX)
BUILD(apply, 0)

/* ---- subschemas ---- */

int compile_sub(struct compiler *c, const struct document *doc, const struct node *n, const struct sub **subp) {
    uint32_t i = document_index(doc, n);
    struct sub *s = doc->sub[i];
    if (!s) {
        if (n->type != NODE_OBJECT && n->type != NODE_TRUE && n->type != NODE_FALSE)
            return document_error(doc, n, c->e, -EINVAL, "a schema must be an object or a boolean");
        s = arena_zero(c->arena, 1, sizeof *s);
        if (!s) return compile_nomem(c);
        *s = (struct sub){.types = n->type == NODE_FALSE ? 0 : TYPE_ANY, .doc = doc, .node = n};
        s->resource = doc->resource[i];
        doc->sub[i] = s;
        if (n->type == NODE_OBJECT) {
            *c->todo_tail = s;
            c->todo_tail = &s->todo;
        }
    }
    *subp = s;
    return 0;
}

static int compile_map(struct build *b, const char *keyword, const struct node *v) {
    const struct sub *ignored;
    const struct scan *s = &b->doc->scan;
    if (v->type != NODE_OBJECT)
        return document_error(b->doc, v, b->c->e, -EINVAL, "%s must be an object of schemas", keyword);
    int r = 0;
    for (const struct node *k = scan_first(s, v); k && !r; k = scan_next_key(s, v, k))
        r = compile_sub(b->c, b->doc, k + 1, &ignored);
    return r;
}

static int expect_string(struct build *b, const char *keyword, const struct node *v) {
    if (v->type == NODE_STRING) return 0;
    return document_error(b->doc, v, b->c->e, -EINVAL, "%s must be a string", keyword);
}

/* Keywords that say nothing about validity: their form is checked all the same. */
static int compile_annotation(struct build *b, enum keyword_id id, const struct node *v) {
    const struct sub *ignored;
    const char *name = keyword_info(id)->name;
    bool flag;
    switch (id) {
        case KEYWORD_COMMENT:
        case KEYWORD_TITLE:
        case KEYWORD_DESCRIPTION:
        case KEYWORD_CONTENT_ENCODING:
        case KEYWORD_CONTENT_MEDIA_TYPE:
            return expect_string(b, name, v);
        case KEYWORD_DEPRECATED:
        case KEYWORD_READ_ONLY:
        case KEYWORD_WRITE_ONLY:
            return compile_flag(b, name, v, &flag);
        case KEYWORD_EXAMPLES:
            if (v->type == NODE_ARRAY) return 0;
            return document_error(b->doc, v, b->c->e, -EINVAL, "examples must be an array");
        case KEYWORD_CONTENT_SCHEMA:
            return compile_sub(b->c, b->doc, v, &ignored);
        case KEYWORD_DEFS:
        case KEYWORD_DEFINITIONS:
            return compile_map(b, name, v);
        default: /* seen when the document was indexed, or of any form */
            return 0;
    }
}

static int compile_keyword(struct build *b, enum keyword_id id, const struct node *v) {
    if (id >= KEYWORD_TYPE && id <= KEYWORD_PATTERN) return compile_value(b, id, v);
    if (id == KEYWORD_FORMAT) return compile_value(b, id, v);
    switch (id) {
        case KEYWORD_PREFIX_ITEMS:
        case KEYWORD_ITEMS:
        case KEYWORD_CONTAINS:
        case KEYWORD_MAX_ITEMS:
        case KEYWORD_MIN_ITEMS:
        case KEYWORD_UNIQUE_ITEMS:
        case KEYWORD_MAX_CONTAINS:
        case KEYWORD_MIN_CONTAINS:
        case KEYWORD_UNEVALUATED_ITEMS:
            return compile_array(b, id, v);
        case KEYWORD_ADDITIONAL_PROPERTIES:
        case KEYWORD_PROPERTIES:
        case KEYWORD_PATTERN_PROPERTIES:
        case KEYWORD_DEPENDENT_SCHEMAS:
        case KEYWORD_DEPENDENCIES:
        case KEYWORD_PROPERTY_NAMES:
        case KEYWORD_UNEVALUATED_PROPERTIES:
        case KEYWORD_MAX_PROPERTIES:
        case KEYWORD_MIN_PROPERTIES:
        case KEYWORD_REQUIRED:
        case KEYWORD_DEPENDENT_REQUIRED:
            return compile_object(b, id, v);
        case KEYWORD_REF:
        case KEYWORD_DYNAMIC_REF:
        case KEYWORD_IF:
        case KEYWORD_THEN:
        case KEYWORD_ELSE:
        case KEYWORD_ALL_OF:
        case KEYWORD_ANY_OF:
        case KEYWORD_ONE_OF:
        case KEYWORD_NOT:
            return compile_applicator(b, id, v);
        default:
            return compile_annotation(b, id, v);
    }
}

static int note_unknown(struct build *b, const struct node *key) {
    if (b->doc != b->c->schema->registry.documents) return 0;
    const char *best = keyword_nearest(scan_ptr(&b->doc->scan, key), key->len);
    char quote[QUOTE_MAX];
    if (!best) return 0;
    return compile_note(b->c, b->doc, key, "unknown keyword \"%s\" (did you mean \"%s\"?)",
                        scan_quote(&b->doc->scan, key, quote), best);
}

/* Which node types need more than a look at the type. */
static unsigned work_of(const struct sub *s) {
    unsigned work = 0;
    if (s->value || s->apply) work = TYPE_ANY;
    if (s->number) work |= TYPE_BIT(NODE_NUMBER);
    if (s->string) work |= TYPE_BIT(NODE_STRING);
    if (s->array) work |= TYPE_BIT(NODE_ARRAY);
    if (s->object) work |= TYPE_BIT(NODE_OBJECT);
    return work;
}

static int compile_one(struct compiler *c, struct sub *s) {
    struct build b = {.c = c, .sub = s, .doc = s->doc, .node = s->node, .vocab = s->resource->vocab};
    const struct scan *scan = &b.doc->scan;
    int r = 0;
    for (const struct node *k = scan_first(scan, b.node); k && !r; k = scan_next_key(scan, b.node, k)) {
        enum keyword_id id = keyword_find(scan, k);
        if (id == KEYWORDS)
            r = note_unknown(&b, k);
        else if (keyword_info(id)->vocab & b.vocab)
            r = compile_keyword(&b, id, k + 1);
    }
    if (!r && b.object) r = compile_object_end(&b);
    s->work = work_of(s) & TYPE_ANY;
    return r;
}

static int compile_all(struct compiler *c) {
    int r = 0;
    do {
        while (c->todo && !r) {
            struct sub *s = c->todo;
            c->todo = s->todo;
            if (!c->todo) c->todo_tail = &c->todo;
            r = compile_one(c, s);
        }
        if (!r) r = compile_dynamics(c);
    } while (!r && c->todo);
    return r;
}

/* ---- the public verbs ---- */

/* The retrieval URI of a file that need not exist. */
static int base_of(struct arena *a, const char *path, const char **basep) {
    struct buf uri = BUF_INIT(0), whole = BUF_INIT(0);
    char *real = path ? realpath(path, NULL) : NULL;
    int r = 0;
    if (path && !real && errno == ENOMEM) r = -ENOMEM;
    if (path && !real && *path != '/') {
        char *cwd = getcwd(NULL, 0);
        r = cwd ? buf_putf(&whole, "%s/", cwd) : -ENOMEM;
        free(cwd);
    }
    if (!r && path) r = buf_puts(&whole, real ? real : path);
    const char *p = r ? NULL : buf_cstr(&whole);
    if (!r) r = !p ? -ENOMEM : path ? uri_of_path(p, &uri) : 0;
    if (!r) *basep = arena_string(a, buf_data(&uri), uri.len);
    if (!r && !*basep) r = -ENOMEM;
    free(real);
    buf_deinit(&uri);
    buf_deinit(&whole);
    return r;
}

/* `json` or `text`, whichever is not NULL. */
static int compile_start(struct compiler *c, const json_t *json, const char *text, size_t len, const char *path,
                         const struct schema_options *o) {
    struct schema *s = c->schema;
    struct resource *root;
    const char *base, *file = arena_string(c->arena, path ? path : "", path ? strlen(path) : 0);
    int r = registry_init(&s->registry, c->arena, o, c->e);
    if (r) return r;
    struct document *d = registry_document(&s->registry);
    if (!d || !file || base_of(c->arena, path, &base)) return compile_nomem(c);
    r = json ? document_of_json(d, json, file, c->e) : document_of_text(d, text, len, file, c->e);
    if (!r) r = registry_index(&s->registry, d, base, c->e, &root);
    if (!r) r = compile_sub(c, d, scan_root(&d->scan), &s->root);
    return r ? r : compile_all(c);
}

static int compile_new(const json_t *json, const char *text, size_t len, const char *path,
                       const struct schema_options *o, struct schema **schemap, struct err *e) {
    struct err own = {0};
    struct schema *s = calloc(1, sizeof *s);
    if (!s) return err_set(e, -ENOMEM, "out of memory");
    if (o) {
        s->max_steps = o->max_steps;
        s->format_assertion = o->format_assertion;
    }
    struct compiler c = {.schema = s, .arena = &s->arena, .e = &own};
    c.todo_tail = &c.todo;
    int r = compile_start(&c, json, text, len, path, o);
    if (r) {
        if (e) *e = own;
        (void)schema_free(s);
        return r;
    }
    *schemap = s;
    return 0;
}

int schema_compile(const json_t *doc, const char *path, const struct schema_options *o, struct schema **schemap,
                   struct err *e) {
    return compile_new(doc, NULL, 0, path, o, schemap, e);
}

int schema_compile_text(const char *text, size_t len, const char *path, const struct schema_options *o,
                        struct schema **schemap, struct err *e) {
    return compile_new(NULL, text, len, path, o, schemap, e);
}

struct schema *schema_free(struct schema *s) {
    if (!s) return NULL;
    registry_deinit(&s->registry);
    (void)pattern_free_all(s->patterns);
    arena_deinit(&s->arena);
    free(s);
    return NULL;
}

const char *schema_note(const struct schema *s, size_t i) { return i < s->n_notes ? s->notes[i] : NULL; }
