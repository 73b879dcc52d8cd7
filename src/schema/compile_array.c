/* compile_array.c — the keywords for arrays (validation, section 6.4; core, sections 10.3.1 and 11.2). */
#include "schema/compile.h"

int compile_array(struct build *b, enum keyword_id id, const struct node *v) {
    const char *name = keyword_info(id)->name;
    struct array_rules *a = build_array(b);
    if (!a) return compile_nomem(b->c);
    switch (id) {
        case KEYWORD_PREFIX_ITEMS:
            return compile_list(b, name, v, &a->prefix);
        case KEYWORD_ITEMS:
            return compile_sub(b->c, b->doc, v, &a->items);
        case KEYWORD_CONTAINS:
            return compile_sub(b->c, b->doc, v, &a->contains);
        case KEYWORD_MAX_ITEMS:
            return compile_count(b, name, v, &a->max);
        case KEYWORD_MIN_ITEMS:
            return compile_count(b, name, v, &a->min);
        case KEYWORD_UNIQUE_ITEMS:
            return compile_flag(b, name, v, &a->unique);
        case KEYWORD_MAX_CONTAINS:
            return compile_count(b, name, v, &a->max_contains);
        case KEYWORD_MIN_CONTAINS:
            return compile_count(b, name, v, &a->min_contains);
        case KEYWORD_UNEVALUATED_ITEMS:
            b->sub->unevaluated_items = true;
            return compile_sub(b->c, b->doc, v, &a->unevaluated);
        default:
            return 0;
    }
}
