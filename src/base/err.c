#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int err_vat(struct err *e, int code, const char *file, unsigned line, unsigned col, const char *fmt, va_list ap) {
    if (!e) return code;
    char text[sizeof e->text]; /* arguments may point into *e */
    (void)vsnprintf(text, sizeof text, fmt, ap);
    char where[sizeof e->file];
    (void)snprintf(where, sizeof where, "%s", file ? file : "");
    memcpy(e->text, text, sizeof text);
    memcpy(e->file, where, sizeof where);
    e->line = line;
    e->col = col;
    return code;
}

int err_at(struct err *e, int code, const char *file, unsigned line, unsigned col, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    (void)err_vat(e, code, file, line, col, fmt, ap);
    va_end(ap);
    return code;
}

int err_set(struct err *e, int code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    (void)err_vat(e, code, NULL, 0, 0, fmt, ap);
    va_end(ap);
    return code;
}

const char *err_str(int errnum) {
    const char *s = strerrordesc_np(errnum);
    return s ? s : "unknown error";
}

int err_sys(struct err *e, int errnum, const char *fmt, ...) {
    char what[768];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(e, -errnum, "%s: %s", what, err_str(errnum));
}

const char *err_format(const struct err *e, char *out, size_t cap) {
    if (!e->file[0])
        (void)snprintf(out, cap, "%s", e->text);
    else if (!e->line)
        (void)snprintf(out, cap, "%s: %s", e->file, e->text);
    else if (!e->col)
        (void)snprintf(out, cap, "%s:%u: %s", e->file, e->line, e->text);
    else
        (void)snprintf(out, cap, "%s:%u:%u: %s", e->file, e->line, e->col, e->text);
    return out;
}

void errs_add(struct errs *l, const struct err *e) {
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        char **p = reallocarray(l->items, cap, sizeof *p);
        if (!p) {
            l->lost = true;
            return;
        }
        l->items = p;
        l->cap = cap;
    }
    char text[ERR_FORMAT_MAX];
    char *s = strdup(err_format(e, text, sizeof text));
    if (!s) {
        l->lost = true;
        return;
    }
    l->items[l->n++] = s;
}

void errs_addf(struct errs *l, const char *file, unsigned line, unsigned col, const char *fmt, ...) {
    struct err e;
    va_list ap;
    va_start(ap, fmt);
    (void)err_vat(&e, 0, file, line, col, fmt, ap);
    va_end(ap);
    errs_add(l, &e);
}

void errs_deinit(struct errs *l) {
    for (size_t i = 0; i < l->n; i++) free(l->items[i]);
    free(l->items);
    *l = (struct errs){0};
}
