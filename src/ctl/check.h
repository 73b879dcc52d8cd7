/* check.h — the verb `check`: hookcastd --check, told what to look at.
 *
 * Validation is hookcastd's; this only turns a FILE or DIR into its flags and becomes it. (But a JSON Schema on its
 * own, a *.json file that is no manifest, is no matter of the daemon's: see validate.h.) A plugin.yaml or dagstack.json
 * (or a directory with such, here or below) is a --plugin-dir; a hookspec (a YAML file with `kind:` or `hooks:` at its
 * left edge), or a directory of them, a --hookspec-dir; any other file the --config. A directory that has both below it
 * is taken apart into its subdirectories. */
#ifndef HOOKCAST_CTL_CHECK_H
#define HOOKCAST_CTL_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "ctl/options.h"

/* Does not return when hookcastd could be started; else an exit code with the message told. */
int check_run(const struct options *o);

/* A file to be judged as a JSON Schema. */
bool check_is_schema(const char *path);

/* hookcastd's flags for a path, exposed for tests: "--plugin-dir", "DIR", ... as owned strings. */
struct check_flags {
    char **items;
    size_t n, cap;
};

/* Returns 0, or -errno / -EINVAL with the sentence in `e` (check_flags_deinit() it in any case). */
int check_flags_for(struct check_flags *f, const char *path, struct err *e);
void check_flags_deinit(struct check_flags *f); /* twice is harmless */

#endif
