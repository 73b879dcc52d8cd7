/* Every cell of the table: what a plugin's phase becomes, and what is to be done, for each thing that can happen.
 *
 * The tables here are written from the contract (DESIGN §7), not from lifecycle.c. */
#include <string.h>

#include "fanout_suite.h"
#include "plugin/lifecycle.h"

enum { STAY = LIFE_PHASES }; /* the phase does not change */

struct expected {
    enum life_event event;
    int phase;
    enum life_action action;
};

static void check_row(enum life_phase phase, bool wanted, const struct expected row[LIFE_EVENTS]) {
    bool seen[LIFE_EVENTS] = {false};
    for (int i = 0; i < LIFE_EVENTS; i++) {
        const struct expected *x = &row[i];
        const char *name = life_event_name(x->event);
        struct lifecycle l = {.phase = phase, .wanted = wanted};
        enum life_action action = lifecycle_step(&l, x->event);
        int next = x->phase == STAY ? (int)phase : x->phase;
        seen[x->event] = true;
        ck_assert_msg((int)l.phase == next, "%s + %s -> %s", life_phase_name(phase), name, life_phase_name(l.phase));
        ck_assert_msg(action == x->action, "%s + %s: action %d", life_phase_name(phase), name, (int)action);
        bool want = x->event == LIFE_START || x->event == LIFE_RESTART || (wanted && x->event != LIFE_STOP);
        ck_assert_msg(l.wanted == want, "%s + %s: wanted", life_phase_name(phase), name);
        ck_assert_msg(l.was_ready == (next == LIFE_UP), "%s + %s: was_ready", life_phase_name(phase), name);
    }
    for (int i = 0; i < LIFE_EVENTS; i++) ck_assert_msg(seen[i], "no row for %s", life_event_name((enum life_event)i));
}

static const struct expected down[LIFE_EVENTS] = {
    {LIFE_START, LIFE_WAITING, LIFE_CHECK_DEPS},   /* by hand, or at start: dependencies first */
    {LIFE_RESTART, LIFE_WAITING, LIFE_CHECK_DEPS}, /* revives it at once */
    {LIFE_TIMER, LIFE_WAITING, LIFE_CHECK_DEPS},   /* tried again every retry_unavailable */
    {LIFE_STOP, STAY, LIFE_STOPPED},               /* an unavailable one is stopped: nothing is tried any more */
    {LIFE_DEPS_OK, STAY, LIFE_NOTHING},
    {LIFE_DEPS_FAIL, STAY, LIFE_NOTHING},
    {LIFE_READY, STAY, LIFE_NOTHING},
    {LIFE_REFUSED, STAY, LIFE_NOTHING},
    {LIFE_EXITED, STAY, LIFE_NOTHING},
    {LIFE_OVERFLOW, STAY, LIFE_NOTHING},
    {LIFE_GIVE_UP, STAY, LIFE_NOTHING},
};

static const struct expected waiting[LIFE_EVENTS] = {
    {LIFE_DEPS_OK, LIFE_STARTING, LIFE_SPAWN},
    {LIFE_DEPS_FAIL, LIFE_DOWN, LIFE_UNAVAILABLE}, /* a dependency is missing or failed */
    {LIFE_STOP, LIFE_DOWN, LIFE_STOPPED},
    {LIFE_GIVE_UP, LIFE_DOWN, LIFE_UNAVAILABLE},
    {LIFE_START, STAY, LIFE_CHECK_DEPS},
    {LIFE_RESTART, STAY, LIFE_CHECK_DEPS},
    {LIFE_TIMER, STAY, LIFE_CHECK_DEPS},
    {LIFE_READY, STAY, LIFE_NOTHING},
    {LIFE_REFUSED, STAY, LIFE_NOTHING},
    {LIFE_EXITED, STAY, LIFE_NOTHING},
    {LIFE_OVERFLOW, STAY, LIFE_NOTHING},
};

static const struct expected backoff[LIFE_EVENTS] = {
    {LIFE_TIMER, LIFE_STARTING, LIFE_SPAWN}, /* a dependency that died later does not matter */
    {LIFE_START, LIFE_STARTING, LIFE_SPAWN}, /* by hand: at once */
    {LIFE_RESTART, LIFE_STARTING, LIFE_SPAWN},
    {LIFE_STOP, LIFE_DOWN, LIFE_STOPPED},
    {LIFE_GIVE_UP, LIFE_DOWN, LIFE_UNAVAILABLE}, /* more than max_restarts */
    {LIFE_DEPS_OK, STAY, LIFE_NOTHING},
    {LIFE_DEPS_FAIL, STAY, LIFE_NOTHING},
    {LIFE_READY, STAY, LIFE_NOTHING},
    {LIFE_REFUSED, STAY, LIFE_NOTHING},
    {LIFE_EXITED, STAY, LIFE_NOTHING},
    {LIFE_OVERFLOW, STAY, LIFE_NOTHING}, /* nobody to kill; the queue has seen to itself */
};

static const struct expected starting[LIFE_EVENTS] =
    {
        {LIFE_READY, LIFE_UP, LIFE_OPEN},
        {LIFE_REFUSED, LIFE_ENDING, LIFE_END}, /* refused setup, or the startup timeout */
        {LIFE_EXITED, LIFE_BACKOFF, LIFE_DECIDE},
        {LIFE_STOP, LIFE_ENDING, LIFE_END}, /* it has set nothing up: no teardown */
        {LIFE_RESTART, LIFE_ENDING, LIFE_END},
        {LIFE_OVERFLOW, LIFE_ENDING, LIFE_KILL},
        {LIFE_START, STAY, LIFE_NOTHING},
        {LIFE_DEPS_OK, STAY, LIFE_NOTHING},
        {LIFE_DEPS_FAIL, STAY, LIFE_NOTHING}, /* later trouble of a dependency leaves it alone */
        {LIFE_TIMER, STAY, LIFE_NOTHING},
        {LIFE_GIVE_UP, STAY, LIFE_NOTHING},
};

static const struct expected up[LIFE_EVENTS] = {
    {LIFE_STOP, LIFE_ENDING, LIFE_TEARDOWN},  {LIFE_RESTART, LIFE_ENDING, LIFE_TEARDOWN},
    {LIFE_EXITED, LIFE_BACKOFF, LIFE_DECIDE}, {LIFE_OVERFLOW, LIFE_ENDING, LIFE_KILL},
    {LIFE_REFUSED, LIFE_ENDING, LIFE_END},    {LIFE_START, STAY, LIFE_NOTHING}, /* it runs already */
    {LIFE_READY, STAY, LIFE_NOTHING},         {LIFE_DEPS_OK, STAY, LIFE_NOTHING},
    {LIFE_DEPS_FAIL, STAY, LIFE_NOTHING},     {LIFE_TIMER, STAY, LIFE_NOTHING},
    {LIFE_GIVE_UP, STAY, LIFE_NOTHING},
};

START_TEST(test_a_plugin_that_is_down) {
    check_row(LIFE_DOWN, true, down);
    check_row(LIFE_DOWN, false, down);
}
END_TEST

START_TEST(test_a_plugin_that_waits_for_its_dependencies) { check_row(LIFE_WAITING, true, waiting); }
END_TEST

START_TEST(test_a_plugin_that_waits_to_be_restarted) { check_row(LIFE_BACKOFF, true, backoff); }
END_TEST

START_TEST(test_a_plugin_that_starts) { check_row(LIFE_STARTING, true, starting); }
END_TEST

START_TEST(test_a_plugin_that_runs) { check_row(LIFE_UP, true, up); }
END_TEST

/* What comes of an ending once the process is gone. */
static const struct {
    int phase;
    enum life_action action;
} after[] = {
    [LIFE_GOAL_STOPPED] = {LIFE_DOWN, LIFE_STOPPED},
    [LIFE_GOAL_AGAIN] = {LIFE_WAITING, LIFE_CHECK_DEPS},
    [LIFE_GOAL_BACKOFF] = {LIFE_BACKOFF, LIFE_DECIDE},
    [LIFE_GOAL_UNAVAILABLE] = {LIFE_DOWN, LIFE_UNAVAILABLE},
};
enum { GOALS = sizeof after / sizeof *after };

static void ends_as(struct lifecycle l, enum life_goal goal, const char *how) {
    ck_assert_msg(l.phase == LIFE_ENDING, "%s", how);
    enum life_action action = lifecycle_step(&l, LIFE_EXITED);
    ck_assert_msg((int)l.phase == after[goal].phase && action == after[goal].action, "%s: %s, action %d", how,
                  life_phase_name(l.phase), (int)action);
    ck_assert_msg(l.wanted == (goal != LIFE_GOAL_STOPPED), "%s: wanted", how);
}

static const struct {
    enum life_event event;
    enum life_goal goal;
} enders[] = {{LIFE_STOP, LIFE_GOAL_STOPPED},
              {LIFE_RESTART, LIFE_GOAL_AGAIN},
              {LIFE_OVERFLOW, LIFE_GOAL_BACKOFF},
              {LIFE_REFUSED, LIFE_GOAL_UNAVAILABLE}};

START_TEST(test_why_it_ends_decides_what_comes_next) {
    for (int from = LIFE_STARTING; from <= LIFE_UP; from++)
        for (size_t i = 0; i < GOALS; i++) {
            struct lifecycle l = {.phase = (enum life_phase)from, .wanted = true};
            (void)lifecycle_step(&l, enders[i].event);
            ends_as(l, enders[i].goal, life_event_name(enders[i].event));
        }
}
END_TEST

/* The goal that another event during the ending leaves: the last word by hand counts, nothing else changes it. */
static enum life_goal revised(enum life_goal goal, enum life_event e) {
    if (e == LIFE_STOP) return LIFE_GOAL_STOPPED;
    return e == LIFE_START || e == LIFE_RESTART ? LIFE_GOAL_AGAIN : goal;
}

START_TEST(test_while_it_ends_only_a_persons_word_changes_what_comes_next) {
    for (size_t i = 0; i < GOALS; i++)
        for (int a = 0; a < LIFE_EVENTS; a++)
            for (int b = 0; b < LIFE_EVENTS; b++) {
                if (a == LIFE_EXITED || b == LIFE_EXITED) continue;
                struct lifecycle l = {.phase = LIFE_UP, .wanted = true};
                (void)lifecycle_step(&l, enders[i].event);
                ck_assert_int_eq(lifecycle_step(&l, (enum life_event)a), LIFE_NOTHING);
                ck_assert_int_eq(lifecycle_step(&l, (enum life_event)b), LIFE_NOTHING);
                enum life_goal goal = revised(revised(enders[i].goal, (enum life_event)a), (enum life_event)b);
                ends_as(l, goal, life_event_name((enum life_event)b));
            }
}
END_TEST

START_TEST(test_an_old_reason_to_end_is_forgotten_by_the_next_ending) {
    for (size_t i = 0; i < GOALS; i++) {
        struct lifecycle l = {.phase = LIFE_BACKOFF, .wanted = true};
        (void)lifecycle_step(&l, LIFE_OVERFLOW); /* nobody to kill */
        (void)lifecycle_step(&l, LIFE_TIMER);
        (void)lifecycle_step(&l, LIFE_READY);
        (void)lifecycle_step(&l, enders[i].event);
        ends_as(l, enders[i].goal, life_event_name(enders[i].event));
    }
}
END_TEST

START_TEST(test_a_death_while_nobody_asked_is_decided_upon) {
    struct lifecycle l = {0};
    ck_assert_int_eq(lifecycle_step(&l, LIFE_START), LIFE_CHECK_DEPS);
    ck_assert_int_eq(lifecycle_step(&l, LIFE_DEPS_OK), LIFE_SPAWN);
    ck_assert(!l.was_ready);
    ck_assert_int_eq(lifecycle_step(&l, LIFE_EXITED), LIFE_DECIDE);
    ck_assert(!l.was_ready);
    ck_assert_int_eq(lifecycle_step(&l, LIFE_TIMER), LIFE_SPAWN);
    ck_assert_int_eq(lifecycle_step(&l, LIFE_READY), LIFE_OPEN);
    ck_assert(l.was_ready);
    ck_assert_int_eq(lifecycle_step(&l, LIFE_EXITED), LIFE_DECIDE);
    ck_assert(l.was_ready); /* it was, once */
    ck_assert_int_eq(lifecycle_step(&l, LIFE_GIVE_UP), LIFE_UNAVAILABLE);
    ck_assert_int_eq(l.phase, LIFE_DOWN);
    ck_assert(l.wanted); /* unavailable, not stopped */
    ck_assert_int_eq(lifecycle_step(&l, LIFE_STOP), LIFE_STOPPED);
    ck_assert(!l.wanted);
    ck_assert_int_eq(lifecycle_step(&l, LIFE_START), LIFE_CHECK_DEPS);
    ck_assert(l.wanted && l.phase == LIFE_WAITING);
}
END_TEST

START_TEST(test_everything_has_a_name_of_its_own) {
    for (int i = 0; i < LIFE_PHASES; i++)
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(life_phase_name((enum life_phase)i), life_phase_name((enum life_phase)j));
    ck_assert_str_eq(life_phase_name(LIFE_ENDING), "ending");
    static const char *const names[] = {
        [LIFE_START] = "start", [LIFE_DEPS_OK] = "deps_ok", [LIFE_DEPS_FAIL] = "deps_fail",
        [LIFE_READY] = "ready", [LIFE_REFUSED] = "refused", [LIFE_EXITED] = "exited",
        [LIFE_STOP] = "stop",   [LIFE_RESTART] = "restart", [LIFE_OVERFLOW] = "overflow",
        [LIFE_TIMER] = "timer", [LIFE_GIVE_UP] = "give_up"};
    for (int i = 0; i < LIFE_EVENTS; i++) ck_assert_str_eq(life_event_name((enum life_event)i), names[i]);
}
END_TEST

RUN_SUITE("lifecycle", test_a_plugin_that_is_down, test_a_plugin_that_waits_for_its_dependencies,
          test_a_plugin_that_waits_to_be_restarted, test_a_plugin_that_starts, test_a_plugin_that_runs,
          test_why_it_ends_decides_what_comes_next, test_while_it_ends_only_a_persons_word_changes_what_comes_next,
          test_an_old_reason_to_end_is_forgotten_by_the_next_ending, test_a_death_while_nobody_asked_is_decided_upon,
          test_everything_has_a_name_of_its_own)
