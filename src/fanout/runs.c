#include "fanout/runs.h"

#include <errno.h>
#include <stdlib.h>

void runs_init(struct runs *r, struct memory *m) { *r = (struct runs){.memory = m}; }

void runs_deinit(struct runs *r) {
    while (r->n) {
        struct run run = runs_pop_front(r);
        run_release(&run, r->memory);
    }
    r->memory->used -= r->cap * sizeof *r->v;
    free(r->v);
    runs_init(r, r->memory);
}

enum { FEW = 8, MANY = 64 };

void runs_relax(struct runs *r) {
    if (r->n || r->cap <= MANY) return;
    struct run *v = reallocarray(NULL, FEW, sizeof *v);
    if (!v) return;
    r->memory->used -= (r->cap - FEW) * sizeof *v;
    free(r->v);
    r->v = v;
    r->head = 0;
    r->cap = FEW;
}

int runs_reserve(struct runs *r, uint32_t more) {
    if (r->cap - r->n >= more) return 0;
    uint32_t cap = r->cap ? r->cap : FEW;
    while (cap - r->n < more) {
        if (cap > UINT32_MAX / 4) return -ENOMEM;
        cap *= 2;
    }
    struct run *v = reallocarray(NULL, cap, sizeof *v);
    if (!v) return -ENOMEM;
    for (uint32_t i = 0; i < r->n; i++) v[i] = *runs_at(r, i);
    r->memory->used += (cap - r->cap) * sizeof *v;
    free(r->v);
    r->v = v;
    r->head = 0;
    r->cap = cap;
    return 0;
}

void runs_push_back_take(struct runs *r, struct run run) {
    r->n++;
    *runs_back(r) = run;
}

void runs_push_front_take(struct runs *r, struct run run) {
    r->head = (r->head - 1) & (r->cap - 1);
    r->n++;
    *runs_front(r) = run;
}

struct run runs_pop_front(struct runs *r) {
    struct run run = *runs_front(r);
    r->head = (r->head + 1) & (r->cap - 1);
    r->n--;
    return run;
}

struct run runs_pop_back(struct runs *r) {
    struct run run = *runs_back(r);
    r->n--;
    return run;
}

void run_release(struct run *run, struct memory *m) {
    if (run->type == RUN_LOG) block_release(run->log.block);
    if (run->type == RUN_OWN) own_free(run->own, m);
}

uint32_t run_bytes(const struct run *run) {
    switch (run->type) {
        case RUN_LOG:
            return block_span(run->log.block, run->log.first, run->log.count);
        case RUN_OWN:
            return run->own->len;
        case RUN_GAP:
            return 0;
    }
    return 0;
}

struct own *own_new(struct memory *m, uint32_t len) {
    struct own *o = malloc(sizeof *o + len);
    if (!o) return NULL;
    *o = (struct own){.len = len};
    m->used += sizeof *o + len;
    return o;
}

void own_free(struct own *o, struct memory *m) {
    if (!o) return;
    m->used -= sizeof *o + o->len;
    free(o);
}
