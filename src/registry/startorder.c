#include "registry/startorder.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/strv.h"

enum { CYCLE_TEXT_MAX = 600 };
#define NONE SIZE_MAX

struct node {
    size_t *deps;           /* indices, borrowed from graph.edges */
    size_t n_deps, waiting; /* how many of them are not placed yet */
    bool placed;
    bool loose; /* not reached by peeling: in a cycle, or above one */
};

struct graph {
    const struct startorder_item *items;
    size_t n;
    struct node *nodes;
    size_t *edges, *by_name;
    size_t *from, *queue; /* scratch for the search */
    struct startorder_verdict *verdicts;
};

static int compare_names(const void *a, const void *b, void *ctx) {
    const struct startorder_item *items = ctx;
    return strcmp(items[*(const size_t *)a].name, items[*(const size_t *)b].name);
}

static size_t find(const struct graph *g, const char *name) {
    size_t lo = 0, hi = g->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int d = strcmp(name, g->items[g->by_name[mid]].name);
        if (d == 0) return g->by_name[mid];
        if (d < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NONE;
}

static void link_nodes(struct graph *g) {
    for (size_t i = 0; i < g->n; i++) g->by_name[i] = i;
    qsort_r(g->by_name, g->n, sizeof *g->by_name, compare_names, (void *)g->items);
    size_t e = 0;
    for (size_t i = 0; i < g->n; i++) {
        struct node *node = &g->nodes[i];
        node->deps = &g->edges[e];
        for (char *const *d = g->items[i].depends_on; d && *d; d++) {
            size_t to = find(g, *d);
            if (to != NONE)
                node->deps[node->n_deps++] = to;
            else if (!g->verdicts[i].missing)
                g->verdicts[i].missing = *d;
        }
        e += node->n_deps;
        node->waiting = node->n_deps;
    }
}

/* Does a come before b, both being free to? */
static bool before(const struct startorder_item *a, const struct startorder_item *b) {
    if (a->priority != b->priority) return a->priority > b->priority;
    return strcmp(a->name, b->name) < 0;
}

/* The path of depends_on from the search's start to `at`, by the marks in g->from, then the start again. */
static char *cycle_text(const struct graph *g, size_t start, size_t at) {
    size_t n = 0;
    for (size_t i = at; i != start; i = g->from[i]) g->queue[n++] = i; /* the search is over: its queue is free */
    char *out = malloc(CYCLE_TEXT_MAX);
    if (!out) return NULL;
    size_t o = (size_t)snprintf(out, CYCLE_TEXT_MAX, "%.128s", g->items[start].name);
    for (; n > 0 && o < CYCLE_TEXT_MAX - 300; n--)
        o += (size_t)snprintf(out + o, CYCLE_TEXT_MAX - o, " -> %.128s", g->items[g->queue[n - 1]].name);
    (void)snprintf(out + o, CYCLE_TEXT_MAX - o, "%s -> %.128s", n > 0 ? " -> ..." : "", g->items[start].name);
    return out;
}

/* Breadth first along depends_on: the shortest way from `start` back to itself. */
static int find_cycle(struct graph *g, size_t start) {
    for (size_t i = 0; i < g->n; i++) g->from[i] = NONE;
    size_t head = 0, tail = 0;
    g->queue[tail++] = start;
    while (head < tail) {
        size_t at = g->queue[head++];
        const struct node *node = &g->nodes[at];
        for (size_t d = 0; d < node->n_deps; d++) {
            size_t to = node->deps[d];
            if (to == start) {
                g->verdicts[start].cycle = cycle_text(g, start, at);
                return g->verdicts[start].cycle ? 0 : -ENOMEM;
            }
            if (!g->nodes[to].loose || g->from[to] != NONE) continue;
            g->from[to] = at;
            g->queue[tail++] = to;
        }
    }
    return 0;
}

static void place(struct graph *g, size_t i) {
    g->nodes[i].placed = true;
    for (size_t k = 0; k < g->n; k++)
        for (size_t d = 0; d < g->nodes[k].n_deps; d++)
            if (g->nodes[k].deps[d] == i && g->nodes[k].waiting > 0) g->nodes[k].waiting--;
}

/* The next to place: the best of those that wait for nothing, else the best of those in a cycle. */
static size_t pick(const struct graph *g, bool cyclic) {
    size_t best = NONE;
    for (size_t i = 0; i < g->n; i++) {
        const struct node *node = &g->nodes[i];
        if (node->placed || (cyclic ? !g->verdicts[i].cycle : node->waiting > 0)) continue;
        if (best == NONE || before(&g->items[i], &g->items[best])) best = i;
    }
    return best;
}

static int sort(struct graph *g, size_t *order) {
    size_t n = 0, i;
    while ((i = pick(g, false)) != NONE) {
        place(g, i);
        order[n++] = i;
    }
    if (n == g->n) return 0;
    for (i = 0; i < g->n; i++) g->nodes[i].loose = !g->nodes[i].placed;
    for (i = 0; i < g->n; i++) {
        int r = g->nodes[i].loose ? find_cycle(g, i) : 0;
        if (r < 0) return r;
    }
    while (n < g->n) {
        i = pick(g, false);
        if (i == NONE) i = pick(g, true); /* nothing free: something of what is left is in a cycle */
        place(g, i);
        order[n++] = i;
    }
    return 0;
}

int startorder_sort(const struct startorder_item *items, size_t n, size_t *order, struct startorder_verdict *verdicts) {
    if (n == 0) return 0;
    size_t n_edges = 1;
    for (size_t i = 0; i < n; i++) n_edges += strv_len(items[i].depends_on);
    cleanup_free struct node *nodes = calloc(n, sizeof *nodes);
    cleanup_free size_t *scratch = calloc(n * 4 + n_edges, sizeof *scratch);
    cleanup_free struct startorder_verdict *found = calloc(n, sizeof *found);
    if (!nodes || !scratch || !found) return -ENOMEM;
    struct graph g = {.items = items,
                      .n = n,
                      .nodes = nodes,
                      .by_name = scratch,
                      .from = scratch + n,
                      .queue = scratch + 2 * n,
                      .edges = scratch + 4 * n,
                      .verdicts = found};
    size_t *result = scratch + 3 * n;
    link_nodes(&g);
    int r = sort(&g, result);
    if (r < 0) {
        for (size_t i = 0; i < n; i++) free(found[i].cycle);
        return r;
    }
    memcpy(order, result, n * sizeof *order);
    memcpy(verdicts, found, n * sizeof *verdicts);
    return 0;
}
