/* The command line of hookcastd. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/cleanup.h"
#include "base/suggest.h"
#include "daemon/config.h"
#include "registry/yamldoc.h"

enum { OPT_CONFIG = 256, OPT_RUNTIME_DIR, OPT_HOOKSPEC_DIR, OPT_PLUGIN_DIR, OPT_LOG_FORMAT, OPT_LOG_LEVEL, OPT_CHECK };

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPT_CONFIG},
    {"runtime-dir", required_argument, NULL, OPT_RUNTIME_DIR},
    {"hookspec-dir", required_argument, NULL, OPT_HOOKSPEC_DIR},
    {"plugin-dir", required_argument, NULL, OPT_PLUGIN_DIR},
    {"log-format", required_argument, NULL, OPT_LOG_FORMAT},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"check", no_argument, NULL, OPT_CHECK},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int usage(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int usage(struct err *e, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    (void)err_vat(e, EX_USAGE, NULL, 0, 0, fmt, ap);
    va_end(ap);
    return EX_USAGE;
}

/* getopt_long() said '?' or ':' about this word. */
static int bad_option(const char *arg, int what, struct err *e) {
    char q[YAMLDOC_QUOTE_MAX], name[64], hint[96];
    if (strncmp(arg, "--", 2) != 0) return usage(e, "unknown option %s; see --help", yamldoc_quote(arg, q));
    size_t len = strcspn(arg + 2, "=");
    (void)snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), arg + 2);
    size_t matches = 0;
    const struct option *match = NULL;
    struct suggest s;
    suggest_init(&s, name, strlen(name));
    for (const struct option *o = long_options; o->name; o++) {
        suggest_offer(&s, o->name);
        if (strncmp(o->name, name, len) != 0) continue;
        match = o;
        matches++;
    }
    if (what == ':') return usage(e, "--%s needs a value", match ? match->name : name);
    if (matches > 1) return usage(e, "%s could mean more than one option; see --help", yamldoc_quote(arg, q));
    if (match && match->has_arg == no_argument) return usage(e, "--%s takes no value", match->name);
    if (s.best) return usage(e, "unknown option %s (did you mean \"--%s\"?)", yamldoc_quote(arg, q), s.best);
    return usage(e, "unknown option %s%s; see --help", yamldoc_quote(arg, q), suggest_hint(NULL, hint, sizeof hint));
}

static int push(const char ***listp, size_t *np, const char *value, struct err *e) {
    if (!*value) return usage(e, "a directory must not be empty");
    const char **p = reallocarray(*listp, *np + 1, sizeof(*p));
    if (!p) {
        (void)err_set(e, EX_OSERR, "out of memory");
        return EX_OSERR;
    }
    p[(*np)++] = value;
    *listp = p;
    return 0;
}

static int bad_word(const char *option, const char *value, const char *const *words, size_t n, struct err *e) {
    char all[128] = "", q[YAMLDOC_QUOTE_MAX], hint[64];
    for (size_t i = 0, o = 0; i < n && o < sizeof all; i++)
        o += (size_t)snprintf(all + o, sizeof all - o, "%s%s", i ? ", " : "", words[i]);
    return usage(e, "%s: expected one of %s, got %s%s", option, all, yamldoc_quote(value, q),
                 suggest_hint(suggest_nearest(value, words, n), hint, sizeof hint));
}

static int read_log_format(const char *value, struct config_flags *f, struct err *e) {
    const char *words[LOG_FORMATS];
    for (size_t i = 0; i < LOG_FORMATS; i++) words[i] = log_format_name((enum log_format)i);
    f->has_log_format = log_format_parse(value, &f->log_format) == 0;
    return f->has_log_format ? 0 : bad_word("--log-format", value, words, LOG_FORMATS, e);
}

static int read_log_level(const char *value, struct config_flags *f, struct err *e) {
    const char *words[LOG_LEVELS];
    for (size_t i = 0; i < LOG_LEVELS; i++) words[i] = log_level_name((enum log_level)i);
    f->has_log_level = log_level_parse(value, &f->log_level) == 0;
    return f->has_log_level ? 0 : bad_word("--log-level", value, words, LOG_LEVELS, e);
}

static int read_path(const char *option, const char *value, const char **slot, struct err *e) {
    if (!*value) return usage(e, "%s must not be empty", option);
    *slot = value;
    return 0;
}

static int read_option(int opt, const char *arg, struct config_flags *f, struct err *e) {
    switch (opt) {
        case OPT_CONFIG:
            return read_path("--config", optarg, &f->config, e);
        case OPT_RUNTIME_DIR:
            return read_path("--runtime-dir", optarg, &f->runtime_dir, e);
        case OPT_HOOKSPEC_DIR:
            return push(&f->hookspec_dirs, &f->n_hookspec_dirs, optarg, e);
        case OPT_PLUGIN_DIR:
            return push(&f->plugin_dirs, &f->n_plugin_dirs, optarg, e);
        case OPT_LOG_FORMAT:
            return read_log_format(optarg, f, e);
        case OPT_LOG_LEVEL:
            return read_log_level(optarg, f, e);
        case OPT_CHECK:
            f->check = true;
            return 0;
        case 'V':
            f->version = true;
            return 0;
        case 'h':
            f->help = true;
            return 0;
        default:
            return bad_option(arg, opt, e);
    }
}

int config_parse_flags(int argc, char **argv, struct config_flags *f, struct err *e) {
    *f = (struct config_flags){0};
    optind = 0; /* GNU: start afresh */
    opterr = 0;
    int r = 0;
    while (r == 0) {
        int at = optind > 0 ? optind : 1;
        int opt = getopt_long(argc, argv, "+:hV", long_options, NULL);
        if (opt < 0) break;
        r = read_option(opt, argv[at], f, e);
    }
    char q[YAMLDOC_QUOTE_MAX];
    if (r == 0 && optind < argc)
        r = usage(e, "unexpected argument %s: hookcastd takes options only", yamldoc_quote(argv[optind], q));
    if (r != 0) config_flags_deinit(f);
    return r;
}

void config_flags_deinit(struct config_flags *f) {
    free(f->hookspec_dirs);
    free(f->plugin_dirs);
    *f = (struct config_flags){0};
}
