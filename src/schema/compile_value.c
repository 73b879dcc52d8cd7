/* compile_value.c — type, enum, const, the limits of numbers and strings, format (validation, sections 6.1-6.3, 7). */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/suggest.h"
#include "schema/compile.h"
#include "schema/format.h"

static const struct {
    const char *name;
    unsigned bits;
} types[] = {{"null", TYPE_BIT(NODE_NULL)},     {"boolean", TYPE_BIT(NODE_FALSE) | TYPE_BIT(NODE_TRUE)},
             {"number", TYPE_BIT(NODE_NUMBER)}, {"integer", TYPE_INTEGER},
             {"string", TYPE_BIT(NODE_STRING)}, {"array", TYPE_BIT(NODE_ARRAY)},
             {"object", TYPE_BIT(NODE_OBJECT)}};

static int type_bits(struct build *b, const struct node *v, unsigned *bitsp) {
    const struct scan *s = &b->doc->scan;
    if (v->type != NODE_STRING)
        return document_error(b->doc, v, b->c->e, -EINVAL, "type must be a string or an array of strings");
    struct suggest near;
    suggest_init(&near, scan_ptr(s, v), v->len);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        suggest_offer(&near, types[i].name);
        if (!scan_equal(s, v, types[i].name, strlen(types[i].name))) continue;
        *bitsp |= types[i].bits;
        return 0;
    }
    char quote[QUOTE_MAX], hint[64];
    return document_error(b->doc, v, b->c->e, -EINVAL,
                          "unknown type \"%s\"%s: null, boolean, number, integer, string, array or object",
                          scan_quote(s, v, quote), suggest_hint(near.best, hint, sizeof hint));
}

static int compile_type(struct build *b, const struct node *v) {
    const struct scan *s = &b->doc->scan;
    unsigned bits = 0;
    int r = 0;
    if (v->type == NODE_ARRAY) {
        if (!v->count) return document_error(b->doc, v, b->c->e, -EINVAL, "type must name at least one type");
        for (const struct node *e = scan_first(s, v); e && !r; e = scan_next(s, v, e)) r = type_bits(b, e, &bits);
    } else {
        r = type_bits(b, v, &bits);
    }
    if (bits & TYPE_BIT(NODE_NUMBER)) bits &= ~TYPE_INTEGER;
    b->sub->types = (uint16_t)bits;
    return r;
}

static int compile_const(struct build *b, const struct node *v) {
    struct value_rules *rules = build_value(b);
    struct constant *c = arena_zero(b->c->arena, 1, sizeof *c);
    if (!rules || !c) return compile_nomem(b->c);
    *c = (struct constant){&b->doc->scan, v};
    rules->constant = c;
    return 0;
}

static int compile_enum(struct build *b, const struct node *v) {
    const struct scan *s = &b->doc->scan;
    struct value_rules *rules = build_value(b);
    if (v->type != NODE_ARRAY) return document_error(b->doc, v, b->c->e, -EINVAL, "enum must be an array");
    uint32_t n = 0;
    for (const struct node *e = scan_first(s, v); e; e = scan_next(s, v, e)) n += e->type != NODE_STRING;
    struct constant *list = arena_zero(b->c->arena, n, sizeof *list);
    if (!rules || !list) return compile_nomem(b->c);
    rules->has_enum = true;
    rules->list = list;
    for (const struct node *e = scan_first(s, v); e; e = scan_next(s, v, e)) {
        size_t len;
        if (e->type != NODE_STRING) {
            list[rules->n_list++] = (struct constant){s, e};
            continue;
        }
        const char *text = document_string(b->doc, e, b->c->arena, &len);
        if (!text || names_add(&rules->strings, b->c->arena, text, len) < 0) return compile_nomem(b->c);
    }
    return names_finish(&rules->strings, b->c->arena) ? compile_nomem(b->c) : 0;
}

static int compile_limit(struct build *b, enum keyword_id id, int which, const struct node *v) {
    static const struct number zero = {"0", 1};
    const char *name = keyword_info(id)->name;
    if (v->type != NODE_NUMBER) return document_error(b->doc, v, b->c->e, -EINVAL, "%s must be a number", name);
    struct number_rules *rules = build_number(b);
    if (!rules) return compile_nomem(b->c);
    struct limit *l = rules->limit + which;
    l->number = number_of(&b->doc->scan, v);
    l->is_small = !number_to_int64(l->number, &l->small);
    rules->set |= 1u << which;
    if (which != LIMIT_MULTIPLE) return 0;
    bool ignored;
    if (number_compare(l->number, zero) <= 0)
        return document_error(b->doc, v, b->c->e, -EINVAL, "multipleOf must be greater than 0");
    if (number_is_multiple(zero, l->number, &ignored))
        return document_error(b->doc, v, b->c->e, -EINVAL, "multipleOf may have at most 19 digits");
    return 0;
}

static int compile_length(struct build *b, enum keyword_id id, const struct node *v) {
    struct string_rules *rules = build_string(b);
    if (!rules) return compile_nomem(b->c);
    return compile_count(b, keyword_info(id)->name, v, id == KEYWORD_MIN_LENGTH ? &rules->min : &rules->max);
}

/* An annotation unless it is asked for (validation, section 7.2); a format that is not known here never fails. */
static int compile_format(struct build *b, const struct node *v) {
    if (v->type != NODE_STRING) return document_error(b->doc, v, b->c->e, -EINVAL, "format must be a string");
    if (!b->c->schema->format_assertion && !(b->vocab & VOCAB_FORMAT_ASSERTION)) return 0;
    size_t len;
    const char *name = document_string(b->doc, v, b->c->arena, &len);
    if (!name) return compile_nomem(b->c);
    unsigned format = format_find(name, len);
    if (!format) return compile_note(b->c, b->doc, v, "the format \"%.60s\" is not asserted here", name);
    struct string_rules *rules = build_string(b);
    if (!rules) return compile_nomem(b->c);
    rules->format = format;
    return 0;
}

int compile_value(struct build *b, enum keyword_id id, const struct node *v) {
    struct string_rules *rules;
    switch (id) {
        case KEYWORD_TYPE:
            return compile_type(b, v);
        case KEYWORD_CONST:
            return compile_const(b, v);
        case KEYWORD_ENUM:
            return compile_enum(b, v);
        case KEYWORD_MULTIPLE_OF:
            return compile_limit(b, id, LIMIT_MULTIPLE, v);
        case KEYWORD_MAXIMUM:
            return compile_limit(b, id, LIMIT_MAXIMUM, v);
        case KEYWORD_EXCLUSIVE_MAXIMUM:
            return compile_limit(b, id, LIMIT_BELOW, v);
        case KEYWORD_MINIMUM:
            return compile_limit(b, id, LIMIT_MINIMUM, v);
        case KEYWORD_EXCLUSIVE_MINIMUM:
            return compile_limit(b, id, LIMIT_ABOVE, v);
        case KEYWORD_MAX_LENGTH:
        case KEYWORD_MIN_LENGTH:
            return compile_length(b, id, v);
        case KEYWORD_PATTERN:
            rules = build_string(b);
            return rules ? compile_pattern(b, v, &rules->pattern) : compile_nomem(b->c);
        case KEYWORD_FORMAT:
            return compile_format(b, v);
        default:
            return 0;
    }
}
