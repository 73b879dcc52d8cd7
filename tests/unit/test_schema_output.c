/* test_schema_output.c — what is told: verdicts on numbers as they are written, the output and its order, and where a
 * schema that cannot be compiled is wrong. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fixture.h"
#include "schema_kit.h"

static struct schema_run *run;
static struct schema *s;
static struct buf errors;

static void setup(void) {
    run = schema_run_new();
    ck_assert_ptr_nonnull(run);
    errors = BUF_INIT(0);
}

static void teardown(void) {
    s = schema_free(s);
    run = schema_run_free(run);
    buf_deinit(&errors);
}

static void compile(const char *schema) {
    s = schema_free(s);
    s = kit_compile(schema, NULL);
}

static int check_text(const char *instance) { return kit_validate(s, run, instance, strlen(instance), NULL); }

START_TEST(test_numbers_are_compared_as_they_are_written) {
    static const struct {
        const char *schema, *instance;
        bool valid;
    } rows[] = {{"{\"const\":1}", "1.0", true},
                {"{\"const\":1.0}", "1", true},
                {"{\"enum\":[10]}", "1e1", true},
                {"{\"const\":9007199254740993}", "9007199254740992", false},
                {"{\"const\":9007199254740993}", "9007199254740993", true},
                {"{\"const\":9007199254740993}", "9007199254740993.0", true},
                {"{\"maximum\":9007199254740992}", "9007199254740993", false},
                {"{\"multipleOf\":0.1}", "0.3", true},
                {"{\"multipleOf\":0.01}", "19.99", true},
                {"{\"multipleOf\":0.0001}", "0.0075", true},
                {"{\"multipleOf\":0.01}", "0.015", false},
                {"{\"multipleOf\":1e-8}", "12391239123", true},
                {"{\"type\":\"integer\"}", "1.0", true},
                {"{\"type\":\"integer\"}", "1e2", true},
                {"{\"type\":\"integer\"}", "1.5e1", true},
                {"{\"type\":\"integer\"}", "1.5", false},
                {"{\"uniqueItems\":true}", "[1,1.0]", false},
                {"{\"uniqueItems\":true}", "[9007199254740993,9007199254740992]", true},
                {"{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},{\"b\":2.0,\"a\":1e0}]", false},
                {"{\"const\":0}", "-0.0", true},
                {"{\"const\":1}", "true", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        compile(rows[i].schema);
        int r = check_text(rows[i].instance);
        ck_assert_msg(r == (rows[i].valid ? 0 : SCHEMA_E_INVALID), "%s, %s: %d", rows[i].schema, rows[i].instance, r);
    }
}
END_TEST

/* ---- output ---- */

static json_t *output_of(const char *schema, const char *instance) {
    compile(schema);
    ck_assert_int_eq(kit_validate(s, run, instance, strlen(instance), &errors), SCHEMA_E_INVALID);
    json_error_t why;
    json_t *list = json_loadb(buf_data(&errors), errors.len, JSON_ALLOW_NUL, &why);
    ck_assert_msg(json_is_array(list), "%s: %.300s", why.text, buf_cstr(&errors));
    return list;
}

static const char *part(const json_t *list, size_t i, const char *key) {
    return json_string_value(json_object_get(json_array_get(list, i), key));
}

static bool has_error(const json_t *list, const char *instance, const char *keyword, const char *absolute,
                      const char *sentence) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *at = part(list, i, "absoluteKeywordLocation");
        if (strcmp(part(list, i, "instanceLocation"), instance) == 0 &&
            strcmp(part(list, i, "keywordLocation"), keyword) == 0 && (!absolute || (at && strstr(at, absolute))) &&
            strstr(part(list, i, "error"), sentence))
            return true;
    }
    printf("no error at \"%s\" by \"%s\" saying \"%s\" in %.*s\n", instance, keyword, sentence, (int)errors.len,
           buf_data(&errors));
    return false;
}

START_TEST(test_output_says_where_which_keyword_and_what_is_wrong) {
    json_t *l = output_of(
        "{\"required\":[\"request_id\"],\"properties\":{\"path\":{\"type\":\"string\"},"
        "\"a/b\":{\"properties\":{\"~\":{\"maximum\":3}}},\"list\":{\"items\":{\"$ref\":\"#/$defs/x\"}}},"
        "\"$defs\":{\"x\":{\"minLength\":2}}}",
        "{\"path\":5,\"a/b\":{\"~\":4},\"list\":[\"ok\",\"k\"]}");
    ck_assert(has_error(l, "", "/required", NULL, "missing required property 'request_id'"));
    ck_assert(has_error(l, "/path", "/properties/path/type", NULL, "string"));
    ck_assert(has_error(l, "/a~1b/~0", "/properties/a~1b/properties/~0/maximum", NULL, "3"));
    ck_assert(has_error(l, "/list/1", "/properties/list/items/$ref/minLength", "#/$defs/x/minLength", "2"));
    for (size_t i = 0; i < json_array_size(l); i++)
        if (strcmp(part(l, i, "keywordLocation"), "/required") == 0)
            ck_assert_ptr_null(part(l, i, "absoluteKeywordLocation")); /* it does not differ */
    json_decref(l);
}
END_TEST

START_TEST(test_why_is_the_first_error_with_its_place) {
    compile("{\"properties\":{\"path\":{\"type\":\"string\"}}}");
    ck_assert_int_eq(check_text("{\"path\":5}"), SCHEMA_E_INVALID);
    ck_assert_msg(strncmp(schema_why(run), "/path: ", 7) == 0, "%s", schema_why(run));
}
END_TEST

START_TEST(test_output_is_the_same_every_time_and_has_at_most_32_errors) {
    char *bad = kit_repeat("[1", ",\"x\"", 100, "]");
    json_t *l = output_of("{\"items\":{\"type\":\"integer\"}}", bad);
    ck_assert_uint_eq(json_array_size(l), 32);
    ck_assert_str_eq(part(l, 0, "instanceLocation"), "/1");
    ck_assert_str_eq(part(l, 31, "instanceLocation"), "/32");
    char *first = strndup(buf_data(&errors), errors.len);
    json_decref(l);
    for (int i = 0; i < 3; i++) {
        json_decref(output_of("{\"items\":{\"type\":\"integer\"}}", bad));
        ck_assert_uint_eq(errors.len, strlen(first));
        ck_assert_mem_eq(first, buf_data(&errors), errors.len);
    }
    free(first);
    free(bad);
}
END_TEST

START_TEST(test_output_is_cleared_and_stays_empty_for_what_is_valid) {
    compile("{\"type\":\"string\"}");
    ck_assert_int_eq(kit_validate(s, run, "1", 1, &errors), SCHEMA_E_INVALID);
    ck_assert_uint_gt(errors.len, 2);
    ck_assert_int_eq(kit_validate(s, run, "\"\"", 2, &errors), 0);
    ck_assert(errors.len == 0 || (errors.len == 2 && memcmp(buf_data(&errors), "[]", 2) == 0));
}
END_TEST

START_TEST(test_hostile_names_and_values_stay_inside_the_output) {
    char *l = kit_repeat("{\"", "\\u0000\\\"\\ud800\\n", 2000, "\":1}");
    json_t *out = output_of("{\"additionalProperties\":{\"type\":\"string\"},\"propertyNames\":{\"maxLength\":3}}", l);
    ck_assert_uint_ge(json_array_size(out), 1);
    json_decref(out);
    free(l);
}
END_TEST

/* ---- schemas that cannot be compiled ---- */

static const struct {
    const char *schema, *pointer, *says;
} refused[] = {
    {"{\"properties\":{\"a\":{\"pattern\":\"(\"}}}", "/properties/a/pattern", ""},
    {"{\"patternProperties\":{\"[\":true}}", "/patternProperties", ""},
    {"{\"allOf\":[{\"$ref\":\"#/$defs/nope\"}]}", "/allOf/0/$ref", "nope"},
    {"{\"$ref\":\"other.json\"}", "/$ref", "other.json"},
    {"{\"$ref\":\"http://example.org/schema.json\"}", "/$ref", "example.org"},
    {"{\"$dynamicRef\":\"#nope\"}", "/$dynamicRef", "nope"},
    {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", "/$schema", "draft-07"},
    {"{\"$schema\":\"https://example.org/mine\"}", "/$schema", "example.org"},
    {"{\"type\":\"strnig\"}", "/type", "string"},
    {"{\"type\":5}", "/type", ""},
    {"{\"properties\":[]}", "/properties", ""},
    {"{\"required\":\"a\"}", "/required", ""},
    {"{\"minLength\":-1}", "/minLength", ""},
    {"{\"minLength\":1.5}", "/minLength", ""},
    {"{\"multipleOf\":0}", "/multipleOf", ""},
    {"{\"items\":[true]}", "/items", ""},
    {"{\"anyOf\":[]}", "/anyOf", ""},
    {"{\"not\":5}", "/not", ""},
    {"[]", "", ""},
    {"\"x\"", "", ""},
    {"{\"properties\":{\"a\":{\"pattern\":\"a(?<=b+)\"}}}", "/properties/a/pattern", ""},
};

START_TEST(test_a_schema_that_cannot_be_compiled_is_refused_with_its_place) {
    const struct schema_options o = {0};
    struct err e = {0};
    ck_assert_int_eq(kit_try_compile(refused[_i].schema, &o, &s, &e), -EINVAL);
    ck_assert_ptr_null(s);
    ck_assert_str_eq(e.file, "t.json");
    ck_assert_msg(strstr(e.text, refused[_i].pointer) != NULL, "%s: %s", refused[_i].schema, e.text);
    ck_assert_msg(strstr(e.text, refused[_i].says) != NULL, "%s: %s", refused[_i].schema, e.text);
}
END_TEST

START_TEST(test_references_lead_to_files_below_the_root_and_nowhere_else) {
    fixture_begin();
    (void)fixture_write("outside.json", "{}");
    (void)fixture_write("r/types/id.json", "{\"type\":\"integer\",\"$defs\":{\"s\":{\"type\":\"string\"}}}");
    (void)fixture_write("r/bad.json", "{\n  \"properties\": {\"x\": {\"pattern\": \"(\"}}}");
    (void)fixture_write("r/torn.json", "{\n  oops");
    const struct schema_options o = {.root = fixture_path("r")};
    char path[256];
    (void)snprintf(path, sizeof path, "%s", fixture_path("r/main.json"));
    static const struct {
        const char *ref, *says; /* NULL: it compiles */
    } rows[] = {{"types/id.json", NULL},
                {"./types/../types/id.json#/$defs/s", NULL},
                {"types/none.json", "none.json"},
                {"../outside.json", "outside.json"},
                {"types/id.json#/$defs/nope", "nope"},
                {"bad.json", "bad.json"},
                {"torn.json", "torn.json"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *doc = json_pack("{s:{s:{s:s}}}", "properties", "id", "$ref", rows[i].ref);
        struct err e = {0};
        int r = schema_compile(doc, path, &o, &s, &e);
        json_decref(doc);
        char whole[ERR_FORMAT_MAX];
        if (rows[i].says) {
            ck_assert_msg(r < 0, "%s was accepted", rows[i].ref);
            ck_assert_msg(strstr(err_format(&e, whole, sizeof whole), rows[i].says) != NULL, "%s", whole);
            continue;
        }
        ck_assert_msg(r == 0, "%s: %s", rows[i].ref, err_format(&e, whole, sizeof whole));
        bool integer = strchr(rows[i].ref, '#') == NULL;
        ck_assert_int_eq(check_text("{\"id\":5}"), integer ? 0 : SCHEMA_E_INVALID);
        ck_assert_int_eq(check_text("{\"id\":\"5\"}"), integer ? SCHEMA_E_INVALID : 0);
        s = schema_free(s);
    }
    fixture_end();
}
END_TEST

START_TEST(test_the_meta_schema_is_at_hand_and_judges_schemas) {
    compile("{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}");
    ck_assert_int_eq(check_text("{\"type\":\"object\",\"properties\":{\"a\":{\"minimum\":3}}}"), 0);
    ck_assert_int_eq(check_text("{\"properties\":{\"a\":{\"minimum\":\"3\"}}}"), SCHEMA_E_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("schema_output");
    TCase *t = tcase_create("output");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_numbers_are_compared_as_they_are_written);
    tcase_add_test(t, test_output_says_where_which_keyword_and_what_is_wrong);
    tcase_add_test(t, test_why_is_the_first_error_with_its_place);
    tcase_add_test(t, test_output_is_the_same_every_time_and_has_at_most_32_errors);
    tcase_add_test(t, test_output_is_cleared_and_stays_empty_for_what_is_valid);
    tcase_add_test(t, test_hostile_names_and_values_stay_inside_the_output);
    tcase_add_loop_test(t, test_a_schema_that_cannot_be_compiled_is_refused_with_its_place, 0, (int)ARRAY_LEN(refused));
    tcase_add_test(t, test_references_lead_to_files_below_the_root_and_nowhere_else);
    tcase_add_test(t, test_the_meta_schema_is_at_hand_and_judges_schemas);
    suite_add_tcase(suite, t);
    return fixture_run(suite);
}
