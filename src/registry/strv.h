/* strv.h — NULL-terminated arrays of owned strings.
 *
 * An empty one may be NULL or an array that holds just the NULL. */
#ifndef HOOKCAST_REGISTRY_STRV_H
#define HOOKCAST_REGISTRY_STRV_H

#include <stdbool.h>
#include <stddef.h>

size_t strv_len(char *const *v); /* NULL is fine */
char **strv_free(char **v);      /* frees the strings too; NULL is fine; returns NULL */

/* Append: takes `s` (also when it fails: then it is freed). A NULL `s` counts as out of memory. 0 or -ENOMEM. */
int strv_push_take(char ***vp, char *s);

bool strv_has(char *const *v, const char *s);
bool strv_equal(char *const *a, char *const *b); /* same strings in the same order; NULL equals empty */

/* strcmp() that takes NULL: two NULLs are equal. */
bool str_equal(const char *a, const char *b);

#endif
