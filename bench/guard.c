/* guard.c — a fixed load for counting instructions: events of 256 bytes through the events socket's code, the router
 * and four queues into four pipes, which are read back. The script of this name runs it under callgrind.
 *
 *     guard ROUNDS [BYTES]     prints the events that were published, and what it was built with
 *
 * A round is every event of the pool once (some 350). Nothing depends on time, and no clock is read. */
#include <gnu/libc-version.h>
#include <sys/utsname.h>

#include "front.h"

enum { PIPES = 4 };

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
    uint64_t rounds = number(argv[1], 1, 1000000, "ROUNDS"), events = 0;
    if (argc > 2) plan.size = number(argv[2], PAYLOAD_MIN, 1 << 20, "BYTES");
    notify_fill(&pool, &plan, notify_kind, notify_hook);
    rig_begin(&rig);
    for (int i = 0; i < PIPES; i++) (void)rig_reader(&rig, true, 0);
    front_begin(&front, rig.router);
    for (; rounds; rounds--)
        for (size_t at = 0; at < pool.lines; at += pool.batch) {
            front_chunk(&front, pool.text + at * pool.line_len, pool.batch * pool.line_len);
            rig_deliver(&rig);
            events += pool.batch;
        }
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
