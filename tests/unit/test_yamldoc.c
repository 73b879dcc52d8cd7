#include "registry/yamldoc.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "fixture.h"
#include "registry/jsonfile.h"

static struct yamldoc *doc;
static struct err why;
static const struct yamldoc_node *node;

static int parse_as(const char *text, enum yamldoc_syntax syntax) {
    doc = yamldoc_free(doc);
    why = (struct err){0};
    return yamldoc_parse("f.yaml", text, strlen(text), syntax, &doc, &why);
}

static int parse(const char *text) { return parse_as(text, YAMLDOC_YAML); }

static const struct yamldoc_node *must_get(const char *text, const char *key) {
    ck_assert_msg(parse(text) == 0, "%s", why.text);
    const struct yamldoc_node *n = yamldoc_get(yamldoc_root(doc), key);
    ck_assert_ptr_nonnull(n);
    return n;
}

static void teardown(void) { doc = yamldoc_free(doc); }

static void refused(const char *text, unsigned line, unsigned col, const char *part) {
    ck_assert_msg(parse(text) == -EINVAL, "accepted: %.60s", text);
    ck_assert_ptr_null(doc);
    ck_assert_msg(strstr(why.text, part) != NULL, "\"%s\" does not say \"%s\"", why.text, part);
    ck_assert_msg(why.line == line && why.col == col, "at %u:%u: %s", why.line, why.col, why.text);
    ck_assert_str_eq(why.file, "f.yaml");
}

/* ---- scalars typed by what the field wants ---- */

START_TEST(test_words_that_yaml_1_1_guesses_about_stay_strings) {
    static const char *const words[] = {"no",   "yes",  "on",       "off",  "y",     "n",     "0o17",
                                        "017",  "1.0",  "1",        "1.",   "1.0.0", "1e3",   "2001-1-1",
                                        "0x1f", "true", "12:30:00", ".inf", "=",     "1_000", "+1"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "name: %s\n", words[i]);
        const char *s = NULL;
        node = must_get(text, "name");
        ck_assert_int_eq(yamldoc_string(doc, node, &s, &why), 0);
        ck_assert_str_eq(s, words[i]);
    }
}
END_TEST

START_TEST(test_nothing_is_no_string_but_a_quoted_null_is) {
    const char *s = "kept";
    static const char *const empty[] = {"name:\n", "name: ~\n", "name: null\n"};
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        node = must_get(empty[i], "name");
        ck_assert_int_eq(yamldoc_string(doc, node, &s, &why), -EINVAL);
        ck_assert_ptr_nonnull(strstr(why.text, "expected text, got nothing"));
        ck_assert_str_eq(s, "kept");
    }
    node = must_get("name: 'null'\n", "name");
    ck_assert_int_eq(yamldoc_string(doc, node, &s, &why), 0);
    ck_assert_str_eq(s, "null");
    node = must_get("name: ''\n", "name");
    ck_assert_int_eq(yamldoc_string(doc, node, &s, &why), 0);
    ck_assert_str_eq(s, "");
}
END_TEST

START_TEST(test_a_switch_takes_true_and_false_only) {
    bool b = false;
    node = must_get("x: true\n", "x");
    ck_assert_int_eq(yamldoc_bool(doc, node, &b, &why), 0);
    ck_assert(b);
    node = must_get("x: false\n", "x");
    ck_assert_int_eq(yamldoc_bool(doc, node, &b, &why), 0);
    ck_assert(!b);
    static const char *const bad[] = {"yes", "no", "on", "off", "True", "1", "'true'", "[true]", "", "{}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "x: %s\n", bad[i]);
        node = must_get(text, "x");
        ck_assert_int_eq(yamldoc_bool(doc, node, &b, &why), -EINVAL);
        ck_assert_ptr_nonnull(strstr(why.text, "write true or false"));
        ck_assert_uint_eq(why.line, 1);
    }
}
END_TEST

START_TEST(test_numbers_sizes_and_times_say_what_was_expected_and_where) {
    uint64_t v = 7;
    nsec_t t = 7;
    node = must_get("a: 1\nx: 5 potatoes\n", "x");
    ck_assert_int_eq(yamldoc_duration(doc, node, 0, INT64_MAX, &t, &why), -EINVAL);
    ck_assert_str_eq(why.text, "expected a duration such as 500ms (units: ms, s, min, h), got \"5 potatoes\"");
    ck_assert_uint_eq(why.line, 2);
    ck_assert_uint_eq(why.col, 4);
    node = must_get("x: 16 MB\n", "x");
    ck_assert_int_eq(yamldoc_size(doc, node, 0, 1 << 30, &v, &why), -EINVAL);
    ck_assert_str_eq(why.text, "expected a size such as 16MiB (units: B, KiB, MiB, GiB), got \"16 MB\"");
    node = must_get("x: 2GiB\n", "x");
    ck_assert_int_eq(yamldoc_size(doc, node, 1024, 1 << 30, &v, &why), -EINVAL);
    ck_assert_str_eq(why.text, "must be from 1KiB to 1GiB, got \"2GiB\"");
    node = must_get("x: 99999999999GiB\n", "x");
    ck_assert_int_eq(yamldoc_size(doc, node, 1024, 1 << 30, &v, &why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why.text, "must be from 1KiB to 1GiB"));
    node = must_get("x: 101\n", "x");
    ck_assert_int_eq(yamldoc_int(doc, node, 0, 100, &v, &why), -EINVAL);
    ck_assert_str_eq(why.text, "expected a whole number from 0 to 100, got \"101\"");
    node = must_get("x: '10'\n", "x");
    ck_assert_int_eq(yamldoc_int(doc, node, 0, 100, &v, &why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why.text, "write it without quotes"));
    static const char *const bad_ints[] = {"-1", "1.0", "0x10", "1e2", "ten", "[1]", "", "99999999999999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(bad_ints); i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "x: %s\n", bad_ints[i]);
        node = must_get(text, "x");
        ck_assert_int_eq(yamldoc_int(doc, node, 0, 100, &v, &why), -EINVAL);
    }
    ck_assert_uint_eq(v, 7);
    ck_assert_int_eq(t, 7);
    node = must_get("x: 18446744073709551615\n", "x");
    ck_assert_int_eq(yamldoc_int(doc, node, 0, UINT64_MAX, &v, &why), 0);
    ck_assert_uint_eq(v, UINT64_MAX);
    node = must_get("x: 1.5s\n", "x");
    ck_assert_int_eq(yamldoc_duration(doc, node, 0, INT64_MAX, &t, &why), 0);
    ck_assert_int_eq(t, 1500 * NSEC_PER_MSEC);
    node = must_get("x: '16MiB'\n", "x");
    ck_assert_int_eq(yamldoc_size(doc, node, 0, 1 << 30, &v, &why), 0);
    ck_assert_uint_eq(v, 16u << 20);
}
END_TEST

START_TEST(test_seconds_are_bare_numbers_and_may_be_fractions) {
    nsec_t t = 0;
    const nsec_t max = 86400 * NSEC_PER_SEC;
    node = must_get("x: 30\n", "x");
    ck_assert_int_eq(yamldoc_seconds(doc, node, 1, max, &t, &why), 0);
    ck_assert_int_eq(t, 30 * NSEC_PER_SEC);
    node = must_get("x: 0.25\n", "x");
    ck_assert_int_eq(yamldoc_seconds(doc, node, 1, max, &t, &why), 0);
    ck_assert_int_eq(t, 250 * NSEC_PER_MSEC);
    static const char *const bad[] = {"30s", "0", "-1", "1e3", "'30'", ".5", "1.2.3", "86401", "nan", "1 2", "inf"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "x: %s\n", bad[i]);
        node = must_get(text, "x");
        ck_assert_msg(yamldoc_seconds(doc, node, 1, max, &t, &why) == -EINVAL, "accepted: %s", bad[i]);
    }
}
END_TEST

/* ---- structure ---- */

START_TEST(test_every_node_knows_its_place) {
    ck_assert_int_eq(parse("a: 1\nb:\n  - x\n  - {c: [1, 2]}\n\"d\": 'q'\n"), 0);
    const struct yamldoc_node *root = yamldoc_root(doc), *b = yamldoc_get(root, "b");
    ck_assert_uint_eq(b->line, 3);
    ck_assert_uint_eq(b->col, 3);
    ck_assert_uint_eq(b->items[0]->line, 3);
    ck_assert_uint_eq(b->items[0]->col, 5);
    const struct yamldoc_node *c = yamldoc_get(b->items[1], "c");
    ck_assert_uint_eq(c->line, 4);
    ck_assert_uint_eq(c->col, 9);
    ck_assert_uint_eq(c->items[1]->col, 13);
    ck_assert_uint_eq(root->keys[2]->line, 5);
    ck_assert(yamldoc_get(root, "d")->quoted);
    ck_assert(!yamldoc_get(root, "a")->quoted);
    ck_assert_ptr_null(yamldoc_get(root, "e"));
    ck_assert_ptr_null(yamldoc_get(b, "e"));
}
END_TEST

START_TEST(test_an_empty_file_is_nothing_at_line_one) {
    static const char *const empty[] = {"", "\n\n", "# only a comment\n", "---\n...\n", "~\n"};
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        ck_assert_int_eq(parse(empty[i]), 0);
        ck_assert_int_eq(yamldoc_root(doc)->type, YAMLDOC_NULL);
    }
}
END_TEST

START_TEST(test_what_is_refused_names_its_place) {
    refused("a: 1\nb: 2\na: 3\n", 3, 1, "key \"a\" is given twice; first at line 1 column 1");
    refused("x: {a: 1, 'a': 2}\n", 1, 11, "key \"a\" is given twice; first at line 1 column 5");
    refused("a: 1\n---\nb: 2\n", 2, 1, "a second document starts here");
    refused("a: &x 1\n<<: *x\n", 2, 1, "merge keys (<<) are not supported");
    refused("? [a]\n: 1\n", 1, 3, "a key must be a word, not a list");
    refused("{a: 1}: 1\n", 1, 1, "a key must be a word, not a map");
    refused("a: !!int 5\n", 1, 4, "tag \"tag:yaml.org,2002:int\" is not supported here");
    refused("a: !python/object {}\n", 1, 4, "is not supported here");
    refused("a: *nope\n", 1, 4, "alias \"nope\" names no anchor above it");
    refused("a: &x [*x]\n", 1, 8, "alias \"x\" stands inside what it names");
    refused("a: &x\n  b: *x\n", 2, 6, "alias \"x\" stands inside what it names");
    refused("a: \"x\\0y\"\n", 1, 4, "a NUL character");
    refused("a: [1, 2\n", 2, 1, "not valid YAML");
    refused("a:\n\tb: 1\n", 2, 1, "a tab: indent with spaces");
    refused("a: 1\n b: 2\n", 2, 3, "not valid YAML");
    refused("a: \"\\ud800\"\n", 1, 7, "not valid YAML");
    refused("a: \x01\n", 1, 4, "not valid YAML");
    refused("a: caf\xE9\n", 1, 7, "byte 0xE9 is not UTF-8");
    refused(
        "\xFF\xFE"
        "a",
        1, 1, "is it UTF-16");
}
END_TEST

START_TEST(test_a_quoted_merge_key_is_a_word) {
    ck_assert_int_eq(parse("'<<': 1\n"), 0);
    ck_assert_ptr_nonnull(yamldoc_get(yamldoc_root(doc), "<<"));
}
END_TEST

START_TEST(test_str_tags_make_text) {
    ck_assert_int_eq(parse("!!str 5"), 0);
    ck_assert_int_eq(yamldoc_root(doc)->type, YAMLDOC_SCALAR);
    json_t *j = NULL;
    ck_assert_int_eq(yamldoc_to_json(doc, yamldoc_root(doc), &j, &why), 0);
    ck_assert(json_is_string(j));
    json_decref(j);
}
END_TEST

START_TEST(test_aliases_repeat_what_they_name) {
    const struct yamldoc_node *b = must_get("a: &x {k: 1}\nb: *x\nc: &x 2\nd: *x\n", "b");
    ck_assert_ptr_eq(b, yamldoc_get(yamldoc_root(doc), "a"));
    ck_assert_str_eq(yamldoc_get(yamldoc_root(doc), "d")->text, "2");
}
END_TEST

static char *repeat(const char *head, const char *unit, size_t n, const char *tail) {
    char *out = malloc(strlen(head) + strlen(unit) * n + strlen(tail) + 1);
    ck_assert_ptr_nonnull(out);
    char *p = stpcpy(out, head);
    while (n-- > 0) p = stpcpy(p, unit);
    (void)stpcpy(p, tail);
    return out;
}

START_TEST(test_an_alias_bomb_is_refused_at_once) {
    static const char bomb[] =
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
        "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
        "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n";
    refused(bomb, 5, 8, "stand for more than 10000 values");
    char *many = repeat("", "- &a 1\n", 1025, "");
    ck_assert_int_eq(parse(many), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why.text, "more than 1024 anchors"));
    free(many);
}
END_TEST

START_TEST(test_depth_is_bounded_also_through_aliases) {
    char *deep = repeat("", "[", 64, ""), *too_deep = repeat("", "[", 65, "");
    char *closed = repeat(deep, "]", 64, "");
    ck_assert_msg(parse(closed) == 0, "%s", why.text);
    free(closed);
    ck_assert_int_eq(parse(too_deep), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why.text, "nested more than 64 levels deep"));
    char *half = repeat("- &a ", "[", 40, "");
    char *aliased = repeat(half, "]", 40, "\n- ");
    free(half);
    half = repeat(aliased, "[", 40, "*a");
    ck_assert_int_eq(parse(half), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why.text, "nested more than 64 levels deep"));
    free(half);
    free(aliased);
    free(deep);
    free(too_deep);
}
END_TEST

START_TEST(test_a_hundred_thousand_keys_are_no_trouble) {
    size_t n = 100000, len = 0;
    char *text = malloc(n * 10);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < n; i++) len += (size_t)sprintf(text + len, "k%zu: 1\n", i);
    doc = yamldoc_free(doc);
    int r = yamldoc_parse("f.yaml", text, len < (1u << 20) ? len : (1u << 20), YAMLDOC_YAML, &doc, &why);
    ck_assert_msg(r == 0 || strstr(why.text, "not valid YAML"), "%s", why.text);
    free(text);
}
END_TEST

START_TEST(test_over_a_mebibyte_is_refused) {
    char *text = repeat("a: '", "x", 1 << 20, "'");
    ck_assert_int_eq(parse(text), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why.text, "larger than 1 MiB"));
    free(text);
}
END_TEST

/* ---- to JSON by the core schema ---- */

static void becomes(const char *yaml, const char *json) {
    ck_assert_msg(parse(yaml) == 0, "%s", why.text);
    json_t *j = NULL;
    ck_assert_msg(yamldoc_to_json(doc, yamldoc_root(doc), &j, &why) == 0, "%s", why.text);
    char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
    ck_assert_str_eq(text, json);
    free(text);
    json_decref(j);
}

START_TEST(test_free_form_trees_follow_the_yaml_1_2_core_schema) {
    becomes("[true, True, TRUE, false, False, FALSE]", "[true,true,true,false,false,false]");
    becomes("[null, Null, NULL, ~, ]", "[null,null,null,null]");
    becomes("[on, off, yes, no, y, n, On]", "[\"on\",\"off\",\"yes\",\"no\",\"y\",\"n\",\"On\"]");
    becomes("[0, -0, 7, +7, -7, 007, 0o17, 0x1F, 0o8, 0xg]", "[0,0,7,7,-7,7,15,31,\"0o8\",\"0xg\"]");
    becomes("[1.5, -.5, 1., 1e3, 1E-2, .e1, '.', '1.5']", "[1.5,-0.5,1.0,1000.0,0.01,\".e1\",\".\",\"1.5\"]");
    becomes("['true', \"null\", '5', ! 5]", "[\"true\",\"null\",\"5\",\"5\"]");
    becomes("[1_000, 1:30, 1.2.3, 0b1, 2020-01-01, +, -, 0x, 0o]",
            "[\"1_000\",\"1:30\",\"1.2.3\",\"0b1\",\"2020-01-01\",\"+\",\"-\",\"0x\",\"0o\"]");
    becomes("{a: {b: [1, {}]}, c: []}", "{\"a\":{\"b\":[1,{}]},\"c\":[]}");
    becomes("a: |\n  5\n", "{\"a\":\"5\\n\"}");
    becomes("1: a\nnull: b\n", "{\"1\":\"a\",\"null\":\"b\"}");
    becomes("[9223372036854775807, -9223372036854775808]", "[9223372036854775807,-9223372036854775808]");
}
END_TEST

START_TEST(test_integers_beyond_64_bits_become_reals) {
    becomes("[9223372036854775808, 0xFFFFFFFFFFFFFFFF, 0o7777777777777777777777]",
            "[9.2233720368547758e18,1.8446744073709552e19,7.3786976294838206e19]");
}
END_TEST

START_TEST(test_numbers_json_cannot_hold_are_refused_with_their_place) {
    static const char *const bad[] = {".inf", "-.INF", ".nan", "1e999"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "a:\n  b: %s\n", bad[i]);
        ck_assert_int_eq(parse(text), 0);
        json_t *j = NULL;
        ck_assert_int_eq(yamldoc_to_json(doc, yamldoc_root(doc), &j, &why), -EINVAL);
        ck_assert_ptr_null(j);
        ck_assert_uint_eq(why.line, 2);
        ck_assert_uint_eq(why.col, 6);
        ck_assert_ptr_nonnull(strstr(why.text, "cannot be written in JSON"));
    }
}
END_TEST

/* ---- JSON in ---- */

START_TEST(test_json_becomes_the_same_tree_with_places) {
    static const char text[] =
        "{\n\t\"name\": \"caf\\u00e9 \\\"x\\\"\",\n\t\"n\": [1, 20000000000000000000, 1.50, true, null],\n  \"o\": "
        "{\"k\": \"v\"}, \"e\": {}, \"f\": [ ]\n}\n";
    ck_assert_msg(parse_as(text, YAMLDOC_JSON) == 0, "%s", why.text);
    const struct yamldoc_node *root = yamldoc_root(doc), *n = yamldoc_get(root, "n");
    ck_assert_str_eq(yamldoc_get(root, "name")->text, "caf\xC3\xA9 \"x\"");
    ck_assert(yamldoc_get(root, "name")->quoted);
    ck_assert_uint_eq(n->line, 3);
    ck_assert_uint_eq(n->col, 7);
    ck_assert_str_eq(n->items[1]->text, "20000000000000000000");
    ck_assert_uint_eq(n->items[1]->col, 11);
    ck_assert_str_eq(n->items[2]->text, "1.50");
    ck_assert_int_eq(n->items[4]->type, YAMLDOC_NULL);
    const struct yamldoc_node *o = yamldoc_get(root, "o");
    ck_assert_uint_eq(yamldoc_get(o, "k")->line, 4);
    ck_assert_uint_eq(yamldoc_get(o, "k")->col, 14);
    ck_assert_uint_eq(yamldoc_get(root, "e")->n, 0);
    ck_assert_uint_eq(yamldoc_get(root, "f")->line, 4);
    json_t *j = NULL;
    ck_assert_int_eq(yamldoc_to_json(doc, n, &j, &why), 0);
    ck_assert(json_equal(json_array_get(j, 3), json_true()));
    json_decref(j);
}
END_TEST

START_TEST(test_bad_json_names_line_and_column) {
    static const struct {
        const char *text;
        unsigned line;
        const char *part;
    } bad[] = {{"{\"a\": 1,\n \"a\": 2}", 2, "duplicate object key"},
               {"{\"a\": 1,\n}", 2, "not valid JSON"},
               {"", 1, "not valid JSON"},
               {"{\"a\": \"\\u0000\"}", 1, "not valid JSON"},
               {"{a: 1}", 1, "not valid JSON"},
               {"[1] x", 1, "not valid JSON"},
               {"{\"a\": \x1b}", 1, "invalid token near '?'"},
               {"[1e999]", 1, "real number overflow"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_int_eq(parse_as(bad[i].text, YAMLDOC_JSON), -EINVAL);
        ck_assert_msg(strstr(why.text, bad[i].part) != NULL, "%s", why.text);
        ck_assert_uint_eq(why.line, bad[i].line);
        ck_assert_uint_ge(why.col, 1);
        ck_assert_ptr_null(strchr(why.text, '\x1b'));
    }
    char *deep = repeat("", "[", 65, ""), *closed = repeat(deep, "]", 65, "");
    ck_assert_int_eq(parse_as(closed, YAMLDOC_JSON), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why.text, "nested more than 64 levels deep"));
    free(deep);
    free(closed);
}
END_TEST

START_TEST(test_long_integers_in_json_files_become_reals_and_strings_stay) {
    static const char text[] =
        "{\"max\": 18446744073709551615, \"s\": \"18446744073709551615 \\\" 18446744073709551615\", "
        "\"r\": 1.18446744073709551615, \"e\": 11111111111111111111e-3, \"i\": -5}";
    json_t *j = NULL;
    ck_assert_msg(jsonfile_parse("s.json", text, strlen(text), &j, &why) == 0, "%s", why.text);
    ck_assert(json_is_real(json_object_get(j, "max")));
    ck_assert_str_eq(json_string_value(json_object_get(j, "s")), "18446744073709551615 \" 18446744073709551615");
    ck_assert(json_real_value(json_object_get(j, "r")) < 1.2);
    ck_assert(json_is_integer(json_object_get(j, "i")));
    json_decref(j);
}
END_TEST

/* ---- files ---- */

START_TEST(test_files_that_are_none_are_refused_without_hanging) {
    fixture_begin();
    struct yamldoc *d = NULL;
    ck_assert_int_eq(yamldoc_load(fixture_path("none.yaml"), &d, &why), -ENOENT);
    ck_assert_ptr_nonnull(strstr(why.text, "No such file"));
    ck_assert_int_eq(yamldoc_load(fixture_root, &d, &why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why.text, "is not a regular file"));
    const char *fifo = fixture_path("fifo.yaml");
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_int_eq(yamldoc_load(fifo, &d, &why), -EINVAL);
    const char *bom = fixture_write("bom.yaml", "\xEF\xBB\xBFname: x\n");
    ck_assert_int_eq(yamldoc_load(bom, &d, &why), 0);
    ck_assert_ptr_nonnull(yamldoc_get(yamldoc_root(d), "name"));
    ck_assert_str_eq(yamldoc_file(d), bom);
    d = yamldoc_free(d);
    ck_assert_int_eq(yamldoc_load(fixture_write("x.json", "\xEF\xBB\xBF{\"a\":1}"), &d, &why), 0);
    ck_assert_ptr_nonnull(yamldoc_get(yamldoc_root(d), "a"));
    yamldoc_free(d);
    fixture_end();
}
END_TEST

START_TEST(test_messages_escape_what_a_terminal_would_obey) {
    char q[YAMLDOC_QUOTE_MAX];
    ck_assert_str_eq(yamldoc_quote("a\x1b[31m\n\t\"\\\x7f", q), "\"a\\x1B[31m\\n\\t\\\"\\\\\\x7F\"");
    ck_assert_str_eq(yamldoc_quote("\xC2\x9B!", q), "\"\\x9B!\"");
    ck_assert_str_eq(yamldoc_quote("caf\xC3\xA9", q), "\"caf\xC3\xA9\"");
    for (size_t n = 100; n < 140; n++) {
        char *s = repeat("", "\xF0\x9F\x8E\x89", n / 4, ""), *ctl = repeat("", "\x01", n, "");
        ck_assert_uint_lt(strlen(yamldoc_quote(s, q)), YAMLDOC_QUOTE_MAX);
        ck_assert_uint_lt(strlen(yamldoc_quote(ctl, q)), YAMLDOC_QUOTE_MAX);
        free(s);
        free(ctl);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("yamldoc");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_words_that_yaml_1_1_guesses_about_stay_strings);
    tcase_add_test(t, test_nothing_is_no_string_but_a_quoted_null_is);
    tcase_add_test(t, test_a_switch_takes_true_and_false_only);
    tcase_add_test(t, test_numbers_sizes_and_times_say_what_was_expected_and_where);
    tcase_add_test(t, test_seconds_are_bare_numbers_and_may_be_fractions);
    tcase_add_test(t, test_every_node_knows_its_place);
    tcase_add_test(t, test_an_empty_file_is_nothing_at_line_one);
    tcase_add_test(t, test_what_is_refused_names_its_place);
    tcase_add_test(t, test_a_quoted_merge_key_is_a_word);
    tcase_add_test(t, test_str_tags_make_text);
    tcase_add_test(t, test_aliases_repeat_what_they_name);
    tcase_add_test(t, test_an_alias_bomb_is_refused_at_once);
    tcase_add_test(t, test_depth_is_bounded_also_through_aliases);
    tcase_add_test(t, test_a_hundred_thousand_keys_are_no_trouble);
    tcase_add_test(t, test_over_a_mebibyte_is_refused);
    tcase_add_test(t, test_free_form_trees_follow_the_yaml_1_2_core_schema);
    tcase_add_test(t, test_integers_beyond_64_bits_become_reals);
    tcase_add_test(t, test_numbers_json_cannot_hold_are_refused_with_their_place);
    tcase_add_test(t, test_json_becomes_the_same_tree_with_places);
    tcase_add_test(t, test_bad_json_names_line_and_column);
    tcase_add_test(t, test_long_integers_in_json_files_become_reals_and_strings_stay);
    tcase_add_test(t, test_files_that_are_none_are_refused_without_hanging);
    tcase_add_test(t, test_messages_escape_what_a_terminal_would_obey);
    suite_add_tcase(s, t);
    return fixture_run(s);
}
