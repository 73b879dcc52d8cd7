/* dialect.c — what "$schema" says: the draft, or a meta-schema of one's own with its "$vocabulary". */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "schema/registry.h"
#include "schema/uri.h"

#define DRAFT "https://json-schema.org/draft/2020-12/"

static const struct {
    const char *uri;
    unsigned bit;
} vocabularies[] = {
    {DRAFT "vocab/core", VOCAB_CORE},
    {DRAFT "vocab/applicator", VOCAB_APPLICATOR},
    {DRAFT "vocab/unevaluated", VOCAB_UNEVALUATED},
    {DRAFT "vocab/validation", VOCAB_VALIDATION},
    {DRAFT "vocab/meta-data", VOCAB_META_DATA},
    {DRAFT "vocab/format-annotation", VOCAB_FORMAT_ANNOTATION},
    {DRAFT "vocab/format-assertion", VOCAB_FORMAT_ASSERTION},
    {DRAFT "vocab/content", VOCAB_CONTENT},
};

static int vocabulary_read(const struct document *d, const struct node *v, struct err *e, unsigned *vocabp) {
    unsigned vocab = VOCAB_CORE;
    if (v->type != NODE_OBJECT) return document_error(d, v, e, -EINVAL, "$vocabulary must be an object");
    for (const struct node *k = scan_first(&d->scan, v); k; k = scan_next_key(&d->scan, v, k)) {
        if (k[1].type != NODE_TRUE && k[1].type != NODE_FALSE)
            return document_error(d, k, e, -EINVAL, "true or false is expected");
        unsigned bit = 0;
        for (size_t i = 0; i < ARRAY_LEN(vocabularies); i++)
            if (scan_equal(&d->scan, k, vocabularies[i].uri, strlen(vocabularies[i].uri))) bit = vocabularies[i].bit;
        if (!bit && k[1].type == NODE_TRUE)
            return document_error(d, k, e, -EINVAL, "this vocabulary is required, but not known here");
        vocab |= bit;
    }
    *vocabp = vocab;
    return 0;
}

int dialect_find(struct registry *g, const struct document *doc, const struct node *at, struct err *e,
                 unsigned *vocabp) {
    if (at->type != NODE_STRING) return document_error(doc, at, e, -EINVAL, "$schema must be a string");
    size_t len;
    char *uri = document_string(doc, at, g->arena, &len);
    if (!uri) return err_set(e, -ENOMEM, "out of memory");
    if (len && uri[len - 1] == '#') uri[--len] = 0;
    if (!strcmp(uri, DRAFT "schema")) {
        *vocabp = VOCAB_DEFAULT;
        return 0;
    }
    struct resource *meta = NULL;
    struct err why = {0};
    int r = strchr(uri, '#') || !uri_is_absolute(uri, len) ? -ENOENT : registry_find(g, uri, &why, &meta);
    if (r == -ENOMEM) return err_set(e, r, "out of memory");
    if (r)
        return document_error(doc, at, e, -EINVAL,
                              "unknown dialect \"%s\": only \"" DRAFT "schema\" is spoken here%s%s", uri,
                              *why.text ? "; " : "", why.text);
    const struct node *v = scan_get(&meta->doc->scan, meta->node, "$vocabulary");
    if (!v) {
        *vocabp = meta->vocab;
        return 0;
    }
    return vocabulary_read(meta->doc, v, e, vocabp);
}
