/* test_opening.c — a scan that goes on from where the last text's payload began finds what a new one finds. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/inner.h"
#include "json/scan.h"

#define OPENING "{\"jsonrpc\":\"2.0\",\"method\":\"notify\",\"params\":{\"kind\":\"k\",\"hook\":\"h\",\"payload\":"
#define LONG "{\"a_key_that_is_rather_long\":\"0123456789012345678901234567890123456789012345678901234567890123456789"

static struct scan kept;

static void setup(void) { scan_init(&kept, 128); }
static void teardown(void) { scan_deinit(&kept); }

static const char *const texts[] = {
    OPENING "{\"a\":1}}}",
    OPENING "{\"a\":[{},{\"b\":\"c\"}],\"d\":null}}}",
    OPENING "{}}}",
    OPENING "[1,[2],{\"x\":3}]}}",
    OPENING "{\"kind\":1,\"params\":2,\"payload\":3}}}", /* what is above is no doublet */
    OPENING "{\"a\":1,\"a\":2}}}",
    OPENING "{\"a\":1},\"hook\":2}}", /* a doublet, one half of it in the opening */
    OPENING "{\"a\":1},\"metadata\":{\"actor\":\"x\"}}}",
    OPENING "{\"a\":1}},\"method\":3}",
    OPENING "{\"a\":1}},\"id\":[{\"b\":1}]}",
    OPENING "{\"\\u0061\":1,\"a\":2}}}",
    OPENING "{\"a\":1},\"h\\u006fok\":2}}",
    OPENING "{\"a\":1",
    OPENING "{\"a\":\x01}}}",
    OPENING "{\"a\":\"\xFF\"}}}",
    OPENING "{\"a\":1}}",
    OPENING "{\"a\":1}}}}",
    OPENING "{",
    OPENING,
    OPENING "1}}",
    OPENING " {\"a\":1}}}", /* a new scan would have to skip something first */
    OPENING "\r\n{\"a\":1}}}",
    OPENING "\t[]}}",
    OPENING "\"x\",\"more\":{\"a\":1}}}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"notify\",\"params\":{\"kind\":\"K\",\"hook\":\"h\",\"payload\":{\"a\":1}}}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"notify\",\"params\":{\"kind\":\"k\",\"kind\":\"h\",\"payload\":{\"a\":1}}}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"notify\",\"params\":{\"kin\\u0064\":\"k\",\"payload\":{\"a\":1},\"kind\":1}}",
    "{\"jsonrpc\":\"2.0\",\n\"method\":\"notify\", \"params\" : {\"kind\":\"k\",\"payload\":{\"a\":1}}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
    "{\"a\":{\"b\":1,\"b\":2},\"some more, so that it is worth it\":{\"c\":{\"d\":1}}}",
    LONG LONG "\"}}",
    LONG "\",\"b\":{\"c\":{\"d\":1}}}",
    LONG
    "\",\"b\":[\"0123456789012345678901234567890123456789012345678901234567890123456789\",\"01234567890123456789\","
    "\"0123456789012345678901234567890123456789012345678901234567890123456789\",{\"x\":1}]}",
    "[\"a string that is long enough to be an opening\",[{\"a\":1},{\"a\":1}],[{\"a\":1,\"a\":2}]]",
    "[\"a string that is long enough to be an opening\",[{\"a\":1},{\"a\":1}]]",
    "[\"a string that is long enough to be an opening\",[]]",
    "[\"a string that is long enough to be an opening\",[ ]]",
    "[\"a string that is long enough to be an opening\"]",
    "{\"a string that is long enough to be an opening\":[[1]]}",
    "{\"a string that is long enough to be an opening\":[]}",
    "{\"a string that is long enough to be an opening\":[{}]}",
    "[[{\"a\":1}]]",
    "7",
    "",
};

/* Whatever the scan has read before, a new one finds the same. */
static void same_as_fresh(const char *text, size_t len, uint32_t depth) {
    struct scan fresh;
    scan_init(&fresh, depth);
    char *exact = malloc(len + !len); /* ends where its memory ends */
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, text, len);
    int r = scan_text(&kept, exact, len);
    ck_assert_int_eq(r, scan_text_scalar(&fresh, exact, len));
    ck_assert_ptr_eq(kept.error, fresh.error);
    ck_assert_uint_eq(kept.error_off, fresh.error_off);
    ck_assert_uint_eq(kept.duplicate, fresh.duplicate);
    ck_assert_int_eq(kept.too_deep, fresh.too_deep);
    ck_assert_int_eq(kept.spaced, fresh.spaced);
    if (r != SCAN_E_SYNTAX && r != SCAN_E_UTF8) {
        ck_assert_uint_eq(kept.n_nodes, fresh.n_nodes);
        ck_assert_mem_eq(kept.nodes, fresh.nodes, fresh.n_nodes * sizeof *fresh.nodes);
    }
    free(exact);
    scan_deinit(&fresh);
}

START_TEST(test_after_any_text_any_other_is_read_as_by_a_new_scan) {
    const char *before = texts[_i];
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        same_as_fresh(before, strlen(before), 128);
        same_as_fresh(texts[i], strlen(texts[i]), 128);
        same_as_fresh(texts[i], strlen(texts[i]), 128);
    }
}
END_TEST

START_TEST(test_a_text_may_end_anywhere_in_the_opening) {
    const char *text = OPENING "{\"a\":1}}}";
    for (size_t len = 0; len <= strlen(text); len++) {
        same_as_fresh(text, strlen(text), 128);
        ck_assert(kept.opening.kept);
        same_as_fresh(text, len, 128);
    }
}
END_TEST

START_TEST(test_every_depth_limit) {
    for (uint32_t depth = 0; depth < 6; depth++) {
        scan_deinit(&kept);
        scan_init(&kept, depth);
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
            same_as_fresh(texts[i], strlen(texts[i]), depth);
            same_as_fresh(texts[i], strlen(texts[i]), depth);
        }
    }
}
END_TEST

START_TEST(test_it_is_used_and_forgotten) {
    same_as_fresh(texts[0], strlen(texts[0]), 128);
    ck_assert(kept.opening.kept);
    ck_assert_uint_eq(kept.opening.len, strlen(OPENING));
    scan_shrink(&kept, 0); /* its nodes are gone */
    ck_assert(!kept.opening.kept);
    same_as_fresh(texts[1], strlen(texts[1]), 128);
    ck_assert(kept.opening.kept);
    same_as_fresh("{}", 2, 128);
    ck_assert(!kept.opening.kept);
}
END_TEST

/* The filter is full long before: every object is suspect, and none is wronged. */
START_TEST(test_thousands_of_keys_before_and_behind) {
    char *text = malloc(200000);
    ck_assert_ptr_nonnull(text);
    for (int twice = 0; twice < 2; twice++) {
        size_t n = (size_t)sprintf(text, OPENING "{\"first\":0");
        for (int i = 0; i < 5000; i++) n += (size_t)sprintf(text + n, ",\"key_%d\":{\"n\":%d}", i, i);
        n += (size_t)sprintf(text + n, ",\"%s\":1}}}", twice ? "key_77" : "last");
        for (int i = 0; i < 2; i++) {
            same_as_fresh(text, n, 128);
            ck_assert(!kept.duplicate == !twice);
        }
    }
    free(text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("opening");
    TCase *t = tcase_create("opening");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 30);
    tcase_add_loop_test(t, test_after_any_text_any_other_is_read_as_by_a_new_scan, 0, (int)ARRAY_LEN(texts));
    tcase_add_test(t, test_a_text_may_end_anywhere_in_the_opening);
    tcase_add_test(t, test_every_depth_limit);
    tcase_add_test(t, test_it_is_used_and_forgotten);
    tcase_add_test(t, test_thousands_of_keys_before_and_behind);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
