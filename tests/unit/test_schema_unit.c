/* test_schema_unit.c — the inside of the schema room: URIs, pointers, names, equality, patterns, formats, limits, and
 * what happens when memory runs out. The official suite is replayed elsewhere. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "chaos.h"
#include "schema/equal.h"
#include "schema/format.h"
#include "schema/pattern.h"
#include "schema/program.h"
#include "schema/schema.h"
#include "schema/uri.h"

/* ---- helpers ---- */

struct verdict {
    int code;
    char why[1200];
    char errors[8000];
};

static int compile(const char *text, const struct schema_options *o, struct schema **sp, struct err *e) {
    return schema_compile_text(text, strlen(text), NULL, o, sp, e);
}

static struct verdict judge_with(const char *schema, const char *instance, const struct schema_options *o) {
    struct verdict v = {0};
    struct err e = {0};
    struct schema *s = NULL;
    char text[ERR_FORMAT_MAX];
    int r = compile(schema, o, &s, &e);
    ck_assert_msg(r == 0, "%s: %s", schema, err_format(&e, text, sizeof text));
    struct schema_run *run = schema_run_new();
    struct scan scan;
    struct buf out = BUF_INIT(0);
    scan_init(&scan, 128);
    ck_assert_int_eq(scan_text(&scan, instance, strlen(instance)), 0);
    v.code = schema_validate(s, run, &scan, scan_root(&scan), NULL);
    ck_assert_int_eq(schema_validate(s, run, &scan, scan_root(&scan), &out), v.code);
    (void)snprintf(v.why, sizeof v.why, "%s", v.code ? schema_why(run) : "");
    (void)snprintf(v.errors, sizeof v.errors, "%s", out.len ? buf_cstr(&out) : "");
    buf_deinit(&out);
    scan_deinit(&scan);
    schema_run_free(run);
    schema_free(s);
    return v;
}

static struct verdict judge(const char *schema, const char *instance) { return judge_with(schema, instance, NULL); }

static void refused(const char *schema, const char *words) {
    struct schema *s = NULL;
    struct err e = {0};
    int r = compile(schema, NULL, &s, &e);
    ck_assert_msg(r == -EINVAL, "%s: %d", schema, r);
    ck_assert_ptr_null(s);
    ck_assert_msg(strstr(e.text, words), "%s: \"%s\" does not say \"%s\"", schema, e.text, words);
}

/* ---- uri.c ---- */

START_TEST(test_references_resolve_as_rfc_3986_section_5_4_says) {
    static const struct {
        const char *ref, *want;
    } cases[] = {
        {"g:h", "g:h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"urn:a:b#c", "urn:a:b"},
        {"HTTP://Example.COM/A", "http://example.com/A"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_INIT(0);
        ck_assert_int_eq(uri_resolve("http://a/b/c/d;p?q", cases[i].ref, strlen(cases[i].ref), &out), 0);
        ck_assert_str_eq(buf_cstr(&out), cases[i].want);
        buf_deinit(&out);
    }
}
END_TEST

START_TEST(test_paths_and_file_uris_lead_back_and_forth) {
    struct buf uri = BUF_INIT(0), path = BUF_INIT(0);
    ck_assert_int_eq(uri_of_path("/srv/a b/\xC3\xA4%.json", &uri), 0);
    ck_assert_str_eq(buf_cstr(&uri), "file:///srv/a%20b/%C3%A4%25.json");
    ck_assert_int_eq(uri_to_path(buf_cstr(&uri), &path), 0);
    ck_assert_str_eq(buf_cstr(&path), "/srv/a b/\xC3\xA4%.json");
    static const char *const bad[] = {"http://a/b",   "file://host/a", "file:///a%2Fb",
                                      "file:///a%00", "file:a",        "file:///a?b"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) ck_assert_int_eq(uri_to_path(bad[i], &path), -EINVAL);
    buf_deinit(&uri);
    buf_deinit(&path);
}
END_TEST

/* ---- pointer.c ---- */

START_TEST(test_pointers_lead_back_and_forth) {
    static const char text[] = "{\"a/b\":{\"~\":[1,{\"\":[]}]},\"c\":0}";
    struct document d = {0};
    struct err e;
    ck_assert_int_eq(document_of_text(&d, text, sizeof text - 1, "", &e), 0);
    for (uint32_t i = 0; i < d.scan.n_nodes; i++) {
        struct buf p = BUF_INIT(0);
        const struct node *n = document_node(&d, i), *at;
        size_t good;
        struct resource *inner = NULL;
        ck_assert_int_eq(pointer_between(&d.scan, scan_root(&d.scan), n, &p), 0);
        const struct node *found = pointer_follow(&d, scan_root(&d.scan), buf_data(&p), p.len, &at, &good, &inner);
        ck_assert_ptr_nonnull(found);
        ck_assert(found == n || found == n + 1); /* a key leads to its value */
        buf_deinit(&p);
    }
    document_deinit(&d);
}
END_TEST

/* ---- names.c ---- */

START_TEST(test_every_name_is_found_and_no_other) {
    struct arena a = {0};
    struct names t = {0};
    char text[3000][24];
    for (int i = 0; i < 3000; i++) {
        int len = snprintf(text[i], sizeof text[i], i % 3 ? "n%d" : "a_rather_long_%d", i);
        ck_assert_int_eq(names_add(&t, &a, text[i], (size_t)len), i);
        ck_assert_int_eq(names_add(&t, &a, text[i], (size_t)len), i);
    }
    ck_assert_int_eq(names_finish(&t, &a), 0);
    for (int i = 0; i < 3000; i++) {
        size_t len = strlen(text[i]);
        ck_assert_ptr_eq(names_find(&t, text[i], len, text[i] + len), t.at + i);
        ck_assert_ptr_null(names_find(&t, text[i], len - 1, text[i] + len) == t.at + i ? t.at : NULL);
    }
    arena_deinit(&a);
}
END_TEST

START_TEST(test_names_that_differ_only_in_between_or_by_64_bytes) {
    struct arena a = {0};
    struct names t = {0};
    char text[200][100];
    for (int i = 0; i < 200; i++) {
        int len = snprintf(text[i], sizeof text[i], "beginning%0*dthe_same_end", i % 2 ? 3 : 67, i);
        ck_assert_int_eq(names_add(&t, &a, text[i], (size_t)len), i);
    }
    ck_assert_int_eq(names_finish(&t, &a), 0);
    for (int i = 0; i < 200; i++) {
        size_t len = strlen(text[i]);
        ck_assert_ptr_eq(names_find(&t, text[i], len, text[i] + len), t.at + i);
        char other[100]; /* the set keeps no copy of its own */
        memcpy(other, text[i], len);
        other[10] = 'x';
        ck_assert_ptr_null(names_find(&t, other, len, other + len));
    }
    ck_assert_ptr_null(names_find(&t, "", 0, "x"));
    arena_deinit(&a);
}
END_TEST

START_TEST(test_names_of_any_length_and_bytes) {
    struct arena a = {0};
    struct names t = {0};
    char same[64];
    memset(same, 'x', sizeof same);
    for (size_t len = 0; len < sizeof same; len++) ck_assert_int_eq(names_add(&t, &a, same, len), (int)len);
    ck_assert_int_eq(names_add(&t, &a, "\0", 1), (int)sizeof same);
    ck_assert_int_eq(names_finish(&t, &a), 0);
    for (size_t len = 0; len < sizeof same; len++)
        ck_assert_ptr_eq(names_find(&t, same, len, same + sizeof same), t.at + len);
    ck_assert_ptr_eq(names_find(&t, "\0", 1, "\0" + 1), t.at + sizeof same);
    arena_deinit(&a);
}
END_TEST

/* ---- equal.c ---- */

START_TEST(test_equal_values_have_equal_hashes) {
    static const struct {
        const char *a, *b;
        int equal;
    } cases[] = {
        {"1", "1.0", 1},
        {"100", "1e2", 1},
        {"0.1", "10e-2", 1},
        {"-0", "0.0e5", 1},
        {"1200", "12e2", 1},
        {"0.0012", "1.2E-3", 1},
        {"9007199254740992", "9007199254740993", 0},
        {"0.1", "0.10000000000000001", 0},
        {"1e400", "10e399", 1},
        {"\"a\\u0062\"", "\"ab\"", 1},
        {"\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80\"", 1},
        {"[1,2]", "[2,1]", 0},
        {"[]", "{}", 0},
        {"{\"a\":1,\"b\":[2]}", "{\"b\":[2.0],\"\\u0061\":1}", 1},
        {"{\"a\":1}", "{\"b\":1}", 0},
        {"{\"a\":null}", "{\"a\":false}", 0},
        {"{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9}",
         "{\"i\":9,\"h\":8,\"g\":7,\"f\":6,\"e\":5,\"d\":4,\"c\":3,\"b\":2,\"a\":1}", 1},
        {"{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9}",
         "{\"i\":9,\"h\":8,\"g\":7,\"f\":6,\"e\":5,\"d\":4,\"c\":3,\"b\":2,\"j\":1}", 0},
    };
    static const uint64_t key[2] = {1, 2};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scan s, t;
        struct arena a = {0};
        int64_t steps = 10000;
        scan_init(&s, 128);
        scan_init(&t, 128);
        ck_assert_int_eq(scan_text(&s, cases[i].a, strlen(cases[i].a)), 0);
        ck_assert_int_eq(scan_text(&t, cases[i].b, strlen(cases[i].b)), 0);
        ck_assert_msg(equal_values(&s, s.nodes, &t, t.nodes, &a, &steps) == cases[i].equal, "%s %s", cases[i].a,
                      cases[i].b);
        bool same = equal_hash(&s, s.nodes, key, &steps) == equal_hash(&t, t.nodes, key, &steps);
        ck_assert_msg(same == cases[i].equal, "hashes of %s and %s", cases[i].a, cases[i].b);
        scan_deinit(&s);
        scan_deinit(&t);
        arena_deinit(&a);
    }
}
END_TEST

START_TEST(test_unique_items_of_many_kinds) {
    ck_assert_int_eq(judge("{\"uniqueItems\":true}", "[1,true,\"1\",[1],{\"a\":1},0,false,null,\"\",[],{},2]").code, 0);
    struct verdict v = judge("{\"uniqueItems\":true}", "[1,2,3,4,5,6,7,8,9,10,{\"a\":[1]},{\"a\":[1.0]}]");
    ck_assert_int_eq(v.code, SCHEMA_E_INVALID);
    ck_assert_str_eq(v.why, "items 10 and 11 are equal");
    ck_assert_int_eq(judge("{\"uniqueItems\":true}", "[1,1.0]").code, SCHEMA_E_INVALID);
}
END_TEST

/* ---- pattern.c, ecma.c ---- */

static int search(const char *pattern, const char *text) {
    struct pattern *list = NULL;
    struct buf why = BUF_INIT(0);
    int r = pattern_new(pattern, strlen(pattern), &list, &why);
    ck_assert_msg(r == 0, "%s: %s", pattern, buf_cstr(&why));
    struct pattern_run *run = pattern_run_new();
    pattern_run_begin(run);
    r = pattern_search(list, run, text, strlen(text));
    pattern_run_free(run);
    pattern_free_all(list);
    buf_deinit(&why);
    return r;
}

START_TEST(test_patterns_mean_what_ecma_262_says) {
    static const struct {
        const char *pattern, *text;
        int match;
    } cases[] = {
        {"b", "abc", 1},
        {"^b", "abc", 0},
        {"^abc$", "abc\n", 0},
        {"^.$", "\xE2\x80\xA8", 0},
        {"^.$", "\xF0\x9F\x98\x80", 1},
        {"^\\v$", "\x0B", 1},
        {"^\\v$", "\n", 0},
        {"^\\cJ$", "\n", 1},
        {"^\\u{1F600}$", "\xF0\x9F\x98\x80", 1},
        {"^\\uD83D\\uDE00$", "\xF0\x9F\x98\x80", 1},
        {"^\\x41\\u0042$", "AB", 1},
        {"^[^]$", "\n", 1},
        {"[]", "", 0},
        {"^[\\s]$", "\xEF\xBB\xBF", 1},
        {"^[^\\s]$", "\xEF\xBB\xBF", 0},
        {"^[\\S]$", "\xEF\xBB\xBF", 0},
        {"^[[:alpha:]]+$", "a", 0},
        {"^[[:alpha:]+]+$", "[a:]", 1},
        {"^[[a]$", "[", 1},
        {"^[\\w-]+$", "a-b", 1},
        {"^[a-\\d]+$", "a-1", 1},
        {"^[\\b]$", "\b", 1},
        {"^[a&&b]+$", "&", 1},
        {"^(?<year>\\d{4})-\\k<year>$", "2026-2026", 1},
        {"^(?<$x>a)\\k<$x>\\1$", "aaa", 1},
        {"^(a)?b\\1$", "b", 1},
        {"^a{,2}$", "a{,2}", 1},
        {"^a{2}$", "aa", 1},
        {"^x{$", "x{", 1},
        {"^\\p{Letter}+$", "\xC3\xA4z", 1},
        {"^\\p{Script=Greek}$", "\xCE\xB1", 1},
        {"^\\p{sc=Latin}$", "\xCE\xB1", 0},
        {"^\\P{Lu}$", "a", 1},
        {"^\\p{General_Category=Decimal_Number}$", "7", 1},
        {"^[\\p{Ll}\\d]+$", "a1", 1},
        {"^\\d$", "\xDF\x80", 0},
        {"\\bfoo\\b", "a foo b", 1},
        {"^(?=a)(?!b)a(?:b|c)$", "ac", 1},
        {"(?<=a)b", "ab", 1},
        {"(?<!a)b", "ab", 0},
        {"^\\/\\-\\_\\@$", "/-_@", 1},
        {"^a+?b*?c??$", "aab", 1},
        {"^\\0$", "", 0},
        {"^ #$", " #", 1},
        {"^[\\]]$", "]", 1},
        {"a|", "", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(search(cases[i].pattern, cases[i].text) == cases[i].match, "%s", cases[i].pattern);
}
END_TEST

START_TEST(test_what_ecma_262_does_not_have_is_refused) {
    static const char *const bad[] = {"a++",      "a*+",
                                      "a{2}+",    "a**",
                                      "*a",       "\\Aa",
                                      "a\\Z",     "a\\z",
                                      "(?i)a",    "(?i:a)",
                                      "(?P<n>a)", "(?#c)",
                                      "(?>a)",    "(?|a)",
                                      "\\Qa\\E",  "\\h",
                                      "\\R",      "\\X",
                                      "\\K",      "\\G",
                                      "\\a",      "\\e",
                                      "(*UTF)",   "[a",
                                      "(a",       "a)",
                                      "\\",       "\\u12",
                                      "\\u{}",    "\\u{110000}",
                                      "\\xg",     "\\c1",
                                      "\\p{Foo}", "\\p{^L}",
                                      "\\pL",     "\\2(a)",
                                      "\\k<n>",   "(?<n>a)(?<n>b)",
                                      "(?<1>a)",  "[b-a]",
                                      "\\01",     "^*",
                                      "(?<=a+)b", "a{3,2}",
                                      "(?",       "(?<"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct pattern *list = NULL;
        struct buf why = BUF_INIT(0);
        int r = pattern_new(bad[i], strlen(bad[i]), &list, &why);
        ck_assert_msg(r == -EINVAL || r == -ENOTSUP, "%s: %d", bad[i], r);
        ck_assert_uint_gt(why.len, 5);
        ck_assert_ptr_null(list);
        buf_deinit(&why);
    }
}
END_TEST

static double milliseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

START_TEST(test_catastrophic_patterns_end_as_too_complex) {
    static const char *const bad[] = {"^(a+)+$",   "(a+)+$",     "(a|aa)+$", "(a*)*b",
                                      "a*a*a*a*b", "([a-z]+)*1", "(.*)*=",   "\\w+\\w+\\w+!"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char schema[100], text[5003];
        (void)snprintf(schema, sizeof schema, "{\"pattern\":\"%s\"}", bad[i]);
        for (char *p = strchr(schema, '\\'); p; p = strchr(p + 2, '\\')) {
            memmove(p + 1, p, strlen(p) + 1);
        }
        memset(text, 'a', sizeof text);
        text[0] = '"';
        memcpy(text + sizeof text - 3, "?\"", 3);
        struct schema *s = NULL;
        struct err e;
        ck_assert_int_eq(compile(schema, NULL, &s, &e), 0);
        struct schema_run *run = schema_run_new();
        struct scan scan;
        scan_init(&scan, 128);
        ck_assert_int_eq(scan_text(&scan, text, strlen(text)), 0);
        double start = milliseconds();
        int code = schema_validate(s, run, &scan, scan_root(&scan), NULL);
        double took = milliseconds() - start;
        ck_assert_msg(code == SCHEMA_E_TOO_COMPLEX || code == SCHEMA_E_INVALID, "%s: %d", bad[i], code);
        ck_assert_msg(took < 100, "%s took %.1f ms", bad[i], took); /* generous: machines are busy */
        scan_deinit(&scan);
        schema_run_free(run);
        schema_free(s);
    }
}
END_TEST

/* ---- limits ---- */

START_TEST(test_endless_references_end) {
    struct verdict v = judge("{\"$ref\":\"#\"}", "1");
    ck_assert_int_eq(v.code, SCHEMA_E_TOO_COMPLEX);
    ck_assert_ptr_nonnull(strstr(v.why, "refers to itself"));
    ck_assert_int_eq(judge("{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}", "{}").code, SCHEMA_E_TOO_COMPLEX);
}
END_TEST

START_TEST(test_steps_are_counted) {
    struct schema_options few = {.max_steps = 3};
    static const char schema[] = "{\"items\":{\"minimum\":0}}";
    ck_assert_int_eq(judge_with(schema, "[1,2]", &few).code, 0);
    ck_assert_int_eq(judge_with(schema, "[1,2,3,4]", &few).code, SCHEMA_E_TOO_COMPLEX);
    ck_assert_int_eq(
        judge("{\"anyOf\":[{\"$ref\":\"#/$defs/a\"}],\"$defs\":{\"a\":{\"allOf\":[{\"$ref\":\"#/$defs/b\"},"
              "{\"$ref\":\"#/$defs/b\"}]},\"b\":{\"allOf\":[{\"$ref\":\"#/$defs/a\"},{\"$ref\":\"#/$defs/"
              "a\"}]}}}",
              "{}")
            .code,
        SCHEMA_E_TOO_COMPLEX);
}
END_TEST

START_TEST(test_numbers_beyond_a_double_only_matter_where_they_are_looked_at) {
    ck_assert_int_eq(judge("{\"type\":\"number\"}", "1e400").code, 0);
    ck_assert_int_eq(judge("{\"type\":\"integer\"}", "1e400").code, 0);
    ck_assert_int_eq(judge("{\"minimum\":0}", "1e400").code, SCHEMA_E_NUMBER_RANGE);
    ck_assert_int_eq(judge("{\"multipleOf\":0.5}", "-1e400").code, SCHEMA_E_NUMBER_RANGE);
    ck_assert_int_eq(judge("{\"properties\":{\"a\":{\"maximum\":1}}}", "{\"b\":1e400}").code, 0);
    struct verdict v = judge("{\"properties\":{\"a\":{\"maximum\":1}}}", "{\"a\":1e400}");
    ck_assert_int_eq(v.code, SCHEMA_E_NUMBER_RANGE);
    ck_assert_str_eq(v.why, "/a: the number 1e400 is beyond the range of a double");
    ck_assert_int_eq(judge("{\"maximum\":9007199254740992}", "9007199254740993").code, SCHEMA_E_INVALID);
    ck_assert_int_eq(judge("{\"multipleOf\":0.01}", "19.99").code, 0);
    ck_assert_int_eq(judge("{\"const\":1e400}", "10e399").code, 0);
}
END_TEST

/* ---- errors at compile time ---- */

START_TEST(test_bad_schemas_are_refused_with_the_place) {
    refused("[]", "#: a schema must be an object or a boolean");
    refused("{\"required\":\"x\"}", "/required: required must be an array");
    refused("{\"required\":[\"a\",1]}", "/required/1:");
    refused("{\"properties\":{\"a\":{\"type\":\"strng\"}}}",
            "/properties/a/type: unknown type \"strng\" (did you mean \"string\"?)");
    refused("{\"properties\":[]}", "/properties:");
    refused("{\"properties\":{\"a\":1}}", "/properties/a: a schema must be");
    refused("{\"pattern\":\"(\"}", "/pattern: bad regular expression \"(\": a ( is never closed, at character 2");
    refused("{\"patternProperties\":{\"[\":true}}", "/patternProperties/[: bad regular expression");
    refused("{\"minLength\":-1}", "/minLength: minLength must be a non-negative integer");
    refused("{\"minLength\":1.5}", "/minLength:");
    refused("{\"multipleOf\":0}", "/multipleOf:");
    refused("{\"allOf\":[]}", "/allOf:");
    refused("{\"enum\":1}", "/enum:");
    refused("{\"$ref\":1}", "/$ref: a reference must be a string");
    refused("{\"$ref\":\"#/$defs/nme\",\"$defs\":{\"name\":{}}}", "did you mean \"name\"?");
    refused("{\"$ref\":\"#nme\",\"$defs\":{\"a\":{\"$anchor\":\"name\"}}}", "did you mean \"name\"?");
    refused("{\"$ref\":\"other.json\"}", "the network is never asked");
    refused("{\"$ref\":\"https://example.com/x\"}", "the network is never asked");
    refused("{\"$ref\":\"file:///etc/passwd\"}", "no file may be read here");
    refused("{\"$ref\":\"#/required\",\"required\":[]}", "no schema");
    refused("{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", "/$schema: unknown dialect");
    refused("{\"$id\":\"http://a/b#c\"}", "/$id:");
    refused("{\"$anchor\":\"1\"}", "/$anchor:");
    refused("{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}", "stands twice");
    refused("{\"a\":1,\"a\":2}", "twice");
    refused("{\"$defs\":{\"unused\":{\"pattern\":\"(\"}}}", "/$defs/unused/pattern:");
    refused("{", "not JSON");
}
END_TEST

START_TEST(test_errors_in_a_text_name_line_and_column) {
    struct schema *s = NULL;
    struct err e = {0};
    static const char text[] = "{\n  \"type\": \"object\",\n  \"required\": \"a\"\n}\n";
    ck_assert_int_eq(schema_compile_text(text, sizeof text - 1, "dir/x.json", NULL, &s, &e), -EINVAL);
    ck_assert_str_eq(e.file, "dir/x.json");
    ck_assert_uint_eq(e.line, 3);
    ck_assert_uint_eq(e.col, 15);
}
END_TEST

START_TEST(test_near_misses_are_noted) {
    struct schema *s = NULL;
    struct err e;
    ck_assert_int_eq(compile("{\"requried\":[\"a\"],\"x-mine\":1}", NULL, &s, &e), 0);
    ck_assert_str_eq(schema_note(s, 0), "/requried: unknown keyword \"requried\" (did you mean \"required\"?)");
    ck_assert_ptr_null(schema_note(s, 1));
    schema_free(s);
}
END_TEST

/* ---- output ---- */

START_TEST(test_basic_output) {
    static const char schema[] =
        "{\"$id\":\"https://e.x/"
        "s\",\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\"},\"n\":{\"$ref\":\"#/"
        "$defs/"
        "pos\"}},\"required\":[\"request_id\"],\"additionalProperties\":false,\"$defs\":{\"pos\":{\"minimum\":1}}}";
    struct verdict v = judge(schema, "{\"path\":1,\"n\":0,\"x\":null}");
    ck_assert_int_eq(v.code, SCHEMA_E_INVALID);
    ck_assert_str_eq(v.why, "/path: expected a string, got a number");
    ck_assert_str_eq(
        v.errors,
        "[{\"instanceLocation\":\"/path\",\"keywordLocation\":\"/properties/path/type\",\"error\":\"expected a string, "
        "got a number\"},{\"instanceLocation\":\"/n\",\"keywordLocation\":\"/properties/n/$ref/minimum\","
        "\"absoluteKeywordLocation\":\"https://e.x/s#/$defs/pos/minimum\",\"error\":\"must be at least 1, got 0\"},"
        "{\"instanceLocation\":\"/x\",\"keywordLocation\":\"/additionalProperties\",\"error\":\"property 'x' is not "
        "allowed\"},{\"instanceLocation\":\"\",\"keywordLocation\":\"/required\",\"error\":\"missing required property "
        "'request_id'\"}]");
}
END_TEST

START_TEST(test_branches_that_fail_are_told_only_when_all_do) {
    static const char schema[] = "{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}],\"maximum\":7}";
    struct verdict v = judge(schema, "1");
    ck_assert_str_eq(v.errors,
                     "[{\"instanceLocation\":\"\",\"keywordLocation\":\"/anyOf\",\"error\":\"none of the 2 schemas in "
                     "anyOf accepts this\"},{\"instanceLocation\":\"\",\"keywordLocation\":\"/anyOf/0/type\",\"error\":"
                     "\"expected a string, got a number\"},{\"instanceLocation\":\"\",\"keywordLocation\":\"/anyOf/1/"
                     "minimum\",\"error\":\"must be at least 5, got 1\"}]");
    v = judge(schema, "8");
    ck_assert_str_eq(v.errors,
                     "[{\"instanceLocation\":\"\",\"keywordLocation\":\"/maximum\",\"error\":\"must be at "
                     "most 7, got 8\"}]");
}
END_TEST

START_TEST(test_at_most_32_errors) {
    char instance[1000] = "[";
    for (int i = 0; i < 100; i++) (void)strncat(instance, i ? ",1" : "1", sizeof instance - strlen(instance) - 1);
    (void)strncat(instance, "]", sizeof instance - strlen(instance) - 1);
    struct verdict v = judge("{\"items\":{\"type\":\"string\"}}", instance);
    int n = 0;
    for (const char *p = v.errors; (p = strstr(p, "instanceLocation")); p++) n++;
    ck_assert_int_eq(n, 32);
}
END_TEST

START_TEST(test_words_for_false_and_types) {
    ck_assert_str_eq(judge("false", "1").why, "nothing is allowed here");
    ck_assert_str_eq(judge("{\"items\":false}", "[1]").why, "/0: this item is not allowed");
    ck_assert_str_eq(judge("{\"propertyNames\":false}", "{\"a\":1}").why, "/a: property 'a' is not allowed");
    ck_assert_str_eq(judge("{\"type\":[\"null\",\"boolean\",\"integer\"]}", "1.5").why,
                     "expected null, a boolean or an integer, got a number with a fraction");
    ck_assert_str_eq(judge("{\"enum\":[\"a\",\"b\"]}", "\"c\"").why, "expected one of \"a\", \"b\"");
    ck_assert_str_eq(judge("{\"const\":\"a\"}", "\"c\"").why, "expected \"a\"");
    ck_assert_str_eq(judge("{\"minLength\":1}", "\"\"").why, "must not be empty");
    ck_assert_str_eq(judge("{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}").why,
                     "missing property 'b', which 'a' requires");
}
END_TEST

START_TEST(test_more_than_64_required_names) {
    struct buf schema = BUF_INIT(0), instance = BUF_INIT(0);
    ck_assert_int_eq(buf_puts(&schema, "{\"required\":["), 0);
    ck_assert_int_eq(buf_puts(&instance, "{"), 0);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(buf_putf(&schema, "%s\"p%d\"", i ? "," : "", i), 0);
        if (i != 150) ck_assert_int_eq(buf_putf(&instance, "%s\"p%d\":0", i ? "," : "", i), 0);
    }
    ck_assert_int_eq(buf_puts(&schema, "]}"), 0);
    ck_assert_int_eq(buf_puts(&instance, "}"), 0);
    ck_assert_str_eq(judge(buf_cstr(&schema), buf_cstr(&instance)).why, "missing required property 'p150'");
    instance.len--;
    ck_assert_int_eq(buf_puts(&instance, ",\"p\\u0031\\u00350\":0}"), 0);
    ck_assert_int_eq(judge(buf_cstr(&schema), buf_cstr(&instance)).code, 0);
    buf_deinit(&schema);
    buf_deinit(&instance);
}
END_TEST

/* ---- documents from jansson ---- */

START_TEST(test_numbers_of_a_json_t_count_by_their_shortest_decimal) {
    json_t *doc = json_pack("{s:f,s:f}", "multipleOf", 0.1, "maximum", 0.3);
    struct schema *s = NULL;
    struct err e;
    ck_assert_int_eq(schema_compile(doc, NULL, NULL, &s, &e), 0);
    json_decref(doc);
    struct schema_run *run = schema_run_new();
    struct scan scan;
    scan_init(&scan, 128);
    ck_assert_int_eq(scan_text(&scan, "0.3", 3), 0);
    ck_assert_int_eq(schema_validate(s, run, &scan, scan_root(&scan), NULL), 0);
    scan_deinit(&scan);
    schema_run_free(run);
    schema_free(s);
}
END_TEST

/* ---- load.c ---- */

static void put_file(const char *dir, const char *name, const char *text) {
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

/* Compile `text` as if it stood in dir/root/main.json; the error's text goes to `why`. */
static int compile_in(const char *dir, const char *text, struct err *e) {
    char root[300], path[300], maps[300];
    (void)snprintf(root, sizeof root, "%s/root", dir);
    (void)snprintf(path, sizeof path, "%s/root/main.json", dir);
    (void)snprintf(maps, sizeof maps, "%s/maps", dir);
    struct schema_map map = {"https://m.x/", maps};
    struct schema_options o = {.root = root, .maps = &map, .n_maps = 1};
    struct schema *s = NULL;
    *e = (struct err){0};
    int r = schema_compile_text(text, strlen(text), path, &o, &s, e);
    schema_free(s);
    return r;
}

START_TEST(test_files_are_found_below_the_root_and_nowhere_else) {
    char dir[] = "/tmp/schema_unit_XXXXXX", path[300], to[300];
    struct err e;
    ck_assert_ptr_nonnull(mkdtemp(dir));
    static const char *const dirs[] = {"root", "root/sub", "maps", "out"};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, dirs[i]);
        ck_assert_int_eq(mkdir(path, 0700), 0);
    }
    put_file(dir, "root/sub/b.json", "{\"$defs\":{\"n\":{\"$ref\":\"c.json\"}}}");
    put_file(dir, "root/sub/c.json", "{\"$id\":\"https://e.x/v1/sub/c.json\",\"$ref\":\"../d.json\"}");
    put_file(dir, "root/d.json", "{\"$id\":\"https://e.x/v1/d.json\",\"type\":\"integer\"}");
    put_file(dir, "root/bad.json", "{\n  \"type\": \"strin\"\n}");
    put_file(dir, "out/secret.json", "{}");
    put_file(dir, "maps/m.json", "{\"$ref\":\"n%2Ejson\"}");
    put_file(dir, "maps/n.json", "{}");
    (void)snprintf(path, sizeof path, "%s/root/link.json", dir);
    ck_assert_int_eq(symlink("../out/secret.json", path), 0);

    ck_assert_int_eq(compile_in(dir, "{\"$ref\":\"sub/b.json#/$defs/n\"}", &e), 0);
    ck_assert_int_eq(compile_in(dir, "{\"$id\":\"https://e.x/v1/m.json\",\"$ref\":\"sub/b.json\"}", &e), 0);
    ck_assert_int_eq(compile_in(dir, "{\"$ref\":\"https://m.x/m.json\"}", &e), 0);
    ck_assert_int_eq(compile_in(dir, "{\"$ref\":\"link.json\"}", &e), -EINVAL);
    ck_assert_ptr_nonnull(strstr(e.text, "lies outside of"));
    ck_assert_int_eq(compile_in(dir, "{\"$ref\":\"../out/secret.json\"}", &e), -EINVAL);
    ck_assert_ptr_nonnull(strstr(e.text, "lies outside of"));
    ck_assert_int_eq(compile_in(dir, "{\"$ref\":\"https://m.x/../out/secret.json\"}", &e), -EINVAL);
    ck_assert_int_eq(compile_in(dir, "{\"$ref\":\"https://m.x/%2E%2E/out/secret.json\"}", &e), -EINVAL);
    ck_assert_int_eq(compile_in(dir, "{\"$ref\":\"sub\"}", &e), -EINVAL);
    ck_assert_ptr_nonnull(strstr(e.text, "not a regular file"));
    ck_assert_int_eq(compile_in(dir, "{\"$ref\":\"none.json\"}", &e), -EINVAL);
    ck_assert_ptr_nonnull(strstr(e.text, "there is no file"));
    ck_assert_int_eq(compile_in(dir, "{\"$ref\":\"bad.json\"}", &e), -EINVAL);
    (void)snprintf(to, sizeof to, "%s/root/bad.json", dir);
    ck_assert_str_eq(e.file, to);
    ck_assert_uint_eq(e.line, 2);
    ck_assert_uint_eq(e.col, 11);

    static const char *const files[] = {"root/sub/b.json",
                                        "root/sub/c.json",
                                        "root/d.json",
                                        "root/bad.json",
                                        "root/link.json",
                                        "out/secret.json",
                                        "maps/m.json",
                                        "maps/n.json",
                                        "root/sub",
                                        "root",
                                        "maps",
                                        "out",
                                        "."};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        (void)remove(i + 1 < ARRAY_LEN(files) ? path : dir);
    }
}
END_TEST

/* ---- format.c, idna.c ---- */

START_TEST(test_formats) {
    static const struct {
        const char *format, *text;
        int valid;
    } cases[] = {
        {"date-time", "2026-11-23T18:30:00.5+01:00", 1},
        {"date-time", "2026-02-29T00:00:00Z", 0},
        {"date-time", "1998-12-31T23:59:60Z", 1},
        {"time", "22:59:60Z", 0},
        {"duration", "P1Y2M3DT4H5M6S", 1},
        {"duration", "P1YT", 0},
        {"email", "a.b+c@example.com", 1},
        {"email", "a..b@example.com", 0},
        {"hostname", "a-b.example", 1},
        {"hostname", "-a.example", 0},
        {"hostname", "xn--ll-0ea", 1},
        {"hostname", "xn--l-fda", 0},
        {"hostname", "xn--X", 0},
        {"ipv4", "127.0.0.1", 1},
        {"ipv4", "127.0.0.01", 0},
        {"ipv6", "::ffff:1.2.3.4", 1},
        {"ipv6", "1:2:3:4:5:6:7::8:9", 0},
        {"uri", "urn:a:b", 1},
        {"uri", "/a", 0},
        {"uri-reference", "a:b/c d", 0},
        {"uuid", "0f8fad5b-d9cb-469f-a165-70867728950e", 1},
        {"json-pointer", "/a~2", 0},
        {"regex", "(?<=a+)b", 1},
        {"regex", "a++", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned format = format_find(cases[i].format, strlen(cases[i].format));
        ck_assert_uint_gt(format, 0);
        ck_assert_msg(format_check(format, cases[i].text, strlen(cases[i].text)) == cases[i].valid, "%s %s",
                      cases[i].format, cases[i].text);
    }
    ck_assert_uint_eq(format_find("idn-email", 9), 0);
}
END_TEST

/* ---- memory ---- */

#if CHAOS
static const char chaos_schema[] =
    "{\"$id\":\"https://e.x/a\",\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"requird\":1,"
    "\"properties\":{\"a\":{\"pattern\":\"^(?<n>x|y)+\\\\p{Letter}$\"},\"b\":{\"$ref\":\"#/$defs/"
    "b\"},\"c\":{\"enum\":[1,"
    "\"x\",{\"k\":[1]}]},\"m\":{\"$ref\":\"https://json-schema.org/draft/2020-12/"
    "schema\"}},\"patternProperties\":{\"^z\":"
    "{\"uniqueItems\":true}},\"$defs\":{\"b\":{\"$dynamicAnchor\":\"b\",\"oneOf\":[{\"type\":\"string\"},{\"items\":{"
    "\"$dynamicRef\":\"#b\"}}]}},\"unevaluatedProperties\":false,\"required\":[\"r\"],\"dependentRequired\":{\"a\":["
    "\"q\"]}}";
static const char chaos_instance[] =
    "{\"a\":\"xy\\u00e9\",\"b\":[\"s\",[1]],\"c\":{\"k\":[2]},\"z1\":[1,2,3,4,5,6,7,8,9,10,11,12,1],\"u\":0,\"m\":{"
    "\"type\":"
    "\"x\"}}";

static bool attempt_compile(void) {
    struct schema *s = NULL;
    struct err e = {0};
    struct schema_options o = {.root = ".", .format_assertion = true};
    int r = schema_compile_text(chaos_schema, sizeof chaos_schema - 1, "x.json", &o, &s, &e);
    schema_free(s);
    return r == 0 ? s != NULL : r == -ENOMEM && !s;
}

static bool attempt_compile_json(void) {
    json_t *doc = json_loadb(chaos_schema, sizeof chaos_schema - 1, 0, NULL);
    if (!doc) return true;
    struct schema *s = NULL;
    struct err e = {0};
    int r = schema_compile(doc, NULL, NULL, &s, &e);
    schema_free(s);
    json_decref(doc);
    return r == 0 || r == -ENOMEM;
}

static struct schema *chaos_compiled;
static struct scan chaos_scan;

static bool attempt_validate(void) {
    struct schema_run *run = schema_run_new();
    if (!run) return true;
    struct buf out = BUF_INIT(0);
    int r = schema_validate(chaos_compiled, run, &chaos_scan, scan_root(&chaos_scan), &out);
    bool ok = (r == SCHEMA_E_INVALID && out.len > 2) || (r == -ENOMEM && !out.len);
    (void)schema_why(run);
    buf_deinit(&out);
    schema_run_free(run);
    return ok;
}

START_TEST(test_memory_that_runs_out_is_told_and_given_back) {
    struct err e;
    ck_assert_int_gt(chaos_run(attempt_compile), 20);
    ck_assert_int_gt(chaos_run(attempt_compile_json), 20);
    ck_assert_int_eq(compile(chaos_schema, NULL, &chaos_compiled, &e), 0);
    scan_init(&chaos_scan, 128);
    ck_assert_int_eq(scan_text(&chaos_scan, chaos_instance, sizeof chaos_instance - 1), 0);
    ck_assert_int_gt(chaos_run(attempt_validate), 10);
    scan_deinit(&chaos_scan);
    chaos_compiled = schema_free(chaos_compiled);
}
END_TEST

START_TEST(test_a_valid_instance_allocates_nothing_once_warm) {
    static const char text[] =
        "{\"a\":\"x\\u00e9\",\"b\":[\"s\"],\"c\":1,\"z1\":[1,2,3,4,5,6,7,8,9,10],\"r\":0,\"q\":[]}";
    static const char schema[] =
        "{\"properties\":{\"a\":{\"pattern\":\"^x\"},\"b\":true,\"c\":{\"enum\":[1,{}]},\"r\":true,"
        "\"q\":true},\"patternProperties\":{\"^z\":{\"uniqueItems\":true}},"
        "\"unevaluatedProperties\":false}";
    struct err e;
    struct schema *s = NULL;
    struct scan scan;
    struct schema_run *run = schema_run_new();
    ck_assert_int_eq(compile(schema, NULL, &s, &e), 0);
    scan_init(&scan, 128);
    ck_assert_int_eq(scan_text(&scan, text, sizeof text - 1), 0);
    ck_assert_int_eq(schema_validate(s, run, &scan, scan_root(&scan), NULL), 0);
    chaos_countdown = 0;
    int r = schema_validate(s, run, &scan, scan_root(&scan), NULL);
    chaos_countdown = -1;
    ck_assert_int_eq(r, 0);
    scan_deinit(&scan);
    schema_run_free(run);
    schema_free(s);
}
END_TEST
#endif

int main(void) {
    const TTest *const tests[] = {
        test_references_resolve_as_rfc_3986_section_5_4_says,
        test_paths_and_file_uris_lead_back_and_forth,
        test_pointers_lead_back_and_forth,
        test_every_name_is_found_and_no_other,
        test_names_that_differ_only_in_between_or_by_64_bytes,
        test_names_of_any_length_and_bytes,
        test_equal_values_have_equal_hashes,
        test_unique_items_of_many_kinds,
        test_patterns_mean_what_ecma_262_says,
        test_what_ecma_262_does_not_have_is_refused,
        test_catastrophic_patterns_end_as_too_complex,
        test_endless_references_end,
        test_steps_are_counted,
        test_numbers_beyond_a_double_only_matter_where_they_are_looked_at,
        test_bad_schemas_are_refused_with_the_place,
        test_errors_in_a_text_name_line_and_column,
        test_near_misses_are_noted,
        test_basic_output,
        test_branches_that_fail_are_told_only_when_all_do,
        test_at_most_32_errors,
        test_words_for_false_and_types,
        test_more_than_64_required_names,
        test_numbers_of_a_json_t_count_by_their_shortest_decimal,
        test_files_are_found_below_the_root_and_nowhere_else,
        test_formats,
#if CHAOS
        test_memory_that_runs_out_is_told_and_given_back,
        test_a_valid_instance_allocates_nothing_once_warm,
#endif
    };
    Suite *suite = suite_create("schema inside");
    TCase *c = tcase_create("all");
    tcase_set_timeout(c, 120);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) tcase_add_test(c, tests[i]);
    suite_add_tcase(suite, c);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
