/* main.c — argv in, exit code out. */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/journal.h"
#include "daemon/config.h"
#include "daemon/daemon.h"
#include "registry/catalog.h"

/* A descriptor 0-2 that is closed would be given to a pipe or a socket, and a stray message would land there. */
static int hold_stdio(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd) return -1;
    return 0;
}

static void print_errors(const struct errs *l) {
    for (size_t i = 0; i < l->n; i++) (void)fprintf(stderr, "%s\n", l->items[i]);
    if (l->lost) (void)fprintf(stderr, "hookcastd: out of memory: some problems are not shown\n");
}

static int check(const struct catalog *c) {
    print_errors(&c->spec_errors);
    print_errors(&c->plugin_errors);
    size_t refused = 0, unjudged = 0;
    for (size_t i = 0; i < c->n_manifests; i++)
        if (c->manifests[i]->refusal && !c->n_specs) {
            unjudged++; /* a manifest on its own: there is no kind to hold it against */
        } else if (c->manifests[i]->refusal) {
            (void)fprintf(stderr, "%s: plugin %s cannot run: %s\n", c->manifests[i]->path, c->manifests[i]->name,
                          c->manifests[i]->refusal);
            refused++;
        }
    if (c->spec_errors.n || c->plugin_errors.n || refused) return EX_CONFIG;
    if (unjudged) (void)printf("note: no hookspec was loaded, so nothing is said about kinds\n");
    (void)printf("ok: %zu kinds, %zu plugins\n", c->n_specs, c->n_manifests);
    return 0;
}

/* --check with a bad configuration: what the flags name can be judged all the same. */
static void check_flagged_dirs(const struct config_flags *f) {
    const struct settings defaults = settings_default();
    const struct catalog_options o = {.hookspec_dirs = f->hookspec_dirs,
                                      .n_hookspec_dirs = f->n_hookspec_dirs,
                                      .plugin_dirs = f->plugin_dirs,
                                      .n_plugin_dirs = f->n_plugin_dirs,
                                      .defaults = &defaults,
                                      .core_version = HOOKCAST_VERSION};
    struct catalog *c = catalog_load(&o);
    if (c) (void)check(c);
    (void)catalog_unref(c);
}

static enum log_format pick_format(const struct config *c) {
    if (c->log_format_set) return c->log_format;
    return journal_is_stream(STDERR_FILENO, getenv("JOURNAL_STREAM")) ? LOG_FORMAT_JOURNALD : LOG_FORMAT_LOGFMT;
}

/* libev has no other way to say that it cannot go on; systemd starts us again, and plugins die with us. */
static void __attribute__((noreturn)) give_up(const char *what) {
    (void)fprintf(stderr, "hookcastd: the event loop cannot go on: %s: %s\n", what, strerror(errno));
    _exit(EX_OSERR);
}

static void *loop_memory(void *p, long size) {
    if (size > 0) {
        void *q = realloc(p, (size_t)size);
        if (!q) give_up("out of memory");
        return q;
    }
    free(p);
    return NULL;
}

static void on_loop_error(const char *what) { give_up(what ? what : "a system call failed"); }

/* Takes over the configuration. */
static int serve(const struct config_flags *flags, struct config *config, struct catalog *catalog) {
    struct clock clock = clock_system();
    struct log *log = log_new(STDERR_FILENO, pick_format(config), config->log_level, &clock);
    if (!log) {
        (void)config_free(config);
        return EX_OSERR;
    }
    for (size_t i = 0; i < catalog->notes.n; i++) log_info(log, catalog->notes.items[i]);
    for (size_t i = 0; i < catalog->plugin_errors.n; i++)
        log_error(log, "plugin manifest skipped", LOG_S("error", catalog->plugin_errors.items[i]));
    const struct daemon_options o = {.flags = flags, .config = config, .catalog = catalog, .log = log};
    int code = daemon_run(&o);
    (void)log_free(log);
    return code;
}

static int load_and_go(const struct config_flags *flags) {
    struct errs errs = {0};
    struct config *config = config_load(flags, &errs);
    print_errors(&errs);
    errs_deinit(&errs);
    if (!config) {
        if (flags->check) check_flagged_dirs(flags);
        return EX_CONFIG;
    }
    int code = EX_OSERR;
    struct catalog *catalog = daemon_load_catalog(config);
    if (!catalog) {
        (void)fprintf(stderr, "hookcastd: out of memory\n");
    } else if (flags->check) {
        code = check(catalog);
    } else if (catalog->spec_errors.n) {
        print_errors(&catalog->spec_errors);
        code = EX_CONFIG;
    } else {
        code = serve(flags, config, catalog);
        config = NULL;
    }
    (void)catalog_unref(catalog);
    (void)config_free(config);
    return code;
}

static const char help[] =
    "usage: hookcastd [--config FILE] [--runtime-dir DIR] [--hookspec-dir DIR]... [--plugin-dir DIR]...\n"
    "                 [--log-format logfmt|json|journald] [--log-level error|warning|info|debug]\n"
    "                 [--check] [--version] [--help]\n"
    "\n"
    "Hands every event published on RUNTIME-DIR/events.sock to every subscribed plugin.\n"
    "Runs in the foreground; flags override the file. --check validates everything and exits 0 or 78.\n"
    "See hookcastd(8), hookcastd.yaml(5).\n";

int main(int argc, char **argv) {
    struct config_flags flags = {0};
    struct err e;
    if (hold_stdio() < 0) return EX_OSERR;
    ev_set_allocator(loop_memory);
    ev_set_syserr_cb(on_loop_error);
    int code = config_parse_flags(argc, argv, &flags, &e);
    if (code)
        (void)fprintf(stderr, "hookcastd: %s\n", e.text);
    else if (flags.help)
        (void)fputs(help, stdout);
    else if (flags.version)
        (void)printf("hookcastd %s\n", HOOKCAST_VERSION);
    else
        code = load_and_go(&flags);
    config_flags_deinit(&flags);
    if (fflush(stdout) == EOF && code == 0) code = EX_IOERR;
    return code;
}
