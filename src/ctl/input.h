/* input.h — a JSON file or line as the daemon would read it. */
#ifndef HOOKCAST_CTL_INPUT_H
#define HOOKCAST_CTL_INPUT_H

#include "base/buf.h"
#include "base/err.h"
#include "json/scan.h"

enum { INPUT_E_DEPTH = 1 /* well-formed, but nested deeper than 128 */ };

/* Read a whole file (at most 64 MiB) into `text`, cleared first. Returns 0, -errno or -EMSGSIZE; `e` says why. */
int input_read(const char *path, struct buf *text, struct err *e);

/* Scan a text that came from `name`, where it begins in line `line`. Returns 0; INPUT_E_DEPTH; -EINVAL with the
 * place (not JSON, or a key named twice); or -ENOMEM. */
int input_scan(struct scan *s, const char *name, unsigned line, const char *text, size_t len, struct err *e);

#endif
