#include "registry/hookspec.h"

#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "chaos.h"
#include "fixture.h"

static struct errs errs;
static struct hookspec *spec;

static void setup(void) {
    fixture_begin();
    (void)fixture_write("specs/l/schemas/a.json", "{\"type\": \"object\"}\n");
    (void)fixture_write("specs/shared.json", "true\n");
    (void)fixture_write("outside.json", "{}\n");
}

static void teardown(void) {
    spec = hookspec_free(spec);
    errs_deinit(&errs);
    fixture_end();
}

static void load(const char *text) {
    spec = hookspec_free(spec);
    errs_deinit(&errs);
    char root[128];
    (void)snprintf(root, sizeof root, "%s", fixture_path("specs"));
    spec = hookspec_load(fixture_write("specs/l/v1.yaml", text), root, &errs);
    ck_assert_int_eq(spec == NULL, errs.n > 0);
}

static const char good[] =
    "kind: lifecycle_listener\nkind_api_version: 1.0.0\ndescription: Subscribers.\nhooks:\n"
    "  - name: on_request_started\n    dispatch: broadcast_notify\n    description: one\n"
    "    input_schema: schemas/a.json\n    mcp_exposed: true\n    mcp_tool_name_template: \"{plugin}-{hook}\"\n"
    "  - name: pick\n    dispatch: singleton\n";

START_TEST(test_everything_the_contract_names_is_read) {
    load(good);
    ck_assert_silent(&errs);
    ck_assert_str_eq(spec->kind, "lifecycle_listener");
    ck_assert_str_eq(spec->version, "1.0.0");
    ck_assert_uint_eq(spec->major, 1);
    ck_assert_str_eq(spec->description, "Subscribers.");
    ck_assert_uint_eq(spec->n_hooks, 2);
    const struct hook *h = &spec->hooks[0];
    ck_assert_str_eq(h->name, "on_request_started");
    ck_assert_int_eq(h->dispatch, DISPATCH_BROADCAST_NOTIFY);
    ck_assert_str_eq(h->description, "one");
    ck_assert_str_eq(h->schema_path, fixture_path("specs/l/schemas/a.json"));
    ck_assert(json_is_object(h->schema));
    ck_assert_ptr_nonnull(h->compiled);
    ck_assert(h->mcp_exposed);
    ck_assert(!h->format_assertion);
    ck_assert_str_eq(h->tool_template, "{plugin}-{hook}");
    h = &spec->hooks[1];
    ck_assert_int_eq(h->dispatch, DISPATCH_SINGLETON);
    ck_assert_ptr_null(h->description);
    ck_assert_ptr_null(h->schema);
    ck_assert_ptr_null(h->schema_path);
    ck_assert_ptr_null(h->compiled);
    ck_assert(!h->mcp_exposed);
    ck_assert_str_eq(h->tool_template, "{kind}.{plugin}.{hook}");
}
END_TEST

START_TEST(test_every_dispatch_class_loads) {
    static const char *const words[] = {"singleton", "broadcast_collect", "broadcast_notify", "chain", "capability"};
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "kind: k\nkind_api_version: 2\nhooks: [{name: h, dispatch: %s}]\n", words[i]);
        load(text);
        ck_assert_silent(&errs);
        ck_assert_uint_eq(spec->hooks[0].dispatch, i);
        ck_assert_str_eq(dispatch_name((enum dispatch)i), words[i]);
        ck_assert_str_eq(spec->version, "2.0.0");
    }
}
END_TEST

START_TEST(test_a_plain_number_is_a_version_and_a_format_assertion_reaches_every_hook) {
    load(
        "kind: k\nkind_api_version: 1.10\nformat_assertion: true\nhooks: [{name: a, dispatch: chain}, {name: b, "
        "dispatch: chain}]\n");
    ck_assert_str_eq(spec->version, "1.10.0");
    ck_assert(spec->hooks[0].format_assertion && spec->hooks[1].format_assertion);
}
END_TEST

START_TEST(test_hooks_are_found_by_exact_name) {
    load(good);
    ck_assert_int_eq(hookspec_find(spec, "pick", 4), 1);
    ck_assert_int_eq(hookspec_find(spec, "pickle", 4), 1);
    ck_assert_int_eq(hookspec_find(spec, "pickle", 6), -1);
    ck_assert_int_eq(hookspec_find(spec, "pic", 3), -1);
    ck_assert_int_eq(hookspec_find(spec, "", 0), -1);
    ck_assert_str_eq(hookspec_nearest(spec, "on_reqest_started", 17), "on_request_started");
    ck_assert_ptr_null(hookspec_nearest(spec, "zzzz", 4));
}
END_TEST

START_TEST(test_a_schema_may_stand_anywhere_below_the_root) {
    load("kind: k\nkind_api_version: 1\nhooks: [{name: h, dispatch: chain, input_schema: ../shared.json}]\n");
    ck_assert_silent(&errs);
    ck_assert_str_eq(spec->hooks[0].schema_path, fixture_path("specs/shared.json"));
    ck_assert(json_is_true(spec->hooks[0].schema));
}
END_TEST

START_TEST(test_a_schema_outside_the_root_is_refused) {
    ck_assert_int_eq(symlink(fixture_path("outside.json"), fixture_path("specs/l/link.json")), 0);
    ck_assert_int_eq(symlink("schemas/a.json", fixture_path("specs/l/inside.json")), 0);
    static const struct {
        const char *path, *says;
    } bad[] = {{"../../outside.json", "v1.yaml:3:50: input_schema: \"../../outside.json\" leads out of "},
               {"link.json", "input_schema: \"link.json\" leads out of "},
               {"/etc/passwd", "input_schema: \"/etc/passwd\" must be relative"},
               {"none.json", "input_schema: cannot open \"none.json\": No such file or directory"},
               {"schemas", "v1.yaml:3:50: input_schema: "}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "kind: k\nkind_api_version: 1\nhooks: [{name: h, dispatch: chain, input_schema: %s}]\n",
                       bad[i].path);
        load(text);
        ck_assert_says(&errs, bad[i].says);
    }
    load("kind: k\nkind_api_version: 1\nhooks: [{name: h, dispatch: chain, input_schema: inside.json}]\n");
    ck_assert_silent(&errs);
}
END_TEST

START_TEST(test_a_broken_schema_file_is_named_with_its_own_place) {
    static const struct {
        const char *json, *says;
    } bad[] = {{"{\"type\":\n  oops}", "schemas/b.json:2:"},
               {"{\"a\":1,\n\"a\":2}", "b.json:2:3: not valid JSON: duplicate object key near '\"a\"'"},
               {"[]", "b.json:1:1: a JSON Schema must be an object, true or false"},
               {"", "b.json:1:"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        (void)fixture_write("specs/l/schemas/b.json", bad[i].json);
        load("kind: k\nkind_api_version: 1\nhooks: [{name: h, dispatch: chain, input_schema: schemas/b.json}]\n");
        ck_assert_says(&errs, bad[i].says);
    }
}
END_TEST

/* The verdict of a hook's schema on a payload. */
static int judge(size_t hook, const char *payload) {
    struct schema_run *run = schema_run_new();
    struct scan s;
    scan_init(&s, 128);
    ck_assert_ptr_nonnull(run);
    ck_assert_int_eq(scan_text(&s, payload, strlen(payload)), 0);
    int r = schema_validate(spec->hooks[hook].compiled, run, &s, scan_root(&s), NULL);
    scan_deinit(&s);
    (void)schema_run_free(run);
    return r;
}

START_TEST(test_schemas_are_compiled_once_per_file_and_may_refer_to_files_below_the_root) {
    (void)fixture_write("specs/l/schemas/b.json", "{\"properties\":{\"n\":{\"$ref\":\"../../types/n.json\"}}}");
    (void)fixture_write("specs/types/n.json", "{\"type\":\"integer\"}");
    load(
        "kind: k\nkind_api_version: 1\nhooks:\n"
        "  - {name: a, dispatch: broadcast_notify, input_schema: schemas/b.json}\n"
        "  - {name: b, dispatch: broadcast_notify, input_schema: ./schemas/../schemas/b.json}\n"
        "  - {name: c, dispatch: broadcast_notify, input_schema: schemas/a.json}\n");
    ck_assert_silent(&errs);
    ck_assert_uint_eq(spec->n_schemas, 2);
    ck_assert_ptr_eq(spec->hooks[0].compiled, spec->hooks[1].compiled);
    ck_assert_ptr_eq(spec->hooks[0].schema, spec->hooks[1].schema);
    ck_assert_ptr_ne(spec->hooks[0].compiled, spec->hooks[2].compiled);
    ck_assert_int_eq(judge(1, "{\"n\":1}"), 0);
    ck_assert_int_eq(judge(1, "{\"n\":\"1\"}"), SCHEMA_E_INVALID);
    ck_assert_int_eq(judge(2, "[]"), SCHEMA_E_INVALID);
}
END_TEST

START_TEST(test_formats_are_asserted_when_the_spec_says_so_even_behind_the_hooks) {
    (void)fixture_write("specs/l/schemas/b.json", "{\"format\":\"ipv4\"}");
    load("kind: k\nkind_api_version: 1\nhooks: [{name: a, dispatch: chain, input_schema: schemas/b.json}]\n");
    ck_assert_int_eq(judge(0, "\"x\""), 0);
    load(
        "kind: k\nkind_api_version: 1\nhooks: [{name: a, dispatch: chain, input_schema: schemas/b.json}]\n"
        "format_assertion: true\n");
    ck_assert_int_eq(judge(0, "\"x\""), SCHEMA_E_INVALID);
    ck_assert_int_eq(judge(0, "\"127.0.0.1\""), 0);
}
END_TEST

START_TEST(test_a_schema_that_cannot_be_compiled_is_told_once_with_its_place) {
    static const struct {
        const char *json, *says;
    } bad[] = {{"{\n\"properties\":{\"a\":{\"pattern\":\"(\"}}}", "/properties/a/pattern"},
               {"{\"$ref\":\"none.json\"}", "none.json"},
               {"{\"$ref\":\"../../../outside.json\"}", "outside.json"},
               {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", "draft-07"},
               {"{\"type\":\"strng\"}", "string"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        (void)fixture_write("specs/l/schemas/b.json", bad[i].json);
        load(
            "kind: k\nkind_api_version: 1\nhooks:\n"
            "  - {name: a, dispatch: chain, input_schema: schemas/b.json}\n"
            "  - {name: b, dispatch: chain, input_schema: schemas/b.json}\n");
        ck_assert_uint_eq(errs.n, 1);
        ck_assert_says(&errs, "specs/l/schemas/b.json");
        ck_assert_says(&errs, bad[i].says);
    }
}
END_TEST

START_TEST(test_what_is_wrong_is_said_with_its_place) {
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "v1.yaml:1:1: a hookspec is a map of keys: expected a map (key: value), got nothing"},
        {"kind: k\nhooks: [{name: h, dispatch: chain}]\n", "v1.yaml:1:1: required key \"kind_api_version\" is missing"},
        {"kind: K\n", "v1.yaml:1:7: kind: \"K\" must begin with a-z"},
        {"kind: 5\n", "kind: \"5\" must begin with a-z"},
        {"kind_api_version: one\n", "1:19: kind_api_version: expected a version such as 1.0.0, got \"one\""},
        {"hooks: []\n", "v1.yaml:1:8: hooks: a kind needs at least one hook"},
        {"hooks:\n", "required key \"hooks\" has no value"},
        {"hooks: {a: 1}\n", "hooks: expected a list, got a map"},
        {"hooks: [on_x]\n", "v1.yaml:1:9: hooks: expected a map (key: value), got \"on_x\""},
        {"hooks: [{dispatch: chain}]\n", "v1.yaml:1:9: required key \"name\" is missing"},
        {"hooks: [{name: h}]\n", "v1.yaml:1:9: required key \"dispatch\" is missing"},
        {"hooks: [{name: On, dispatch: chain}]\n", "v1.yaml:1:16: name: \"On\" must begin with a-z"},
        {"hooks: [{name: ping, dispatch: chain}]\n", "name: \"ping\" is a method of MCP"},
        {"hooks: [{name: initialize, dispatch: chain}]\n", "name: \"initialize\" is a method of MCP"},
        {"hooks: [{name: h, dispatch: broadcast_notfy}]\n", "(did you mean \"broadcast_notify\"?)"},
        {"hooks: [{name: h, dispatch: chain}, {name: h, dispatch: chain}]\n",
         "v1.yaml:1:37: hooks: \"h\" is defined twice (hooks 1 and 2 of the list)"},
        {"hooks: [{name: h, dispatch: chain, mcp_exposed: yes}]\n",
         "mcp_exposed: write true or false (without quotes), not \"yes\""},
        {"hooks: [{name: h, dispatch: chain, input_shema: x}]\n",
         "v1.yaml:1:36: unknown key \"input_shema\" (did you mean \"input_schema\"?)"},
        {"hooks: [{name: h, dispatch: chain, mcp_tool_name_template: \"{kid}\"}]\n",
         "only {kind}, {plugin} and {hook} can be filled in (did you mean \"kind\"?)"},
        {"hooks: [{name: h, dispatch: chain, mcp_tool_name_template: \"a}\"}]\n", "can be filled in"},
        {"hooks: [{name: h, dispatch: chain, mcp_tool_name_template: \"{hook\"}]\n", "can be filled in"},
        {"descripton: x\n", "unknown key \"descripton\" (did you mean \"description\"?)"},
        {"kind: [\n", "not valid YAML"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        load(bad[i].text);
        ck_assert_says(&errs, bad[i].says);
    }
}
END_TEST

START_TEST(test_specs_are_equal_when_they_say_the_same) {
    load(good);
    struct errs none = {0};
    struct hookspec *again = hookspec_load(fixture_path("specs/l/v1.yaml"), fixture_path("specs"), &none);
    ck_assert(hookspec_equal(spec, again));
    (void)fixture_write("specs/l/schemas/a.json", "{\"type\": \"array\"}\n");
    hookspec_free(again);
    again = hookspec_load(fixture_path("specs/l/v1.yaml"), fixture_path("specs"), &none);
    ck_assert(!hookspec_equal(spec, again));
    hookspec_free(again);
}
END_TEST

#if CHAOS
static char chaos_path[128], chaos_root[128];

static bool load_once(void) {
    struct errs list = {0};
    struct hookspec *h = hookspec_load(chaos_path, chaos_root, &list);
    bool ok =
        h ? list.n == 0 && h->n_hooks == 2 && h->hooks[0].schema && h->hooks[1].tool_template : list.n > 0 || list.lost;
    hookspec_free(h);
    errs_deinit(&list);
    return ok;
}

START_TEST(test_every_failed_allocation_is_survived) {
    (void)snprintf(chaos_path, sizeof chaos_path, "%s", fixture_write("specs/l/v1.yaml", good));
    (void)snprintf(chaos_root, sizeof chaos_root, "%s", fixture_path("specs"));
    ck_assert_int_gt(chaos_run(load_once), 50);
}
END_TEST
#endif

int main(void) {
    Suite *s = suite_create("hookspec");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_everything_the_contract_names_is_read);
    tcase_add_test(t, test_every_dispatch_class_loads);
    tcase_add_test(t, test_a_plain_number_is_a_version_and_a_format_assertion_reaches_every_hook);
    tcase_add_test(t, test_hooks_are_found_by_exact_name);
    tcase_add_test(t, test_a_schema_may_stand_anywhere_below_the_root);
    tcase_add_test(t, test_a_schema_outside_the_root_is_refused);
    tcase_add_test(t, test_a_broken_schema_file_is_named_with_its_own_place);
    tcase_add_test(t, test_schemas_are_compiled_once_per_file_and_may_refer_to_files_below_the_root);
    tcase_add_test(t, test_formats_are_asserted_when_the_spec_says_so_even_behind_the_hooks);
    tcase_add_test(t, test_a_schema_that_cannot_be_compiled_is_told_once_with_its_place);
    tcase_add_test(t, test_what_is_wrong_is_said_with_its_place);
    tcase_add_test(t, test_specs_are_equal_when_they_say_the_same);
#if CHAOS
    tcase_add_test(t, test_every_failed_allocation_is_survived);
#endif
    suite_add_tcase(s, t);
    return fixture_run(s);
}
