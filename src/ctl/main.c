/* hookcastctl — the daemon's command line. Each verb is a function that returns an exit code. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "ctl/check.h"
#include "ctl/command.h"
#include "ctl/emit.h"
#include "ctl/mcpserve.h"
#include "ctl/options.h"
#include "ctl/say.h"
#include "ctl/show.h"
#include "ctl/validate.h"

static int run_verb(const struct options *o) {
    static int (*const verbs[])(const struct options *) = {
        [VERB_CHECK] = check_run,        [VERB_EMIT] = emit_run,         [VERB_KINDS] = show_kinds,
        [VERB_LIST] = show_list,         [VERB_MCP] = mcpserve_run,      [VERB_RELOAD] = command_reload,
        [VERB_RESTART] = command_plugin, [VERB_START] = command_plugin,  [VERB_STATUS] = show_status,
        [VERB_STOP] = command_plugin,    [VERB_VALIDATE] = validate_run,
    };
    static_assert(ARRAY_LEN(verbs) == VERBS, "one function a verb");
    return verbs[o->verb](o);
}

/* A standard descriptor that was closed would become the daemon's socket. Take its place with one that refuses. */
static int occupy_standard_fds(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return -errno; /* the lowest free: fd */
    }
    return 0;
}

static bool reader_gone(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && p.revents & (POLLERR | POLLHUP);
}

/* What was printed must have arrived; that nobody reads any more (`hookcastctl list | head -1`) is no failure. */
static int end_output(int code) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    int errnum = errno ? errno : EIO; /* 0: it failed earlier */
    if (errnum == EPIPE || reader_gone(STDOUT_FILENO)) return code;
    return say(code ? code : EXIT_IO, "standard output: %s", err_str(errnum));
}

int main(int argc, char **argv) {
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that goes away must not cost events still to be published */
    if (occupy_standard_fds() < 0) return EXIT_IO;
    struct options o;
    struct err e = {0};
    int r = options_parse(argc, argv, &o, &e);
    if (r < 0) return say(r == -EINVAL ? EXIT_USAGE : EXIT_IO, "%s; see hookcastctl --help", e.text);
    int code = 0;
    if (o.help)
        options_help(o.verb, stdout);
    else if (o.version)
        (void)puts("hookcastctl " HOOKCAST_VERSION);
    else
        code = run_verb(&o);
    options_deinit(&o);
    return end_output(code);
}
