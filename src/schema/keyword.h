/* keyword.h — the keywords of draft 2020-12: their vocabulary and where they keep subschemas. */
#ifndef HOOKCAST_SCHEMA_KEYWORD_H
#define HOOKCAST_SCHEMA_KEYWORD_H

#include "json/scan.h"

enum keyword_shape {
    SHAPE_NONE,         /* no subschemas */
    SHAPE_SCHEMA,       /* one */
    SHAPE_LIST,         /* an array of them */
    SHAPE_MAP,          /* an object of them */
    SHAPE_DEPENDENCIES, /* an object of schemas and arrays of strings */
};

enum keyword_id {
    KEYWORD_ID,
    KEYWORD_SCHEMA,
    KEYWORD_REF,
    KEYWORD_ANCHOR,
    KEYWORD_DYNAMIC_REF,
    KEYWORD_DYNAMIC_ANCHOR,
    KEYWORD_VOCABULARY,
    KEYWORD_COMMENT,
    KEYWORD_DEFS,
    KEYWORD_DEFINITIONS,
    KEYWORD_PREFIX_ITEMS,
    KEYWORD_ITEMS,
    KEYWORD_CONTAINS,
    KEYWORD_ADDITIONAL_PROPERTIES,
    KEYWORD_PROPERTIES,
    KEYWORD_PATTERN_PROPERTIES,
    KEYWORD_DEPENDENT_SCHEMAS,
    KEYWORD_DEPENDENCIES,
    KEYWORD_PROPERTY_NAMES,
    KEYWORD_IF,
    KEYWORD_THEN,
    KEYWORD_ELSE,
    KEYWORD_ALL_OF,
    KEYWORD_ANY_OF,
    KEYWORD_ONE_OF,
    KEYWORD_NOT,
    KEYWORD_UNEVALUATED_ITEMS,
    KEYWORD_UNEVALUATED_PROPERTIES,
    KEYWORD_TYPE,
    KEYWORD_CONST,
    KEYWORD_ENUM,
    KEYWORD_MULTIPLE_OF,
    KEYWORD_MAXIMUM,
    KEYWORD_EXCLUSIVE_MAXIMUM,
    KEYWORD_MINIMUM,
    KEYWORD_EXCLUSIVE_MINIMUM,
    KEYWORD_MAX_LENGTH,
    KEYWORD_MIN_LENGTH,
    KEYWORD_PATTERN,
    KEYWORD_MAX_ITEMS,
    KEYWORD_MIN_ITEMS,
    KEYWORD_UNIQUE_ITEMS,
    KEYWORD_MAX_CONTAINS,
    KEYWORD_MIN_CONTAINS,
    KEYWORD_MAX_PROPERTIES,
    KEYWORD_MIN_PROPERTIES,
    KEYWORD_REQUIRED,
    KEYWORD_DEPENDENT_REQUIRED,
    KEYWORD_FORMAT,
    KEYWORD_CONTENT_ENCODING,
    KEYWORD_CONTENT_MEDIA_TYPE,
    KEYWORD_CONTENT_SCHEMA,
    KEYWORD_TITLE,
    KEYWORD_DESCRIPTION,
    KEYWORD_DEFAULT,
    KEYWORD_DEPRECATED,
    KEYWORD_READ_ONLY,
    KEYWORD_WRITE_ONLY,
    KEYWORD_EXAMPLES,
    KEYWORDS
};

struct keyword {
    const char *name;
    unsigned vocab; /* VOCAB_* (registry.h), any of them */
    enum keyword_shape shape;
};

/* The keyword that string node `key` names; KEYWORDS when it is none. */
enum keyword_id keyword_find(const struct scan *s, const struct node *key);
const struct keyword *keyword_info(enum keyword_id id);

/* The nearest keyword to an unknown one; NULL when none is near. */
const char *keyword_nearest(const char *word, size_t len);

#endif
