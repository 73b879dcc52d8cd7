#include "registry/strv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t strv_len(char *const *v) {
    size_t n = 0;
    while (v && v[n]) n++;
    return n;
}

char **strv_free(char **v) {
    for (size_t i = 0; v && v[i]; i++) free(v[i]);
    free(v);
    return NULL;
}

int strv_push_take(char ***vp, char *s) {
    if (!s) return -ENOMEM;
    size_t n = strv_len(*vp);
    if (!*vp || (n & (n + 1)) == 0) { /* full: the capacity is always a power of two, one slot of it the NULL */
        char **p = reallocarray(*vp, (n + 1) * 2, sizeof *p);
        if (!p) {
            free(s);
            return -ENOMEM;
        }
        *vp = p;
    }
    (*vp)[n] = s;
    (*vp)[n + 1] = NULL;
    return 0;
}

bool strv_has(char *const *v, const char *s) {
    for (size_t i = 0; v && v[i]; i++)
        if (strcmp(v[i], s) == 0) return true;
    return false;
}

bool strv_equal(char *const *a, char *const *b) {
    size_t n = strv_len(a);
    if (n != strv_len(b)) return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(a[i], b[i]) != 0) return false;
    return true;
}

bool str_equal(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }
