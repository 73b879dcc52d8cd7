#include "registry/yamldoc_tree.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct yamldoc_block {
    struct yamldoc_block *next;
    size_t used, cap;
    alignas(max_align_t) char bytes[];
};

enum { BLOCK_SIZE = 8192 };

static void *take(struct yamldoc *d, size_t size) {
    size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    struct yamldoc_block *b = d->blocks;
    if (!b || b->cap - b->used < size) {
        size_t cap = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        b = malloc(sizeof *b + cap);
        if (!b) return NULL;
        *b = (struct yamldoc_block){.next = d->blocks, .cap = cap};
        d->blocks = b;
    }
    void *p = b->bytes + b->used;
    b->used += size;
    return p;
}

struct yamldoc *yamldoc_new(const char *file) {
    struct yamldoc *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->file = strdup(file);
    return d->file ? d : yamldoc_free(d);
}

struct yamldoc *yamldoc_free(struct yamldoc *d) {
    if (!d) return NULL;
    while (d->blocks) {
        struct yamldoc_block *next = d->blocks->next;
        free(d->blocks);
        d->blocks = next;
    }
    free(d->file);
    free(d);
    return NULL;
}

struct yamldoc_node *yamldoc_node_new(struct yamldoc *d, enum yamldoc_type type, unsigned line, unsigned col,
                                      const char *text, size_t len) {
    struct yamldoc_node *n = take(d, sizeof *n);
    char *copy = take(d, len + 1);
    if (!n || !copy) return NULL;
    if (len) memcpy(copy, text, len);
    copy[len] = '\0';
    *n = (struct yamldoc_node){.type = type, .line = line, .col = col, .text = copy, .height = 1, .weight = 1};
    return n;
}

void yamldoc_children_deinit(struct yamldoc_children *c) {
    free(c->items);
    free(c->keys);
    *c = (struct yamldoc_children){0};
}

int yamldoc_children_add(struct yamldoc_children *c, struct yamldoc_node *key, struct yamldoc_node *item) {
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 8;
        struct yamldoc_node **p = reallocarray(c->items, cap, sizeof(*p));
        if (!p) return -ENOMEM;
        c->items = p;
        p = reallocarray(c->keys, cap, sizeof(*p));
        if (!p) return -ENOMEM;
        c->keys = p;
        c->cap = cap;
    }
    c->items[c->n] = item;
    c->keys[c->n++] = key;
    return 0;
}

static int by_key(const void *a, const void *b) {
    const struct yamldoc_node *x = *(struct yamldoc_node *const *)a, *y = *(struct yamldoc_node *const *)b;
    int d = strcmp(x->text, y->text);
    if (d) return d;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    return (x->col > y->col) - (x->col < y->col);
}

/* By sorting a copy, so that a hostile map of 100,000 keys costs no more than a sort. */
static int refuse_duplicates(const struct yamldoc *d, const struct yamldoc_node *map, struct err *e) {
    if (map->n < 2) return 0;
    cleanup_free struct yamldoc_node **keys = reallocarray(NULL, map->n, sizeof(*keys));
    if (!keys) return -ENOMEM;
    memcpy(keys, map->keys, map->n * sizeof(*keys));
    qsort(keys, map->n, sizeof(*keys), by_key);
    for (size_t i = 1; i < map->n; i++) {
        const struct yamldoc_node *first = keys[i - 1], *again = keys[i];
        if (strcmp(first->text, again->text) != 0) continue;
        char q[YAMLDOC_QUOTE_MAX];
        return err_at(e, -EINVAL, d->file, again->line, again->col, "key %s is given twice; first at line %u column %u",
                      yamldoc_quote(again->text, q), first->line, first->col);
    }
    return 0;
}

static struct yamldoc_node **copy_array(struct yamldoc *d, struct yamldoc_node **from, size_t n) {
    struct yamldoc_node **to = take(d, n * sizeof(*to));
    if (to && n) memcpy(to, from, n * sizeof(*to));
    return to;
}

int yamldoc_node_fill(struct yamldoc *d, struct yamldoc_node *n, const struct yamldoc_children *c, struct err *e) {
    n->items = copy_array(d, c->items, c->n);
    if (!n->items) return -ENOMEM;
    n->n = c->n;
    for (size_t i = 0; i < n->n; i++) {
        const struct yamldoc_node *child =
            n->items[i]; /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): copied */
        if (child->height >= n->height) n->height = child->height + 1;
        n->weight += child->weight; /* bounded: 1 MiB of text and YAMLDOC_EXPANDED_MAX nodes by alias */
    }
    if (n->height > YAMLDOC_DEPTH_MAX)
        return err_at(e, -EINVAL, d->file, n->line, n->col, "nested more than %d levels deep", YAMLDOC_DEPTH_MAX);
    if (n->type != YAMLDOC_MAP) return 0;
    n->keys = copy_array(d, c->keys, c->n);
    if (!n->keys) return -ENOMEM;
    return refuse_duplicates(d, n, e);
}

bool yamldoc_is_null(const char *text) {
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(text, words[i]) == 0) return true;
    return false;
}

const char *yamldoc_file(const struct yamldoc *d) { return d->file; }

const struct yamldoc_node *yamldoc_root(const struct yamldoc *d) { return d->root; }

const struct yamldoc_node *yamldoc_get(const struct yamldoc_node *map, const char *key) {
    if (map->type != YAMLDOC_MAP) return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->keys[i]->text, key) == 0) return map->items[i];
    return NULL;
}
