/* Records on a descriptor: whole, never waiting, and what was lost is counted in the next one. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "fanout_suite.h"

static nsec_t fixed(void *ctx) {
    (void)ctx;
    return 1795458600123456789LL;
}
static const struct clock at = {.mono = fixed, .wall = fixed};

#define TIME "time=2026-11-23T18:30:00.123456Z "

static char got[1 << 20];

/* A log on a non-blocking pipe of 64 KiB. */
static struct log *on_pipe(int fds[2], enum log_format format, enum log_level level) {
    ck_assert_int_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    struct log *l = log_new(fds[1], format, level, &at);
    ck_assert_ptr_nonnull(l);
    return l;
}

static const char *drain(int fd) {
    size_t n = 0;
    ssize_t k;
    while ((k = read(fd, got + n, sizeof got - 1 - n)) > 0) n += (size_t)k;
    got[n] = '\0';
    return got;
}

static void done(struct log *l, const int fds[2]) {
    ck_assert_ptr_null(log_free(l));
    (void)close(fds[0]);
    (void)close(fds[1]);
}

START_TEST(test_names_go_both_ways) {
    for (int i = 0; i < LOG_LEVELS; i++) {
        enum log_level level;
        ck_assert_int_eq(log_level_parse(log_level_name((enum log_level)i), &level), 0);
        ck_assert_int_eq(level, i);
    }
    for (int i = 0; i < LOG_FORMATS; i++) {
        enum log_format format;
        ck_assert_int_eq(log_format_parse(log_format_name((enum log_format)i), &format), 0);
        ck_assert_int_eq(format, i);
    }
    enum log_level level = LOG_DEBUG;
    ck_assert_int_eq(log_level_parse("warn", &level), -EINVAL);
    ck_assert_int_eq(log_level_parse("", &level), -EINVAL);
    ck_assert_int_eq(level, LOG_DEBUG);
    ck_assert_ptr_null(log_free(NULL));
}
END_TEST

START_TEST(test_a_record_is_one_exact_line) {
    int fds[2];
    struct log *l = on_pipe(fds, LOG_FORMAT_LOGFMT, LOG_INFO);
    log_warning(l, "event failed", LOG_S("plugin", "tracer"), LOG_S("error", "no \"x\""), LOG_N("seq", 41));
    log_info(l, "started");
    ck_assert_str_eq(drain(fds[0]),
                     TIME "level=warning msg=\"event failed\" plugin=tracer error=\"no \\\"x\\\"\" seq=41\n" TIME
                          "level=info msg=started\n");
    log_set(l, LOG_FORMAT_JSON, LOG_INFO);
    log_error(l, "a\nb", LOG_B("hook", "on_x_and_more", 4), LOG_N("n", -1));
    ck_assert_str_eq(drain(fds[0]),
                     "{\"time\":\"2026-11-23T18:30:00.123456Z\",\"level\":\"error\",\"msg\":\"a\\nb\","
                     "\"hook\":\"on_x\",\"n\":-1}\n");
    done(l, fds);
}
END_TEST

START_TEST(test_levels_below_the_threshold_cost_nothing) {
    int fds[2];
    struct log *l = on_pipe(fds, LOG_FORMAT_LOGFMT, LOG_WARNING);
    log_info(l, "not this");
    log_debug(l, "nor this");
    log_error(l, "this");
    ck_assert_str_eq(drain(fds[0]), TIME "level=error msg=this\n");
    ck_assert(log_enabled(l, LOG_WARNING) && !log_enabled(l, LOG_INFO));
    log_set(l, LOG_FORMAT_LOGFMT, LOG_DEBUG);
    log_debug(l, "now this");
    ck_assert_str_eq(drain(fds[0]), TIME "level=debug msg=\"now this\"\n");
    ck_assert_uint_eq(log_suppressed(l), 0);
    done(l, fds);
}
END_TEST

START_TEST(test_no_record_is_longer_than_a_pipe_takes_at_once) {
    int fds[2];
    struct log *l = on_pipe(fds, LOG_FORMAT_JSON, LOG_INFO);
    static char big[100000];
    memset(big, 'x', sizeof big);
    log_info(l, "long", LOG_B("a", big, sizeof big), LOG_S("b", "never fits"));
    size_t n = strlen(drain(fds[0]));
    ck_assert_uint_le(n, 4000);
    ck_assert_uint_gt(n, 3900);
    json_t *j = json_loads(got, 0, NULL);
    ck_assert_ptr_nonnull(j);
    ck_assert_ptr_null(json_object_get(j, "b"));
    json_decref(j);
    done(l, fds);
}
END_TEST

/* Fill the pipe to the last byte. */
static void fill(int fd) {
    char junk[4096];
    memset(junk, '#', sizeof junk);
    while (write(fd, junk, sizeof junk) > 0) continue;
    while (write(fd, junk, 1) > 0) continue;
    ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(test_a_full_pipe_loses_whole_records_and_the_next_one_counts_them) {
    int fds[2];
    struct log *l = on_pipe(fds, LOG_FORMAT_LOGFMT, LOG_INFO);
    fill(fds[1]);
    ck_assert_int_eq(fcntl(fds[1], F_SETFL, 0), 0); /* a blocking descriptor, as stderr is: it must not be waited for */
    for (int i = 0; i < 3; i++) log_info(l, "lost");
    ck_assert_uint_eq(log_suppressed(l), 3);
    (void)drain(fds[0]);
    log_info(l, "through", LOG_S("plugin", "p"));
    log_info(l, "again");
    ck_assert_str_eq(drain(fds[0]),
                     TIME "level=info msg=through suppressed=3 plugin=p\n" TIME "level=info msg=again\n");
    done(l, fds);
}
END_TEST

START_TEST(test_what_was_lost_is_told_beside_any_other_field) {
    int fds[2];
    struct log *l = on_pipe(fds, LOG_FORMAT_JSON, LOG_INFO);
    static char big[10000];
    memset(big, 'x', sizeof big);
    fill(fds[1]);
    log_info(l, "lost");
    log_info(l, "lost");
    (void)drain(fds[0]);
    log_info(l, "m", LOG_B("error", big, sizeof big), LOG_N("suppressed", 5)); /* 5: held back by a gate */
    json_t *j = json_loads(drain(fds[0]), JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(j);
    ck_assert_int_eq(json_integer_value(json_object_get(j, "suppressed")), 7);
    json_decref(j);
    fill(fds[1]);
    log_info(l, "lost");
    (void)drain(fds[0]);
    struct log_field many[40];
    for (size_t i = 0; i < 40; i++) many[i] = LOG_N("f", i);
    log_write(l, LOG_INFO, "m", many, 40);
    ck_assert_ptr_nonnull(strstr(drain(fds[0]), "\"suppressed\":1,"));
    done(l, fds);
}
END_TEST

START_TEST(test_nobody_reading_is_no_reason_to_die) {
    int fds[2];
    struct log *l = on_pipe(fds, LOG_FORMAT_LOGFMT, LOG_INFO);
    ck_assert_int_eq(close(fds[0]), 0);
    (void)signal(SIGPIPE, SIG_DFL); /* even so */
    log_info(l, "nobody hears");
    ck_assert_uint_eq(log_suppressed(l), 1);
    ck_assert_ptr_null(log_free(l));
    (void)close(fds[1]);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    (void)close(fds[0]);
    l = log_new(fds[1], LOG_FORMAT_LOGFMT, LOG_INFO, &at);
    log_info(l, "nobody hears");
    ck_assert_uint_eq(log_suppressed(l), 1);
    ck_assert_ptr_null(log_free(l));
    (void)close(fds[1]);
    l = log_new(-1, LOG_FORMAT_LOGFMT, LOG_INFO, &at);
    log_info(l, "nowhere");
    ck_assert_uint_eq(log_suppressed(l), 1);
    ck_assert_ptr_null(log_free(l));
}
END_TEST

START_TEST(test_a_full_disk_is_counted) {
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    struct log *l = log_new(fd, LOG_FORMAT_LOGFMT, LOG_INFO, &at);
    for (int i = 0; i < 5; i++) log_info(l, "x");
    ck_assert_uint_eq(log_suppressed(l), 5);
    ck_assert_ptr_null(log_free(l));
    (void)close(fd);
}
END_TEST

START_TEST(test_a_record_cut_off_by_a_full_disk_does_not_swallow_the_next) {
    FILE *f = tmpfile();
    ck_assert_ptr_nonnull(f);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit all;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &all), 0);
    struct log *l = log_new(fileno(f), LOG_FORMAT_LOGFMT, LOG_INFO, &at);
    log_info(l, "one");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){74, all.rlim_max}), 0);
    log_info(l, "two");
    log_info(l, "three");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    log_info(l, "four");
    log_info(l, "five");
    rewind(f);
    got[fread(got, 1, sizeof got - 1, f)] = '\0';
    ck_assert_str_eq(got, TIME
                     "level=info msg=one\n"
                     "time=2026-11-23T18:30:\n" TIME "level=info msg=four suppressed=2\n" TIME "level=info msg=five\n");
    ck_assert_ptr_null(log_free(l));
    (void)fclose(f);
}
END_TEST

START_TEST(test_a_socket_that_is_full_is_not_waited_for) {
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct log *l = log_new(fds[1], LOG_FORMAT_LOGFMT, LOG_INFO, &at);
    while (!log_suppressed(l)) log_info(l, "more and more");
    ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    (void)drain(fds[0]);
    log_info(l, "through");
    ck_assert_ptr_nonnull(strstr(drain(fds[0]), "msg=through suppressed=1\n"));
    done(l, fds);
}
END_TEST

START_TEST(test_a_gate_lets_a_burst_a_second_through_and_counts_the_rest) {
    struct log_gate g = {0};
    uint64_t held = 99;
    for (int i = 0; i < 3; i++) ck_assert(log_gate_pass(&g, 3, 1000, &held));
    ck_assert_uint_eq(held, 0);
    held = 99;
    ck_assert(!log_gate_pass(&g, 3, 1000, &held));
    ck_assert(!log_gate_pass(&g, 3, 999 + NSEC_PER_SEC, &held));
    ck_assert_uint_eq(held, 99);
    ck_assert(log_gate_pass(&g, 3, 1000 + NSEC_PER_SEC, &held));
    ck_assert_uint_eq(held, 2);
    ck_assert(log_gate_pass(&g, 3, 1000 + NSEC_PER_SEC, &held));
    ck_assert_uint_eq(held, 0);
    ck_assert(!log_gate_pass(&g, 0, 100 * NSEC_PER_SEC, &held));
    struct log_gate zero = {0};
    ck_assert(log_gate_pass(&zero, 1, 0, &held)); /* a clock may begin at 0 */
    ck_assert(!log_gate_pass(&zero, 1, 5, &held));
}
END_TEST

START_TEST(test_gates_add_to_the_count_of_the_log) {
    int fds[2];
    struct log *l = on_pipe(fds, LOG_FORMAT_LOGFMT, LOG_INFO);
    log_count_suppressed(l, 4);
    log_info(l, "x");
    ck_assert_uint_eq(log_suppressed(l), 4);
    ck_assert_str_eq(drain(fds[0]), TIME "level=info msg=x\n"); /* the gate's next record tells its own */
    done(l, fds);
}
END_TEST

RUN_SUITE("log", test_names_go_both_ways, test_a_record_is_one_exact_line, test_levels_below_the_threshold_cost_nothing,
          test_no_record_is_longer_than_a_pipe_takes_at_once,
          test_a_full_pipe_loses_whole_records_and_the_next_one_counts_them,
          test_what_was_lost_is_told_beside_any_other_field, test_nobody_reading_is_no_reason_to_die,
          test_a_full_disk_is_counted, test_a_record_cut_off_by_a_full_disk_does_not_swallow_the_next,
          test_a_socket_that_is_full_is_not_waited_for, test_a_gate_lets_a_burst_a_second_through_and_counts_the_rest,
          test_gates_add_to_the_count_of_the_log)
