/* daemon_reload.c — everything is read again, and put in place whole or not at all (DESIGN §7). */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon_private.h"
#include "daemon/service.h"

struct catalog *daemon_load_catalog(const struct config *c) {
    const struct catalog_options o = {.hookspec_dirs = (const char *const *)c->hookspec_dirs,
                                      .n_hookspec_dirs = c->n_hookspec_dirs,
                                      .plugin_dirs = (const char *const *)c->plugin_dirs,
                                      .n_plugin_dirs = c->n_plugin_dirs,
                                      .defaults = &c->plugin_defaults,
                                      .core_version = HOOKCAST_VERSION};
    return catalog_load(&o);
}

static void append(struct errs *to, const struct errs *from) {
    for (size_t i = 0; i < from->n; i++) errs_addf(to, NULL, 0, 0, "%s", from->items[i]);
}

/* What a running daemon cannot change. */
static bool same_socket(const struct config_socket *a, const struct config_socket *b) {
    return a->mode == b->mode && strcmp(a->group ? a->group : "", b->group ? b->group : "") == 0;
}

static void check_fixed(const struct config *was, const struct config *is, struct errs *errs) {
    if (strcmp(was->runtime_dir, is->runtime_dir) != 0)
        errs_addf(errs, is->file, 0, 0, "runtime_dir cannot change while it runs (%s): restart the daemon",
                  was->runtime_dir);
    if (!same_socket(&was->events, &is->events) || !same_socket(&was->control, &is->control))
        errs_addf(errs, is->file, 0, 0, "sockets cannot change while it runs: restart the daemon");
}

/* --- what lies in the runtime directory --- */

/* One socket that is gone from its place is made anew; those connected to the old one stay. */
static void mend_socket(struct daemon *d, const char *name, const struct config_socket *how, struct endpoint_id *id,
                        void (*rebind)(struct daemon *d, int fd), struct errs *errs) {
    struct err e;
    const char *dir = d->cx.config->runtime_dir;
    if (endpoint_is_there(dir, name, id)) return;
    int fd = endpoint_listen(dir, name, how, d->cx.log, id, &e);
    if (fd < 0) {
        errs_add(errs, &e);
        return;
    }
    rebind(d, fd);
    log_error(d->cx.log, "somebody removed a socket: it was made anew", LOG_S("socket", name));
}

static void rebind_events(struct daemon *d, int fd) { events_rebind(d->events, fd); }
static void rebind_control(struct daemon *d, int fd) { control_rebind(d->control, fd); }

/* Somebody may have removed the directory, or what is in it, while we run. */
static void mend_runtime_dir(struct daemon *d, struct errs *errs) {
    struct err e;
    const struct config *c = d->cx.config;
    if (!endpoint_lock_is_there(c->runtime_dir, d->lock)) {
        int lock = endpoint_lock(c->runtime_dir, &e);
        if (lock < 0) {
            errs_add(errs, &e);
            return;
        }
        (void)close(d->lock);
        d->lock = lock;
        log_error(d->cx.log, "somebody removed the lock: it was made anew", LOG_S("runtime_dir", c->runtime_dir));
    }
    mend_socket(d, EVENTS_SOCKET, &c->events, &d->events_id, rebind_events, errs);
    mend_socket(d, CONTROL_SOCKET, &c->control, &d->control_id, rebind_control, errs);
}

static int switch_to(struct daemon *d, struct config *config, struct catalog *catalog) {
    const struct config *was = d->cx.config;
    d->cx.config = config;
    if (supervisor_reload(d->supervisor, catalog) < 0) {
        d->cx.config = was;
        return -ENOMEM;
    }
    events_configure(d->events);
    log_set_level(d->cx.log, config->log_level);
    if (config->log_format_set) log_set(d->cx.log, config->log_format, config->log_level);
    return 0;
}

/* Read everything again. Anything wrong: everything stays as it was. */
int daemon_reload(void *daemon, struct errs *errs) {
    struct daemon *d = daemon;
    char status[128];
    if (d->stopping) return -ESHUTDOWN;
    if (d->running) service_reloading(clock_mono(&d->cx.clock));
    struct config *config = config_load(d->flags, errs);
    struct catalog *catalog = config ? daemon_load_catalog(config) : NULL;
    if (config) check_fixed(d->cx.config, config, errs);
    if (config) mend_runtime_dir(d, errs);
    if (config && !catalog) errs_addf(errs, NULL, 0, 0, "out of memory");
    if (catalog) append(errs, &catalog->spec_errors);
    if (catalog) append(errs, &catalog->plugin_errors);
    if (config && catalog && !errs->n && switch_to(d, config, catalog) < 0)
        errs_addf(errs, NULL, 0, 0, "out of memory");
    int r = errs->n || !config || !catalog ? -EINVAL : 0;
    if (r == 0) {
        struct config *was = d->config;
        d->config = config;
        config = was;
        for (size_t i = 0; i < catalog->notes.n; i++) log_info(d->cx.log, catalog->notes.items[i]);
    }
    for (size_t i = 0; i < errs->n; i++) log_error(d->cx.log, "reload refused", LOG_S("error", errs->items[i]));
    (void)catalog_unref(catalog);
    (void)config_free(config);
    daemon_say_status(status, sizeof status, d->supervisor);
    if (r == 0) log_info(d->cx.log, "reloaded", LOG_S("status", status));
    if (d->running) /* else it is said when it is true */
        service_ready(r == 0 ? status : "the last reload failed; running with what was before");
    return r;
}
