#include "registry/startorder.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

enum { MAX = 64 };

static struct startorder_item items[MAX];
static size_t n_items;
static size_t order[MAX];
static struct startorder_verdict verdicts[MAX];
static char *deps[MAX][8];

static void setup(void) { n_items = 0; }

static void teardown(void) {
    for (size_t i = 0; i < n_items; i++) free(verdicts[i].cycle);
    memset(verdicts, 0, sizeof verdicts);
}

/* Dependencies separated by blanks. */
static void item(const char *name, unsigned priority, char *depends_on) {
    size_t n = 0;
    for (char *d = strtok(depends_on, " "); d; d = strtok(NULL, " ")) deps[n_items][n++] = d;
    deps[n_items][n] = NULL;
    items[n_items] = (struct startorder_item){.name = name, .priority = priority, .depends_on = deps[n_items]};
    n_items++;
}

#define ITEM(name, priority, on) \
    char buf_##name[] = on;      \
    item(#name, priority, buf_##name)

static const char *sorted(void) {
    static char out[1024];
    ck_assert_int_eq(startorder_sort(items, n_items, order, verdicts), 0);
    out[0] = '\0';
    for (size_t i = 0; i < n_items; i++) {
        if (i) strcat(out, " ");
        strcat(out, items[order[i]].name);
    }
    return out;
}

START_TEST(test_nothing_sorts_to_nothing) { ck_assert_int_eq(startorder_sort(NULL, 0, NULL, NULL), 0); }
END_TEST

START_TEST(test_equals_go_by_name) {
    ITEM(c, 0, "");
    ITEM(a, 0, "");
    ITEM(b, 0, "");
    ck_assert_str_eq(sorted(), "a b c");
}
END_TEST

START_TEST(test_higher_priority_goes_first) {
    ITEM(a, 0, "");
    ITEM(b, 100, "");
    ITEM(c, 50, "");
    ck_assert_str_eq(sorted(), "b c a");
}
END_TEST

START_TEST(test_a_dependency_goes_before_whatever_the_priority) {
    ITEM(a, 100, "z");
    ITEM(m, 50, "");
    ITEM(z, 0, "y");
    ITEM(y, 0, "");
    ck_assert_str_eq(sorted(), "m y z a");
}
END_TEST

START_TEST(test_a_missing_dependency_is_named_and_the_rest_goes_on) {
    ITEM(a, 0, "b ghost other");
    ITEM(b, 0, "");
    ck_assert_str_eq(sorted(), "b a");
    ck_assert_str_eq(verdicts[0].missing, "ghost");
    ck_assert_ptr_null(verdicts[1].missing);
    ck_assert_ptr_null(verdicts[0].cycle);
}
END_TEST

START_TEST(test_members_of_a_cycle_are_told_which) {
    ITEM(a, 0, "b");
    ITEM(b, 0, "c");
    ITEM(c, 0, "a");
    ITEM(above, 100, "a");
    ITEM(below, 0, "");
    ITEM(free, 0, "below");
    (void)sorted();
    ck_assert_str_eq(verdicts[0].cycle, "a -> b -> c -> a");
    ck_assert_str_eq(verdicts[1].cycle, "b -> c -> a -> b");
    ck_assert_str_eq(verdicts[2].cycle, "c -> a -> b -> c");
    for (size_t i = 3; i < 6; i++) ck_assert_ptr_null(verdicts[i].cycle);
}
END_TEST

START_TEST(test_what_depends_on_a_cycle_comes_after_what_it_names) {
    ITEM(a, 0, "b");
    ITEM(b, 0, "a");
    ITEM(top, 100, "above");
    ITEM(above, 100, "a");
    ck_assert_str_eq(sorted(), "a above top b");
}
END_TEST

START_TEST(test_depending_on_oneself_is_a_cycle) {
    ITEM(a, 0, "a");
    (void)sorted();
    ck_assert_str_eq(verdicts[0].cycle, "a -> a");
}
END_TEST

START_TEST(test_what_lies_between_two_cycles_is_in_neither) {
    ITEM(a, 0, "b");
    ITEM(b, 0, "a");
    ITEM(mid, 0, "a");
    ITEM(x, 0, "y mid");
    ITEM(y, 0, "x");
    (void)sorted();
    ck_assert_ptr_null(verdicts[2].cycle);
    ck_assert_str_eq(verdicts[3].cycle, "x -> y -> x");
    ck_assert_str_eq(verdicts[0].cycle, "a -> b -> a");
}
END_TEST

START_TEST(test_a_long_cycle_is_named_in_bounded_text) {
    static char names[MAX][130], on[MAX][130];
    for (size_t i = 0; i < MAX; i++) (void)snprintf(names[i], sizeof names[i], "p%0127zu", i);
    for (size_t i = 0; i < MAX; i++) {
        strcpy(on[i], names[(i + 1) % MAX]);
        item(names[i], 0, on[i]);
    }
    ck_assert_int_eq(startorder_sort(items, n_items, order, verdicts), 0);
    ck_assert_uint_lt(strlen(verdicts[0].cycle), 700);
    ck_assert_ptr_nonnull(strstr(verdicts[0].cycle, " -> ... -> p0"));
}
END_TEST

/* Random graphs: every item once, each after its dependencies unless it is in a cycle; cycles exactly where a
 * transitive closure finds them. */
START_TEST(test_random_graphs_agree_with_a_closure) {
    unsigned seed = 12345;
    static char names[12][4];
    static char *on[12][4];
    for (int round = 0; round < 2000; round++) {
        size_t n = 1 + (size_t)rand_r(&seed) % 12;
        bool reach[12][12] = {{0}}, direct[12][12];
        for (size_t i = 0; i < n; i++) {
            (void)snprintf(names[i], sizeof names[i], "n%zu", i);
            size_t k = 0, want = (size_t)rand_r(&seed) % 3;
            while (k < want) {
                size_t to = (size_t)rand_r(&seed) % n;
                on[i][k++] = names[to];
                reach[i][to] = true;
            }
            on[i][k] = NULL;
            items[i] = (struct startorder_item){
                .name = names[i], .priority = (unsigned)rand_r(&seed) % 3, .depends_on = on[i]};
        }
        memcpy(direct, reach, sizeof direct);
        for (size_t k = 0; k < n; k++)
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++) reach[i][j] = reach[i][j] || (reach[i][k] && reach[k][j]);
        n_items = n;
        ck_assert_int_eq(startorder_sort(items, n, order, verdicts), 0);
        size_t at[12], seen = 0;
        for (size_t i = 0; i < n; i++) {
            ck_assert_uint_eq(seen & ((size_t)1 << order[i]), 0);
            seen |= (size_t)1 << order[i];
            at[order[i]] = i;
        }
        for (size_t i = 0; i < n; i++) {
            ck_assert_int_eq(verdicts[i].cycle != NULL, reach[i][i]);
            for (size_t j = 0; j < n; j++)
                if (direct[i][j] && !reach[i][i]) ck_assert_uint_lt(at[j], at[i]);
            free(verdicts[i].cycle);
            verdicts[i].cycle = NULL;
        }
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("startorder");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_nothing_sorts_to_nothing);
    tcase_add_test(t, test_equals_go_by_name);
    tcase_add_test(t, test_higher_priority_goes_first);
    tcase_add_test(t, test_a_dependency_goes_before_whatever_the_priority);
    tcase_add_test(t, test_a_missing_dependency_is_named_and_the_rest_goes_on);
    tcase_add_test(t, test_members_of_a_cycle_are_told_which);
    tcase_add_test(t, test_what_depends_on_a_cycle_comes_after_what_it_names);
    tcase_add_test(t, test_depending_on_oneself_is_a_cycle);
    tcase_add_test(t, test_what_lies_between_two_cycles_is_in_neither);
    tcase_add_test(t, test_a_long_cycle_is_named_in_bounded_text);
    tcase_add_test(t, test_random_graphs_agree_with_a_closure);
    suite_add_tcase(s, t);
    return fixture_run(s);
}
