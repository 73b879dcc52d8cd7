/* Deaths in words. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fanout_suite.h"
#include "plugin/tally.h"

static char words[256];

static const char *say(enum death_kind kind, int code, const char *path) {
    struct death d = {.kind = kind, .code = code};
    (void)snprintf(d.path, sizeof d.path, "%s", path);
    return death_words(&d, words, sizeof words);
}

START_TEST(test_each_way_to_die_has_its_words) {
    ck_assert_str_eq(say(DEATH_EXIT, 0, ""), "exited with status 0");
    ck_assert_str_eq(say(DEATH_EXIT, 3, ""), "exited with status 3");
    ck_assert_str_eq(say(DEATH_SIGNAL, SIGSEGV, ""), "killed by SIGSEGV");
    ck_assert_str_eq(say(DEATH_SIGNAL, SIGKILL, ""), "killed by SIGKILL");
    ck_assert_str_eq(say(DEATH_SIGNAL, SIGTERM, ""), "killed by SIGTERM");
    ck_assert_str_eq(say(DEATH_SIGNAL, SIGRTMIN + 3, ""), "killed by signal 37");
    ck_assert_str_eq(say(DEATH_SIGNAL, 4000, ""), "killed by signal 4000");
    ck_assert_str_eq(say(DEATH_EXEC, ENOENT, "cannot execute ./x"), "cannot execute ./x: No such file or directory");
    ck_assert_str_eq(say(DEATH_EXEC, EACCES, "cannot execute python3"), "cannot execute python3: Permission denied");
    ck_assert_str_eq(say(DEATH_EXEC, 99999, "cannot execute x"), "cannot execute x: unknown error");
}
END_TEST

START_TEST(test_words_are_cut_to_the_room_there_is) {
    struct death d = {.kind = DEATH_SIGNAL, .code = SIGSEGV};
    char small[8];
    ck_assert_str_eq(death_words(&d, small, sizeof small), "killed ");
}
END_TEST

START_TEST(test_the_last_one_is_remembered_and_all_are_counted) {
    struct tally t = {0};
    ck_assert_ptr_null(tally_last(&t));
    for (int i = 1; i <= 3 * TALLY_MAX + 1; i++) {
        struct death d = {.at = i, .ran = 2 * i, .pid = 100 + i, .kind = DEATH_EXIT, .code = i, .doing = "idle"};
        tally_add(&t, &d);
        const struct death *last = tally_last(&t);
        ck_assert(last->at == i && last->ran == 2 * i && last->pid == 100 + i && last->code == i);
        ck_assert_str_eq(last->doing, "idle");
        ck_assert_int_eq((int)t.n, i);
    }
    bool seen[3 * TALLY_MAX + 2] = {false};
    for (int i = 0; i < TALLY_MAX; i++) seen[t.deaths[i].code] = true;
    for (int i = 2 * TALLY_MAX + 2; i <= 3 * TALLY_MAX + 1; i++) ck_assert(seen[i]); /* the last eight */
}
END_TEST

RUN_SUITE("tally", test_each_way_to_die_has_its_words, test_words_are_cut_to_the_room_there_is,
          test_the_last_one_is_remembered_and_all_are_counted)
