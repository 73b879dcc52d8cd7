/* faulty.c — a child that misbehaves, and what else competes for the CPU.
 *
 *     faulty [-o FILE] [-t SECONDS] stop|slow|crash|garbage|burn|respawn|none
 *
 *     stop     reads for 100 ms, then stops itself, as by SIGSTOP from outside
 *     slow     reads one byte a second
 *     crash    reads for 100 ms, then dies of SIGKILL
 *     garbage  reads, and a second process prints on the same stdout, 64 KiB of no protocol per write, flat out
 *     burn     reads, and a second process computes, as much as it is let
 *     respawn  reads, and a second process starts a third that does as crash; again and again
 *     none     reads
 *
 * Appends the ids of its processes to FILE, so that whoever started it can be sure to end them. What it reads is thrown
 * away. It ends with its input or, whatever else happens, by SIGALRM after -t seconds (60), and the second with it. */
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "common.h"

enum { CHUNK = 64 * 1024, SHORT_NS = 100000000 };

static char chunk[CHUNK];

/* Read until the end of the input, or for so many nanoseconds (0: for ever). */
static void swallow(int64_t ns) {
    int64_t until = now_ns() + ns;
    struct pollfd in = {.fd = 0, .events = POLLIN};
    for (int64_t left = ns; !ns || left > 0; left = until - now_ns()) {
        if (ns && poll(&in, 1, (int)(left / 1000000) + 1) <= 0) continue;
        ssize_t n = read(0, chunk, sizeof chunk);
        if (n == 0 || (n < 0 && errno != EINTR)) exit(0);
    }
}

static void print_garbage(void) {
    for (size_t i = 0; i < sizeof chunk; i++) chunk[i] = (char)(i % 100 == 99 ? '\n' : ' ' + i * 7 % 95);
    for (;;)
        if (write(1, chunk, sizeof chunk) < 0 && errno != EINTR && errno != EAGAIN) _exit(0);
}

static void compute(void) {
    for (volatile uint64_t x = 1;;) x = x * 6364136223846793005u + 1442695040888963407u;
}

static void respawn(void) {
    for (;;) {
        pid_t pid = fork();
        if (pid == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            (void)execl("/proc/self/exe", "faulty", "crash", (char *)NULL);
            _exit(127);
        }
        (void)waitpid(pid, NULL, 0);
        const struct timespec backoff = {.tv_nsec = 10000000};
        (void)nanosleep(&backoff, NULL);
    }
}

static void say(const char *file, pid_t pid) {
    char line[32];
    int fd = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    if (fd < 0) return;
    int n = snprintf(line, sizeof line, "%ld\n", (long)pid);
    if (write(fd, line, (size_t)n) != n) die(1, file, strerror(errno));
    (void)close(fd);
}

static void beside(const char *file, unsigned timeout, void (*work)(void)) {
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) die(1, "fork", strerror(errno));
    if (pid) {
        say(file, pid);
        return;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    (void)alarm(timeout);
    (void)signal(SIGPIPE, SIG_DFL);
    work();
}

int main(int argc, char **argv) {
    const char *file = NULL;
    unsigned timeout = 60;
    for (int c; (c = getopt(argc, argv, "o:t:")) != -1;)
        if (c == 'o')
            file = optarg;
        else if (c == 't')
            timeout = (unsigned)number(optarg, 1, 86400, "-t");
        else
            die(64, "usage: faulty [-o FILE] [-t SECONDS] stop|slow|crash|garbage|burn|respawn|none", NULL);
    if (optind != argc - 1) die(64, "give one fault", NULL);
    const char *fault = argv[optind];
    (void)alarm(timeout);
    say(file, getpid());
    if (strcmp(fault, "stop") == 0) {
        swallow(SHORT_NS);
        (void)raise(SIGSTOP);
    } else if (strcmp(fault, "crash") == 0) {
        swallow(SHORT_NS);
        (void)raise(SIGKILL);
    } else if (strcmp(fault, "slow") == 0) {
        for (; read(0, chunk, 1) == 1;) (void)sleep(1);
        return 0;
    } else if (strcmp(fault, "garbage") == 0) {
        beside(file, timeout, print_garbage);
    } else if (strcmp(fault, "burn") == 0) {
        beside(file, timeout, compute);
    } else if (strcmp(fault, "respawn") == 0) {
        beside(file, timeout, respawn);
    } else if (strcmp(fault, "none") != 0) {
        die(64, "no such fault", fault);
    }
    swallow(0);
    return 0;
}
