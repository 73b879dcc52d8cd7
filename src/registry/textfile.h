/* textfile.h — a whole configuration file in memory, bounded and checked to be UTF-8. */
#ifndef HOOKCAST_REGISTRY_TEXTFILE_H
#define HOOKCAST_REGISTRY_TEXTFILE_H

#include <stddef.h>

#include "base/err.h"

#define TEXTFILE_MAX ((size_t)1 << 20) /* 1 MiB: more is not configuration */

/* Read `path`: a regular file of at most TEXTFILE_MAX bytes, in UTF-8. A byte order mark is taken off. *textp is new
 * and NUL-terminated (the caller frees). Returns 0, -EINVAL (no regular file, too large, not UTF-8), -ENOMEM or -errno;
 * `e` then says why, with the place. */
int textfile_read(const char *path, char **textp, size_t *lenp, struct err *e);

/* The check alone, for text that came from elsewhere: 0 or -EINVAL. `file` is for the message. */
int textfile_check(const char *file, const char *text, size_t len, struct err *e);

/* The place of a byte: 1-based line, and column in characters. */
void textfile_place(const char *text, size_t offset, unsigned *linep, unsigned *colp);

#endif
