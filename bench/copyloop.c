/* copyloop.c — the baseline: what one publisher sends, copied to N programs, and nothing else done with it.
 *
 *     copyloop [-n COPIES] [-m MODE] [-t SECONDS] SOCKET COMMAND [ARGUMENT]...
 *
 * Starts COMMAND COPIES times, each with a pipe as its stdin, listens at SOCKET and prints "ready". Then it serves one
 * connection after the other: reads up to 64 KiB and writes it to every pipe in turn, waiting for each, as tee(1) does.
 * Nothing is parsed, queued or counted, and the slowest reader sets the pace of all. MODE is
 *
 *     chunk   one write per chunk and copy, wherever its last line may be cut (the default)
 *     lines   one write per chunk and copy, of whole lines; the rest of the last one waits for the next chunk
 *     each    one write per line and copy
 *     splice  no copying: splice(2) from the socket, tee(2) and splice to the copies
 *
 * The copies are told apart by HOOKCAST_PLUGIN, copy-0, copy-1 and so on. It runs until it is killed, or by SIGALRM for
 * -t seconds; the copies die with it. */
#include <fcntl.h>
#include <sys/prctl.h>

#include "peers/common.h"

enum { CHUNK = 64 * 1024, COPIES_MAX = 4096 };

static int pipes[COPIES_MAX];

/* Start one copy; returns the end of its stdin that is written to. */
static int start(unsigned i, char *const *command) {
    int p[2];
    char name[32];
    pid_t parent = getpid();
    (void)snprintf(name, sizeof name, "copy-%u", i);
    if (setenv("HOOKCAST_PLUGIN", name, 1) < 0 || pipe2(p, 0) < 0) die(1, "pipe", strerror(errno));
    pid_t pid = fork();
    if (pid < 0) die(1, "fork", strerror(errno));
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(0);
        for (unsigned k = 0; k < i; k++) (void)close(pipes[k]);
        (void)dup2(p[0], 0);
        (void)close(p[0]);
        (void)close(p[1]);
        (void)signal(SIGPIPE, SIG_DFL);
        (void)execvp(command[0], command);
        _exit(127);
    }
    (void)close(p[0]);
    return p[1];
}

static void write_all(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) die(1, "a copy does not read", strerror(errno));
        p += w;
        n -= (size_t)w;
    }
}

/* Up to 64 KiB; 0 at the end. */
static size_t read_some(int fd, char *to, size_t room) {
    for (;;) {
        ssize_t n = read(fd, to, room);
        if (n >= 0) return (size_t)n;
        if (errno != EINTR) return 0;
    }
}

static void serve_chunks(int fd, unsigned copies) {
    static char chunk[CHUNK];
    for (size_t n; (n = read_some(fd, chunk, sizeof chunk)) != 0;)
        for (unsigned i = 0; i < copies; i++) write_all(pipes[i], chunk, n);
}

/* Whole lines, together or one by one. A line that is longer than a chunk goes out in pieces. */
static void serve_lines(int fd, unsigned copies, int each) {
    static char chunk[CHUNK];
    size_t have = 0;
    for (size_t n; (n = read_some(fd, chunk + have, sizeof chunk - have)) != 0;) {
        have += n;
        char *last = memrchr(chunk, '\n', have);
        size_t whole = last ? (size_t)(last - chunk) + 1 : have == sizeof chunk ? have : 0;
        for (size_t at = 0; at < whole;) {
            char *nl = each ? memchr(chunk + at, '\n', whole - at) : NULL;
            size_t end = nl ? (size_t)(nl - chunk) + 1 : whole;
            for (unsigned i = 0; i < copies; i++) write_all(pipes[i], chunk + at, end - at);
            at = end;
        }
        have -= whole;
        memmove(chunk, chunk + whole, have);
    }
}

static void make_pipe(int p[2]) {
    if (pipe2(p, O_CLOEXEC) < 0) die(1, "pipe", strerror(errno));
}

/* Move `n` bytes that are in a pipe into another, waiting for room. */
static void move(int from, int to, size_t n) {
    while (n) {
        ssize_t w = splice(from, NULL, to, NULL, n, SPLICE_F_MOVE);
        if (w < 0 && errno == EINTR) continue;
        if (w <= 0) die(1, "splice", w ? strerror(errno) : "end");
        n -= (size_t)w;
    }
}

/* tee() takes what fits and cannot go on from there; so it goes into an empty pipe, where everything fits. */
static void serve_splice(int fd, unsigned copies) {
    int in[2], spare[2];
    make_pipe(in);
    make_pipe(spare);
    for (;;) {
        ssize_t n = splice(fd, NULL, in[1], NULL, CHUNK, SPLICE_F_MOVE);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        for (unsigned i = 0; i + 1 < copies; i++) {
            if (tee(in[0], spare[1], (size_t)n, 0) != n) die(1, "tee", "not everything fits into an empty pipe");
            move(spare[0], pipes[i], (size_t)n);
        }
        move(in[0], pipes[copies - 1], (size_t)n);
    }
    for (int i = 0; i < 2; i++) (void)close(in[i]), (void)close(spare[i]);
}

static void serve(int fd, unsigned copies, const char *mode) {
    if (strcmp(mode, "chunk") == 0)
        serve_chunks(fd, copies);
    else if (strcmp(mode, "splice") == 0)
        serve_splice(fd, copies);
    else
        serve_lines(fd, copies, strcmp(mode, "each") == 0);
    (void)close(fd);
}

static int is_mode(const char *s) {
    static const char *const modes[] = {"chunk", "lines", "each", "splice"};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(s, modes[i]) == 0) return 1;
    return 0;
}

int main(int argc, char **argv) {
    static const char usage[] = "usage: copyloop [-n COPIES] [-m MODE] [-t SECONDS] SOCKET COMMAND [ARGUMENT]...";
    unsigned copies = 1;
    const char *mode = "chunk";
    for (int c; (c = getopt(argc, argv, "+n:m:t:")) != -1;) switch (c) {
            case 'n':
                copies = (unsigned)number(optarg, 1, COPIES_MAX, "-n");
                break;
            case 'm':
                mode = optarg;
                if (!is_mode(mode)) die(64, usage, NULL);
                break;
            case 't':
                (void)alarm((unsigned)number(optarg, 1, 86400, "-t"));
                break;
            default:
                die(64, usage, NULL);
        }
    if (argc - optind < 2) die(64, "give a socket and a command", NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    int listening = listen_at(argv[optind]);
    for (unsigned i = 0; i < copies; i++) pipes[i] = start(i, argv + optind + 1);
    if (puts("ready") < 0 || fflush(stdout) < 0) die(1, "stdout", strerror(errno));
    for (;;) {
        int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            serve(fd, copies, mode);
        else if (errno != EINTR)
            die(1, "accept", strerror(errno));
    }
}
