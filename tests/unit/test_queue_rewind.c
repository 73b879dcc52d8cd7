/* What a child's death brings back, wherever it strikes. */
#include "base/cleanup.h"
#include "fanout_rig.h"

struct part {
    const char *text;
    uint64_t first, last; /* 0: an own message */
};

/* Torn boundaries between events, own messages and two notices. */
static const struct part PARTS[] = {{"(setup)", 0, 0}, {"(health)", 0, 0}, {"[2:1-2]", 1, 2},
                                    {"e3.", 3, 3},     {"e4.", 4, 4},      {"e5.", 5, 5},
                                    {"[2:6-7]", 6, 7}, {"e8.", 8, 8},      {"e9.", 9, 9}};
enum { N_PARTS = sizeof PARTS / sizeof *PARTS, TOTAL = 7 + 8 + 7 + 9 + 7 + 6 };

static struct rig *mixed(void) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    rig_limit(r, 3, 1000);
    rig_own(r, "(setup)");
    rig_events(r, 3);
    must_eq(rig_event(r), QUEUE_E_DROPPED);
    must_eq(rig_event(r), QUEUE_E_DROPPED);
    rig_own(r, "(health)");
    rig_limit(r, 1000, 1000);
    queue_miss(r->q, ++r->seq);
    queue_miss(r->q, ++r->seq);
    rig_events(r, 2);
    return r;
}

/* A stream of parts, as text, without the first `read` bytes' whole messages and without own ones. `half` is told which
 * part was half-read (NULL: none). A dropped event (its first is `dropped`) is a gap, merged with those beside it. */
static size_t remains(const struct part *in, size_t n, size_t read, struct part *out, const struct part **half) {
    size_t end = 0, kept = 0;
    *half = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t start = end;
        end += strlen(in[i].text);
        if (end <= read || !in[i].first) continue;
        if (start < read) *half = &in[i];
        out[kept++] = in[i];
    }
    return kept;
}

static const char *as_text(const struct part *p, size_t n, uint64_t dropped, char *out) {
    char *at = out;
    *out = '\0';
    for (size_t i = 0; i < n; i++) {
        struct gap g = {0};
        for (; i < n && (p[i].text[0] == '[' || p[i].first == dropped); i++)
            gap_widen(&g, &(struct gap){p[i].last - p[i].first + 1, p[i].first, p[i].last});
        if (g.count) at += rig_notice(&g, at);
        if (i < n) at += sprintf(at, "%s", p[i].text);
    }
    return out;
}

START_TEST(test_a_death_at_every_byte_loses_only_what_was_read) {
    for (size_t written = 0; written <= TOTAL; written++)
        for (size_t unread = 0; unread <= written; unread++) {
            struct rig *r = mixed();
            struct part rest[N_PARTS];
            const struct part *half;
            char expected[200];
            (void)rig_write(r, written);
            (void)rig_read(r, written - unread);
            if (written % 2) queue_sync(r->q);
            rig_crash(r);
            size_t n = remains(PARTS, N_PARTS, written - unread, rest, &half);
            ck_assert_str_eq(rig_all(r), as_text(rest, n, 0, expected));
            rig_free(r);
        }
}
END_TEST

START_TEST(test_a_second_death_at_every_byte_drops_only_the_event_both_died_in) {
    for (size_t written = 0; written <= TOTAL; written++)
        for (size_t unread = 0; unread <= written; unread++)
            for (size_t unread2 = 0; unread2 <= TOTAL; unread2++) {
                struct rig *r = mixed();
                struct part rest[N_PARTS], rest2[N_PARTS];
                const struct part *half, *half2;
                char expected[200];
                (void)rig_write(r, written);
                (void)rig_read(r, written - unread);
                rig_crash(r);
                size_t n = remains(PARTS, N_PARTS, written - unread, rest, &half);
                must_eq(rig_write(r, SIZE_MAX), 0);
                if (unread2 <= r->pipe->fill) {
                    size_t read = r->pipe->fill - unread2;
                    (void)rig_read(r, read);
                    rig_crash(r);
                    size_t n2 = remains(rest, n, read, rest2, &half2);
                    uint64_t dropped =
                        half && half2 && half->text == half2->text && half->text[0] == 'e' ? half->first : UINT64_MAX;
                    must_eq(rig_write(r, SIZE_MAX), 0);
                    const char *got = rig_read(r, SIZE_MAX);
                    as_text(rest2, n2, dropped, expected);
                    must_say(!strcmp(got, expected), "%zu %zu %zu: %s, not %s", written, unread, unread2, got,
                             expected);
                    must_eq(queue_counters(r->q)->dropped, 4u + (dropped != UINT64_MAX));
                }
                rig_free(r);
            }
}
END_TEST

START_TEST(test_an_event_half_read_three_times_in_turn_with_others_is_judged_by_itself) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    rig_events(r, 3);
    (void)rig_write(r, SIZE_MAX);
    ck_assert_str_eq(rig_read(r, 1), "e"); /* dies in e1 */
    rig_crash(r);
    (void)rig_write(r, SIZE_MAX);
    rig_crash(r); /* this one read nothing */
    (void)rig_write(r, SIZE_MAX);
    ck_assert_str_eq(rig_read(r, 4), "e1.e"); /* dies in e2 for the first time */
    rig_crash(r);
    (void)rig_write(r, SIZE_MAX);
    ck_assert_str_eq(rig_read(r, 1), "e"); /* and for the second */
    rig_count(r, 3, 3 + 3 + 2, 3 + 3 + 3 + 2, 0, 0);
    rig_crash(r);
    ck_assert_str_eq(rig_all(r), "[1:2-2]e3.");
    rig_count(r, 3, 3 + 3 + 2 + 2, 3 + 3 + 3 + 2 + 1, 1, 0);
    rig_free(r);
}
END_TEST

START_TEST(test_runs_taken_back_join_those_not_yet_sent) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    rig_events(r, 6);
    (void)rig_write(r, 3 * 3 + 1);
    ck_assert_str_eq(rig_read(r, 3), "e1.");
    rig_crash(r);
    ck_assert_uint_eq(r->q->pending.n, 1);
    rig_count(r, 6, 2, 3, 0, 5);
    ck_assert_str_eq(rig_all(r), "e2.e3.e4.e5.e6.");
    rig_free(r);
}
END_TEST

START_TEST(test_forget_brings_nothing_back_and_tells_only_a_torn_event) {
    for (size_t written = 0; written <= TOTAL; written++) {
        struct rig *r = mixed();
        (void)rig_write(r, written);
        queue_forget(r->q);
        books_check(r->q);
        ck_assert_uint_eq(queue_in_pipe(r->q), 0);
        rig_attach(r);
        queue_open(r->q);
        char expected[200], *at = expected;
        size_t end = 0;
        struct gap g = {0};
        *at = '\0';
        for (size_t i = 0; i < N_PARTS; i++) {
            size_t start = end;
            end += strlen(PARTS[i].text);
            if (end <= written || !PARTS[i].first) continue;
            bool torn = start < written, notice = PARTS[i].text[0] == '[';
            if (torn || notice)
                gap_widen(&g, &(struct gap){PARTS[i].last - PARTS[i].first + 1, PARTS[i].first, PARTS[i].last});
            if (g.count && !(i + 1 < N_PARTS && PARTS[i + 1].text[0] == '[' && torn)) {
                at += rig_notice(&g, at);
                g = (struct gap){0};
            }
            if (!torn && !notice) at += sprintf(at, "%s", PARTS[i].text);
        }
        ck_assert_str_eq(rig_all(r), expected);
        rig_free(r);
    }
}
END_TEST

START_TEST(test_what_was_given_up_does_not_come_back_but_the_torn_tail_does) {
    for (size_t written = 0; written <= TOTAL; written++)
        for (size_t unread = 0; unread <= written; unread++) {
            struct rig *r = mixed();
            (void)rig_write(r, written);
            (void)rig_read(r, written - unread);
            if (unread % 2) queue_sync(r->q);
            (void)queue_give_up(r->q);
            books_check(r->q);
            if (unread % 3) queue_sync(r->q);
            books_check(r->q);
            rig_crash(r);
            struct part rest[N_PARTS];
            const struct part *half;
            char expected[200];
            size_t cut = 0, end = 0; /* as if the child had read all messages that were whole */
            for (size_t i = 0; i < N_PARTS && (end += strlen(PARTS[i].text)) <= written; i++) cut = end;
            ck_assert_str_eq(rig_all(r), as_text(rest, remains(PARTS, N_PARTS, cut, rest, &half), 0, expected));
            rig_free(r);
        }
}
END_TEST

START_TEST(test_give_up_counts_the_events_that_were_still_unread) {
    struct rig *r = rig_new(QUEUE_DROP_OLDEST);
    rig_events(r, 5);
    rig_own(r, "(x)");
    (void)rig_write(r, 3 + 4 * 3 + 1);
    ck_assert_str_eq(rig_read(r, 7), "(x)e1.e");
    queue_sync(r->q);
    ck_assert_uint_eq(queue_in_pipe(r->q), 9);
    ck_assert_uint_eq(queue_give_up(r->q), 3); /* e2, e3, e4 */
    ck_assert_uint_eq(queue_in_pipe(r->q), 1);
    ck_assert_uint_eq(queue_give_up(r->q), 0);
    ck_assert_str_eq(rig_all(r), "2.e3.e4.e5.");
    ck_assert_uint_eq(queue_give_up(r->q), 1);
    rig_free(r);
}
END_TEST

START_TEST(test_copies_stand_in_for_their_block_in_the_pipe_and_in_the_queue) {
    for (size_t written = 0; written <= TOTAL; written++)
        for (size_t unread = 0; unread <= written; unread += 3) {
            struct rig *r = mixed();
            struct block *b = backlog_oldest(r->log);
            (void)rig_write(r, written);
            (void)rig_read(r, written - unread);
            size_t held = queue_holds(r->q, b);
            ck_assert_int_eq(queue_copy_out(r->q, b), 0);
            books_check(r->q);
            ck_assert_uint_eq(queue_holds(r->q, b), 0);
            ck_assert_uint_eq(b->runs, 0);
            backlog_trim(r->log);
            ck_assert_ptr_null(backlog_oldest(r->log));
            ck_assert_uint_ge(held, queue_counters(r->q)->bytes);
            rig_crash(r);
            struct part rest[N_PARTS];
            const struct part *half;
            char expected[200];
            size_t n = remains(PARTS, N_PARTS, written - unread, rest, &half);
            ck_assert_str_eq(rig_all(r), as_text(rest, n, 0, expected));
            rig_free(r);
        }
}
END_TEST

START_TEST(test_a_restart_by_overflow_gives_the_successor_one_notice_first) {
    for (size_t written = 0; written <= 9; written++)
        for (size_t unread = 0; unread <= written; unread++) {
            struct rig *r = rig_new(QUEUE_RESTART);
            rig_limit(r, 3, 1000);
            rig_events(r, 3);
            (void)rig_write(r, written);
            (void)rig_read(r, written - unread);
            int why;
            while ((why = rig_event(r)) == 0) continue;
            ck_assert_int_eq(why, QUEUE_E_RESTART);
            ck_assert_int_eq(rig_event(r), QUEUE_E_RESTART);
            queue_miss(r->q, ++r->seq);
            size_t before = r->pipe->fill;
            rig_own(r, "(x)");
            (void)rig_write(r, SIZE_MAX); /* at most the torn event and our own: no notice to one condemned */
            ck_assert_uint_le(r->pipe->fill, before + 2 + 3);
            size_t read = written - unread;
            must_eq(queue_rewind(r->q, r->pipe->fill), 0);
            books_check(r->q);
            ck_assert_int_eq(rig_event(r), QUEUE_E_RESTART); /* until the successor is there */
            rig_attach(r);
            must_eq(rig_event(r), 0);
            rig_own(r, "(setup)");
            queue_open(r->q);
            char expected[64];
            uint64_t first = read / 3 + 1, last = r->seq - 1;
            sprintf(expected, "(setup)[%ju:%ju-%ju]e%ju.", (uintmax_t)(last - first + 1), (uintmax_t)first,
                    (uintmax_t)last, (uintmax_t)r->seq);
            ck_assert_str_eq(rig_all(r), expected);
            ck_assert_uint_eq(queue_counters(r->q)->events, 0);
            rig_free(r);
        }
}
END_TEST

RUN_SUITE("queue_rewind", test_a_death_at_every_byte_loses_only_what_was_read,
          test_a_second_death_at_every_byte_drops_only_the_event_both_died_in,
          test_an_event_half_read_three_times_in_turn_with_others_is_judged_by_itself,
          test_runs_taken_back_join_those_not_yet_sent, test_forget_brings_nothing_back_and_tells_only_a_torn_event,
          test_what_was_given_up_does_not_come_back_but_the_torn_tail_does,
          test_give_up_counts_the_events_that_were_still_unread,
          test_copies_stand_in_for_their_block_in_the_pipe_and_in_the_queue,
          test_a_restart_by_overflow_gives_the_successor_one_notice_first)
