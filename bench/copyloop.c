/* copyloop.c — the baseline: what one publisher sends, copied to N programs, and nothing else done with it.
 *
 *     copyloop [-n COPIES] [-t SECONDS] SOCKET COMMAND [ARGUMENT]...
 *
 * Starts COMMAND COPIES times, each with a pipe as its stdin, listens at SOCKET and prints "ready". Then it serves one
 * connection after the other: reads up to 64 KiB and writes the chunk to every pipe in turn, waiting for each, as
 * tee(1) does. Nothing is parsed, queued or counted, and the slowest reader sets the pace of all. The copies are told
 * apart by HOOKCAST_PLUGIN, copy-0, copy-1 and so on. It runs until it is killed, or by SIGALRM for -t seconds; the
 * copies die with it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, COPIES_MAX = 4096 };

static int pipes[COPIES_MAX];

static _Noreturn void die(int code, const char *what, const char *why) {
    (void)fprintf(stderr, "copyloop: %s%s%s\n", what, why ? ": " : "", why ? why : "");
    exit(code);
}

static unsigned number(const char *s, unsigned max, const char *what) {
    char *end;
    errno = 0;
    unsigned long v = strtoul(s, &end, 10);
    if (errno || end == s || *end || !v || v > max) die(64, "not a good number for", what);
    return (unsigned)v;
}

static int listen_at(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) die(64, "the socket's path is too long", path);
    memcpy(a.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 4) < 0) die(1, path, strerror(errno));
    return fd;
}

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

static void serve(int fd, unsigned copies) {
    static char chunk[CHUNK];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        for (unsigned i = 0; i < copies; i++) write_all(pipes[i], chunk, (size_t)n);
    }
    (void)close(fd);
}

int main(int argc, char **argv) {
    unsigned copies = 1;
    for (int c; (c = getopt(argc, argv, "+n:t:")) != -1;) switch (c) {
            case 'n':
                copies = number(optarg, COPIES_MAX, "-n");
                break;
            case 't':
                (void)alarm(number(optarg, 86400, "-t"));
                break;
            default:
                die(64, "usage: copyloop [-n COPIES] [-t SECONDS] SOCKET COMMAND [ARGUMENT]...", NULL);
        }
    if (argc - optind < 2) die(64, "give a socket and a command", NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    int listening = listen_at(argv[optind]);
    for (unsigned i = 0; i < copies; i++) pipes[i] = start(i, argv + optind + 1);
    if (puts("ready") < 0 || fflush(stdout) < 0) die(1, "stdout", strerror(errno));
    for (;;) {
        int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            serve(fd, copies);
        else if (errno != EINTR)
            die(1, "accept", strerror(errno));
    }
}
