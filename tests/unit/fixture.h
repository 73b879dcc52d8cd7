/* fixture.h — directories of files for the tests of the registry and of the configuration. */
#ifndef HOOKCAST_TESTS_FIXTURE_H
#define HOOKCAST_TESTS_FIXTURE_H

#include <check.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

static char fixture_root[64]; /* a fresh directory per test; "" before fixture_begin() */

__attribute__((unused)) static void fixture_begin(void) {
    (void)umask(022);
    (void)snprintf(fixture_root, sizeof fixture_root, "/tmp/hookcast-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fixture_root));
}

static int fixture_remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

__attribute__((unused)) static void fixture_end(void) {
    (void)nftw(fixture_root, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The absolute name of a file below the fixture (a static buffer per call site's turn: four are kept). */
__attribute__((unused)) static const char *fixture_path(const char *rel) {
    static char ring[4][PATH_MAX];
    static unsigned turn;
    char *out = ring[turn++ % 4];
    (void)snprintf(out, PATH_MAX, "%s/%s", fixture_root, rel);
    return out;
}

__attribute__((unused)) static void fixture_mkdirs(const char *rel) {
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", fixture_root, rel);
    for (char *p = path + strlen(fixture_root) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        (void)mkdir(path, 0755);
        *p = '/';
    }
}

__attribute__((unused)) static const char *fixture_write_bytes(const char *rel, const void *bytes, size_t n) {
    fixture_mkdirs(rel);
    const char *path = fixture_path(rel);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

__attribute__((unused)) static const char *fixture_write(const char *rel, const char *text) {
    return fixture_write_bytes(rel, text, strlen(text));
}

__attribute__((unused)) static bool errs_have(const struct errs *l, const char *part) {
    for (size_t i = 0; i < l->n; i++)
        if (strstr(l->items[i], part)) return true;
    return false;
}

__attribute__((unused)) static void errs_print(const struct errs *l) {
    for (size_t i = 0; i < l->n; i++) (void)fprintf(stderr, "  %s\n", l->items[i]);
}

#define ck_assert_says(l, part)                          \
    do {                                                 \
        if (!errs_have((l), (part))) {                   \
            errs_print(l);                               \
            ck_abort_msg("no message says: %s", (part)); \
        }                                                \
    } while (0)

#define ck_assert_silent(l)                                       \
    do {                                                          \
        if ((l)->n) {                                             \
            errs_print(l);                                        \
            ck_abort_msg("expected no message, got %zu", (l)->n); \
        }                                                         \
    } while (0)

/* Run a suite; the exit status of main(). */
__attribute__((unused)) static int fixture_run(Suite *s) {
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
