/* config.h — the daemon's configuration: flags over file over defaults (DESIGN §2).
 *
 * One table of keys (config.c) drives parsing, checking and did-you-mean; the command line is config_flags.c. A loaded
 * configuration is immutable; a reload builds a new one.
 *
 * Bounds: event_max_size 1KiB..1GiB, backlog_max_size 256KiB..1TiB, publishers_max 1..1000000, startup_grace 0..1h,
 * stop_timeout 100ms..24h; plugin_defaults as in settings.h. Relative paths in the file start at the file's directory,
 * those of flags at the working directory. runtime_dir must leave room for a socket's name (94 bytes). A file that
 * everybody can write is refused when the daemon is root. */
#ifndef HOOKCAST_DAEMON_CONFIG_H
#define HOOKCAST_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/log.h"
#include "registry/settings.h"

struct config_socket {
    mode_t mode;
    char *group; /* NULL (the default): not changed. A group that does not exist is an error only when the daemon is
                    root */
};

struct config {
    char *file;        /* the file that was read; NULL when none */
    char *runtime_dir; /* never NULL */
    struct config_socket events, control;
    char **hookspec_dirs, **plugin_dirs; /* NULL-terminated */
    size_t n_hookspec_dirs, n_plugin_dirs;
    enum log_format log_format;
    bool log_format_set; /* by file or flag; else the daemon picks (journald under systemd) */
    enum log_level log_level;
    uint64_t event_max_size, backlog_max_size;
    uint32_t publishers_max;
    nsec_t startup_grace, stop_timeout;
    struct settings plugin_defaults;
};

/* What the command line said; strings are borrowed from argv. */
struct config_flags {
    const char *config, *runtime_dir;
    const char **hookspec_dirs, **plugin_dirs; /* owned arrays of borrowed strings */
    size_t n_hookspec_dirs, n_plugin_dirs;
    bool has_log_format, has_log_level;
    enum log_format log_format;
    enum log_level log_level;
    bool check, version, help;
};

/* Parse argv (argv[0] is the program). Returns 0, or 64 (EX_USAGE) with the message in `e` and nothing to deinit. Uses
 * getopt's globals: not for threads. */
int config_parse_flags(int argc, char **argv, struct config_flags *f, struct err *e);
void config_flags_deinit(struct config_flags *f);

/* Read the file (the flag's, else /etc/hookcast/hookcastd.yaml if it exists, else none) and lay the flags on top. Every
 * problem goes to `errs`. NULL when anything was wrong. */
struct config *config_load(const struct config_flags *f, struct errs *errs);
struct config *config_free(struct config *c);

#endif
