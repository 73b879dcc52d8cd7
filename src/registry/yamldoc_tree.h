/* yamldoc_tree.h — building the tree: shared by the YAML and the JSON reader, seen by nobody else. */
#ifndef HOOKCAST_REGISTRY_YAMLDOC_TREE_H
#define HOOKCAST_REGISTRY_YAMLDOC_TREE_H

#include "registry/yamldoc.h"

enum { YAMLDOC_DEPTH_MAX = 64, YAMLDOC_ANCHORS_MAX = 1024, YAMLDOC_EXPANDED_MAX = 10000 };

/* Nodes, arrays and text come from blocks that the document frees together. */
struct yamldoc {
    char *file;
    struct yamldoc_node *root;
    struct yamldoc_block *blocks;
};

struct yamldoc *yamldoc_new(const char *file); /* NULL when out of memory */

/* Zeroed node; text is copied (`len` bytes, may be NULL). NULL when out of memory. */
struct yamldoc_node *yamldoc_node_new(struct yamldoc *d, enum yamldoc_type type, unsigned line, unsigned col,
                                      const char *text, size_t len);

/* Children while they are collected; what they point to is the document's. Zero-initialise. */
struct yamldoc_children {
    struct yamldoc_node **items, **keys;
    size_t n, cap;
};
void yamldoc_children_deinit(struct yamldoc_children *c);
int yamldoc_children_add(struct yamldoc_children *c, struct yamldoc_node *key, struct yamldoc_node *item);

/* Give a list or map its children and work out height and weight. Returns 0, -ENOMEM, or -EINVAL for a duplicate key
 * and for a tree that got too deep. */
int yamldoc_node_fill(struct yamldoc *d, struct yamldoc_node *n, const struct yamldoc_children *c, struct err *e);

/* A plain scalar that stands for nothing. */
bool yamldoc_is_null(const char *text);

/* The JSON reader (yamldoc_json.c). */
int yamldoc_read_json(struct yamldoc *d, const char *text, size_t len, struct err *e);

#endif
