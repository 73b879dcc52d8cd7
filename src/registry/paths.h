/* paths.h — names of files: joining, and staying below a directory.
 *
 * Strings returned are new (the caller frees) or NULL when out of memory. */
#ifndef HOOKCAST_REGISTRY_PATHS_H
#define HOOKCAST_REGISTRY_PATHS_H

#include "base/err.h"

char *path_join(const char *dir, const char *name); /* an absolute `name` stands for itself */
char *path_dir(const char *path);                   /* "." when there is no slash */

/* The file `rel` names as seen from `dir`, which must exist and, with every symlink resolved, lie below `root`
 * (`dir` is `root` or below it). *pathp is `dir` with `rel` appended and its dots taken out, so it keeps the spelling
 * of `root`. Returns 0, -ENOMEM, -EINVAL (outside), or -errno; the text is in `e`, without a place. */
int path_below(const char *root, const char *dir, const char *rel, char **pathp, struct err *e);

/* 1 when `path`, symlinks resolved, is `root` or below it; 0 when it is not; -errno. */
int path_is_below(const char *root, const char *path);

#endif
