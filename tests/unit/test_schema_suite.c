/* test_schema_suite.c — the official JSON Schema test suite, draft 2020-12, run in place.
 *
 * All required files must be right to the last case. Of the optional ones and of the formats, what is left out is in
 * the table below with its reason; a row of it that no case needs any more is a failure, too. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "schema_kit.h"

static const struct left_out {
    const char *file, *group, *test; /* group, test NULL: all of them */
    const char *why;
} left_out[] = {
    {"optional/cross-draft.json", NULL, NULL,
     "one dialect is served: a reference into draft 2019-09 is refused at load"},
    {"optional/format/idn-email.json", NULL, NULL, "not among the formats that are asserted"},
    {"optional/format/idn-hostname.json", NULL, NULL, "not among the formats that are asserted"},
    {"optional/format/iri.json", NULL, NULL, "not among the formats that are asserted"},
    {"optional/format/iri-reference.json", NULL, NULL, "not among the formats that are asserted"},
    {"optional/format/uri-template.json", NULL, NULL, "not among the formats that are asserted"},
};

enum { NAMES_MAX = 64, PATH_CAP = 4096 };

static char suite_dir[PATH_CAP / 2], remotes_dir[PATH_CAP / 2];
static bool present;

static struct schema_run *run;
static struct scan scan;
static struct buf text, errors;
static size_t cases, right, left, wrong;
static bool needed[ARRAY_LEN(left_out)];

static void setup(void) {
    const char *shared = getenv("HOOKCAST_SHARED");
    if (!shared || !*shared) shared = "../shared";
    (void)snprintf(suite_dir, sizeof suite_dir, "%s/json-schema-test-suite/tests/draft2020-12", shared);
    (void)snprintf(remotes_dir, sizeof remotes_dir, "%s/json-schema-test-suite/remotes/", shared);
    DIR *d = opendir(suite_dir);
    present = d != NULL;
    if (d) (void)closedir(d);
    if (!present) puts("SKIP: json-schema-test-suite absent");
    run = schema_run_new();
    ck_assert_ptr_nonnull(run);
    scan_init(&scan, KIT_DEPTH);
    text = errors = BUF_INIT(0);
    cases = right = left = wrong = 0;
}

static void teardown(void) {
    run = schema_run_free(run);
    scan_deinit(&scan);
    buf_deinit(&text);
    buf_deinit(&errors);
}

/* ---- one case ---- */

static bool string_is(const struct node *n, const char *s) { return scan_equal(&scan, n, s, strlen(s)); }

/* The row that leaves a case out; -1 when it must be right. */
static int row_of(const char *file, const struct node *group, const struct node *test) {
    for (size_t i = 0; i < ARRAY_LEN(left_out); i++) {
        const struct left_out *l = &left_out[i];
        if (strcmp(l->file, file) == 0 && (!l->group || string_is(group, l->group)) &&
            (!l->test || string_is(test, l->test)))
            return (int)i;
    }
    return -1;
}

static void judge(const char *file, const struct node *group, const struct node *test, bool ok, const char *what) {
    cases++;
    int row = row_of(file, group, test);
    if (row >= 0) {
        left++;
        needed[row] = needed[row] || !ok;
    } else if (ok) {
        right++;
    } else {
        wrong++;
        printf("WRONG %s: %.*s: %.*s: %s\n", file, (int)group->len, scan_ptr(&scan, group), (int)test->len,
               scan_ptr(&scan, test), what);
    }
}

/* Basic output: a list of at most 32, each with where, which keyword, and a sentence. */
static bool output_is_basic(void) {
    json_t *list = json_loadb(buf_data(&errors), errors.len, 0, NULL);
    bool ok = json_is_array(list) && json_array_size(list) >= 1 && json_array_size(list) <= 32;
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        const json_t *e = json_array_get(list, i);
        const char *instance = json_string_value(json_object_get(e, "instanceLocation"));
        const char *keyword = json_string_value(json_object_get(e, "keywordLocation"));
        const char *sentence = json_string_value(json_object_get(e, "error"));
        ok = instance && keyword && sentence && (!*instance || *instance == '/') && (!*keyword || *keyword == '/') &&
             *sentence;
    }
    json_decref(list);
    return ok;
}

static void one_case(const char *file, const struct node *group, const struct node *test, const struct schema *s) {
    const struct node *name = scan_get(&scan, test, "description");
    bool valid = scan_get(&scan, test, "valid")->type == NODE_TRUE;
    const struct node *instance = scan_get(&scan, test, "data");
    int want = valid ? 0 : SCHEMA_E_INVALID;
    int quick = schema_validate(s, run, &scan, instance, NULL);
    int full = schema_validate(s, run, &scan, instance, &errors);
    const char *what = "";
    if (quick != want) what = quick == 0 ? "taken for valid" : schema_why(run);
    if (full != quick) what = "another verdict when output is wanted";
    if (!*what && full == SCHEMA_E_INVALID && !output_is_basic()) what = "output is not basic";
    judge(file, group, name, !*what, what);
}

static void one_group(const char *file, const struct node *group, bool formats) {
    const struct schema_map map = {.uri = "http://localhost:1234/", .dir = remotes_dir};
    const struct schema_options o = {.maps = &map, .n_maps = 1, .format_assertion = formats};
    const struct node *name = scan_get(&scan, group, "description"), *node = scan_get(&scan, group, "schema");
    const struct node *tests = scan_get(&scan, group, "tests");
    struct schema *s = NULL;
    struct err e = {0};
    int r = schema_compile_text(scan_ptr(&scan, node), node->len, NULL, &o, &s, &e);
    ck_assert_int_le(r, 0);
    for (const struct node *t = scan_first(&scan, tests); t; t = scan_next(&scan, tests, t)) {
        if (r == 0)
            one_case(file, name, t, s);
        else
            judge(file, name, scan_get(&scan, t, "description"), false, e.text);
    }
    (void)schema_free(s);
}

/* ---- files ---- */

static void one_file(const char *file, bool formats) {
    char path[PATH_CAP];
    ck_assert_int_lt(snprintf(path, sizeof path, "%s/%s", suite_dir, file), (int)sizeof path);
    cleanup_fclose FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s", path);
    buf_clear(&text);
    for (size_t n = 1; n;) {
        ck_assert_int_eq(buf_reserve(&text, 65536), 0);
        n = fread(text.mem + text.off + text.len, 1, 65536, f);
        text.len += n;
    }
    ck_assert_int_eq(scan_text(&scan, buf_data(&text), text.len), 0);
    const struct node *root = scan_root(&scan);
    for (const struct node *g = scan_first(&scan, root); g; g = scan_next(&scan, root, g)) one_group(file, g, formats);
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

/* Every *.json of a directory, in order. */
static size_t each_file(const char *sub, bool formats) {
    char dir[PATH_CAP], names[NAMES_MAX][96];
    (void)snprintf(dir, sizeof dir, "%s/%s", suite_dir, sub);
    DIR *d = opendir(dir);
    ck_assert_msg(d != NULL, "%s", dir);
    size_t n = 0;
    for (const struct dirent *e; (e = readdir(d));) {
        const char *dot = strrchr(e->d_name, '.');
        if (!dot || strcmp(dot, ".json") != 0) continue;
        ck_assert_uint_lt(n, NAMES_MAX);
        ck_assert_int_lt(snprintf(names[n++], sizeof names[0], "%s%s", sub, e->d_name), (int)sizeof names[0]);
    }
    (void)closedir(d);
    qsort(names, n, sizeof names[0], by_name);
    for (size_t i = 0; i < n; i++) one_file(names[i], formats);
    return n;
}

static void report(const char *what, size_t files) {
    printf("JSON Schema suite, %s: %zu of %zu cases right in %zu files", what, right, cases - left, files);
    printf(left ? ", %zu left out\n" : "\n", left);
    (void)fflush(stdout);
    ck_assert_uint_eq(wrong, 0);
}

/* The table, as far as it is about files that begin with `prefix`. */
static void report_left_out(const char *prefix, const char *but) {
    size_t unneeded = 0;
    for (size_t i = 0; i < ARRAY_LEN(left_out); i++) {
        const struct left_out *l = &left_out[i];
        if (strncmp(l->file, prefix, strlen(prefix)) != 0 || (but && strncmp(l->file, but, strlen(but)) == 0)) continue;
        printf("  left out: %s%s%s%s%s: %s\n", l->file, l->group ? ": " : "", l->group ? l->group : "",
               l->test ? ": " : "", l->test ? l->test : "", l->why);
        if (!needed[i]) printf("    ... but it is right now\n");
        unneeded += !needed[i];
    }
    (void)fflush(stdout);
    ck_assert_uint_eq(unneeded, 0);
}

START_TEST(test_every_required_case_is_right) {
    if (!present) return;
    size_t files = each_file("", false);
    report("required", files);
    ck_assert_uint_eq(left, 0);
    ck_assert_uint_ge(files, 46);
    ck_assert_uint_ge(right, 1290);
}
END_TEST

START_TEST(test_optional_cases_are_right_but_for_the_table) {
    if (!present) return;
    size_t files = each_file("optional/", false);
    report("optional", files);
    report_left_out("optional/", "optional/format/");
    ck_assert_uint_ge(right, 150);
}
END_TEST

START_TEST(test_asserted_formats_are_right_but_for_the_table) {
    if (!present) return;
    size_t files = each_file("optional/format/", true);
    report("formats asserted", files);
    report_left_out("optional/format/", NULL);
    ck_assert_uint_ge(right, 500);
}
END_TEST

START_TEST(test_formats_are_annotations_unless_asserted) {
    static const char *const files[] = {"date-time", "date",  "email", "hostname", "ipv4",
                                        "ipv6",      "regex", "uri",   "uuid"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct schema *s;
        char doc[128];
        (void)snprintf(doc, sizeof doc, "{\"format\":\"%s\"}", files[i]);
        s = kit_compile(doc, NULL);
        ck_assert_int_eq(kit_validate(s, run, "\"[not at all\"", 13, NULL), 0);
        s = schema_free(s);
        const struct schema_options o = {.format_assertion = true};
        s = kit_compile(doc, &o);
        ck_assert_msg(kit_validate(s, run, "\"[not at all\"", 13, &errors) == SCHEMA_E_INVALID, "%s", doc);
        ck_assert(output_is_basic());
        ck_assert_int_eq(kit_validate(s, run, "12", 2, NULL), 0);
        s = schema_free(s);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("schema_suite");
    TCase *t = tcase_create("suite");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_every_required_case_is_right);
    tcase_add_test(t, test_optional_cases_are_right_but_for_the_table);
    tcase_add_test(t, test_asserted_formats_are_right_but_for_the_table);
    tcase_add_test(t, test_formats_are_annotations_unless_asserted);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
