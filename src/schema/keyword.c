#include "schema/keyword.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/suggest.h"
#include "schema/registry.h"

static const struct keyword keywords[] = {
    [KEYWORD_ID] = {"$id", VOCAB_CORE, SHAPE_NONE},
    [KEYWORD_SCHEMA] = {"$schema", VOCAB_CORE, SHAPE_NONE},
    [KEYWORD_REF] = {"$ref", VOCAB_CORE, SHAPE_NONE},
    [KEYWORD_ANCHOR] = {"$anchor", VOCAB_CORE, SHAPE_NONE},
    [KEYWORD_DYNAMIC_REF] = {"$dynamicRef", VOCAB_CORE, SHAPE_NONE},
    [KEYWORD_DYNAMIC_ANCHOR] = {"$dynamicAnchor", VOCAB_CORE, SHAPE_NONE},
    [KEYWORD_VOCABULARY] = {"$vocabulary", VOCAB_CORE, SHAPE_NONE},
    [KEYWORD_COMMENT] = {"$comment", VOCAB_CORE, SHAPE_NONE},
    [KEYWORD_DEFS] = {"$defs", VOCAB_CORE, SHAPE_MAP},
    [KEYWORD_DEFINITIONS] = {"definitions", VOCAB_CORE, SHAPE_MAP},
    [KEYWORD_PREFIX_ITEMS] = {"prefixItems", VOCAB_APPLICATOR, SHAPE_LIST},
    [KEYWORD_ITEMS] = {"items", VOCAB_APPLICATOR, SHAPE_SCHEMA},
    [KEYWORD_CONTAINS] = {"contains", VOCAB_APPLICATOR, SHAPE_SCHEMA},
    [KEYWORD_ADDITIONAL_PROPERTIES] = {"additionalProperties", VOCAB_APPLICATOR, SHAPE_SCHEMA},
    [KEYWORD_PROPERTIES] = {"properties", VOCAB_APPLICATOR, SHAPE_MAP},
    [KEYWORD_PATTERN_PROPERTIES] = {"patternProperties", VOCAB_APPLICATOR, SHAPE_MAP},
    [KEYWORD_DEPENDENT_SCHEMAS] = {"dependentSchemas", VOCAB_APPLICATOR, SHAPE_MAP},
    [KEYWORD_DEPENDENCIES] = {"dependencies", VOCAB_APPLICATOR, SHAPE_DEPENDENCIES},
    [KEYWORD_PROPERTY_NAMES] = {"propertyNames", VOCAB_APPLICATOR, SHAPE_SCHEMA},
    [KEYWORD_IF] = {"if", VOCAB_APPLICATOR, SHAPE_SCHEMA},
    [KEYWORD_THEN] = {"then", VOCAB_APPLICATOR, SHAPE_SCHEMA},
    [KEYWORD_ELSE] = {"else", VOCAB_APPLICATOR, SHAPE_SCHEMA},
    [KEYWORD_ALL_OF] = {"allOf", VOCAB_APPLICATOR, SHAPE_LIST},
    [KEYWORD_ANY_OF] = {"anyOf", VOCAB_APPLICATOR, SHAPE_LIST},
    [KEYWORD_ONE_OF] = {"oneOf", VOCAB_APPLICATOR, SHAPE_LIST},
    [KEYWORD_NOT] = {"not", VOCAB_APPLICATOR, SHAPE_SCHEMA},
    [KEYWORD_UNEVALUATED_ITEMS] = {"unevaluatedItems", VOCAB_UNEVALUATED, SHAPE_SCHEMA},
    [KEYWORD_UNEVALUATED_PROPERTIES] = {"unevaluatedProperties", VOCAB_UNEVALUATED, SHAPE_SCHEMA},
    [KEYWORD_TYPE] = {"type", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_CONST] = {"const", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_ENUM] = {"enum", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_MULTIPLE_OF] = {"multipleOf", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_MAXIMUM] = {"maximum", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_EXCLUSIVE_MAXIMUM] = {"exclusiveMaximum", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_MINIMUM] = {"minimum", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_EXCLUSIVE_MINIMUM] = {"exclusiveMinimum", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_MAX_LENGTH] = {"maxLength", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_MIN_LENGTH] = {"minLength", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_PATTERN] = {"pattern", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_MAX_ITEMS] = {"maxItems", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_MIN_ITEMS] = {"minItems", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_UNIQUE_ITEMS] = {"uniqueItems", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_MAX_CONTAINS] = {"maxContains", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_MIN_CONTAINS] = {"minContains", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_MAX_PROPERTIES] = {"maxProperties", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_MIN_PROPERTIES] = {"minProperties", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_REQUIRED] = {"required", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_DEPENDENT_REQUIRED] = {"dependentRequired", VOCAB_VALIDATION, SHAPE_NONE},
    [KEYWORD_FORMAT] = {"format", VOCAB_FORMAT_ANNOTATION | VOCAB_FORMAT_ASSERTION, SHAPE_NONE},
    [KEYWORD_CONTENT_ENCODING] = {"contentEncoding", VOCAB_CONTENT, SHAPE_NONE},
    [KEYWORD_CONTENT_MEDIA_TYPE] = {"contentMediaType", VOCAB_CONTENT, SHAPE_NONE},
    [KEYWORD_CONTENT_SCHEMA] = {"contentSchema", VOCAB_CONTENT, SHAPE_SCHEMA},
    [KEYWORD_TITLE] = {"title", VOCAB_META_DATA, SHAPE_NONE},
    [KEYWORD_DESCRIPTION] = {"description", VOCAB_META_DATA, SHAPE_NONE},
    [KEYWORD_DEFAULT] = {"default", VOCAB_META_DATA, SHAPE_NONE},
    [KEYWORD_DEPRECATED] = {"deprecated", VOCAB_META_DATA, SHAPE_NONE},
    [KEYWORD_READ_ONLY] = {"readOnly", VOCAB_META_DATA, SHAPE_NONE},
    [KEYWORD_WRITE_ONLY] = {"writeOnly", VOCAB_META_DATA, SHAPE_NONE},
    [KEYWORD_EXAMPLES] = {"examples", VOCAB_META_DATA, SHAPE_NONE},
};
_Static_assert(ARRAY_LEN(keywords) == KEYWORDS, "a row per keyword");

enum keyword_id keyword_find(const struct scan *s, const struct node *key) {
    for (enum keyword_id id = 0; id < KEYWORDS; id++)
        if (scan_equal(s, key, keywords[id].name, strlen(keywords[id].name))) return id;
    return KEYWORDS;
}

const struct keyword *keyword_info(enum keyword_id id) { return &keywords[id]; }

const char *keyword_nearest(const char *word, size_t len) {
    struct suggest s;
    suggest_init(&s, word, len);
    for (enum keyword_id id = 0; id < KEYWORDS; id++) suggest_offer(&s, keywords[id].name);
    return s.best;
}
