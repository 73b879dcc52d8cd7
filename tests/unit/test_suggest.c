/* Did you mean: distances, limits and the words of a hint. */
#include <string.h>

#include "base/suggest.h"
#include "fanout_suite.h"

/* The distance at which `candidate` is taken for `word`; -1 when it is too far away. */
static int near(const char *word, const char *candidate) {
    struct suggest s;
    suggest_init(&s, word, strlen(word));
    suggest_offer(&s, candidate);
    return s.best ? (int)s.distance : -1;
}

START_TEST(test_each_kind_of_slip_costs_one) {
    ck_assert_int_eq(near("on_request", "on_request"), 0);
    ck_assert_int_eq(near("on_requst", "on_request"), 1);
    ck_assert_int_eq(near("on_requeest", "on_request"), 1);
    ck_assert_int_eq(near("on_requast", "on_request"), 1);
    ck_assert_int_eq(near("on_reqeust", "on_request"), 1);
    ck_assert_int_eq(near("n_request", "on_request"), 1);
    ck_assert_int_eq(near("no_request", "on_request"), 1);
    ck_assert_int_eq(near("no_requets", "on_request"), 2);
}
END_TEST

START_TEST(test_advice_is_given_up_to_a_third_of_the_word) {
    ck_assert_int_eq(near("a", "b"), 1);
    ck_assert_int_eq(near("ab", "cd"), -1);
    ck_assert_int_eq(near("abcde", "abcxy"), -1);
    ck_assert_int_eq(near("abcdef", "abcdxy"), 2);
    ck_assert_int_eq(near("abcdefghijkl", "abcdefghWXYZ"), 4);
    ck_assert_int_eq(near("abcdefghijklmno", "abcdefghijVWXYZ"), -1); /* never more than four */
    ck_assert_int_eq(near("on_request_started", "frobnicate"), -1);
}
END_TEST

START_TEST(test_the_first_of_equals_wins_and_a_nearer_one_beats_it) {
    static const char *const names[] = {"bat", "cat", "hat"};
    ck_assert_str_eq(suggest_nearest("rat", names, 3), "bat");
    ck_assert_str_eq(suggest_nearest("hat", names, 3), "hat");
    ck_assert_ptr_null(suggest_nearest("elephants", names, 3));
    ck_assert_ptr_null(suggest_nearest("rat", names, 0));
}
END_TEST

START_TEST(test_empty_and_over_long_words_are_not_compared) {
    char w64[65], w65[66];
    memset(w64, 'x', 64), w64[64] = '\0';
    memset(w65, 'x', 65), w65[65] = '\0';
    ck_assert_int_eq(near("", "a"), -1);
    ck_assert_int_eq(near("a", ""), -1);
    ck_assert_int_eq(near(w64, w64), 0);
    ck_assert_int_eq(near(w64, w65), -1);
    ck_assert_int_eq(near(w65, w64), -1);
}
END_TEST

START_TEST(test_the_word_need_not_be_terminated) {
    struct suggest s;
    suggest_init(&s, "started_and_more", 7);
    suggest_offer(&s, "starter");
    ck_assert_str_eq(s.best, "starter");
    ck_assert_uint_eq(s.distance, 1);
    suggest_init(&s, "a\0b", 3); /* and may hold anything */
    suggest_offer(&s, "acb");
    ck_assert_str_eq(s.best, "acb");
}
END_TEST

START_TEST(test_a_hint_is_a_question_or_nothing) {
    char out[64];
    ck_assert_str_eq(suggest_hint("on_stop", out, sizeof out), " (did you mean \"on_stop\"?)");
    ck_assert_str_eq(suggest_hint(NULL, out, sizeof out), "");
    ck_assert_str_eq(suggest_hint("on_stop", out, 6), " (did");
    out[0] = '#';
    (void)suggest_hint(NULL, out, 0);
    ck_assert_int_eq(out[0], '#');
}
END_TEST

RUN_SUITE("suggest", test_each_kind_of_slip_costs_one, test_advice_is_given_up_to_a_third_of_the_word,
          test_the_first_of_equals_wins_and_a_nearer_one_beats_it, test_empty_and_over_long_words_are_not_compared,
          test_the_word_need_not_be_terminated, test_a_hint_is_a_question_or_nothing)
