/* What PEP 440 says, by a table that Python's packaging 23.0 answered. (It is wrong about "==0.*" and another epoch, so
 * that row is not here.) */
#include "registry/version.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fixture.h"

static const char *const versions[] = {
    "0",     "0.1",       "0.1.0",          "0.1.1",       "0.2",   "0.9.9",      "1",       "1.0",   "1.0.0",
    "1.0.1", "1.2",       "1.2.3",          "1.10",        "2",     "2.0.dev1",   "2.0a1",   "2.0b2", "2.0rc1",
    "2.0",   "2.0.post1", "2.0.post1.dev2", "2.0+local.1", "1!0.1", "0.1.0.dev3", "0.1.0rc1"};
static const struct {
    const char *range, *answers; /* one per version: '1' when it is in the range */
} ranges[] = {
    {">=0.1,<2", "0111111111111000000000000"},
    {">=0.1, <2", "0111111111111000000000000"},
    {"== 1.*", "0000001111111000000000000"},
    {"==1.*", "0000001111111000000000000"},
    {"==1.2.*", "0000000000110000000000000"},
    {"!=1.*", "1111110000000100001101100"},
    {"!=1.2.3", "1111111111101100001101100"},
    {"~=1.2", "0000000000111000000000000"},
    {"~=1.2.3", "0000000000010000000000000"},
    {"~=0.1.0", "0111000000000000000000000"},
    {"~=2.0rc1", "0000000000000100011111000"},
    {"~=1.0.post1", "0000000001111000000000000"},
    {"===1.0", "0000000100000000000000000"},
    {"===1.0.0", "0000000010000000000000000"},
    {"=== 2.0RC1", "0000000000000000010000000"},
    {"==1.0", "0000001110000000000000000"},
    {"==1", "0000001110000000000000000"},
    {"==1.0.0.0", "0000001110000000000000000"},
    {"==2.0+local.1", "0000000000000000000001000"},
    {"!=2.0+local.1", "1111111111111100001100100"},
    {"==2.0", "0000000000000100001001000"},
    {"<2", "1111111111111000000000000"},
    {">1", "0000000001111100001101100"},
    {"<=2.0", "1111111111111100001001000"},
    {"<2.0", "1111111111111000000000000"},
    {"<2.0rc1", "1111111111111000000000000"},
    {">2.0", "0000000000000000000000100"},
    {">2.0.post0", "0000000000000000000100100"},
    {">=2.0.dev0", "0000000000000111111111100"},
    {">=2.0a1", "0000000000000101111111100"},
    {"<=2.0b2", "1111111111111011100000011"},
    {">=1!0", "0000000000000000000000100"},
    {"<1!1", "1111111111111100001101100"},
    {"==1!0.*", "0000000000000000000000100"},
    {"", "1111111111111100001101100"},
    {"  ", "1111111111111100001101100"},
    {",", "1111111111111100001101100"},
    {">=0.1,", "0111111111111100001101100"},
    {"==v1.2.0", "0000000000100000000000000"},
    {">= 1.0 , != 1.2", "0000001111011100001101100"},
    {"<0.2,>0.0.9", "0111000000000000000000000"},
    {"!=0.1.0,>=0.1", "0001111111111100001101100"},
    {"==0.1.*,!=0.1.1", "0110000000000000000000000"},
    {">=0.1.0rc1", "0111111111111111111111101"},
    {"<3,>=0.1.dev0", "0111111111111111111111011"},
    {"==01.02.3", "0000000000010000000000000"},
    {"==2.0-1", "0000000000000000000100000"},
    {"==2.0.rev1", "0000000000000000000100000"},
    {"==2.0.ALPHA.1", "0000000000000001000000000"},
    {"==2.0_beta-2", "0000000000000000100000000"},
    {"==2.0c1", "0000000000000000010000000"},
    {"==2.0preview1", "0000000000000000010000000"},
    {"<2.0.dev1", "1111111111111000000000000"},
    {">2.0a1", "0000000000000100001000100"},
    {"==0.1.0.*", "0110000000000000000000000"},
    {"==0.1.0.0.*", "0110000000000000000000000"},
    {">0.1.0", "0001111111111100001101100"},
    {">0.1.0.dev3", "0111111111111100001101100"},
    {"<0.1.0", "1000000000000000000000000"},
    {"<=0.1", "1110000000000000000000000"},
};

static const char *const bad_ranges[] = {
    "1.0",       "=1.0",    ">1.*",    "~=1", "==1.0+", "==1..0",       ">=abc",  "<2 >=1", "==1.0.*a", "==1.0a1.*",
    "==1.0+x.*", ">=1.0+x", "~=1.0+x", "==",  "=>1",    "^1.0",         "1.x",    "==1.0-", ">=1;2",    "=== a b",
    "==1.0 0",   "==1 .*",  "<1.0*",   "!=",  "~1.0",   "==1.0.dev1.*", ">=1.0.", "==*",    "v1"};

/* Each is greater than the one before it. */
static const char *const ascending[] = {"0.9",
                                        "1.0.dev1",
                                        "1.0.dev456",
                                        "1.0a1",
                                        "1.0a2.dev456",
                                        "1.0a12.dev456",
                                        "1.0a12",
                                        "1.0b1.dev456",
                                        "1.0b2",
                                        "1.0b2.post345.dev456",
                                        "1.0b2.post345",
                                        "1.0rc1.dev456",
                                        "1.0rc1",
                                        "1.0",
                                        "1.0+abc",
                                        "1.0+abc.5",
                                        "1.0+abc.7",
                                        "1.0+5",
                                        "1.0+5.1",
                                        "1.0+10",
                                        "1.0.post456.dev34",
                                        "1.0.post456",
                                        "1.0.15",
                                        "1.1.dev1",
                                        "1!0.5"};

static const struct {
    const char *written, *normal;
} normals[] = {
    {"1.0", "1.0"},
    {" v1.0 ", "1.0"},
    {"1.0ALPHA1", "1.0a1"},
    {"1.0.alpha.1", "1.0a1"},
    {"1.0-beta_2", "1.0b2"},
    {"1.0c3", "1.0rc3"},
    {"1.0preview", "1.0rc0"},
    {"1.0pre2", "1.0rc2"},
    {"1.0-1", "1.0.post1"},
    {"1.0.r4", "1.0.post4"},
    {"1.0rev", "1.0.post0"},
    {"1.0post2", "1.0.post2"},
    {"1.0DEV", "1.0.dev0"},
    {"1.0.dev_5", "1.0.dev5"},
    {"1.0+Ubuntu-1_2", "1.0+ubuntu.1.2"},
    {"2!1", "2!1"},
    {"01.002", "1.2"},
    {"1.0a.", "1.0a0"},
    {"1.0a1.post2.dev3+x.07", "1.0a1.post2.dev3+x.7"},
    {"1.0a-.dev1", "1.0a0.dev1"},
    {"1.0rc", "1.0rc0"},
    {"1.0.post", "1.0.post0"},
    {"1.0-r-5", "1.0.post5"},
};

static const char *const bad_versions[] = {"",          "1.",      "a",      ".1",    "1..2", "1.0-", "1.0+",
                                           "1.0+a..b",  "1.0a1b2", "1.0 0",  "1.0.x", "1!",   "!1",   "1.0post1post2",
                                           "1.0dev1a1", "--1",     "1.0+a_", "1.0+ä"};

START_TEST(test_range_answers_as_packaging) {
    ck_assert_uint_eq(strlen(ranges[_i].answers), ARRAY_LEN(versions));
    struct err e = {0};
    ck_assert_msg(version_range_check(ranges[_i].range, &e) == 0, "%s: %s", ranges[_i].range, e.text);
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        int in = version_range_has(ranges[_i].range, versions[v], &e);
        ck_assert_msg(in == ranges[_i].answers[v] - '0', "%s in \"%s\": got %d", versions[v], ranges[_i].range, in);
    }
}
END_TEST

START_TEST(test_malformed_range_is_refused_and_quoted) {
    struct err e = {0};
    ck_assert_msg(version_range_check(bad_ranges[_i], &e) == -EINVAL, "accepted: %s", bad_ranges[_i]);
    ck_assert_ptr_nonnull(strstr(e.text, "is not a version range such as"));
    ck_assert_int_eq(version_range_has(bad_ranges[_i], "1.0", NULL), -EINVAL);
}
END_TEST

START_TEST(test_versions_are_ordered_as_packaging_orders_them) {
    for (size_t i = 0; i < ARRAY_LEN(ascending); i++)
        for (size_t k = 0; k < ARRAY_LEN(ascending); k++) {
            struct version a, b;
            ck_assert_int_eq(version_parse(ascending[i], &a), 0);
            ck_assert_int_eq(version_parse(ascending[k], &b), 0);
            int d = version_compare(&a, &b);
            ck_assert_msg((d > 0) - (d < 0) == (i > k) - (i < k), "%s against %s: %d", ascending[i], ascending[k], d);
        }
}
END_TEST

START_TEST(test_spellings_are_normalised) {
    struct version v;
    char out[VERSION_TEXT_MAX];
    ck_assert_msg(version_parse(normals[_i].written, &v) == 0, "refused: %s", normals[_i].written);
    ck_assert_str_eq(version_format(&v, out), normals[_i].normal);
}
END_TEST

START_TEST(test_malformed_version_is_refused) {
    struct version v;
    ck_assert_msg(version_parse(bad_versions[_i], &v) == -EINVAL, "accepted: \"%s\"", bad_versions[_i]);
}
END_TEST

START_TEST(test_huge_numbers_are_refused_rather_than_wrapped) {
    struct version v;
    ck_assert_int_eq(version_parse("99999999999999999999", &v), -EINVAL);
    ck_assert_int_eq(version_parse("1.0a99999999999999999999", &v), -EINVAL);
    ck_assert_int_eq(version_parse("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16", &v), 0);
    ck_assert_int_eq(version_parse("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17", &v), -EINVAL);
    char text[VERSION_TEXT_MAX] = "999999999999999999!";
    for (int i = 0; i < VERSION_RELEASE_MAX; i++) strcat(text, i ? ".999999999999999999" : "999999999999999999");
    strcat(text, "+");
    memset(text + strlen(text), 'x', 60);
    char out[VERSION_TEXT_MAX];
    ck_assert_int_eq(version_parse(text, &v), 0);
    ck_assert_str_eq(version_format(&v, out), text);
}
END_TEST

START_TEST(test_major_is_the_first_number) {
    static const struct {
        const char *text, *full;
        unsigned major;
    } good[] = {{"1", "1.0.0", 1},      {"1.0", "1.0.0", 1},    {"1.2.3", "1.2.3", 1},
                {"0", "0.0.0", 0},      {"12.1", "12.1.0", 12}, {"1.0.0-rc.1", "1.0.0-rc.1", 1},
                {"2+b7", "2.0.0+b7", 2}};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        unsigned major = 99;
        char *full = NULL;
        ck_assert_int_eq(version_major(good[i].text, &major, &full), 0);
        ck_assert_uint_eq(major, good[i].major);
        ck_assert_str_eq(full, good[i].full);
        free(full);
    }
    static const char *const bad[] = {"",   "v1", "1.",       "1.0.0.0", "1.x",  ".1",          "-1",
                                      "1-", "1 ", "1.0.0-\n", "one",     "1..0", "10000000000", "1.0.0.-a"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        unsigned major;
        ck_assert_msg(version_major(bad[i], &major, NULL) == -EINVAL, "accepted: \"%s\"", bad[i]);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("version");
    TCase *t = tcase_create("all");
    tcase_add_loop_test(t, test_range_answers_as_packaging, 0, ARRAY_LEN(ranges));
    tcase_add_loop_test(t, test_malformed_range_is_refused_and_quoted, 0, ARRAY_LEN(bad_ranges));
    tcase_add_test(t, test_versions_are_ordered_as_packaging_orders_them);
    tcase_add_loop_test(t, test_spellings_are_normalised, 0, ARRAY_LEN(normals));
    tcase_add_loop_test(t, test_malformed_version_is_refused, 0, ARRAY_LEN(bad_versions));
    tcase_add_test(t, test_huge_numbers_are_refused_rather_than_wrapped);
    tcase_add_test(t, test_major_is_the_first_number);
    suite_add_tcase(s, t);
    return fixture_run(s);
}
