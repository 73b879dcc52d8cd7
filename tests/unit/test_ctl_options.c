/* The command line becomes options, or one sentence about what is wrong with it. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/options.h"

static struct options o;
static struct err e;

static int parse(const char *const *words) {
    char *argv[32] = {(char *)"hookcastctl"};
    int argc = 1;
    for (; words[argc - 1]; argc++) argv[argc] = (char *)words[argc - 1];
    o = (struct options){0};
    e = (struct err){0};
    return options_parse(argc, argv, &o, &e);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void refused(const char *part) {
    ck_assert_msg(strstr(e.text, part) != NULL, "\"%s\" does not say \"%s\"", e.text, part);
    ck_assert_ptr_null(o.args);
}

START_TEST(test_globals_stand_before_or_after_the_verb) {
    ck_assert_int_eq(PARSE("--json", "--runtime-dir", "/a", "list"), 0);
    ck_assert_int_eq(o.verb, VERB_LIST);
    ck_assert(o.json);
    ck_assert_str_eq(o.runtime_dir, "/a");
    options_deinit(&o);

    ck_assert_int_eq(PARSE("list", "--runtime-dir=/b", "--json"), 0);
    ck_assert(o.json);
    ck_assert_str_eq(o.runtime_dir, "/b");
    options_deinit(&o);
    options_deinit(&o);
}
END_TEST

START_TEST(test_emit_takes_words_metas_and_flags_in_any_order) {
    ck_assert_int_eq(PARSE("emit", "k", "--meta", "a=1", "h", "x=y", "--meta=b:=2", "--wait", "n:=3", "--quiet"), 0);
    ck_assert_uint_eq(o.n_args, 4);
    ck_assert_str_eq(o.args[0], "k");
    ck_assert_str_eq(o.args[3], "n:=3");
    ck_assert_uint_eq(o.n_metas, 2);
    ck_assert_str_eq(o.metas[1], "b:=2");
    ck_assert(o.wait && o.quiet && !o.from_stdin);
    options_deinit(&o);
}
END_TEST

START_TEST(test_two_dashes_end_the_options) {
    ck_assert_int_eq(PARSE("emit", "k", "h", "--", "--wait=1", "-x=2"), 0);
    ck_assert_uint_eq(o.n_args, 4);
    ck_assert_str_eq(o.args[2], "--wait=1");
    ck_assert(!o.wait);
    options_deinit(&o);
}
END_TEST

START_TEST(test_a_timeout_is_seconds_unless_it_says_otherwise) {
    static const struct {
        const char *text;
        nsec_t ns;
    } rows[] = {{"3", 3 * NSEC_PER_SEC},
                {"0.5", NSEC_PER_SEC / 2},
                {"250ms", 250 * NSEC_PER_MSEC},
                {"2min", 120 * NSEC_PER_SEC}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(PARSE("list", "--timeout", rows[i].text), 0);
        ck_assert_int_eq(o.timeout, rows[i].ns);
        ck_assert(o.timeout_given);
        options_deinit(&o);
    }
    static const char *const bad[] = {"", "x", "0", "-1", "1d", "25h", "1e3"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_int_eq(PARSE("list", "--timeout", bad[i]), -EINVAL);
        refused("--timeout");
    }
    ck_assert_int_eq(PARSE("list"), 0);
    ck_assert_int_eq(o.timeout, 10 * NSEC_PER_SEC);
    options_deinit(&o);
}
END_TEST

START_TEST(test_mistakes_are_named_with_the_nearest_word) {
    ck_assert_int_eq(PARSE("emti", "k", "h"), -EINVAL);
    refused("unknown command \"emti\" (did you mean \"emit\"?)");
    ck_assert_int_eq(PARSE("xyzzy"), -EINVAL);
    refused("unknown command \"xyzzy\"");
    ck_assert_int_eq(PARSE("list", "--jsno"), -EINVAL);
    refused("unknown option \"--jsno\" (did you mean \"--json\"?)");
    ck_assert_int_eq(PARSE("list", "--runtimedir=/x"), -EINVAL);
    refused("(did you mean \"--runtime-dir\"?)");
    ck_assert_int_eq(PARSE("list", "-x"), -EINVAL);
    refused("unknown option \"-x\"");
}
END_TEST

START_TEST(test_what_does_not_fit_together_is_refused) {
    ck_assert_int_eq(PARSE("list", "--wait"), -EINVAL);
    refused("--wait does not go with \"list\"");
    ck_assert_int_eq(PARSE("--payload", "{}", "status"), -EINVAL);
    refused("--payload does not go with \"status\"");
    ck_assert_int_eq(PARSE("check", "--json"), -EINVAL);
    refused("--json does not go with \"check\"");
    ck_assert_int_eq(PARSE("list", "--json=yes"), -EINVAL);
    refused("takes no value");
    ck_assert_int_eq(PARSE("list", "--runtime-dir"), -EINVAL);
    refused("--runtime-dir needs a value");
    ck_assert_int_eq(PARSE("emit", "k"), -EINVAL);
    refused("a KIND and a HOOK");
    ck_assert_int_eq(PARSE("list", "x"), -EINVAL);
    refused("no arguments");
    ck_assert_int_eq(PARSE("emit", "k", "h", "a=1", "--payload", "{}"), -EINVAL);
    refused("once");
    ck_assert_int_eq(PARSE("emit", "k", "h", "--stdin", "--payload", "{}"), -EINVAL);
    refused("once");
    ck_assert_int_eq(PARSE("--json"), -EINVAL);
    refused("no command");
}
END_TEST

START_TEST(test_help_and_version_need_no_arguments) {
    ck_assert_int_eq(PARSE("--help"), 0);
    ck_assert(o.help);
    ck_assert_int_eq(o.verb, VERB_NONE);
    options_deinit(&o);
    ck_assert_int_eq(PARSE("emit", "-h"), 0);
    ck_assert(o.help);
    ck_assert_int_eq(o.verb, VERB_EMIT);
    options_deinit(&o);
    ck_assert_int_eq(PARSE("--version"), 0);
    ck_assert(o.version);
    options_deinit(&o);
}
END_TEST

START_TEST(test_the_runtime_directory_has_defaults) {
    struct options given = {.runtime_dir = "/x"}, empty = {.runtime_dir = ""}, none = {0};
    char dir[32];
    ck_assert_int_eq(options_runtime_dir(&given, true, "/run/user/1", dir, sizeof dir, &e), 0);
    ck_assert_str_eq(dir, "/x");
    ck_assert_int_eq(options_runtime_dir(&none, true, "/run/user/1", dir, sizeof dir, &e), 0);
    ck_assert_str_eq(dir, "/run/hookcast");
    ck_assert_int_eq(options_runtime_dir(&none, false, "/run/user/1", dir, sizeof dir, &e), 0);
    ck_assert_str_eq(dir, "/run/user/1/hookcast");
    ck_assert_int_eq(options_runtime_dir(&none, false, NULL, dir, sizeof dir, &e), -EINVAL);
    refused("XDG_RUNTIME_DIR");
    ck_assert_int_eq(options_runtime_dir(&empty, true, NULL, dir, sizeof dir, &e), -EINVAL);
    ck_assert_int_eq(options_runtime_dir(&none, false, "/a/very/long/directory/name/indeed", dir, sizeof dir, &e),
                     -ENAMETOOLONG);
}
END_TEST

int main(void) {
    Suite *s = suite_create("ctl/options");
    TCase *t = tcase_create("options");
    tcase_add_test(t, test_globals_stand_before_or_after_the_verb);
    tcase_add_test(t, test_emit_takes_words_metas_and_flags_in_any_order);
    tcase_add_test(t, test_two_dashes_end_the_options);
    tcase_add_test(t, test_a_timeout_is_seconds_unless_it_says_otherwise);
    tcase_add_test(t, test_mistakes_are_named_with_the_nearest_word);
    tcase_add_test(t, test_what_does_not_fit_together_is_refused);
    tcase_add_test(t, test_help_and_version_need_no_arguments);
    tcase_add_test(t, test_the_runtime_directory_has_defaults);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
