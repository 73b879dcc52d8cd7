#include "registry/catalog.h"

#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "chaos.h"
#include "fixture.h"

static char dirs[4][80]; /* specs a, b; plugins a, b */
static const char *spec_dirs[3], *plugin_dirs[3];
static size_t n_plugin_dirs;
static struct settings defaults;
static struct catalog *c;

static void setup(void) {
    fixture_begin();
    static const char *const names[] = {"sa", "sb", "pa", "pb"};
    for (size_t i = 0; i < 4; i++) (void)snprintf(dirs[i], sizeof dirs[i], "%s/%s", fixture_root, names[i]);
    spec_dirs[0] = dirs[0];
    spec_dirs[1] = dirs[1];
    plugin_dirs[0] = dirs[2];
    plugin_dirs[1] = dirs[3];
    n_plugin_dirs = 2;
    for (size_t i = 0; i < 4; i++) ck_assert_int_eq(mkdir(dirs[i], 0755), 0);
    defaults = settings_default();
}

static void teardown(void) {
    c = catalog_unref(c);
    fixture_end();
}

static struct catalog *load_new(void) {
    const struct catalog_options o = {.hookspec_dirs = spec_dirs,
                                      .n_hookspec_dirs = 2,
                                      .plugin_dirs = plugin_dirs,
                                      .n_plugin_dirs = n_plugin_dirs,
                                      .defaults = &defaults,
                                      .core_version = "0.1.0"};
    return catalog_load(&o);
}

static void load(void) {
    c = catalog_unref(c);
    c = load_new();
    ck_assert_ptr_nonnull(c);
}

static void spec(const char *rel, const char *kind, const char *version) {
    char text[256];
    (void)snprintf(text, sizeof text,
                   "kind: %s\nkind_api_version: %s\nhooks: [{name: h, dispatch: broadcast_notify}]\n", kind, version);
    (void)fixture_write(rel, text);
}

static void plugin_of(const char *rel, const char *name, const char *kind, const char *more) {
    char text[512], path[128];
    (void)snprintf(text, sizeof text,
                   "schema_version: '1'\nname: %s\nkind: %s\nkind_api_version: '1'\ncore_version: '>=0.1,<2'\n"
                   "runtime: mcp_stdio\ncommand: [x]\n%s\n",
                   name, kind, more);
    (void)snprintf(path, sizeof path, "%s/plugin.yaml", rel);
    (void)fixture_write(path, text);
}

static void plugin(const char *rel, const char *name, const char *more) { plugin_of(rel, name, "k", more); }

static const char *names(void) {
    static char out[512];
    out[0] = '\0';
    for (size_t i = 0; i < c->n_manifests; i++) {
        if (i) strcat(out, " ");
        strcat(out, c->manifests[i]->name);
    }
    return out;
}

static const char *refusal(const char *name) {
    const struct manifest *m = catalog_manifest(c, name);
    ck_assert_ptr_nonnull(m);
    return m->refusal;
}

static void clean(void) {
    ck_assert_silent(&c->spec_errors);
    ck_assert_silent(&c->plugin_errors);
    ck_assert_silent(&c->notes);
}

START_TEST(test_nothing_to_load_is_an_empty_catalog) {
    load();
    clean();
    ck_assert_uint_eq(c->n_specs, 0);
    ck_assert_uint_eq(c->n_manifests, 0);
    ck_assert_ptr_null(catalog_spec(c, "k", 1, -1));
    ck_assert_ptr_null(catalog_manifest(c, "x"));
    ck_assert_ptr_null(catalog_nearest_kind(c, "k", 1));
}
END_TEST

START_TEST(test_a_missing_directory_is_a_note) {
    ck_assert_int_eq(rmdir(dirs[1]), 0);
    ck_assert_int_eq(rmdir(dirs[3]), 0);
    load();
    ck_assert_silent(&c->spec_errors);
    ck_assert_silent(&c->plugin_errors);
    ck_assert_says(&c->notes, "/sb: does not exist");
    ck_assert_says(&c->notes, "/pb: does not exist");
}
END_TEST

START_TEST(test_majors_coexist_and_the_newest_is_the_default) {
    spec("sa/k10.yaml", "k", "10.0.0");
    spec("sa/k2.yaml", "k", "2.0.0");
    spec("sb/j.yaml", "j", "1.0.0");
    load();
    clean();
    ck_assert_uint_eq(c->n_specs, 3);
    ck_assert_str_eq(c->specs[0]->kind, "j");
    ck_assert_uint_eq(c->specs[1]->major, 2);
    ck_assert_uint_eq(catalog_spec(c, "kk", 1, -1)->major, 10);
    ck_assert_uint_eq(catalog_spec(c, "k", 1, 2)->major, 2);
    ck_assert_ptr_null(catalog_spec(c, "k", 1, 3));
    ck_assert_ptr_null(catalog_spec(c, "kk", 2, -1));
    spec("sa/life.yaml", "lifecycle_listener", "1");
    load();
    ck_assert_str_eq(catalog_nearest_kind(c, "lifecycle_listner", 17), "lifecycle_listener");
}
END_TEST

START_TEST(test_the_directory_listed_first_wins_and_a_note_says_so) {
    spec("sb/x.yaml", "k", "1.5.0");
    spec("sa/k.yaml", "k", "1.0.0");
    plugin("pb/p", "p", "priority: 2");
    plugin("pa/other", "p", "priority: 1");
    load();
    ck_assert_silent(&c->spec_errors);
    ck_assert_silent(&c->plugin_errors);
    ck_assert_str_eq(catalog_spec(c, "k", 1, 1)->version, "1.0.0");
    ck_assert_uint_eq(catalog_manifest(c, "p")->priority, 1);
    ck_assert_uint_eq(c->notes.n, 2);
    ck_assert_says(&c->notes, "/sb/x.yaml:1:1: kind k with major version 1 is hidden by ");
    ck_assert_says(&c->notes, "/pb/p/plugin.yaml:1:1: plugin p is hidden by ");
}
END_TEST

START_TEST(test_twins_in_one_directory_are_errors_naming_both) {
    spec("sa/a.yaml", "k", "1.0.0");
    spec("sa/b.yaml", "k", "1.2.0");
    plugin("pa/one", "twin", "");
    plugin("pa/two", "twin", "");
    plugin("pa/three", "twin", "");
    plugin("pa/single", "single", "");
    plugin("pb/twin", "twin", "");
    load();
    ck_assert_uint_eq(c->spec_errors.n, 1);
    ck_assert_says(&c->spec_errors, "/sa/b.yaml:1:1: kind k with major version 1 is defined by ");
    ck_assert_uint_eq(c->plugin_errors.n, 3);
    ck_assert_says(&c->plugin_errors, "/pa/one/plugin.yaml:1:1: plugin name twin is taken by ");
    ck_assert_says(&c->plugin_errors, "/pa/two/plugin.yaml:1:1: plugin name twin is taken by ");
    ck_assert_says(&c->plugin_errors, "/pa/three/plugin.yaml:1:1: plugin name twin is taken by ");
    ck_assert_str_eq(names(), "single");
}
END_TEST

START_TEST(test_a_directory_listed_twice_counts_once) {
    plugin("pa/p", "p", "");
    char again[96];
    (void)snprintf(again, sizeof again, "%s/../pa/", dirs[3]);
    plugin_dirs[1] = again;
    spec("sa/k.yaml", "k", "1");
    load();
    ck_assert_silent(&c->plugin_errors);
    ck_assert_str_eq(names(), "p");
    ck_assert_says(&c->notes, "is listed twice among the plugin directories");
}
END_TEST

START_TEST(test_a_bad_file_is_reported_and_the_others_load) {
    spec("sa/k.yaml", "k", "1.0.0");
    (void)fixture_write("sa/bad.yaml", "kind: [\n");
    plugin("pa/good", "good", "");
    plugin("pa/bad", "bad", "prioritty: 1");
    load();
    ck_assert_uint_eq(c->spec_errors.n, 1);
    ck_assert_says(&c->spec_errors, "/sa/bad.yaml:2:1: not valid YAML");
    ck_assert_uint_eq(c->plugin_errors.n, 1);
    ck_assert_says(&c->plugin_errors,
                   "/pa/bad/plugin.yaml:8:1: unknown key \"prioritty\" (did you mean \"priority\"?)");
    ck_assert_str_eq(names(), "good");
    ck_assert_ptr_null(refusal("good"));
    ck_assert_ptr_eq(catalog_manifest(c, "good")->spec, c->specs[0]);
}
END_TEST

START_TEST(test_plugins_stand_in_start_order) {
    spec("sa/k.yaml", "k", "1");
    plugin("pa/1", "app", "priority: 100\ndepends_on: [db]");
    plugin("pa/2", "db", "");
    plugin("pa/3", "zoo", "priority: 50");
    plugin("pb/4", "ant", "");
    load();
    clean();
    ck_assert_str_eq(names(), "zoo ant db app");
}
END_TEST

START_TEST(test_a_missing_dependency_refuses_recursively_with_the_reason) {
    spec("sa/k.yaml", "k", "1");
    plugin("pa/1", "a", "depends_on: [b]");
    plugin("pa/2", "b", "depends_on: [databse]");
    plugin("pa/3", "database", "");
    plugin("pa/4", "other", "");
    load();
    clean();
    ck_assert_str_eq(refusal("b"), "depends on databse, which does not exist (did you mean \"database\"?)");
    ck_assert_str_eq(refusal("a"),
                     "depends on b, which is unavailable: depends on databse, which does not exist (did you mean "
                     "\"database\"?)");
    ck_assert_ptr_null(refusal("database"));
    ck_assert_ptr_null(refusal("other"));
}
END_TEST

START_TEST(test_a_refused_dependency_refuses_and_ones_own_reason_counts_first) {
    spec("sa/k.yaml", "k", "1");
    plugin_of("pa/1", "a", "nope", "");
    plugin("pa/2", "b", "depends_on: [a]");
    plugin_of("pa/3", "d", "nope", "depends_on: [ghost]");
    load();
    ck_assert_str_eq(refusal("a"), "kind \"nope\" is not known");
    ck_assert_str_eq(refusal("b"), "depends on a, which is unavailable: kind \"nope\" is not known");
    ck_assert_str_eq(refusal("d"), "kind \"nope\" is not known");
}
END_TEST

START_TEST(test_a_cycle_refuses_its_members_and_what_depends_on_them) {
    spec("sa/k.yaml", "k", "1");
    plugin("pa/1", "a", "depends_on: [b]");
    plugin("pa/2", "b", "depends_on: [a]");
    plugin("pa/3", "above", "depends_on: [a, free]\npriority: 100");
    plugin("pa/4", "free", "");
    load();
    clean();
    ck_assert_str_eq(refusal("a"), "depends on itself, in a cycle: a -> b -> a");
    ck_assert_str_eq(refusal("b"), "depends on itself, in a cycle: b -> a -> b");
    ck_assert_str_eq(refusal("above"),
                     "depends on a, which is unavailable: depends on itself, in a cycle: a -> b -> a");
    ck_assert_ptr_null(refusal("free"));
}
END_TEST

START_TEST(test_a_long_chain_of_refusals_stays_readable) {
    spec("sa/k.yaml", "k", "1");
    for (int i = 0; i < 100; i++) {
        char rel[32], name[16], on[64];
        (void)snprintf(rel, sizeof rel, "pa/%d", i);
        (void)snprintf(name, sizeof name, "p%d", i);
        (void)snprintf(on, sizeof on, "depends_on: [p%d]", i + 1);
        plugin(rel, name, on);
    }
    load();
    ck_assert_uint_eq(c->n_manifests, 100);
    for (size_t i = 0; i < 100; i++) {
        ck_assert_ptr_nonnull(c->manifests[i]->refusal);
        ck_assert_uint_lt(strlen(c->manifests[i]->refusal), 800);
    }
}
END_TEST

START_TEST(test_a_catalog_lives_until_its_last_reference) {
    spec("sa/k.yaml", "k", "1");
    load();
    struct catalog *second = catalog_ref(c);
    ck_assert_ptr_eq(second, c);
    ck_assert_ptr_null(catalog_unref(c));
    ck_assert_str_eq(second->specs[0]->kind, "k");
    ck_assert_ptr_null(catalog_unref(NULL));
}
END_TEST

#if CHAOS
static bool load_once(void) {
    struct catalog *x = load_new();
    bool ok = !x || x->spec_errors.n || x->plugin_errors.n ||
              (x->n_specs == 1 && x->n_manifests == 3 && catalog_manifest(x, "a")->refusal);
    (void)catalog_unref(x);
    return ok;
}

START_TEST(test_every_failed_allocation_is_survived) {
    spec("sa/k.yaml", "k", "1");
    plugin("pa/1", "a", "depends_on: [b]");
    plugin("pa/2", "b", "depends_on: [a]");
    plugin("pb/3", "c", "");
    ck_assert_int_gt(chaos_run(load_once), 200);
}
END_TEST
#endif

int main(void) {
    Suite *s = suite_create("catalog");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_nothing_to_load_is_an_empty_catalog);
    tcase_add_test(t, test_a_missing_directory_is_a_note);
    tcase_add_test(t, test_majors_coexist_and_the_newest_is_the_default);
    tcase_add_test(t, test_the_directory_listed_first_wins_and_a_note_says_so);
    tcase_add_test(t, test_twins_in_one_directory_are_errors_naming_both);
    tcase_add_test(t, test_a_directory_listed_twice_counts_once);
    tcase_add_test(t, test_a_bad_file_is_reported_and_the_others_load);
    tcase_add_test(t, test_plugins_stand_in_start_order);
    tcase_add_test(t, test_a_missing_dependency_refuses_recursively_with_the_reason);
    tcase_add_test(t, test_a_refused_dependency_refuses_and_ones_own_reason_counts_first);
    tcase_add_test(t, test_a_cycle_refuses_its_members_and_what_depends_on_them);
    tcase_add_test(t, test_a_long_chain_of_refusals_stays_readable);
    tcase_add_test(t, test_a_catalog_lives_until_its_last_reference);
#if CHAOS
    tcase_add_test(t, test_every_failed_allocation_is_survived);
#endif
    suite_add_tcase(s, t);
    return fixture_run(s);
}
