/* discovery.h — which files below a directory are plugins, and which are hookspecs (DESIGN §3, §4).
 *
 * Plugins: every directory that holds plugin.yaml, else dagstack.json, is one; nothing below it is looked at.
 * __pycache__, .git, node_modules and .venv are skipped. The directory given may itself be a plugin.
 * Hookspecs: every *.yaml; what begins with a dot is skipped.
 *
 * Symbolic links to directories are not followed (what they lead to inside the tree is found anyway; one that leads out
 * is noted); a manifest that is a link must stay inside. Names are visited in byte order, so the result is always the
 * same. At most 32 levels and 20,000 directories. */
#ifndef HOOKCAST_REGISTRY_DISCOVERY_H
#define HOOKCAST_REGISTRY_DISCOVERY_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/* Whom to trust: a daemon that runs as root must not run what others can write. */
struct discovery_rules {
    bool guard; /* refuse manifests, and directories on the way to them, that others could change */
    uid_t uid;  /* besides root, this user's files are trusted */
};

/* *pathsp is new, NULL-terminated (strv_free), spelled as `root` is. A missing root is a note; what cannot be read or
 * is refused is an error, and the rest is found all the same. Returns 0 or -ENOMEM. */
int discovery_plugins(const char *root, const struct discovery_rules *rules, char ***pathsp, struct errs *errors,
                      struct errs *notes);
int discovery_hookspecs(const char *root, const struct discovery_rules *rules, char ***pathsp, struct errs *errors,
                        struct errs *notes);

/* Why a file or directory is not to be trusted, as the end of a sentence about it; NULL when it may be. */
const char *discovery_distrust(const struct stat *st, const struct discovery_rules *rules, char *out, size_t cap);

#endif
