#include "registry/discovery.h"

#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "chaos.h"
#include "fixture.h"
#include "registry/strv.h"

static struct errs errors, notes;
static struct discovery_rules rules;
static char **paths;

static void forget(void) {
    paths = strv_free(paths);
    errs_deinit(&errors);
    errs_deinit(&notes);
}

static void setup(void) {
    fixture_begin();
    rules = (struct discovery_rules){.guard = false, .uid = geteuid()};
}

static void teardown(void) {
    forget();
    fixture_end();
}

/* Names found below `rel`, without it, one after the other. */
static const char *found(bool plugins, const char *rel) {
    static char out[2048];
    char root[128];
    forget();
    (void)snprintf(root, sizeof root, "%s", fixture_path(rel));
    ck_assert_int_eq((plugins ? discovery_plugins : discovery_hookspecs)(root, &rules, &paths, &errors, &notes), 0);
    out[0] = '\0';
    for (char **p = paths; p && *p; p++) {
        ck_assert_int_eq(strncmp(*p, root, strlen(root)), 0);
        if (p != paths) strcat(out, " ");
        strcat(out, *p + strlen(root) + 1);
    }
    return out;
}

static const char *plugins(void) { return found(true, "d"); }

START_TEST(test_plugins_are_found_at_any_level_in_the_order_of_names) {
    (void)fixture_write("d/b/plugin.yaml", "");
    (void)fixture_write("d/a/x/plugin.yaml", "");
    (void)fixture_write("d/c/dagstack.json", "");
    (void)fixture_write("d/readme.txt", "");
    ck_assert_str_eq(plugins(), "a/x/plugin.yaml b/plugin.yaml c/dagstack.json");
    ck_assert_silent(&errors);
    ck_assert_silent(&notes);
}
END_TEST

START_TEST(test_a_plugin_is_a_leaf_and_yaml_beats_json) {
    (void)fixture_write("d/a/plugin.yaml", "");
    (void)fixture_write("d/a/dagstack.json", "");
    (void)fixture_write("d/a/inner/plugin.yaml", "");
    ck_assert_str_eq(plugins(), "a/plugin.yaml");
}
END_TEST

START_TEST(test_folders_of_tools_are_skipped) {
    static const char *const names[] = {"__pycache__", ".git", "node_modules", ".venv"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char rel[64];
        (void)snprintf(rel, sizeof rel, "d/%s/plugin.yaml", names[i]);
        (void)fixture_write(rel, "");
    }
    (void)fixture_write("d/.hidden/plugin.yaml", "");
    ck_assert_str_eq(plugins(), ".hidden/plugin.yaml");
}
END_TEST

START_TEST(test_a_directory_that_is_a_plugin_itself_is_one) {
    (void)fixture_write("d/plugin.yaml", "");
    ck_assert_str_eq(plugins(), "plugin.yaml");
}
END_TEST

START_TEST(test_links_to_directories_are_not_followed_and_those_that_lead_out_are_noted) {
    (void)fixture_write("d/a/plugin.yaml", "");
    (void)fixture_write("elsewhere/plugin.yaml", "");
    ck_assert_int_eq(symlink("a", fixture_path("d/twin")), 0);
    ck_assert_int_eq(symlink(".", fixture_path("d/loop")), 0);
    ck_assert_int_eq(symlink("../elsewhere", fixture_path("d/out")), 0);
    ck_assert_int_eq(symlink("nowhere", fixture_path("d/broken")), 0);
    ck_assert_str_eq(plugins(), "a/plugin.yaml");
    ck_assert_uint_eq(notes.n, 1);
    ck_assert_says(&notes, "/d/out: is a symbolic link that leads out of ");
    ck_assert_silent(&errors);
}
END_TEST

START_TEST(test_a_manifest_may_be_a_link_inside_but_not_out) {
    (void)fixture_write("d/shared/real.yaml", "");
    (void)fixture_write("out.yaml", "");
    (void)fixture_write("d/a/x", "");
    (void)fixture_write("d/b/x", "");
    (void)fixture_write("d/c/x", "");
    ck_assert_int_eq(symlink("../shared/real.yaml", fixture_path("d/a/plugin.yaml")), 0);
    ck_assert_int_eq(symlink("../../out.yaml", fixture_path("d/b/plugin.yaml")), 0);
    ck_assert_int_eq(symlink("gone", fixture_path("d/c/plugin.yaml")), 0);
    ck_assert_str_eq(plugins(), "a/plugin.yaml");
    ck_assert_uint_eq(errors.n, 2);
    ck_assert_says(&errors, "/d/b/plugin.yaml: is a symbolic link that leads out of ");
    ck_assert_says(&errors, "/d/c/plugin.yaml: No such file or directory");
}
END_TEST

START_TEST(test_the_directory_given_may_be_a_link) {
    (void)fixture_write("real/a/plugin.yaml", "");
    ck_assert_int_eq(symlink("real", fixture_path("d")), 0);
    ck_assert_str_eq(plugins(), "a/plugin.yaml");
    ck_assert_silent(&errors);
}
END_TEST

START_TEST(test_a_missing_directory_is_a_note_and_a_file_an_error) {
    ck_assert_str_eq(plugins(), "");
    ck_assert_says(&notes, "/d: does not exist");
    ck_assert_silent(&errors);
    (void)fixture_write("d", "");
    ck_assert_str_eq(plugins(), "");
    ck_assert_says(&errors, "/d: is not a directory");
}
END_TEST

START_TEST(test_an_unreadable_directory_is_an_error_and_the_rest_is_found) {
    (void)fixture_write("d/a/plugin.yaml", "");
    (void)fixture_write("d/b/plugin.yaml", "");
    ck_assert_int_eq(chmod(fixture_path("d/a"), 0), 0);
    ck_assert_int_eq(chmod(fixture_root, 0755), 0);
    bool root = geteuid() == 0; /* whom modes do not stop: walk as nobody */
    if (root) ck_assert_int_eq(seteuid(65534), 0);
    const char *names = plugins();
    if (root) ck_assert_int_eq(seteuid(0), 0);
    ck_assert_str_eq(names, "b/plugin.yaml");
    ck_assert_uint_eq(errors.n, 1);
    ck_assert_says(&errors, "/d/a: cannot read this directory: Permission denied");
    ck_assert_int_eq(chmod(fixture_path("d/a"), 0755), 0);
}
END_TEST

START_TEST(test_names_that_are_nearly_a_manifest_are_noted) {
    (void)fixture_write("d/a/plugin.yml", "");
    (void)fixture_write("d/b/dagstack.toml", "");
    ck_assert_str_eq(plugins(), "");
    ck_assert_says(&notes, "/d/a/plugin.yml: is not read: a manifest is called plugin.yaml or dagstack.json");
    ck_assert_says(&notes, "/d/b/dagstack.toml: is not read");
}
END_TEST

START_TEST(test_depth_is_bounded) {
    char rel[512] = "d";
    for (int i = 0; i < 32; i++) strcat(rel, "/x");
    size_t fits = strlen(rel);
    strcat(rel, "/y/plugin.yaml");
    (void)fixture_write(rel, "");
    rel[fits] = '\0';
    strcat(rel, "/z.txt");
    (void)fixture_write(rel, "");
    ck_assert_str_eq(plugins(), "");
    ck_assert_says(&errors, "/y: is not searched: more than 32 levels below ");
}
END_TEST

START_TEST(test_a_guarded_walk_refuses_what_others_could_change) {
    rules.guard = true;
    (void)fixture_write("d/good/plugin.yaml", "");
    (void)fixture_write("d/file/plugin.yaml", "");
    (void)fixture_write("d/dir/plugin.yaml", "");
    (void)fixture_write("d/up/in/plugin.yaml", "");
    ck_assert_int_eq(chmod(fixture_path("d/file/plugin.yaml"), 0666), 0);
    ck_assert_int_eq(chmod(fixture_path("d/dir"), 0777), 0);
    ck_assert_int_eq(chmod(fixture_path("d/up"), 01777), 0);
    ck_assert_str_eq(plugins(), "good/plugin.yaml");
    ck_assert_uint_eq(errors.n, 3);
    ck_assert_says(&errors, "/d/file/plugin.yaml: can be written by everybody (mode 0666): run chmod o-w on it");
    ck_assert_says(&errors, "/d/dir: can be written by everybody (mode 0777)");
    ck_assert_says(&errors, "/d/up: can be written by everybody (mode 1777)");
    rules.guard = false;
    ck_assert_str_eq(plugins(), "dir/plugin.yaml file/plugin.yaml good/plugin.yaml up/in/plugin.yaml");
}
END_TEST

START_TEST(test_a_guarded_walk_refuses_strangers_files) {
    rules = (struct discovery_rules){.guard = true, .uid = geteuid()};
    struct stat st = {.st_uid = geteuid() + 1000, .st_mode = S_IFREG | 0644};
    char why[160];
    ck_assert_ptr_nonnull(discovery_distrust(&st, &rules, why, sizeof why));
    ck_assert_ptr_nonnull(strstr(why, "neither root nor the daemon's user"));
    st.st_uid = 0;
    ck_assert_ptr_null(discovery_distrust(&st, &rules, why, sizeof why));
    st.st_uid = geteuid();
    ck_assert_ptr_null(discovery_distrust(&st, &rules, why, sizeof why));
}
END_TEST

START_TEST(test_hookspecs_are_every_yaml_file_at_any_level) {
    (void)fixture_write("s/l/v2.yaml", "");
    (void)fixture_write("s/l/v1.yaml", "");
    (void)fixture_write("s/top.yaml", "");
    (void)fixture_write("s/l/schemas/a.json", "");
    (void)fixture_write("s/.hidden/v1.yaml", "");
    (void)fixture_write("s/.v1.yaml", "");
    (void)fixture_write("s/old.yml", "");
    ck_assert_int_eq(symlink(".hidden/v1.yaml", fixture_path("s/link.yaml")), 0);
    ck_assert_str_eq(found(false, "s"), "l/v1.yaml l/v2.yaml link.yaml top.yaml");
    ck_assert_silent(&errors);
    ck_assert_says(&notes, "/s/old.yml: is not read: the name of a hookspec ends in .yaml");
}
END_TEST

#if CHAOS
static char chaos_root[128];

static bool walk_once(void) {
    struct errs e = {0}, n = {0};
    char **v = NULL;
    int r = discovery_plugins(chaos_root, &rules, &v, &e, &n);
    bool ok = r == 0 ? strv_len(v) == 5 || e.n || e.lost : r == -ENOMEM;
    strv_free(v);
    errs_deinit(&e);
    errs_deinit(&n);
    return ok;
}

START_TEST(test_every_failed_allocation_is_survived) {
    for (char c = 'a'; c < 'f'; c++) {
        char rel[32];
        (void)snprintf(rel, sizeof rel, "d/%c/plugin.yaml", c);
        (void)fixture_write(rel, "");
    }
    (void)snprintf(chaos_root, sizeof chaos_root, "%s", fixture_path("d"));
    ck_assert_int_gt(chaos_run(walk_once), 20);
}
END_TEST
#endif

int main(void) {
    Suite *s = suite_create("discovery");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_plugins_are_found_at_any_level_in_the_order_of_names);
    tcase_add_test(t, test_a_plugin_is_a_leaf_and_yaml_beats_json);
    tcase_add_test(t, test_folders_of_tools_are_skipped);
    tcase_add_test(t, test_a_directory_that_is_a_plugin_itself_is_one);
    tcase_add_test(t, test_links_to_directories_are_not_followed_and_those_that_lead_out_are_noted);
    tcase_add_test(t, test_a_manifest_may_be_a_link_inside_but_not_out);
    tcase_add_test(t, test_the_directory_given_may_be_a_link);
    tcase_add_test(t, test_a_missing_directory_is_a_note_and_a_file_an_error);
    tcase_add_test(t, test_an_unreadable_directory_is_an_error_and_the_rest_is_found);
    tcase_add_test(t, test_names_that_are_nearly_a_manifest_are_noted);
    tcase_add_test(t, test_depth_is_bounded);
    tcase_add_test(t, test_a_guarded_walk_refuses_what_others_could_change);
    tcase_add_test(t, test_a_guarded_walk_refuses_strangers_files);
    tcase_add_test(t, test_hookspecs_are_every_yaml_file_at_any_level);
#if CHAOS
    tcase_add_test(t, test_every_failed_allocation_is_survived);
#endif
    suite_add_tcase(s, t);
    return fixture_run(s);
}
