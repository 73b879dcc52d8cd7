/* runs.h — what a queue is made of: runs, in a double-ended array.
 *
 * A run is LOG (consecutive messages of one block), OWN (bytes of the daemon's own: setup, health, a gap notice) or GAP
 * (events that were lost here). The array owns what its runs hold: a LOG run counts in its block, an OWN run owns its
 * bytes. Growing is the only thing that can fail (runs_reserve); every push needs a slot reserved before. */
#ifndef HOOKCAST_FANOUT_RUNS_H
#define HOOKCAST_FANOUT_RUNS_H

#include <stdbool.h>

#include "fanout/block.h"

struct gap {
    uint64_t count, first, last; /* events lost; the first and the last one's seq */
};

/* Bytes of ours for one child. A gap notice remembers its gap: until it was read, it can become one again. */
struct own {
    uint32_t len;
    bool is_notice;
    struct gap gap;
    char bytes[];
};

enum run_type { RUN_LOG, RUN_OWN, RUN_GAP };

struct run {
    enum run_type type;
    union {
        struct {
            struct block *block;
            uint32_t first, count; /* messages of `block`; count >= 1 */
        } log;
        struct own *own;
        struct gap gap;
    };
};

struct runs {
    struct run *v; /* a ring; cap is 0 or a power of two */
    uint32_t head, n, cap;
    struct memory *memory;
};

void runs_init(struct runs *r, struct memory *m);
void runs_deinit(struct runs *r); /* releases every run; twice is harmless */

int runs_reserve(struct runs *r, uint32_t more); /* 0 or -ENOMEM */
void runs_relax(struct runs *r);                 /* an empty one gives back what it grew to */

static inline struct run *runs_at(const struct runs *r, uint32_t i) { return &r->v[(r->head + i) & (r->cap - 1)]; }
static inline struct run *runs_front(const struct runs *r) { return r->n ? runs_at(r, 0) : NULL; }
static inline struct run *runs_back(const struct runs *r) { return r->n ? runs_at(r, r->n - 1) : NULL; }

/* These take over what the run holds. */
void runs_push_back_take(struct runs *r, struct run run);
void runs_push_front_take(struct runs *r, struct run run);
/* These hand it to the caller. */
struct run runs_pop_front(struct runs *r);
struct run runs_pop_back(struct runs *r);

void run_release(struct run *run, struct memory *m); /* drop what it holds */
uint32_t run_bytes(const struct run *run);           /* LOG, OWN; 0 for GAP */

/* Heap objects charged to memory; NULL when out of memory. */
struct own *own_new(struct memory *m, uint32_t len);
void own_free(struct own *o, struct memory *m);

static inline void gap_widen(struct gap *g, const struct gap *more) {
    if (!g->count || more->first < g->first) g->first = more->first;
    if (!g->count || more->last > g->last) g->last = more->last;
    g->count += more->count;
}

#endif
