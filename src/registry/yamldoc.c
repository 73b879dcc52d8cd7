#include "registry/yamldoc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "registry/textfile.h"
#include "registry/yamldoc_tree.h"

struct anchor {
    char *name;
    struct yamldoc_node *node;
    bool open; /* its end has not been read yet: an alias to it would be a cycle */
};

struct composer {
    yaml_parser_t parser;
    const char *text; /* what is parsed: `len` bytes */
    size_t len;
    struct yamldoc *doc;
    struct anchor *anchors;
    size_t n_anchors, cap_anchors;
    size_t expanded; /* nodes that aliases stand for */
    struct err *e;
};

static unsigned line_of(yaml_mark_t m) { return (unsigned)m.line + 1; }
static unsigned col_of(yaml_mark_t m) { return (unsigned)m.column + 1; }

#define REFUSE(c, line, col, ...) err_at((c)->e, -EINVAL, (c)->doc->file, (line), (col), __VA_ARGS__)

static int refuse_syntax(const struct composer *c) {
    const yaml_parser_t *p = &c->parser;
    if (p->error == YAML_MEMORY_ERROR) return -ENOMEM;
    unsigned line = line_of(p->problem_mark), col = col_of(p->problem_mark);
    if (p->error == YAML_READER_ERROR) /* these carry an offset only */
        textfile_place(c->text, p->problem_offset < c->len ? p->problem_offset : c->len, &line, &col);
    size_t at = p->problem_mark.index; /* in characters: exact for what this hint is about, or no hint */
    const char *hint = "";
    if (p->error == YAML_SCANNER_ERROR && at < c->len && c->text[at] == '\t') hint = " (a tab: indent with spaces)";
    const char *ctx = p->context ? p->context : "";
    return REFUSE(c, line, col, "not valid YAML: %s%s%s%s", p->problem ? p->problem : "unreadable", *ctx ? ", " : "",
                  ctx, hint);
}

static int next_event(struct composer *c, yaml_event_t *ev) {
    return yaml_parser_parse(&c->parser, ev) ? 0 : refuse_syntax(c);
}

/* ---- anchors ---- */

static int anchor_add(struct composer *c, const yaml_char_t *name, struct yamldoc_node *n, bool open, size_t *indexp) {
    *indexp = SIZE_MAX;
    if (!name) return 0;
    if (c->n_anchors == YAMLDOC_ANCHORS_MAX)
        return REFUSE(c, n->line, n->col, "more than %d anchors in one file", YAMLDOC_ANCHORS_MAX);
    if (c->n_anchors == c->cap_anchors) {
        size_t cap = c->cap_anchors ? c->cap_anchors * 2 : 8;
        struct anchor *p = reallocarray(c->anchors, cap, sizeof *p);
        if (!p) return -ENOMEM;
        c->anchors = p;
        c->cap_anchors = cap;
    }
    char *copy = strdup((const char *)name);
    if (!copy) return -ENOMEM;
    c->anchors[c->n_anchors] = (struct anchor){.name = copy, .node = n, .open = open};
    *indexp = c->n_anchors++;
    return 0;
}

static int resolve_alias(struct composer *c, const yaml_event_t *ev, unsigned depth, struct yamldoc_node **outp) {
    const char *name = (const char *)ev->data.alias.anchor;
    unsigned line = line_of(ev->start_mark), col = col_of(ev->start_mark);
    char q[YAMLDOC_QUOTE_MAX];
    for (size_t i = c->n_anchors; i-- > 0;) {
        const struct anchor *a = &c->anchors[i];
        if (strcmp(a->name, name) != 0) continue;
        if (a->open) return REFUSE(c, line, col, "alias %s stands inside what it names", yamldoc_quote(name, q));
        c->expanded += a->node->weight;
        if (c->expanded > YAMLDOC_EXPANDED_MAX)
            return REFUSE(c, line, col, "the aliases of this file stand for more than %d values", YAMLDOC_EXPANDED_MAX);
        if (depth + a->node->height > YAMLDOC_DEPTH_MAX)
            return REFUSE(c, line, col, "nested more than %d levels deep", YAMLDOC_DEPTH_MAX);
        *outp = a->node;
        return 0;
    }
    return REFUSE(c, line, col, "alias %s names no anchor above it", yamldoc_quote(name, q));
}

/* ---- nodes ---- */

static int check_tag(struct composer *c, const yaml_event_t *ev, const yaml_char_t *tag, const char *wanted) {
    if (!tag || strcmp((const char *)tag, wanted) == 0 || strcmp((const char *)tag, "!") == 0) return 0;
    char q[YAMLDOC_QUOTE_MAX];
    return REFUSE(c, line_of(ev->start_mark), col_of(ev->start_mark), "tag %s is not supported here",
                  yamldoc_quote((const char *)tag, q));
}

static int compose_scalar(struct composer *c, const yaml_event_t *ev, struct yamldoc_node **outp) {
    const char *text = (const char *)ev->data.scalar.value;
    size_t len = ev->data.scalar.length;
    unsigned line = line_of(ev->start_mark), col = col_of(ev->start_mark);
    if (strlen(text) != len) return REFUSE(c, line, col, "a NUL character (\\0) is not allowed in text");
    int r = check_tag(c, ev, ev->data.scalar.tag, YAML_STR_TAG);
    if (r < 0) return r;
    bool quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || ev->data.scalar.tag;
    enum yamldoc_type type = !quoted && yamldoc_is_null(text) ? YAMLDOC_NULL : YAMLDOC_SCALAR;
    struct yamldoc_node *n = yamldoc_node_new(c->doc, type, line, col, text, len);
    if (!n) return -ENOMEM;
    n->quoted = quoted;
    *outp = n;
    size_t index;
    return anchor_add(c, ev->data.scalar.anchor, n, false, &index);
}

static int compose(struct composer *c, const yaml_event_t *ev, unsigned depth, struct yamldoc_node **outp);

/* A key: any scalar. Plain `<<` is refused rather than silently taken for a name, since YAML 1.1 merges there. */
static int compose_key(struct composer *c, const yaml_event_t *ev, unsigned depth, struct yamldoc_node **outp) {
    struct yamldoc_node *k = NULL;
    unsigned line = line_of(ev->start_mark), col = col_of(ev->start_mark);
    int r = compose(c, ev, depth, &k);
    if (r < 0) return r;
    if (k->type == YAMLDOC_LIST || k->type == YAMLDOC_MAP)
        return REFUSE(c, line, col, "a key must be a word, not %s", k->type == YAMLDOC_MAP ? "a map" : "a list");
    if (!k->quoted && strcmp(k->text, "<<") == 0)
        return REFUSE(c, line, col, "merge keys (<<) are not supported: write the keys out");
    struct yamldoc_node *copy = yamldoc_node_new(c->doc, YAMLDOC_SCALAR, line, col, k->text, strlen(k->text));
    if (!copy) return -ENOMEM;
    copy->quoted = k->quoted;
    *outp = copy;
    return 0;
}

static int compose_children(struct composer *c, bool map, unsigned depth, struct yamldoc_children *kids) {
    for (;;) {
        cleanup(yaml_event_delete) yaml_event_t ev = {0};
        int r = next_event(c, &ev);
        if (r < 0) return r;
        if (ev.type == YAML_SEQUENCE_END_EVENT || ev.type == YAML_MAPPING_END_EVENT) return 0;
        struct yamldoc_node *key = NULL, *item = NULL;
        if (map) {
            r = compose_key(c, &ev, depth, &key);
            if (r < 0) return r;
            cleanup(yaml_event_delete) yaml_event_t value = {0};
            r = next_event(c, &value);
            if (r == 0) r = compose(c, &value, depth, &item);
        } else {
            r = compose(c, &ev, depth, &item);
        }
        if (r == 0) r = yamldoc_children_add(kids, key, item);
        if (r < 0) return r;
    }
}

static int compose_container(struct composer *c, const yaml_event_t *ev, unsigned depth, struct yamldoc_node **outp) {
    bool map = ev->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag = map ? ev->data.mapping_start.tag : ev->data.sequence_start.tag;
    const yaml_char_t *anchor = map ? ev->data.mapping_start.anchor : ev->data.sequence_start.anchor;
    unsigned line = line_of(ev->start_mark), col = col_of(ev->start_mark);
    if (depth >= YAMLDOC_DEPTH_MAX) return REFUSE(c, line, col, "nested more than %d levels deep", YAMLDOC_DEPTH_MAX);
    int r = check_tag(c, ev, tag, map ? YAML_MAP_TAG : YAML_SEQ_TAG);
    if (r < 0) return r;
    struct yamldoc_node *n = yamldoc_node_new(c->doc, map ? YAMLDOC_MAP : YAMLDOC_LIST, line, col, NULL, 0);
    if (!n) return -ENOMEM;
    size_t index;
    r = anchor_add(c, anchor, n, true, &index);
    if (r < 0) return r;
    struct yamldoc_children kids = {0};
    r = compose_children(c, map, depth + 1, &kids);
    if (r == 0) r = yamldoc_node_fill(c->doc, n, &kids, c->e);
    yamldoc_children_deinit(&kids);
    if (r < 0) return r;
    if (index != SIZE_MAX) c->anchors[index].open = false;
    *outp = n;
    return 0;
}

/* Recursion is bounded by YAMLDOC_DEPTH_MAX. */
static int compose(struct composer *c, const yaml_event_t *ev, unsigned depth, struct yamldoc_node **outp) {
    switch (ev->type) {
        case YAML_ALIAS_EVENT:
            return resolve_alias(c, ev, depth, outp);
        case YAML_SCALAR_EVENT:
            return compose_scalar(c, ev, outp);
        case YAML_SEQUENCE_START_EVENT:
        case YAML_MAPPING_START_EVENT:
            return compose_container(c, ev, depth, outp);
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_STREAM_END_EVENT:
        case YAML_DOCUMENT_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
            break;
    }
    return REFUSE(c, line_of(ev->start_mark), col_of(ev->start_mark), "not valid YAML: a value is missing");
}

static int compose_stream(struct composer *c) {
    for (;;) {
        cleanup(yaml_event_delete) yaml_event_t ev = {0};
        int r = next_event(c, &ev);
        if (r < 0) return r;
        if (ev.type == YAML_STREAM_END_EVENT) break;
        if (ev.type == YAML_STREAM_START_EVENT || ev.type == YAML_DOCUMENT_END_EVENT) continue;
        if (ev.type == YAML_DOCUMENT_START_EVENT) {
            if (c->doc->root)
                return REFUSE(c, line_of(ev.start_mark), col_of(ev.start_mark),
                              "a second document starts here; a file holds one");
            continue;
        }
        r = compose(c, &ev, 0, &c->doc->root);
        if (r < 0) return r;
    }
    if (!c->doc->root) c->doc->root = yamldoc_node_new(c->doc, YAMLDOC_NULL, 1, 1, NULL, 0);
    return c->doc->root ? 0 : -ENOMEM;
}

static int read_yaml(struct yamldoc *d, const char *text, size_t len, struct err *e) {
    struct composer c = {.text = text, .len = len, .doc = d, .e = e};
    if (!yaml_parser_initialize(&c.parser)) return -ENOMEM;
    yaml_parser_set_encoding(&c.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&c.parser, (const unsigned char *)text, len);
    int r = compose_stream(&c);
    yaml_parser_delete(&c.parser);
    for (size_t i = 0; i < c.n_anchors; i++) free(c.anchors[i].name);
    free(c.anchors);
    return r;
}

int yamldoc_parse(const char *file, const char *text, size_t len, enum yamldoc_syntax syntax, struct yamldoc **docp,
                  struct err *e) {
    int r = textfile_check(file, text, len, e);
    if (r < 0) return r;
    struct yamldoc *d = yamldoc_new(file);
    r = d ? (syntax == YAMLDOC_JSON ? yamldoc_read_json : read_yaml)(d, text, len, e) : -ENOMEM;
    if (r < 0) {
        if (r == -ENOMEM) (void)err_at(e, r, file, 0, 0, "%s", err_str(ENOMEM));
        yamldoc_free(d);
        return r;
    }
    *docp = d;
    return 0;
}

int yamldoc_load(const char *path, struct yamldoc **docp, struct err *e) {
    cleanup_free char *text = NULL;
    size_t len = 0;
    int r = textfile_read(path, &text, &len, e);
    if (r < 0) return r;
    size_t n = strlen(path);
    bool json = n >= 5 && strcmp(path + n - 5, ".json") == 0;
    return yamldoc_parse(path, text, len, json ? YAMLDOC_JSON : YAMLDOC_YAML, docp, e);
}
