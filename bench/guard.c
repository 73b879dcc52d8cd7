/* guard.c — a fixed load for counting instructions: events of 256 bytes through the events socket's code, the router
 * and four queues into four pipes, which are read back. The script of this name runs it under callgrind.
 *
 *     guard ROUNDS [BYTES]     prints the events that were published, and what it was built with
 *
 * A round is every event of the pool once (some 350). Nothing depends on time, and no clock is read. The first rounds
 * warm up: whoever allocates or maps memory after them ends the program (1). */
#include <gnu/libc-version.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "front.h"

enum { PIPES = 4, WARM = 3 };

/* Every way to more memory, counted. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static uint64_t asked;

void *malloc(size_t size) {
    asked++;
    return __libc_malloc(size);
}
void *calloc(size_t n, size_t size) {
    asked++;
    return __libc_calloc(n, size);
}
void *realloc(void *p, size_t size) {
    asked++;
    return __libc_realloc(p, size);
}
void *reallocarray(void *p, size_t n, size_t size) {
    asked++;
    if (size && n > SIZE_MAX / size) return NULL;
    return __libc_realloc(p, n * size);
}
void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t off) {
    asked++;
    return (void *)syscall(SYS_mmap, at, len, prot, flags, fd, off); /* NOLINT(performance-no-int-to-ptr) */
}

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

int main(int argc, char **argv) {
    static struct rig rig;
    static struct front front;
    struct plan plan = plan_default;
    struct pool pool;
    if (argc < 2 || argc > 3) die(64, "usage: guard ROUNDS [BYTES]", NULL);
    uint64_t rounds = number(argv[1], WARM + 1, 1000000, "ROUNDS"), events = 0, warm = 0;
    if (argc > 2) plan.size = number(argv[2], PAYLOAD_MIN, 1 << 20, "BYTES");
    notify_fill(&pool, &plan, notify_kind, notify_hook);
    rig_begin(&rig);
    for (int i = 0; i < PIPES; i++) (void)rig_reader(&rig, true, 0);
    front_begin(&front, rig.router);
    for (uint64_t round = 0; round < rounds; round++) {
        for (size_t at = 0; at < pool.lines; at += pool.batch) {
            front_chunk(&front, pool.text + at * pool.line_len, pool.batch * pool.line_len);
            rig_deliver(&rig);
            events += pool.batch;
        }
        if (round == WARM - 1) warm = asked;
    }
    if (warm == 0) die(1, "allocations are not counted here", NULL);
    if (asked != warm) die(1, "the event path allocates memory after its warm-up", NULL);
    for (int i = 0; i < PIPES; i++) {
        const struct queue_counters *c = queue_counters(rig.readers[i].sub.queue);
        if (c->delivered != events || c->dropped) die(1, "an event was not delivered", NULL);
        if (rig.readers[i].bytes != rig.readers[0].bytes) die(1, "the readers have read different things", NULL);
    }
    front_end(&front);
    rig_end(&rig);
    free(pool.text);
    struct utsname u;
    (void)uname(&u);
    printf("%" PRIu64 " %s, glibc %s, %s\n", events, COMPILER, gnu_get_libc_version(), u.machine);
    return 0;
}
