/* compile_applicator.c — references and the keywords that combine schemas (core, sections 8.2.3 and 10.2). */
#include "schema/compile.h"

int compile_applicator(struct build *b, enum keyword_id id, const struct node *v) {
    const char *name = keyword_info(id)->name;
    struct apply_rules *a = build_apply(b);
    if (!a) return compile_nomem(b->c);
    switch (id) {
        case KEYWORD_REF:
            return compile_ref(b, v, &a->ref);
        case KEYWORD_DYNAMIC_REF:
            return compile_dynamic_ref(b, v);
        case KEYWORD_IF:
            return compile_sub(b->c, b->doc, v, &a->if_);
        case KEYWORD_THEN:
            return compile_sub(b->c, b->doc, v, &a->then_);
        case KEYWORD_ELSE:
            return compile_sub(b->c, b->doc, v, &a->else_);
        case KEYWORD_ALL_OF:
            return compile_list(b, name, v, &a->all_of);
        case KEYWORD_ANY_OF:
            return compile_list(b, name, v, &a->any_of);
        case KEYWORD_ONE_OF:
            return compile_list(b, name, v, &a->one_of);
        case KEYWORD_NOT:
            return compile_sub(b->c, b->doc, v, &a->not_);
        default:
            return 0;
    }
}
