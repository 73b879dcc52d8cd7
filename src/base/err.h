/* err.h — errors as values that say where and why.
 *
 * Return codes across the house: 0 is success; a negative value is -errno (fatal to the operation, forwarded
 * untouched); a positive value is the called module's own NOUN_E_* code, which the direct caller must handle or
 * translate. What a person reads travels beside the code in a caller-owned `struct err`. `struct errs` collects many of
 * them (configuration checking reports every problem, not just the first).
 *
 * Nothing here fails: text that does not fit is cut, and a list that cannot grow remembers that it lost entries. */
#ifndef HOOKCAST_BASE_ERR_H
#define HOOKCAST_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct err {
    char file[512];  /* "" when the problem is in no file */
    unsigned line;   /* 1-based; 0 = unknown */
    unsigned col;    /* 1-based; 0 = unknown */
    char text[1024]; /* one sentence, no trailing newline */
};

/* Set the text (printf style) and clear the place. `e` may be NULL: then nothing happens. Returns `code`, so that a
 * failing function can end with `return err_set(e, -EINVAL, "...")`. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with a place. `file` may be NULL or "". */
int err_at(struct err *e, int code, const char *file, unsigned line, unsigned col, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
int err_vat(struct err *e, int code, const char *file, unsigned line, unsigned col, const char *fmt, va_list ap)
    __attribute__((format(printf, 6, 0)));

/* The one errno -> text place: sets "<what>: <strerror>" and returns -errnum. */
int err_sys(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* strerror without the shared buffer; the text is static. */
const char *err_str(int errnum);

/* Render "file:line:column: text" (leaving out what is unknown) into `out`; always terminated. Returns `out`. */
const char *err_format(const struct err *e, char *out, size_t cap);

/* Big enough for any rendered error. */
#define ERR_FORMAT_MAX 1600

/* A growing list of rendered errors. Zero-initialise; errs_deinit() when done (twice is harmless). */
struct errs {
    char **items; /* owned strings */
    size_t n, cap;
    bool lost; /* out of memory: at least one entry is missing */
};

void errs_add(struct errs *l, const struct err *e);
void errs_addf(struct errs *l, const char *file, unsigned line, unsigned col, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void errs_deinit(struct errs *l);

#endif
