/* version.h — versions and ranges as Python's packaging (PEP 440) reads them, and majors of kind_api_version.
 *
 * Pure. Bounds beyond PEP 440: a number has at most 18 digits, a release at most 16 numbers, a local part at most 63
 * characters. */
#ifndef HOOKCAST_REGISTRY_VERSION_H
#define HOOKCAST_REGISTRY_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { VERSION_RELEASE_MAX = 16, VERSION_LOCAL_MAX = 64, VERSION_TEXT_MAX = 512 };

struct version {
    uint64_t epoch;
    uint64_t release[VERSION_RELEASE_MAX];
    unsigned n_release;
    char pre; /* 'a', 'b', 'r' (rc), or 0 */
    uint64_t pre_n;
    bool has_post, has_dev;
    uint64_t post, dev;
    char local[VERSION_LOCAL_MAX]; /* lower case, parts joined by '.'; "" when there is none */
};

/* The whole of `s`, blanks around it allowed. Returns 0 or -EINVAL (*v is untouched then). */
int version_parse(const char *s, struct version *v);
int version_compare(const struct version *a, const struct version *b); /* <0, 0, >0 */
const char *version_format(const struct version *v, char out[VERSION_TEXT_MAX]);

/* Is the range (">=0.1,<2") well-formed? 0, or -EINVAL with the text in `e` (no place). An empty range is one. */
int version_range_check(const char *range, struct err *e);

/* Does `version` satisfy it? As SpecifierSet.contains(): a pre-release only when some part of the range names one.
 * Returns 1, 0, or -EINVAL when either is malformed. */
int version_range_has(const char *range, const char *version, struct err *e);

/* A kind_api_version: a major ("1") or a fuller version ("1.0", "1.0.0", "1.0.0-rc.1"). *fullp, when not NULL, gets it
 * with all three numbers (new; the caller frees). Returns 0, -EINVAL or -ENOMEM. */
int version_major(const char *s, unsigned *majorp, char **fullp);

#endif
