/* test_schema_limits.c — whatever the schema and the instance are, validating ends soon and says so. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "fixture.h"
#include "schema_kit.h"

/* What the contract allows for one validation, in CPU time; the sanitizers multiply everything. */
#if defined(__SANITIZE_ADDRESS__)
enum { SLOWER = 20 };
#else
enum { SLOWER = 1 };
#endif
enum { BOUND_US = 10000 * SLOWER, TRIES = 5 };

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

static long cpu_us(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

/* The verdict, and the least CPU time of a few tries, scanning not counted. */
static int timed(const char *instance, bool output, long *usp) {
    struct scan scan;
    scan_init(&scan, KIT_DEPTH);
    ck_assert_int_eq(scan_text(&scan, instance, strlen(instance)), 0);
    int r = 0;
    *usp = LONG_MAX;
    for (int i = 0; i < TRIES; i++) {
        long t = cpu_us();
        r = schema_validate(s, run, &scan, scan_root(&scan), output ? &errors : NULL);
        t = cpu_us() - t;
        if (t < *usp) *usp = t;
    }
    scan_deinit(&scan);
    return r;
}

/* Neither valid nor invalid, with a sentence, within the bound, whether output is wanted or not. */
static void ends_too_complex(const char *schema, const char *instance) {
    compile(schema);
    for (int output = 0; output < 2; output++) {
        long us;
        int r = timed(instance, output, &us);
        ck_assert_msg(r == SCHEMA_E_TOO_COMPLEX, "%d for %.200s", r, schema);
        ck_assert_msg(us <= BOUND_US, "%ld us for %.200s", us, schema);
        ck_assert_ptr_nonnull(schema_why(run));
        ck_assert_uint_gt(strlen(schema_why(run)), 10);
    }
    /* the run stays usable */
    compile("{\"type\":\"string\"}");
    ck_assert_int_eq(check_text("\"x\""), 0);
    ck_assert_int_eq(check_text("1"), SCHEMA_E_INVALID);
}

/* ---- the budget ---- */

/* `depth` definitions, each asking the one below twice. */
static char *doubling(const char *word, int depth, const char *leaf) {
    struct buf b = BUF_INIT(0);
    (void)buf_putf(&b, "{\"$ref\":\"#/$defs/d%d\",\"$defs\":{\"d0\":%s", depth, leaf);
    for (int i = 1; i <= depth; i++)
        (void)buf_putf(&b, ",\"d%d\":{\"%s\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}]}", i, word, i - 1,
                       i - 1);
    (void)buf_puts(&b, "}}");
    ck_assert_ptr_nonnull(buf_cstr(&b));
    return b.mem;
}

START_TEST(test_a_bomb_of_applicators_ends_too_complex) {
    static const struct {
        const char *word, *leaf;
    } bombs[] = {{"anyOf", "{\"type\":\"null\"}"}, {"allOf", "true"}, {"oneOf", "{\"type\":\"null\"}"}};
    for (size_t i = 0; i < ARRAY_LEN(bombs); i++) {
        char *schema = doubling(bombs[i].word, 40, bombs[i].leaf);
        ends_too_complex(schema, "1");
        free(schema);
    }
}
END_TEST

START_TEST(test_a_bomb_below_every_item_ends_too_complex) {
    char *inner = doubling("anyOf", 12, "{\"type\":\"null\"}");
    char *array = kit_repeat("[0", ",0", 5000, "]");
    char schema[4096];
    (void)snprintf(schema, sizeof schema,
                   "{\"items\":{\"anyOf\":[{\"$ref\":\"#/$defs/x\"},true]},\"$defs\":{\"x\":{\"$id\":\"x:y\",%s}}",
                   inner + 1);
    ends_too_complex(schema, array);
    free(inner);
    free(array);
}
END_TEST

START_TEST(test_endless_recursion_ends_too_complex) {
    static const char *const loops[] = {
        "{\"$ref\":\"#\"}",
        "{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}},\"$ref\":\"#/$defs/a\"}",
        "{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}",
        "{\"not\":{\"$ref\":\"#\"}}",
        "{\"if\":{\"$ref\":\"#\"}}",
        "{\"$dynamicAnchor\":\"n\",\"$dynamicRef\":\"#n\"}",
        "{\"$dynamicAnchor\":\"n\",\"allOf\":[{\"$dynamicRef\":\"#n\"}]}",
        "{\"dependentSchemas\":{},\"oneOf\":[true,{\"$ref\":\"#\"}]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(loops); i++) ends_too_complex(loops[i], "{\"a\":[1,2]}");
}
END_TEST

/* The least max_steps with which an instance is decided. */
static uint32_t steps_of(const char *schema, const char *instance, int verdict) {
    uint32_t low = 0, high = 1u << 24; /* too few; enough */
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        const struct schema_options o = {.max_steps = mid};
        struct schema *t = NULL;
        struct err e = {0};
        ck_assert_int_eq(kit_try_compile(schema, &o, &t, &e), 0);
        int r = kit_validate(t, run, instance, strlen(instance), NULL);
        ck_assert(r == verdict || r == SCHEMA_E_TOO_COMPLEX);
        if (r == verdict)
            high = mid;
        else
            low = mid;
        (void)schema_free(t);
    }
    return high;
}

START_TEST(test_steps_count_what_is_done) {
    uint32_t before = 0;
    for (int depth = 4; depth <= 10; depth++) {
        char *schema = doubling("anyOf", depth, "{\"type\":\"null\"}");
        uint32_t n = steps_of(schema, "1", SCHEMA_E_INVALID);
        if (before) ck_assert_msg(n >= before * 3 / 2 && n <= before * 5 / 2, "%u steps, then %u", before, n);
        before = n;
        free(schema);
    }
    before = 0;
    for (size_t items = 200; items <= 3200; items *= 2) {
        char *array = kit_repeat("[0", ",0", items, "]");
        uint32_t n = steps_of("{\"items\":{\"type\":\"integer\",\"minimum\":0}}", array, 0);
        ck_assert_uint_ge(n, (uint32_t)items);
        if (before) ck_assert_msg(n >= before * 3 / 2 && n <= before * 5 / 2, "%u steps, then %u", before, n);
        before = n;
        free(array);
    }
}
END_TEST

START_TEST(test_steps_of_unique_items_grow_with_the_array_not_with_its_square) {
    for (size_t items = 1000; items <= 100000; items *= 10) {
        struct buf b = BUF_INIT(0);
        for (size_t i = 0; i <= items; i++)
            (void)buf_putf(&b, "%s{\"id\":%zu,\"name\":\"n%zu\"}", i ? "," : "[", i, i % 7);
        (void)buf_puts(&b, "]");
        compile("{\"uniqueItems\":true}");
        long us;
        ck_assert_int_eq(timed(buf_cstr(&b), false, &us), 0);
        ck_assert_msg(us <= (long)items * 3 * SLOWER + 2000, "%zu items: %ld us", items, us);
        b.len--;
        (void)buf_puts(&b, ",{\"name\":\"n3\",\"id\":3.0}]");
        ck_assert_int_eq(timed(buf_cstr(&b), false, &us), SCHEMA_E_INVALID);
        buf_deinit(&b);
    }
}
END_TEST

START_TEST(test_a_large_harmless_event_is_within_the_budget) {
    char *array = kit_repeat("[0", ",{\"a\":1,\"b\":\"x\"}", 50000, "]");
    compile(
        "{\"items\":{\"type\":[\"object\",\"integer\"],\"properties\":{\"a\":{\"type\":\"integer\"},"
        "\"b\":{\"type\":\"string\",\"maxLength\":9}}}}");
    ck_assert_int_eq(check_text(array), 0);
    free(array);
}
END_TEST

/* ---- patterns ---- */

START_TEST(test_a_catastrophic_pattern_ends_too_complex) {
    char *as = kit_repeat("\"", "a", 60, "!\""), *key = kit_repeat("{\"", "a", 60, "!\":1}");
    ends_too_complex("{\"pattern\":\"^(a+)+$\"}", as);
    ends_too_complex("{\"pattern\":\"^(a|aa)+$\"}", as);
    ends_too_complex("{\"pattern\":\"^(([a-z])+.)+[A-Z]([a-z])+$\"}", as);
    ends_too_complex("{\"patternProperties\":{\"^(a+)+$\":true}}", key);
    ends_too_complex("{\"propertyNames\":{\"pattern\":\"^(a+)+$\"}}", key);
    ends_too_complex("{\"additionalProperties\":false,\"patternProperties\":{\"^(a|a)*$\":true}}", key);
    free(as);
    free(key);
}
END_TEST

START_TEST(test_many_costly_patterns_are_bounded_together) {
    compile("{\"items\":{\"anyOf\":[{\"pattern\":\"^(a+)+$\"},true]}}");
    char *array = kit_repeat("[\"\"", ",\"aaaaaaaaaaaaaa!\"", 20000, "]");
    long us;
    int r = timed(array, false, &us);
    ck_assert_msg(r == SCHEMA_E_TOO_COMPLEX, "%d", r);
    ck_assert_msg(us <= 5 * BOUND_US, "%ld us", us);
    free(array);
}
END_TEST

START_TEST(test_a_pattern_on_a_long_string_is_no_catastrophe) {
    char *text = kit_repeat("\"", "abc defg ", 100000, "\"");
    compile("{\"pattern\":\"^[a-z ]*$\",\"minLength\":900000}");
    ck_assert_int_eq(check_text(text), 0);
    free(text);
}
END_TEST

/* ---- depth ---- */

START_TEST(test_nesting_is_followed_to_the_last_level_that_a_scan_records) {
    compile("{\"items\":{\"$ref\":\"#\"},\"type\":[\"array\",\"integer\"]}");
    char *open = kit_repeat("", "[", 128, ""), *text = kit_repeat(open, "]", 128, "");
    ck_assert_int_eq(check_text(text), 0);
    free(text);
    open[127] = '\0';
    char *bad = kit_repeat(open, "", 0, "\"x\""), *whole = kit_repeat(bad, "]", 127, "");
    ck_assert_int_eq(check_text(whole), SCHEMA_E_INVALID);
    free(open);
    free(bad);
    free(whole);
}
END_TEST

START_TEST(test_a_tree_of_references_may_be_deep) {
    compile(
        "{\"$defs\":{\"node\":{\"allOf\":[{\"type\":\"object\"}],\"properties\":{\"next\":{\"anyOf\":[{\"type\":"
        "\"null\"},{\"$ref\":\"#/$defs/node\"}]}}}},\"$ref\":\"#/$defs/node\"}");
    char *open = kit_repeat("", "{\"next\":", 30, "null"), *text = kit_repeat(open, "}", 30, "");
    ck_assert_int_eq(check_text(text), 0);
    free(open);
    free(text);
}
END_TEST

START_TEST(test_a_schema_nested_too_deep_is_refused) {
    char *open = kit_repeat("", "{\"not\":", 200, "true"), *text = kit_repeat(open, "}", 200, "");
    struct err e = {0};
    const struct schema_options o = {0};
    ck_assert_int_eq(kit_try_compile(text, &o, &s, &e), -EINVAL);
    ck_assert_ptr_null(s);
    ck_assert_msg(strstr(e.text, "128") || strstr(e.text, "deep"), "%s", e.text);
    free(open);
    free(text);
}
END_TEST

/* ---- numbers ---- */

START_TEST(test_a_number_beyond_the_double_range_is_told_where_it_is_looked_at) {
    compile("{\"properties\":{\"a\":{\"minimum\":0},\"m\":{\"multipleOf\":0.1}}}");
    static const struct {
        const char *instance;
        int verdict;
    } rows[] = {{"{\"a\":1e400}", SCHEMA_E_NUMBER_RANGE},
                {"{\"a\":-1e400}", SCHEMA_E_NUMBER_RANGE},
                {"{\"m\":1e400}", SCHEMA_E_NUMBER_RANGE},
                {"{\"b\":1e400}", 0},
                {"{\"a\":1e-400}", 0},
                {"{\"a\":1e308}", 0},
                {"{\"a\":123456789012345678901234567890}", 0},
                {"{\"a\":-123456789012345678901234567890}", SCHEMA_E_INVALID}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int output = 0; output < 2; output++) {
            int r = kit_validate(s, run, rows[i].instance, strlen(rows[i].instance), output ? &errors : NULL);
            ck_assert_msg(r == rows[i].verdict, "%s: %d", rows[i].instance, r);
            if (r == SCHEMA_E_NUMBER_RANGE)
                ck_assert_ptr_nonnull(strstr(schema_why(run), rows[i].instance[2] == 'a' ? "/a" : "/m"));
        }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("schema_limits");
    TCase *t = tcase_create("limits");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_a_bomb_of_applicators_ends_too_complex);
    tcase_add_test(t, test_a_bomb_below_every_item_ends_too_complex);
    tcase_add_test(t, test_endless_recursion_ends_too_complex);
    tcase_add_test(t, test_steps_count_what_is_done);
    tcase_add_test(t, test_steps_of_unique_items_grow_with_the_array_not_with_its_square);
    tcase_add_test(t, test_a_large_harmless_event_is_within_the_budget);
    tcase_add_test(t, test_a_catastrophic_pattern_ends_too_complex);
    tcase_add_test(t, test_many_costly_patterns_are_bounded_together);
    tcase_add_test(t, test_a_pattern_on_a_long_string_is_no_catastrophe);
    tcase_add_test(t, test_nesting_is_followed_to_the_last_level_that_a_scan_records);
    tcase_add_test(t, test_a_tree_of_references_may_be_deep);
    tcase_add_test(t, test_a_schema_nested_too_deep_is_refused);
    tcase_add_test(t, test_a_number_beyond_the_double_range_is_told_where_it_is_looked_at);
    suite_add_tcase(suite, t);
    return fixture_run(suite);
}
