/* options.h — the command line: argv -> one struct, by two tables (verbs and options).
 *
 * Options may stand before or after the verb, as `--name VALUE` or `--name=VALUE`; `--` ends them. An option that
 * belongs to another verb, a wrong number of arguments and an unknown word are refused with a sentence that says what
 * was expected (and the nearest existing name). Pure: reads argv only, prints nothing. */
#ifndef HOOKCAST_CTL_OPTIONS_H
#define HOOKCAST_CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"

enum verb {
    VERB_NONE,
    VERB_CHECK,
    VERB_EMIT,
    VERB_KINDS,
    VERB_LIST,
    VERB_MCP,
    VERB_RELOAD,
    VERB_RESTART,
    VERB_START,
    VERB_STATUS,
    VERB_STOP,
    VERB_VALIDATE,
    VERBS
};

struct options {
    enum verb verb; /* VERB_NONE only with help or version */
    bool help, version, json;
    const char *runtime_dir; /* NULL: not given */
    nsec_t timeout;          /* how long to wait for an answer */
    bool timeout_given;
    bool from_stdin; /* emit, validate */
    /* emit */
    const char *payload; /* NULL: not given */
    bool wait, quiet;
    const char **metas; /* owned array, strings borrowed from argv */
    size_t n_metas;
    /* validate */
    const char **schema_dirs; /* URI=DIR; likewise */
    size_t n_schema_dirs;
    /* what follows the verb */
    const char **args; /* likewise */
    size_t n_args;
};

/* Parse. Returns 0 (options_deinit() it), or -EINVAL / -ENOMEM with the sentence in `e` and nothing to free. */
int options_parse(int argc, char **argv, struct options *o, struct err *e);
void options_deinit(struct options *o); /* twice is harmless */

/* The runtime directory: the option's; else /run/hookcast for root, $XDG_RUNTIME_DIR/hookcast for others. Writes it to
 * `out`. Returns 0, or -EINVAL with the sentence in `e` when there is none, -ENAMETOOLONG when it does not fit. */
int options_runtime_dir(const struct options *o, bool root, const char *xdg_runtime_dir, char *out, size_t cap,
                        struct err *e);

/* The help of one verb, or (VERB_NONE) of the whole program. */
void options_help(enum verb verb, FILE *out);

#endif
