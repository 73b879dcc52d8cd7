/* fanout_suite.h — main() of a file of tests: RUN_SUITE("name", test_one, test_two) */
#ifndef HOOKCAST_TESTS_FANOUT_SUITE_H
#define HOOKCAST_TESTS_FANOUT_SUITE_H

#include <check.h>
#include <stdlib.h>

#define RUN_SUITE(name, ...)                                                                   \
    int main(void) {                                                                           \
        const TTest *const tests[] = {__VA_ARGS__};                                            \
        Suite *s = suite_create(name);                                                         \
        TCase *t = tcase_create(name);                                                         \
        tcase_set_timeout(t, 300);                                                             \
        for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(t, tests[i]); \
        suite_add_tcase(s, t);                                                                 \
        SRunner *r = srunner_create(s);                                                        \
        srunner_run_all(r, CK_ENV);                                                            \
        int failed = srunner_ntests_failed(r);                                                 \
        srunner_free(r);                                                                       \
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;                                           \
    }

#endif
