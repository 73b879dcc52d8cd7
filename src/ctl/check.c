#include "ctl/check.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/say.h"
#include "ctl/validate.h"

/* Try the daemon in the directory of this program, or in the sbin beside it. Returns only when it is not there. */
static void exec_sibling(char **argv) {
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0) return;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash) return;
    *slash = '\0';
    static const char *const places[] = {"hookcastd", "../sbin/hookcastd"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        char path[PATH_MAX + 32];
        (void)snprintf(path, sizeof path, "%s/%s", self, places[i]);
        (void)execv(path, argv);
    }
}

static int become_hookcastd(const struct check_flags *f, const struct options *o) {
    cleanup_free char **argv = calloc(f->n + 5, sizeof *argv);
    if (!argv) return say(EXIT_IO, "out of memory");
    char name[] = "hookcastd", check[] = "--check", runtime_dir[] = "--runtime-dir";
    size_t n = 0;
    argv[n++] = name;
    argv[n++] = check;
    if (o->runtime_dir) {
        argv[n++] = runtime_dir;
        argv[n++] = (char *)o->runtime_dir; /* exec does not write to it */
    }
    for (size_t i = 0; i < f->n; i++) argv[n++] = f->items[i];
    (void)fflush(stdout);
    (void)signal(SIGPIPE, SIG_DFL); /* main() ignores it; the daemon starts like any program */
    exec_sibling(argv);
    (void)execvp(name, argv);
    return say(EXIT_NO_DAEMON,
               "cannot start hookcastd, which does the checking: %s (looked beside hookcastctl and in PATH)",
               err_str(errno));
}

int check_run(const struct options *o) {
    if (o->n_args && check_is_schema(o->args[0])) return validate_schema_alone(o->args[0]);
    struct check_flags f = {0};
    struct err e = {0};
    int r = o->n_args ? check_flags_for(&f, o->args[0], &e) : 0;
    int code = r < 0 ? say(EXIT_USAGE, "%s", e.text) : become_hookcastd(&f, o);
    check_flags_deinit(&f);
    return code;
}
