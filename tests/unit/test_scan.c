/* test_scan.c — every promise of json/scan.h, the public parsing suite, and jansson as a second opinion. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/inner.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/text.h"

/* Allocation counter and failure injector. It stands aside where the sanitizers or valgrind own malloc(). */
static size_t allocations, fail_after = SIZE_MAX;

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) && defined(__GLIBC__)
void *__libc_malloc(size_t n);
void *__libc_realloc(void *p, size_t n);

static bool may_allocate(void) {
    allocations++;
    if (fail_after == SIZE_MAX) return true;
    if (!fail_after) return false;
    fail_after--;
    return true;
}

void *malloc(size_t n) {
    if (may_allocate()) return __libc_malloc(n);
    errno = ENOMEM;
    return NULL;
}

void *realloc(void *p, size_t n) {
    if (may_allocate()) return __libc_realloc(p, n);
    errno = ENOMEM;
    return NULL;
}

void *reallocarray(void *p, size_t n, size_t size) {
    size_t bytes;
    if (!__builtin_mul_overflow(n, size, &bytes)) return realloc(p, bytes);
    errno = ENOMEM;
    return NULL;
}
#endif

static bool counting(void) {
    size_t before = allocations;
    void *volatile p = malloc(1);
    free(p);
    return allocations != before;
}

static struct scan s, slow;

static void setup(void) {
    scan_init(&s, 128);
    scan_init(&slow, 128);
}

static void teardown(void) {
    scan_deinit(&s);
    scan_deinit(&slow);
    scan_deinit(&s);
    ck_assert_ptr_null(s.nodes);
}

/* Scan a copy that ends where its memory ends, both ways; they must agree on everything. */
static char *copy;

static int scan_bytes(const char *p, size_t len) {
    free(copy);
    copy = malloc(len + !len);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, p, len);
    int r = scan_text(&s, copy, len), r2 = scan_text_scalar(&slow, copy, len);
    ck_assert_int_eq(r, r2);
    ck_assert_uint_eq(s.error_off, slow.error_off);
    ck_assert_ptr_eq(s.error, slow.error);
    ck_assert_uint_eq(s.n_nodes, slow.n_nodes);
    ck_assert_uint_eq(s.duplicate, slow.duplicate);
    ck_assert_int_eq(s.too_deep, slow.too_deep);
    if (s.n_nodes) ck_assert_mem_eq(s.nodes, slow.nodes, s.n_nodes * sizeof *s.nodes);
    return r;
}

static int scan_str(const char *text) { return scan_bytes(text, strlen(text)); }

static char *repeat(const char *piece, size_t n, const char *then, const char *tail, size_t m) {
    struct buf b = BUF_INIT(0);
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(buf_puts(&b, piece), 0);
    ck_assert_int_eq(buf_puts(&b, then), 0);
    for (size_t i = 0; i < m; i++) ck_assert_int_eq(buf_puts(&b, tail), 0);
    ck_assert_ptr_nonnull(buf_cstr(&b));
    return b.mem;
}

START_TEST(test_nodes_stand_in_document_order_with_spans_and_next) {
    ck_assert_int_eq(scan_str(" {\"a\" : [1,\"x\"],\"b\":null} \n"), 0);
    static const struct node want[] = {
        {1, 24, 7, 2, NODE_OBJECT, 0}, {3, 1, 2, 0, NODE_STRING, 0},
        {8, 7, 5, 2, NODE_ARRAY, 0},   {9, 1, 4, 0, NODE_NUMBER, NODE_INTEGER},
        {12, 1, 5, 0, NODE_STRING, 0}, {17, 1, 6, 0, NODE_STRING, 0},
        {20, 4, 7, 0, NODE_NULL, 0},
    };
    ck_assert_uint_eq(s.n_nodes, 7);
    for (uint32_t i = 0; i < 7; i++) {
        ck_assert_uint_eq(s.nodes[i].off, want[i].off);
        ck_assert_uint_eq(s.nodes[i].len, want[i].len);
        ck_assert_uint_eq(s.nodes[i].next, want[i].next);
        ck_assert_uint_eq(s.nodes[i].count, want[i].count);
        ck_assert_uint_eq(s.nodes[i].type, want[i].type);
        ck_assert_uint_eq(s.nodes[i].flags, want[i].flags);
    }
    ck_assert_ptr_eq(scan_root(&s), s.nodes);
    ck_assert_mem_eq(scan_ptr(&s, s.nodes + 6), "null", 4);
}
END_TEST

START_TEST(test_iterating_visits_every_child_once) {
    ck_assert_int_eq(scan_str("{\"a\":[[],{},[[2],3]],\"b\":{\"c\":1},\"d\":true}"), 0);
    const struct node *root = scan_root(&s), *k = scan_first(&s, root);
    const char *keys = "abd";
    for (; k; k = scan_next_key(&s, root, k)) ck_assert_int_eq(*scan_ptr(&s, k), *keys++);
    ck_assert_int_eq(*keys, 0);
    const struct node *a = scan_get(&s, root, "a");
    uint32_t n = 0;
    for (const struct node *e = scan_first(&s, a); e; e = scan_next(&s, a, e)) n++;
    ck_assert_uint_eq(n, 3);
    ck_assert_ptr_null(scan_first(&s, a + 1)); /* [] */
    ck_assert_ptr_null(scan_first(&s, a + 2)); /* {} */
    ck_assert_int_eq(scan_get(&s, root, "d")->type, NODE_TRUE);
    ck_assert_ptr_null(scan_get(&s, root, "e"));
    ck_assert_ptr_null(scan_get(&s, a, "a")); /* not an object */
}
END_TEST

START_TEST(test_keys_and_strings_are_compared_unescaped) {
    ck_assert_int_eq(scan_str("{\"\\u0069d\":\"\\ud83d\\ude00\\/\\\"\\\\\\b\\f\\n\\r\\t\\u0000z\",\"\":\"\\uD800\"}"),
                     0);
    const struct node *v = scan_get(&s, s.nodes, "id");
    ck_assert_ptr_nonnull(v);
    ck_assert_uint_eq(v->flags, NODE_ESCAPED);
    static const char want[] = "\xF0\x9F\x98\x80/\"\\\b\f\n\r\t\0z";
    ck_assert(scan_equal(&s, v, want, sizeof want - 1));
    ck_assert(!scan_equal(&s, v, want, sizeof want - 2));
    ck_assert(!scan_equal(&s, v, want, sizeof want));
    ck_assert(!scan_equal(&s, v, "id", 2));
    ck_assert(scan_equal(&s, scan_get(&s, s.nodes, ""), "\xED\xA0\x80", 3));
}
END_TEST

static const struct {
    const char *text;
    int code;
    size_t off;
    const char *error;
} refused[] = {
    {"", SCAN_E_SYNTAX, 0, "unexpected end, expected a value"},
    {" \t\r\n", SCAN_E_SYNTAX, 4, "unexpected end, expected a value"},
    {"\xEF\xBB\xBF{}", SCAN_E_SYNTAX, 0, "a byte order mark"},
    {"nul", SCAN_E_SYNTAX, 0, "expected a value"},
    {"[1,]", SCAN_E_SYNTAX, 3, "expected a value"},
    {"[1 2]", SCAN_E_SYNTAX, 3, "expected ',' or ']'"},
    {"[1", SCAN_E_SYNTAX, 2, "unexpected end, expected ',' or ']'"},
    {"{\"a\":1 2}", SCAN_E_SYNTAX, 7, "expected ',' or '}'"},
    {"{\"a\":1", SCAN_E_SYNTAX, 6, "unexpected end, expected ',' or '}'"},
    {"{\"a\":1]", SCAN_E_SYNTAX, 6, "expected ',' or '}'"},
    {"{\"a\" 1}", SCAN_E_SYNTAX, 5, "expected ':'"},
    {"{\"a\"", SCAN_E_SYNTAX, 4, "unexpected end, expected ':'"},
    {"{\"a\":1,}", SCAN_E_SYNTAX, 7, "expected a key in quotes"},
    {"{", SCAN_E_SYNTAX, 1, "unexpected end, expected a key"},
    {"{} x", SCAN_E_SYNTAX, 3, "something follows the value"},
    {"\"abc", SCAN_E_SYNTAX, 4, "unexpected end inside a string"},
    {"\"abc\\", SCAN_E_SYNTAX, 5, "unexpected end inside a string"},
    {"\"\\u00", SCAN_E_SYNTAX, 5, "unexpected end inside a string"},
    {"\"\\u00g0\"", SCAN_E_SYNTAX, 5, "expected four hexadecimal digits after \\u"},
    {"\"\\u\x10"
     "000\"",
     SCAN_E_SYNTAX, 3, "expected four hexadecimal digits after \\u"},
    {"\"\\x\"", SCAN_E_SYNTAX, 2, "unknown escape in a string"},
    {"\"a\nb\"", SCAN_E_SYNTAX, 2, "control character in a string"},
    {"-", SCAN_E_SYNTAX, 1, "expected a digit"},
    {"-x", SCAN_E_SYNTAX, 1, "expected a digit"},
    {"01", SCAN_E_SYNTAX, 1, "a number starts with a superfluous 0"},
    {"1.", SCAN_E_SYNTAX, 2, "expected a digit after '.'"},
    {"1e+", SCAN_E_SYNTAX, 3, "expected a digit in the exponent"},
    {"\"\xC0\x80\"", SCAN_E_UTF8, 1, "not UTF-8"},
    {"\"0123456789abcdef\xE2\x82\"", SCAN_E_UTF8, 17, "not UTF-8"},
    {"\"\xED\xA0\x80\"", SCAN_E_UTF8, 1, "not UTF-8"},
    {"\"\xF4\x90\x80\x80\"", SCAN_E_UTF8, 1, "not UTF-8"},
    {"[\xFF]", SCAN_E_UTF8, 1, "not UTF-8"},
    {"[\xC3\xA9]", SCAN_E_SYNTAX, 1, "expected a value"},
};

START_TEST(test_refusals_say_where_and_what) {
    ck_assert_int_eq(scan_str(refused[_i].text), refused[_i].code);
    ck_assert_uint_eq(s.error_off, refused[_i].off);
    ck_assert_str_eq(s.error, refused[_i].error);
    ck_assert_uint_eq(s.n_nodes, 0);
    /* beyond the depth limit the same texts are refused for the same reason at the same place */
    if (strstr(refused[_i].error, "follows") || strstr(refused[_i].error, "byte order")) return;
    char deep[256];
    int n = snprintf(deep, sizeof deep, "{\"k\":[[[0,%s", refused[_i].text);
    uint32_t limit = s.max_depth;
    s.max_depth = slow.max_depth = 2;
    ck_assert_int_eq(scan_bytes(deep, (size_t)n), refused[_i].code);
    ck_assert_uint_eq(s.error_off, refused[_i].off + 10);
    ck_assert_str_eq(s.error, refused[_i].error);
    s.max_depth = slow.max_depth = limit;
    ck_assert_int_eq(scan_str("[]"), 0); /* and the scan stays usable */
}
END_TEST

START_TEST(test_a_nul_byte_is_no_white_space_and_no_end) {
    ck_assert_int_eq(scan_bytes("[]\0", 3), SCAN_E_SYNTAX);
    ck_assert_int_eq(scan_bytes("\0", 1), SCAN_E_SYNTAX);
    ck_assert_int_eq(scan_bytes("\"\0\"", 3), SCAN_E_SYNTAX);
    ck_assert_int_eq(scan_text(&s, NULL, 0), SCAN_E_SYNTAX);
    ck_assert_int_eq(scan_text(&s, "", UINT32_MAX), -EMSGSIZE);
}
END_TEST

START_TEST(test_depth_is_a_limit_on_what_is_recorded_not_on_what_is_checked) {
    for (size_t depth = 127; depth <= 130; depth++) {
        char *text = repeat("[", depth, "", "]", depth);
        ck_assert_int_eq(scan_str(text), depth <= 128 ? 0 : SCAN_E_DEPTH);
        ck_assert_uint_eq(s.n_nodes, depth <= 129 ? depth : 129);
        ck_assert_int_eq(s.nodes[s.n_nodes - 1].flags, depth <= 128 ? 0 : NODE_CUT);
        ck_assert_uint_eq(s.nodes[s.n_nodes - 1].len, depth <= 128 ? 2 : 2 * (depth - 128));
        free(text);
    }
    s.max_depth = slow.max_depth = 1;
    ck_assert_int_eq(scan_str("{\"a\": {\"b\" : [1.5, {\"c\":\"}\"} , [ ] ,{ } ], \"b\":2 } ,\"id\":7,\"id\":8}"),
                     SCAN_E_DEPTH);
    ck_assert_uint_eq(s.n_nodes, 7);
    ck_assert_int_eq(s.nodes[2].flags, NODE_CUT);
    ck_assert_uint_eq(s.nodes[2].count, 0);
    ck_assert_ptr_null(scan_first(&s, s.nodes + 2));
    ck_assert_int_eq(*scan_ptr(&s, scan_get(&s, s.nodes, "id")), '7');
    ck_assert_uint_eq(s.duplicate, 5); /* both verdicts are there */
    s.max_depth = slow.max_depth = 0;
    ck_assert_int_eq(scan_str("1"), 0);
    ck_assert_int_eq(scan_str("[]"), SCAN_E_DEPTH);
    ck_assert_int_eq(scan_str("[[}"), SCAN_E_SYNTAX);
}
END_TEST

START_TEST(test_a_hundred_thousand_levels_cost_no_stack) {
    static const char *const shapes[][2] = {{"[", "]"}, {"{\"\":", "}"}, {"[{\"a\":", "}]"}};
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        char *text = repeat(shapes[i][0], 100000, "1", shapes[i][1], 100000);
        ck_assert_int_eq(scan_str(text), SCAN_E_DEPTH);
        ck_assert_int_eq(scan_bytes(text, strlen(text) - 1), SCAN_E_SYNTAX);
        ck_assert_uint_eq(s.error_off, strlen(text) - 1);
        free(text);
    }
}
END_TEST

static const struct {
    const char *text;
    uint32_t duplicate;
} doubles[] = {
    {"{\"a\":1,\"b\":2}", 0},
    {"{\"a\":1,\"a\":1}", 3},
    {"{\"a\":1,\"\\u0061\":1}", 3},
    {"{\"\\u0061\":1,\"a\":1}", 3},
    {"{\"\":1,\"\":1}", 3},
    {"{\"a\":1,\"A\":1}", 0},
    {"{\"a\":1,\"a\\u0000\":1}", 0},
    {"{\"a\\u0000\":1,\"a\":1}", 0},
    {"{\"\\u00e9\":1,\"\xC3\xA9\":1}", 3},
    {"{\"\\ud83d\\ude00\":1,\"\xF0\x9F\x98\x80\":1}", 3},
    {"{\"\\ud800\":1,\"\\ud801\":1}", 0},
    {"{\"\\ud800\":1,\"\xEF\xBF\xBD\":1}", 0},
    {"{\"\\ud800\":1,\"\\uD800\":1}", 3},
    {"[{\"a\":1},{\"a\":1}]", 0},
    {"{\"a\":{\"a\":{\"a\":0}}}", 0},
    {"{\"a\":[1,{\"x\":[],\"x\":{}}],\"a\":2}", 7}, /* the inner object ends first */
    {"{\"12345678_0_87654321\":0,\"12345678_1_87654321\":0}", 0},
    {"{\"12345678_0_87654321\":0,\"12345678_1_87654321\":0,\"12345678_0_87654321\":0}", 5},
    {"{\"1234567\":0,\"12345678\":0,\"123456\":0,\"1234567\":0}", 7},
};

START_TEST(test_a_key_named_twice_is_found_and_the_tree_still_stands) {
    ck_assert_int_eq(scan_str(doubles[_i].text), doubles[_i].duplicate ? SCAN_E_DUPLICATE : 0);
    ck_assert_uint_eq(s.duplicate, doubles[_i].duplicate);
    ck_assert_uint_eq(s.nodes[0].next, s.n_nodes);
}
END_TEST

/* n keys "key0".., key number `twin` repeated at the end (n: none). */
static void big_object(struct buf *b, int n, int twin) {
    buf_clear(b);
    for (int i = 0; i < n; i++) ck_assert_int_eq(buf_putf(b, "%c\"key%d\":[%d]", i ? ',' : '{', i, i), 0);
    if (twin < n) ck_assert_int_eq(buf_putf(b, ",\"k\\u0065y%d\":0", twin), 0);
    ck_assert_int_eq(buf_puts(b, "}"), 0);
}

START_TEST(test_large_objects_are_checked_in_linear_time) {
    static const int sizes[] = {2, 15, 16, 17, 31, 1000, 300000};
    struct buf b = BUF_INIT(0);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        int n = sizes[i];
        big_object(&b, n, n);
        ck_assert_int_eq(scan_bytes(buf_data(&b), b.len), 0);
        ck_assert_uint_eq(s.nodes[0].count, (uint32_t)n);
        big_object(&b, n, n / 2);
        ck_assert_int_eq(scan_bytes(buf_data(&b), b.len), SCAN_E_DUPLICATE);
        ck_assert_uint_eq(s.duplicate, 1 + 3 * (uint32_t)n);
    }
    buf_deinit(&b);
}
END_TEST

/* Keys that differ in the middle only have one digest: somebody may choose them. */
START_TEST(test_keys_chosen_to_collide_are_told_apart_in_linear_time) {
    enum { COLLIDING = 100 * 1000 };
    for (int twice = 0; twice < 2; twice++) {
        struct buf b = BUF_INIT(0);
        ck_assert_int_eq(buf_puts(&b, "{"), 0);
        for (int i = 0; i < COLLIDING; i++)
            ck_assert_int_eq(buf_putf(&b, "%s\"headhead%06dtailtail\":0", i ? "," : "", i), 0);
        ck_assert_int_eq(buf_puts(&b, twice ? ",\"headhead000077tailtail\":1}" : "}"), 0);
        ck_assert_int_eq(scan_str(buf_cstr(&b)), twice ? SCAN_E_DUPLICATE : 0);
        ck_assert_uint_eq(s.duplicate, twice ? 1 + 2 * COLLIDING : 0);
        buf_deinit(&b);
    }
}
END_TEST

START_TEST(test_nothing_is_allocated_after_warm_up) {
    struct buf b = BUF_INIT(0);
    big_object(&b, 1000, 1000);
    char *deep = repeat("[", 5000, "", "]", 5000);
    size_t len = strlen(deep), warm = 0;
    for (int i = 0; i < 100; i++) {
        size_t before = allocations;
        int r = scan_text(&s, buf_data(&b), b.len), r2 = scan_text(&s, deep, len), r3 = scan_text(&s, "{\"a\":1}", 7);
        warm += i ? allocations - before : 0;
        ck_assert(r == 0 && r2 == SCAN_E_DEPTH && r3 == 0);
    }
    ck_assert_uint_eq(warm, 0);
    scan_shrink(&s, (size_t)1 << 30);
    ck_assert_uint_eq(s.n_nodes, 3); /* below the bound nothing happens */
    scan_shrink(&s, 0);
    ck_assert_uint_eq(s.cap_nodes + s.cap_stack + s.cap_table, 0);
    ck_assert_int_eq(scan_text(&s, buf_data(&b), b.len), 0);
    free(deep);
    buf_deinit(&b);
}
END_TEST

START_TEST(test_every_allocation_may_fail) {
    if (!counting()) return;
    struct buf b = BUF_INIT(0);
    big_object(&b, 300, 300);
    b.len--;
    ck_assert_int_eq(buf_puts(&b, ",\"deep\":"), 0);
    for (int i = 0; i < 4000; i++) ck_assert_int_eq(buf_puts(&b, "["), 0);
    for (int i = 0; i < 4000; i++) ck_assert_int_eq(buf_puts(&b, "]"), 0);
    ck_assert_int_eq(buf_puts(&b, "}"), 0);
    int r = -ENOMEM;
    size_t failures = 0;
    while (r == -ENOMEM) {
        scan_shrink(&s, 0);
        fail_after = failures;
        r = scan_text(&s, buf_data(&b), b.len);
        fail_after = SIZE_MAX;
        if (r != -ENOMEM) break;
        ck_assert_uint_eq(s.n_nodes, 0);
        ck_assert_int_eq(scan_text(&s, "[1]", 3), 0); /* still usable */
        ck_assert_uint_lt(++failures, 100);
    }
    ck_assert_int_eq(r, SCAN_E_DEPTH);
    ck_assert_uint_ge(failures, 5);
    buf_deinit(&b);
}
END_TEST

/* ---- the public suite ---- */

/* What the standard leaves to the implementation, decided on purpose. */
static const struct {
    const char *name;
    int code;
} choices[] = {
    /* grammar only: a number's range matters, and is told, where a schema looks at its value */
    {"i_number_double_huge_neg_exp.json", 0},
    {"i_number_huge_exp.json", 0},
    {"i_number_neg_int_huge_exp.json", 0},
    {"i_number_pos_double_huge_exp.json", 0},
    {"i_number_real_neg_overflow.json", 0},
    {"i_number_real_pos_overflow.json", 0},
    {"i_number_real_underflow.json", 0},
    {"i_number_too_big_neg_int.json", 0},
    {"i_number_too_big_pos_int.json", 0},
    {"i_number_very_big_negative_int.json", 0},
    /* lone surrogates, escaped: the grammar allows them and payloads pass through unchanged */
    {"i_object_key_lone_2nd_surrogate.json", 0},
    {"i_string_1st_surrogate_but_2nd_missing.json", 0},
    {"i_string_1st_valid_surrogate_2nd_invalid.json", 0},
    {"i_string_incomplete_surrogate_and_escape_valid.json", 0},
    {"i_string_incomplete_surrogate_pair.json", 0},
    {"i_string_incomplete_surrogates_escape_valid.json", 0},
    {"i_string_invalid_lonely_surrogate.json", 0},
    {"i_string_invalid_surrogate.json", 0},
    {"i_string_inverted_surrogates_U+1D11E.json", 0},
    {"i_string_lone_second_surrogate.json", 0},
    /* what is not UTF-8 would make every plugin's line unreadable */
    {"i_string_UTF-16LE_with_BOM.json", SCAN_E_UTF8},
    {"i_string_UTF-8_invalid_sequence.json", SCAN_E_UTF8},
    {"i_string_UTF8_surrogate_U+D800.json", SCAN_E_UTF8},
    {"i_string_invalid_utf-8.json", SCAN_E_UTF8},
    {"i_string_iso_latin_1.json", SCAN_E_UTF8},
    {"i_string_lone_utf8_continuation_byte.json", SCAN_E_UTF8},
    {"i_string_not_in_unicode_range.json", SCAN_E_UTF8},
    {"i_string_overlong_sequence_2_bytes.json", SCAN_E_UTF8},
    {"i_string_overlong_sequence_6_bytes.json", SCAN_E_UTF8},
    {"i_string_overlong_sequence_6_bytes_null.json", SCAN_E_UTF8},
    {"i_string_truncated-utf-8.json", SCAN_E_UTF8},
    /* UTF-16 without a mark: NUL bytes where white space or a value belongs */
    {"i_string_utf16BE_no_BOM.json", SCAN_E_SYNTAX},
    {"i_string_utf16LE_no_BOM.json", SCAN_E_SYNTAX},
    /* the house's limit is 128, reported as what it is */
    {"i_structure_500_nested_arrays.json", SCAN_E_DEPTH},
    /* RFC 8259 section 8.1: a sender must not, so we need not */
    {"i_structure_UTF-8_BOM_empty_object.json", SCAN_E_SYNTAX},
};

static void suite_file(const char *dir, const char *name) {
    char path[4096], text[1 << 18];
    ck_assert_int_lt(snprintf(path, sizeof path, "%s/%s", dir, name), (int)sizeof path);
    cleanup_fclose FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    size_t len = fread(text, 1, sizeof text, f);
    ck_assert_uint_lt(len, sizeof text);
    int r = scan_bytes(text, len);
    bool twice = !strncmp(name, "y_object_duplicated_key", 23); /* well-formed; the house wants to know */
    if (*name == 'y') ck_assert_msg(r == (twice ? SCAN_E_DUPLICATE : 0), "%s: %d", name, r);
    if (*name == 'n') ck_assert_msg(r == SCAN_E_SYNTAX || r == SCAN_E_UTF8, "%s: %d", name, r);
    if (*name != 'i') return;
    size_t i = 0;
    while (i < ARRAY_LEN(choices) && strcmp(choices[i].name, name) != 0) i++;
    ck_assert_msg(i < ARRAY_LEN(choices), "%s: nothing decided", name);
    ck_assert_msg(r == choices[i].code, "%s: %d", name, r);
}

START_TEST(test_json_parsing_suite) {
    const char *shared = getenv("HOOKCAST_SHARED");
    char dir[2048];
    (void)snprintf(dir, sizeof dir, "%s/json-parsing-suite/test_parsing", shared && *shared ? shared : "../shared");
    DIR *d = opendir(dir);
    if (!d) {
        puts("SKIP: json-parsing-suite absent");
        return;
    }
    size_t files = 0;
    for (const struct dirent *e; (e = readdir(d));) {
        if (*e->d_name == '.') continue;
        suite_file(dir, e->d_name);
        files++;
    }
    (void)closedir(d);
    ck_assert_uint_ge(files, 300);
}
END_TEST

/* ---- random documents ---- */

static uint64_t seed;

static uint32_t chance(uint32_t n) { /* xorshift64* */
    seed ^= seed >> 12, seed ^= seed << 25, seed ^= seed >> 27;
    return (uint32_t)(seed * UINT64_C(2685821657736338717) >> 33) % n;
}

static void put_random(struct buf *b, int depth) {
    static const char *const atoms[] = {"0",
                                        "-0",
                                        "1",
                                        "-12",
                                        "1234567890123456789",
                                        "0.5",
                                        "-1.25e-3",
                                        "1E+2",
                                        "3e0",
                                        "true",
                                        "false",
                                        "null",
                                        "\"\"",
                                        "\"x\"",
                                        "\"a longer string without anything special in it\"",
                                        "\"\\u0041\\n\\\"\\\\\\/\"",
                                        "\"\\ud83d\\ude00 \\u20ac\"",
                                        "\"\xD0\xB6\xE2\x82\xAC\xF0\x9F\x98\x80 and more ascii\"",
                                        "\"\\u0000\"",
                                        "[]",
                                        "{}",
                                        "[ ]",
                                        "{\n}"};
    static const char *const spaces[] = {"", "", "", "", " ", "\n", "\t \r\n", "\n                       "};
    uint32_t kind = depth ? chance(4) : 3, n = chance(9);
    if (kind > 1) {
        (void)buf_puts(b, atoms[chance(ARRAY_LEN(atoms))]);
        return;
    }
    (void)buf_puts(b, kind ? "[" : "{");
    for (uint32_t i = 0; i < n; i++) {
        (void)buf_putf(b, "%s%s", i ? "," : "", spaces[chance(8)]);
        if (!kind)
            (void)buf_putf(b, "\"%s%u\"%s:", chance(8) ? "key" : "k\\u0065\xC3\xA9", i + chance(20) / 19,
                           spaces[chance(8)]);
        put_random(b, depth - 1);
        (void)buf_puts(b, spaces[chance(8)]);
    }
    (void)buf_puts(b, kind ? "]" : "}");
}

/* The same value in both trees? Returns the node behind it. */
static uint32_t same(const json_t *j, uint32_t at) {
    const struct node *n = s.nodes + at;
    static const enum node_type types[] = {
        [JSON_OBJECT] = NODE_OBJECT,  [JSON_ARRAY] = NODE_ARRAY, [JSON_STRING] = NODE_STRING,
        [JSON_INTEGER] = NODE_NUMBER, [JSON_REAL] = NODE_NUMBER, [JSON_TRUE] = NODE_TRUE,
        [JSON_FALSE] = NODE_FALSE,    [JSON_NULL] = NODE_NULL};
    ck_assert_uint_eq(n->type, types[json_typeof(j)]);
    uint32_t next = at + 1;
    int64_t integer;
    double real;
    if (json_is_object(j)) {
        ck_assert_uint_eq(n->count, json_object_size(j));
        struct buf key = BUF_INIT(0);
        for (uint32_t i = 0; i < n->count; i++, buf_clear(&key)) {
            ck_assert_int_eq(text_unescape(&s, s.nodes + next, TEXT_LONE_KEEP, &key), 0);
            next = same(json_object_get(j, buf_cstr(&key)), next + 1);
        }
        buf_deinit(&key);
    } else if (json_is_array(j)) {
        ck_assert_uint_eq(n->count, json_array_size(j));
        for (uint32_t i = 0; i < n->count; i++) next = same(json_array_get(j, i), next);
    } else if (json_is_string(j)) {
        ck_assert(scan_equal(&s, n, json_string_value(j), json_string_length(j)));
    } else if (json_is_integer(j)) {
        ck_assert_int_eq(number_to_int64(number_of(&s, n), &integer), 0);
        ck_assert_int_eq(integer, json_integer_value(j));
        ck_assert_uint_eq(n->flags, NODE_INTEGER);
    } else if (json_is_real(j)) {
        ck_assert_int_eq(number_to_double(number_of(&s, n), &real), 0);
        ck_assert(real == json_real_value(j));
        ck_assert_uint_eq(n->flags, 0);
    }
    ck_assert_uint_eq(n->next, next);
    return next;
}

static void mutate(struct buf *b) {
    static const char bytes[] = "\"\"\"\\\\{}[]:,,0e.-+ \n\x01\x7F\x80\xBF\xC2\xE2\xED\xF0\xFFtu";
    for (uint32_t n = chance(3); n < 3 && b->len; n++) {
        size_t at = chance((uint32_t)b->len);
        switch (chance(4)) {
            case 0:
                b->mem[b->off + at] = bytes[chance(sizeof bytes)];
                break;
            case 1:
                b->mem[b->off + at] = (char)chance(256);
                break;
            case 2:
                b->len = at;
                break;
            default:
                buf_consume(b, at);
                break;
        }
    }
}

/* Against jansson, which also refuses what has no place in its tree: lone surrogates, NUL in keys, numbers out of
 * range. */
START_TEST(test_random_and_mutated_documents_are_judged_as_jansson_does) {
    struct buf b = BUF_INIT(0);
    seed = 88172645463325252u + (uint64_t)_i;
    int verdicts[5] = {0};
    for (int i = 0; i < 4000; i++, buf_clear(&b)) {
        put_random(&b, 5);
        if (i % 4) mutate(&b);
        int r = scan_bytes(buf_data(&b), b.len);
        ck_assert(r >= 0 && r <= SCAN_E_DUPLICATE);
        verdicts[r]++;
        json_error_t e;
        json_t *j = json_loadb(copy, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &e);
        bool nul = memchr(copy, 0, b.len); /* which jansson takes for the end of the text */
        if (j && !nul) ck_assert_msg(!r, "we refuse %.*s: %d", (int)b.len, copy, r);
        if (!j)
            ck_assert_msg(r || json_error_code(&e) == json_error_numeric_overflow ||
                              json_error_code(&e) == json_error_null_byte_in_key || strstr(e.text, "invalid Unicode"),
                          "jansson refuses %.*s: %s", (int)b.len, copy, e.text);
        if (j && !r) ck_assert_uint_eq(same(j, 0), s.n_nodes);
        json_decref(j);
    }
    ck_assert(verdicts[0] && verdicts[SCAN_E_SYNTAX] && verdicts[SCAN_E_UTF8] && verdicts[SCAN_E_DUPLICATE]);
    buf_deinit(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("scan");
    TCase *t = tcase_create("scan");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 30);
    tcase_add_test(t, test_nodes_stand_in_document_order_with_spans_and_next);
    tcase_add_test(t, test_iterating_visits_every_child_once);
    tcase_add_test(t, test_keys_and_strings_are_compared_unescaped);
    tcase_add_loop_test(t, test_refusals_say_where_and_what, 0, (int)ARRAY_LEN(refused));
    tcase_add_test(t, test_a_nul_byte_is_no_white_space_and_no_end);
    tcase_add_test(t, test_depth_is_a_limit_on_what_is_recorded_not_on_what_is_checked);
    tcase_add_test(t, test_a_hundred_thousand_levels_cost_no_stack);
    tcase_add_loop_test(t, test_a_key_named_twice_is_found_and_the_tree_still_stands, 0, (int)ARRAY_LEN(doubles));
    tcase_add_test(t, test_large_objects_are_checked_in_linear_time);
    tcase_add_test(t, test_keys_chosen_to_collide_are_told_apart_in_linear_time);
    tcase_add_test(t, test_nothing_is_allocated_after_warm_up);
    tcase_add_test(t, test_every_allocation_may_fail);
    tcase_add_test(t, test_json_parsing_suite);
    tcase_add_loop_test(t, test_random_and_mutated_documents_are_judged_as_jansson_does, 0, 4);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
