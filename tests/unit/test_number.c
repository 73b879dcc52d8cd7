/* test_number.c — numbers by their text: exact comparisons, conversions and their limits. */
#include <check.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/number.h"

/* A span that ends where its memory ends, so that the sanitizers see any step beyond. */
static struct number span(const char *text) {
    size_t len = strlen(text);
    char *p = malloc(len);
    ck_assert_ptr_nonnull(p);
    memcpy(p, text, len);
    return (struct number){p, len};
}

static void span_free(struct number n) { free((char *)n.p); }

static int sign(int v) { return (v > 0) - (v < 0); }

static const struct {
    const char *a, *b;
    int order;
} pairs[] = {
    {"1", "1.0", 0},
    {"1", "1e0", 0},
    {"1", "10e-1", 0},
    {"100", "1E+2", 0},
    {"0.001", "1e-3", 0},
    {"0.00120", "12e-4", 0},
    {"0", "-0", 0},
    {"0", "-0.0e7", 0},
    {"0e999999999999", "0", 0},
    {"9007199254740992", "9007199254740993", -1},
    {"9007199254740993.0", "9007199254740993", 0},
    {"0.1", "0.1000000000000000055511151231257827", -1},
    {"0.1", "0.10000000000000000", 0},
    {"123456789012345678901234567890", "123456789012345678901234567891", -1},
    {"-1", "1", -1},
    {"-1", "0", -1},
    {"-0", "1e-999999999", -1},
    {"0", "-1e-999999999", 1},
    {"-2", "-1", -1},
    {"-10", "-9", -1},
    {"10", "9", 1},
    {"0.1", "0.09", 1},
    {"12", "12.5", -1},
    {"-12", "-12.5", 1},
    {"1e999999999", "1e999999998", 1},
    {"1e999999999", "10e999999998", 0},
    {"-1e999999999", "1", -1},
    {"1e-999999999", "1", -1},
    {"1e99999999999999999999999", "1e99999999", 1},
    {"1e-99999999999999999999999", "1e-99999999", -1},
    {"2e99999999999999999999999", "1e99999999999999999999999", 1},
    {"1.5", "15", -1},
    {"10.01", "10.001", 1},
};

START_TEST(test_comparison_is_exact_and_symmetric) {
    struct number a = span(pairs[_i].a), b = span(pairs[_i].b);
    ck_assert_int_eq(sign(number_compare(a, b)), pairs[_i].order);
    ck_assert_int_eq(sign(number_compare(b, a)), -pairs[_i].order);
    ck_assert_int_eq(number_compare(a, a), 0);
    span_free(a);
    span_free(b);
}
END_TEST

static const struct {
    const char *text;
    int code;
    int64_t value;
} integers[] = {
    {"0", 0, 0},
    {"-0", 0, 0},
    {"0.000", 0, 0},
    {"0e-5", 0, 0},
    {"7", 0, 7},
    {"-7", 0, -7},
    {"1.0", 0, 1},
    {"1e2", 0, 100},
    {"12.50e1", 0, 125},
    {"1200e-2", 0, 12},
    {"9223372036854775807", 0, INT64_MAX},
    {"-9223372036854775808", 0, INT64_MIN},
    {"9223372036854775807.000", 0, INT64_MAX},
    {"9223372036854775808", NUMBER_E_RANGE, 0},
    {"-9223372036854775809", NUMBER_E_RANGE, 0},
    {"9999999999999999999", NUMBER_E_RANGE, 0},
    {"18446744073709551616", NUMBER_E_RANGE, 0},
    {"99999999999999999999", NUMBER_E_RANGE, 0},
    {"1e18", 0, 1000000000000000000},
    {"1e19", NUMBER_E_RANGE, 0},
    {"1e999999999", NUMBER_E_RANGE, 0},
    {"1e99999999999999999999", NUMBER_E_RANGE, 0},
    {"0.5", NUMBER_E_FRACTION, 0},
    {"1e-1", NUMBER_E_FRACTION, 0},
    {"1e-999999999", NUMBER_E_FRACTION, 0},
    {"123456789012345678901234567890.5", NUMBER_E_FRACTION, 0},
};

START_TEST(test_integers_are_integers_however_they_are_written) {
    struct number a = span(integers[_i].text);
    int64_t v = 4711;
    ck_assert_int_eq(number_to_int64(a, &v), integers[_i].code);
    ck_assert_int_eq(v, integers[_i].code ? 4711 : integers[_i].value);
    ck_assert_int_eq(number_is_integer(a), integers[_i].code != NUMBER_E_FRACTION);
    span_free(a);
}
END_TEST

static const struct {
    const char *text;
    double value;
} doubles[] = {
    {"0", 0.0},
    {"12.50", 12.5},
    {"0.1", 0.1},
    {"1e22", 1e22},
    {"1e23", 1e23},
    {"123456789012345678", 123456789012345678.0},
    {"9007199254740993", 9007199254740992.0}, /* a tie: to even */
    {"9007199254740993.00000000000000000000000000000000000001", 9007199254740994.0},
    {"1.7976931348623157e308", DBL_MAX},
    {"0.00017976931348623157e312", DBL_MAX},
    {"1.7976931348623158e308", DBL_MAX},
    {"2.2250738585072011e-308", 2.2250738585072011e-308},
    {"4.9406564584124654e-324", 0x1p-1074},
    {"2e-324", 0.0},
    {"1e-999999999", 0.0},
    {"1e-99999999999999999999", 0.0},
};

START_TEST(test_doubles_are_rounded_correctly) {
    for (int negative = 0; negative < 2; negative++) {
        char text[128];
        (void)snprintf(text, sizeof text, "%s%s", negative ? "-" : "", doubles[_i].text);
        struct number a = span(text);
        double v = NAN, want = negative ? -doubles[_i].value : doubles[_i].value;
        ck_assert_int_eq(number_to_double(a, &v), 0);
        ck_assert_mem_eq(&v, &want, sizeof v); /* signed zero included */
        span_free(a);
    }
}
END_TEST

START_TEST(test_beyond_the_largest_double_is_an_error) {
    static const char *const texts[] = {"1.7976931348623159e308", "-1.8e308", "1e309", "1e999999999", "123123e100000",
                                        "-1e99999999999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct number a = span(texts[i]);
        double v = 7;
        ck_assert_int_eq(number_to_double(a, &v), NUMBER_E_RANGE);
        ck_assert(v == 7);
        span_free(a);
    }
}
END_TEST

START_TEST(test_thousands_of_digits_decide_a_tie) {
    /* 2^53 + 1 lies in the middle between two doubles; one digit far behind the point tips it */
    char text[5000];
    memset(text, '0', sizeof text);
    memcpy(text, "9007199254740993.", 17);
    double v;
    ck_assert_int_eq(number_to_double((struct number){text, sizeof text}, &v), 0);
    ck_assert(v == 9007199254740992.0);
    text[sizeof text - 1] = '1';
    ck_assert_int_eq(number_to_double((struct number){text, sizeof text}, &v), 0);
    ck_assert(v == 9007199254740994.0);
    memset(text, '9', sizeof text);
    ck_assert_int_eq(number_to_double((struct number){text, sizeof text}, &v), NUMBER_E_RANGE);
    /* the longest tie there is, 752 digits: half way between the smallest subnormal and the next, to even is up.
     * 3 * 2^-1075 is 3 * 5^1075 * 10^-1075 */
    char digits[800] = {3}; /* the last one first */
    size_t n = 1;
    for (int i = 0; i < 1075; i++) {
        int carry = 0;
        for (size_t k = 0; k < n || carry; k++) {
            carry += digits[k] * 5;
            digits[k] = (char)(carry % 10);
            carry /= 10;
            if (k == n) n++;
        }
    }
    for (size_t k = 0; k < n; k++) text[k] = (char)('0' + digits[n - 1 - k]);
    memcpy(text + n, "e-1075", 6);
    ck_assert_int_eq(number_to_double((struct number){text, n + 6}, &v), 0);
    ck_assert(v == 0x2p-1074);
    text[n - 1]--;
    ck_assert_int_eq(number_to_double((struct number){text, n + 6}, &v), 0);
    ck_assert(v == 0x1p-1074);
}
END_TEST

static const struct {
    const char *a, *b;
    int code;
    bool yes;
} multiples[] = {
    {"10", "2", 0, true},
    {"10", "3", 0, false},
    {"0", "3", 0, true},
    {"3", "0", 0, false},
    {"0", "0", 0, false},
    {"4.5", "1.5", 0, true},
    {"19.99", "0.01", 0, true},
    {"0.3", "0.1", 0, true},
    {"1.1", "0.1", 0, true},
    {"0.0075", "0.0001", 0, true},
    {"0.00751", "0.0001", 0, false},
    {"-9", "3", 0, true},
    {"9", "-3", 0, true},
    {"1", "10", 0, false},
    {"1e308", "0.123456789", 0, false},
    {"1e308", "0.5", 0, true},
    {"1e999999999", "7", 0, false},
    {"7e999999999", "7", 0, true},
    {"1e999999999", "1e999999998", 0, true},
    {"1e-999999999", "1", 0, false},
    {"9007199254740993", "2", 0, false},
    {"99999999999999999980000000000000000001", "9999999999999999999", 0, true}, /* its square */
    {"99999999999999999980000000000000000002", "9999999999999999999", 0, false},
    {"1", "12345678901234567891", NUMBER_E_RANGE, false},
};

START_TEST(test_multiples_are_decided_on_the_decimal_text) {
    struct number a = span(multiples[_i].a), b = span(multiples[_i].b);
    bool yes = !multiples[_i].yes;
    ck_assert_int_eq(number_is_multiple(a, b, &yes), multiples[_i].code);
    ck_assert_int_eq(yes, multiples[_i].code ? !multiples[_i].yes : multiples[_i].yes);
    span_free(a);
    span_free(b);
}
END_TEST

static double random_double(void) {
    uint64_t bits = 0;
    double v;
    do {
        for (int k = 0; k < 5; k++) bits = bits << 13 ^ (uint64_t)rand();
        memcpy(&v, &bits, sizeof v);
    } while (!isfinite(v));
    return v;
}

START_TEST(test_printed_doubles_read_back_and_are_short) {
    static const struct {
        double v;
        const char *text;
    } some[] = {{0.1, "1e-01"}, {3, "3e+00"}, {-2.5, "-2.5e+00"}, {1e300, "1e+300"}, {0, "0e+00"}};
    char out[NUMBER_PRINT_MAX];
    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        struct number n = number_print(some[i].v, out);
        ck_assert_uint_eq(n.len, strlen(some[i].text));
        ck_assert_mem_eq(n.p, some[i].text, n.len);
    }
    ck_assert_int_eq(number_compare(number_print(0.1, out), (struct number){"0.1", 3}), 0);
    srand(7);
    for (int i = 0; i < 20000; i++) {
        double v = random_double(), back;
        ck_assert_int_eq(number_to_double(number_print(v, out), &back), 0);
        ck_assert_mem_eq(&v, &back, sizeof v);
    }
    ck_assert_uint_eq(number_print((double)NAN, out).len, 0);
    ck_assert_uint_eq(number_print((double)-INFINITY, out).len, 0);
    ck_assert_uint_lt(number_print(-2.2250738585072011e-308, out).len, NUMBER_PRINT_MAX);
}
END_TEST

/* Random decimals against the C library, written with and without an exponent. */
START_TEST(test_random_texts_agree_with_strtod_and_order_of_doubles) {
    srand(11);
    for (int i = 0; i < 40000; i++) {
        char a[64], b[64], *end;
        (void)snprintf(a, sizeof a, "%s%d.%0*de%d", rand() % 2 ? "-" : "", rand() % 1000, 1 + rand() % 18, rand(),
                       rand() % 640 - 330);
        (void)snprintf(b, sizeof b, "%d%09d%0*d", rand() % 2 ? 1 : -1, rand() % 1000000000, rand() % 9, rand() % 100);
        double v, w;
        double want = strtod(a, &end);
        int r = number_to_double((struct number){a, strlen(a)}, &v);
        ck_assert_int_eq(r, isinf(want) ? NUMBER_E_RANGE : 0);
        if (!r) ck_assert_mem_eq(&v, &want, sizeof v);
        want = strtod(b, &end);
        ck_assert_int_eq(number_to_double((struct number){b, strlen(b)}, &w), 0);
        ck_assert(w == want);
        /* rounding keeps order */
        if (!r && v != w)
            ck_assert_int_eq(sign(number_compare((struct number){a, strlen(a)}, (struct number){b, strlen(b)})),
                             v < w ? -1 : 1);
    }
}
END_TEST

START_TEST(test_the_locale_does_not_matter) {
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ru_RU.UTF-8", ""};
    for (size_t i = 0; i < ARRAY_LEN(locales); i++) {
        (void)setlocale(LC_ALL, locales[i]);
        double v;
        char out[NUMBER_PRINT_MAX];
        ck_assert_int_eq(number_to_double((struct number){"3.14159265358979323846", 22}, &v), 0);
        ck_assert(v == 3.14159265358979323846);
        struct number n = number_print(2.5, out);
        ck_assert_mem_eq(n.p, "2.5e+00", n.len);
    }
}
END_TEST

START_TEST(test_other_bytes_are_harmless) {
    static const char bytes[] = "0123456789.eE+-x";
    srand(13);
    for (int i = 0; i < 50000; i++) {
        char text[16];
        size_t n = 1 + (size_t)(rand() % 15);
        for (size_t k = 0; k < n; k++) text[k] = bytes[rand() % 16];
        text[n] = '\0';
        struct number a = span(text), one = {"1", 1};
        int64_t v;
        double d;
        bool yes;
        (void)number_compare(a, one);
        (void)number_is_integer(a);
        (void)number_to_int64(a, &v);
        (void)number_to_double(a, &d);
        (void)number_is_multiple(one, a, &yes);
        span_free(a);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("number");
    TCase *t = tcase_create("number");
    tcase_set_timeout(t, 30);
    tcase_add_loop_test(t, test_comparison_is_exact_and_symmetric, 0, (int)ARRAY_LEN(pairs));
    tcase_add_loop_test(t, test_integers_are_integers_however_they_are_written, 0, (int)ARRAY_LEN(integers));
    tcase_add_loop_test(t, test_doubles_are_rounded_correctly, 0, (int)ARRAY_LEN(doubles));
    tcase_add_test(t, test_beyond_the_largest_double_is_an_error);
    tcase_add_test(t, test_thousands_of_digits_decide_a_tie);
    tcase_add_loop_test(t, test_multiples_are_decided_on_the_decimal_text, 0, (int)ARRAY_LEN(multiples));
    tcase_add_test(t, test_printed_doubles_read_back_and_are_short);
    tcase_add_test(t, test_random_texts_agree_with_strtod_and_order_of_doubles);
    tcase_add_test(t, test_the_locale_does_not_matter);
    tcase_add_test(t, test_other_bytes_are_harmless);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
