/* test_schema_nomem.c — compiling and validating with the 1st, 2nd, 3rd ... allocation failing: all or nothing, and
 * nothing left behind; and no allocation at all once a run is warm. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "chaos.h"
#include "fixture.h"
#include "schema_kit.h"

#if CHAOS

/* Every keyword, so that every part of the compiler allocates; "other.json" is read from a file. */
static const char everything[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://example.org/all.json\","
    "\"$anchor\":\"top\",\"$dynamicAnchor\":\"node\",\"$comment\":\"c\",\"title\":\"t\","
    "\"$defs\":{\"s\":{\"$id\":\"sub/s.json\",\"$anchor\":\"here\",\"type\":\"string\",\"format\":\"date-time\"},"
    "\"p\":{\"pattern\":\"^\\\\d+\\\\p{L}*$\"},\"n\":{\"$dynamicRef\":\"#node\"}},"
    "\"type\":[\"object\",\"array\",\"null\"],"
    "\"properties\":{\"a\":{\"$ref\":\"#/$defs/p\"},\"b\":{\"$ref\":\"sub/s.json#here\"},\"c\":{\"$ref\":\"#top\"},"
    "\"d\":{\"enum\":[1,2.5,\"x\",null,{\"k\":[true]}]},\"e\":{\"const\":{\"x\":[1,{\"y\":2}]}},"
    "\"f\":{\"multipleOf\":0.1,\"minimum\":0,\"maximum\":10,\"exclusiveMinimum\":-1,\"exclusiveMaximum\":11},"
    "\"g\":{\"minLength\":1,\"maxLength\":90},\"h\":{\"uniqueItems\":true,\"minItems\":1,\"maxItems\":99,"
    "\"prefixItems\":[true,{\"type\":\"integer\"}],\"items\":{\"type\":\"integer\"}},"
    "\"i\":{\"contains\":{\"const\":3},\"minContains\":1,\"maxContains\":2,\"unevaluatedItems\":false},"
    "\"j\":{\"allOf\":[{\"properties\":{\"q\":true}},{\"anyOf\":[{\"required\":[\"zz\"]},{\"oneOf\":[true,false]}]}],"
    "\"unevaluatedProperties\":false},"
    "\"k\":{\"not\":{\"type\":\"string\"},\"if\":{\"minimum\":5},\"then\":{\"maximum\":9},\"else\":{\"maximum\":4}}},"
    "\"patternProperties\":{\"^x-\":{\"type\":\"integer\"}},\"additionalProperties\":{\"type\":\"boolean\"},"
    "\"propertyNames\":{\"maxLength\":40},\"minProperties\":1,\"maxProperties\":50,\"required\":[\"a\"],"
    "\"dependentRequired\":{\"b\":[\"a\"]},\"dependentSchemas\":{\"c\":{\"required\":[\"b\"]}},"
    "\"x-unknown\":[1,2,3]}";

static const char filed[] = "{\"properties\":{\"o\":{\"$ref\":\"sub/other.json#/$defs/x\"}}}";

static const char good[] =
    "{\"a\":\"12\",\"b\":\"2026-11-23T18:30:00Z\",\"c\":{\"a\":\"1\",\"b\":\"2026-11-23T18:30:00Z\"},\"d\":{\"k\":["
    "true]},"
    "\"e\":{\"x\":[1.0,{\"y\":2e0}]},\"f\":0.3,\"g\":\"\\u00e9t\\u00e9\",\"h\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,"
    "15,16,"
    "17,18,19,20],\"i\":[3],\"j\":{\"q\":1},\"k\":7,\"x-1\":5,\"flag\":true}";

static const char bad[] =
    "{\"a\":\"é\",\"b\":\"yesterday\",\"c\":{\"c\":{}},\"d\":7,\"e\":{\"x\":[]},\"f\":0.35,\"g\":\"\",\"h\":[1,\"2\",3,"
    "3],"
    "\"i\":[1,2],\"j\":{\"zz\":1,\"q\":2},\"k\":\"s\",\"x-1\":\"5\",\"flag\":1,\"\\u0000\\\"~/\":null}";

static json_t *doc;
static const char *doc_text;
static struct scan scans[2];
static char doc_path[128], doc_root[128];
static const char *const texts[] = {good, bad};
static int want[2];
static bool with_output;

static void load(const char *schema) {
    doc_text = schema;
    doc = json_loads(schema, 0, NULL);
    ck_assert_ptr_nonnull(doc);
}

static void setup(void) {
    fixture_begin();
    (void)fixture_write("r/sub/other.json", "{\"$defs\":{\"x\":{\"type\":\"integer\",\"$ref\":\"more.json\"}}}");
    (void)fixture_write("r/sub/more.json", "{\"minimum\":3}");
    (void)snprintf(doc_path, sizeof doc_path, "%s", fixture_path("r/main.json"));
    (void)snprintf(doc_root, sizeof doc_root, "%s", fixture_path("r"));
    for (size_t i = 0; i < 2; i++) {
        scan_init(&scans[i], KIT_DEPTH);
        ck_assert_int_eq(scan_text(&scans[i], texts[i], strlen(texts[i])), 0);
    }
    want[0] = 0;
    want[1] = SCHEMA_E_INVALID;
}

static void teardown(void) {
    json_decref(doc);
    for (size_t i = 0; i < 2; i++) scan_deinit(&scans[i]);
    fixture_end();
}

static bool is_no_memory(int r, const struct err *e) { return r == -ENOMEM && e->text[0]; }

/* ---- compiling ---- */

static bool compile_once(void) {
    const struct schema_options o = {.root = doc_root, .format_assertion = true};
    struct schema *s = NULL;
    struct err e = {0};
    int r = schema_compile(doc, doc_path, &o, &s, &e);
    bool ok = r == 0 ? s != NULL : !s && is_no_memory(r, &e);
    (void)schema_free(s);
    return ok;
}

static bool compile_text_once(void) {
    const struct schema_options o = {.root = doc_root};
    struct schema *s = NULL;
    struct err e = {0};
    int r = schema_compile_text(doc_text, strlen(doc_text), doc_path, &o, &s, &e);
    bool ok = r == 0 ? s != NULL : !s && is_no_memory(r, &e);
    (void)schema_free(s);
    return ok;
}

static bool refuse_once(void) {
    const struct schema_options o = {.root = doc_root};
    struct schema *s = NULL;
    struct err e = {0};
    int r = schema_compile(doc, doc_path, &o, &s, &e);
    (void)schema_free(s);
    return r < 0 && !s && e.text[0];
}

START_TEST(test_compiling_survives_every_failed_allocation) {
    load(everything);
    long n = chaos_run(compile_once);
    ck_assert_int_gt(n, 20);
    ck_assert_int_gt(chaos_run(compile_text_once), 20);
    json_decref(doc);
    load(filed);
    n = chaos_run(compile_once);
    ck_assert_int_gt(n, 10);
    json_decref(doc);
    load("{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}");
    n = chaos_run(compile_once);
    ck_assert_int_gt(n, 10);
}
END_TEST

START_TEST(test_refusing_survives_every_failed_allocation) {
    static const char *const schemas[] = {"{\"properties\":{\"a\":{\"pattern\":\"(\"}}}",
                                          "{\"$ref\":\"sub/none.json\"}", "{\"allOf\":[{\"type\":\"sting\"}]}",
                                          "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"b\":{}}}"};
    for (size_t i = 0; i < ARRAY_LEN(schemas); i++) {
        json_decref(doc);
        load(schemas[i]);
        ck_assert_int_ge(chaos_run(refuse_once), 0);
    }
}
END_TEST

/* ---- validating ---- */

static struct schema *compiled;

static bool validate_once(void) {
    struct schema_run *run = schema_run_new();
    if (!run) return true;
    struct buf errors = BUF_INIT(0);
    bool ok = true;
    for (size_t i = 0; i < 2 && ok; i++) {
        int r = schema_validate(compiled, run, &scans[i], scan_root(&scans[i]), with_output ? &errors : NULL);
        ok = r == want[i] || r == -ENOMEM;
        if (r == SCHEMA_E_INVALID) ok = ok && schema_why(run) && (!with_output || errors.len > 2);
    }
    buf_deinit(&errors);
    (void)schema_run_free(run);
    return ok;
}

/* The run outlives the failure and is right afterwards. */
static bool validate_again(void) {
    struct schema_run *run = schema_run_new();
    if (!run) return true;
    struct buf errors = BUF_INIT(0);
    int r = schema_validate(compiled, run, &scans[1], scan_root(&scans[1]), with_output ? &errors : NULL);
    long rest = chaos_countdown;
    chaos_countdown = -1;
    bool ok = r == want[1] || r == -ENOMEM;
    for (size_t i = 0; i < 2 && ok; i++)
        ok = schema_validate(compiled, run, &scans[i], scan_root(&scans[i]), &errors) == want[i];
    chaos_countdown = rest;
    buf_deinit(&errors);
    (void)schema_run_free(run);
    return ok;
}

static void compile_everything(void) {
    const struct schema_options o = {.format_assertion = true};
    struct err e = {0};
    load(everything);
    int r = schema_compile(doc, NULL, &o, &compiled, &e);
    ck_assert_msg(r == 0, "%s", e.text);
}

START_TEST(test_validating_survives_every_failed_allocation) {
    compile_everything();
    for (int output = 0; output < 2; output++) {
        with_output = output;
        ck_assert_int_gt(chaos_run(validate_once), 0);
        ck_assert_int_gt(chaos_run(validate_again), 0);
    }
    compiled = schema_free(compiled);
}
END_TEST

/* The next allocation would fail: none is asked for. */
START_TEST(test_a_warm_run_allocates_nothing_for_what_is_valid) {
    compile_everything();
    struct schema_run *run = schema_run_new();
    ck_assert_ptr_nonnull(run);
    struct buf errors = BUF_INIT(0);
    int r = schema_validate(compiled, run, &scans[0], scan_root(&scans[0]), &errors);
    ck_assert_int_eq(r, 0);
    chaos_fired = false;
    chaos_countdown = 0;
    int r2 = schema_validate(compiled, run, &scans[0], scan_root(&scans[0]), NULL);
    int r3 = schema_validate(compiled, run, &scans[0], scan_root(&scans[0]), &errors);
    chaos_countdown = -1;
    ck_assert_int_eq(r2, 0);
    ck_assert_int_eq(r3, 0);
    ck_assert(!chaos_fired);
    buf_deinit(&errors);
    (void)schema_run_free(run);
    compiled = schema_free(compiled);
}
END_TEST
#endif

int main(void) {
    Suite *suite = suite_create("schema_nomem");
#if CHAOS
    TCase *t = tcase_create("nomem");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_compiling_survives_every_failed_allocation);
    tcase_add_test(t, test_refusing_survives_every_failed_allocation);
    tcase_add_test(t, test_validating_survives_every_failed_allocation);
    tcase_add_test(t, test_a_warm_run_allocates_nothing_for_what_is_valid);
    suite_add_tcase(suite, t);
#endif
    return fixture_run(suite);
}
