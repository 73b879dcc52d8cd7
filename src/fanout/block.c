#include "fanout/block.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fanout/backlog.h"
#include "fanout/stage.h"

static size_t page_round(size_t n) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (n + page - 1) / page * page;
}

static bool usual(size_t data, uint32_t max_messages) { return data == BLOCK_DATA && max_messages == BLOCK_MESSAGES; }

static struct block *take_spare(struct memory *m) {
    struct block *b = m->spare;
    m->spare = b->next;
    m->n_spare--;
    *b = (struct block){
        .memory = m, .data = b->data, .mapped = b->mapped, .cap = b->cap, .max = b->max, .serial = ++m->serials};
    m->used += sizeof *b;
    return b;
}

void memory_deinit(struct memory *m) {
    for (struct block *b; (b = m->spare);) {
        m->spare = b->next;
        (void)munmap(b->data, b->mapped);
    }
    m->n_spare = 0;
}

struct block *block_new(struct memory *m, size_t want, uint32_t max_messages) {
    if (want > UINT32_MAX / 2) return NULL;
    if (m->spare && usual(want, max_messages)) return take_spare(m);
    size_t data = page_round(want);
    size_t head = page_round(sizeof(struct block) + max_messages * sizeof(struct message));
    char *p = mmap(NULL, data + head, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    (void)madvise(p, data + head, MADV_NOHUGEPAGE); /* advice: without it only memory is wasted */
    (void)madvise(p, data + head, MADV_DONTFORK);
    struct block *b = (struct block *)(void *)(p + data);
    *b = (struct block){.memory = m,
                        .data = p,
                        .mapped = data + head,
                        .cap = (uint32_t)data,
                        .max = max_messages,
                        .serial = ++m->serials};
    m->used += sizeof *b;
    return b;
}

struct block *block_new_private(struct memory *m, size_t want, uint32_t max_messages) {
    if (want > UINT32_MAX / 2) return NULL;
    struct block *b = malloc(sizeof *b + max_messages * sizeof(struct message) + want);
    if (!b) return NULL;
    *b = (struct block){
        .memory = m, .data = (char *)&b->table[max_messages], .cap = (uint32_t)want, .max = max_messages};
    m->used += sizeof *b;
    return b;
}

static size_t charge(const struct block *b) { return sizeof *b + b->used + b->n * sizeof(struct message); }

struct block *block_free(struct block *b) {
    if (!b) return NULL;
    b->memory->used -= charge(b);
    if (b->mapped) stages_forget(b->memory->stages, b->serial);
    if (b->mapped && usual(b->cap, b->max) && b->memory->n_spare < MEMORY_SPARE) {
        b->next = b->memory->spare;
        b->memory->spare = b;
        b->memory->n_spare++;
    } else if (b->mapped) {
        (void)munmap(b->data, b->mapped);
    } else {
        free(b);
    }
    return NULL;
}

uint32_t block_append(struct block *b, const struct iovec *parts, size_t n_parts, uint32_t hook, uint64_t seq,
                      nsec_t accepted) {
    uint32_t at = b->used;
    for (size_t i = 0; i < n_parts; i++) {
        memcpy(b->data + at, parts[i].iov_base, parts[i].iov_len);
        at += (uint32_t)parts[i].iov_len;
    }
    b->memory->used += at - b->used + sizeof(struct message);
    b->used = at;
    b->table[b->n] = (struct message){.end = at, .hook = hook, .seq = seq, .accepted = accepted};
    return b->n++;
}

uint32_t block_whole(const struct block *b, uint32_t first, uint32_t count, size_t bytes) {
    size_t limit = block_start(b, first) + bytes;
    uint32_t lo = 0, hi = count; /* messages [0, lo) end at or before the limit */
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (b->table[first + mid].end <= limit)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void block_release(struct block *b) {
    if (--b->runs) return;
    if (b->log)
        backlog_idle(b->log, b);
    else
        (void)block_free(b);
}
