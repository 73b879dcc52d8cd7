/* What `check FILE|DIR` hands to hookcastd. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/check.h"

static char root[64];
static struct err e;

static int rm_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void setup(void) {
    (void)snprintf(root, sizeof root, "/tmp/ctl-check-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(chdir(root), 0);
    e = (struct err){0};
}

static void teardown(void) {
    ck_assert_int_eq(chdir("/"), 0);
    (void)nftw(root, rm_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Write a file, making the directories above it. */
static void file(const char *path, const char *text) {
    char dir[256];
    for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
        (void)snprintf(dir, sizeof dir, "%.*s", (int)(p - path), path);
        (void)mkdir(dir, 0700);
    }
    cleanup_fclose FILE *f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    (void)fputs(text, f);
}

static void flags(const char *path, const char *expected) {
    struct check_flags f = {0};
    char joined[1024] = "";
    ck_assert_msg(check_flags_for(&f, path, &e) == 0, "%s: %s", path, e.text);
    for (size_t i = 0; i < f.n; i++) {
        size_t used = strlen(joined);
        (void)snprintf(joined + used, sizeof joined - used, "%s%s", i ? " " : "", f.items[i]);
    }
    ck_assert_str_eq(joined, expected);
    check_flags_deinit(&f);
    check_flags_deinit(&f);
}

static void refused(const char *path, int code, const char *part) {
    struct check_flags f = {0};
    ck_assert_int_eq(check_flags_for(&f, path, &e), code);
    ck_assert_msg(strstr(e.text, part) != NULL, "%s", e.text);
    check_flags_deinit(&f);
}

#define HOOKSPEC "# a kind\nkind: k\nkind_api_version: 1.0.0\nhooks:\n  - name: on_x\n"
#define MANIFEST "schema_version: \"1\"\nname: p\nkind: k\n"

START_TEST(test_files_are_told_apart_by_name_and_content) {
    file("specs/k/v1.yaml", HOOKSPEC);
    file("p/plugin.yaml", MANIFEST);
    file("q/dagstack.json", "{\"plugin\":{}}");
    file("hookcastd.yaml", "runtime_dir: /run/x\nlog: {level: info}\n");
    file("quoted.yaml", "\"kind\": k\n\"hooks\": []\n");
    file("wrong.yaml", MANIFEST);
    file("empty.yaml", "");
    flags("specs/k/v1.yaml", "--hookspec-dir specs/k");
    flags("quoted.yaml", "--hookspec-dir .");
    flags("p/plugin.yaml", "--plugin-dir p");
    flags("q/dagstack.json", "--plugin-dir q");
    flags("hookcastd.yaml", "--config hookcastd.yaml");
    flags("empty.yaml", "--config empty.yaml");
    refused("wrong.yaml", -EINVAL, "plugin.yaml");
    refused("missing.yaml", -ENOENT, "missing.yaml");
}
END_TEST

START_TEST(test_directories_are_told_apart_by_what_is_below) {
    file("plugins/a/plugin.yaml", MANIFEST);
    file("plugins/b/deep/dagstack.json", "{}");
    file("plugins/a/data/v1.yaml", HOOKSPEC); /* inside a plugin: its own business */
    file("specs/k/v1.yaml", HOOKSPEC);
    file("specs/k/schemas/x.json", "{}");
    file("nothing/readme.txt", "kind: no\n");
    file("nothing/.git/plugin.yaml", MANIFEST);
    flags("plugins", "--plugin-dir plugins");
    flags("plugins/a", "--plugin-dir plugins/a");
    flags("specs", "--hookspec-dir specs");
    refused("nothing", -EINVAL, "nothing to check");
}
END_TEST

START_TEST(test_a_tree_with_both_is_taken_apart) {
    file("conf/hookspecs/k/v1.yaml", HOOKSPEC);
    flags("conf", "--hookspec-dir conf");
    file("conf/plugins/p/plugin.yaml", MANIFEST);
    file("conf/hookcastd.yaml", "log: {level: info}\n");
    struct check_flags f = {0};
    ck_assert_int_eq(check_flags_for(&f, "conf", &e), 0);
    ck_assert_uint_eq(f.n, 4); /* in the order the directory is read in */
    for (size_t i = 0; i < f.n; i += 2)
        ck_assert_str_eq(f.items[i + 1], strcmp(f.items[i], "--plugin-dir") == 0 ? "conf/plugins" : "conf/hookspecs");
    check_flags_deinit(&f);
    file("conf/stray.yaml", HOOKSPEC);
    refused("conf", -EINVAL, "the one or the other");
}
END_TEST

START_TEST(test_loops_and_links_end) {
    file("a/plugin/plugin.yaml", MANIFEST);
    ck_assert_int_eq(symlink("..", "a/up"), 0);
    flags("a", "--plugin-dir a");
}
END_TEST

int main(void) {
    Suite *s = suite_create("ctl/check");
    TCase *t = tcase_create("check");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_files_are_told_apart_by_name_and_content);
    tcase_add_test(t, test_directories_are_told_apart_by_what_is_below);
    tcase_add_test(t, test_a_tree_with_both_is_taken_apart);
    tcase_add_test(t, test_loops_and_links_end);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
