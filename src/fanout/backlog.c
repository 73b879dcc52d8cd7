#include "fanout/backlog.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct backlog {
    struct memory *memory;
    struct block *head, *tail; /* oldest, newest */
    void (*wanted)(void *ctx);
    void *ctx;
};

struct backlog *backlog_new(struct memory *m, void (*wanted)(void *ctx), void *ctx) {
    struct backlog *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    *l = (struct backlog){.memory = m, .wanted = wanted, .ctx = ctx};
    return l;
}

struct backlog *backlog_free(struct backlog *l) {
    if (!l) return NULL;
    while (l->head) {
        struct block *b = l->head;
        l->head = b->next;
        (void)block_free(b);
    }
    free(l);
    return NULL;
}

static void unlink_block(struct backlog *l, struct block *b) {
    *(b->prev ? &b->prev->next : &l->head) = b->next;
    *(b->next ? &b->next->prev : &l->tail) = b->prev;
    (void)block_free(b);
}

void backlog_idle(struct backlog *l, struct block *b) {
    if (b != l->tail) unlink_block(l, b);
}

void backlog_trim(struct backlog *l) {
    if (l->tail && !l->tail->runs && l->tail->n) unlink_block(l, l->tail);
}

struct block *backlog_oldest(const struct backlog *l) {
    return l->head;
}

static int grow(struct backlog *l, size_t len) {
    if (l->wanted) l->wanted(l->ctx);
    if (l->tail && !l->tail->runs) unlink_block(l, l->tail); /* full, and nobody reads it */
    bool large = len > BLOCK_DATA;
    struct block *b = block_new(l->memory, large ? len : BLOCK_DATA, large ? 1 : BLOCK_MESSAGES);
    if (!b) return -ENOMEM;
    b->log = l;
    b->prev = l->tail;
    *(l->tail ? &l->tail->next : &l->head) = b;
    l->tail = b;
    return 0;
}

int backlog_append(struct backlog *l, const struct iovec *parts, size_t n_parts, uint32_t hook, uint64_t seq,
                   nsec_t accepted, struct block **blockp, uint32_t *indexp) {
    size_t len = 0;
    for (size_t i = 0; i < n_parts; i++) len += parts[i].iov_len;
    if (!l->tail || !block_fits(l->tail, len)) {
        int r = grow(l, len);
        if (r < 0) return r;
    }
    *indexp = block_append(l->tail, parts, n_parts, hook, seq, accepted);
    *blockp = l->tail;
    return 0;
}
