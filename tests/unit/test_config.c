#include "daemon/config.h"

#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "chaos.h"
#include "fixture.h"

static struct errs errs;
static struct config *c;
static struct config_flags flags;
static struct err why;

static void setup(void) { fixture_begin(); }

static void teardown(void) {
    c = config_free(c);
    config_flags_deinit(&flags);
    errs_deinit(&errs);
    fixture_end();
}

/* ---- flags ---- */

static int parse(char **argv) {
    int argc = 0;
    while (argv[argc]) argc++;
    config_flags_deinit(&flags);
    why = (struct err){0};
    return config_parse_flags(argc, argv, &flags, &why);
}

#define PARSE(...) parse((char *[]){(char *)"hookcastd", __VA_ARGS__ __VA_OPT__(, ) NULL})
#define A(s) (char *)(s)

START_TEST(test_every_flag_is_read) {
    ck_assert_int_eq(PARSE(A("--config"), A("c.yaml"), A("--runtime-dir=/r"), A("--hookspec-dir"), A("h1"),
                           A("--hookspec-dir"), A("h2"), A("--plugin-dir"), A("p"), A("--log-format"), A("json"),
                           A("--log-level"), A("debug"), A("--check"), A("--version"), A("--help")),
                     0);
    ck_assert_str_eq(flags.config, "c.yaml");
    ck_assert_str_eq(flags.runtime_dir, "/r");
    ck_assert_uint_eq(flags.n_hookspec_dirs, 2);
    ck_assert_str_eq(flags.hookspec_dirs[1], "h2");
    ck_assert_uint_eq(flags.n_plugin_dirs, 1);
    ck_assert(flags.has_log_format && flags.log_format == LOG_FORMAT_JSON);
    ck_assert(flags.has_log_level && flags.log_level == LOG_DEBUG);
    ck_assert(flags.check && flags.version && flags.help);
    ck_assert_int_eq(PARSE(), 0);
    ck_assert(!flags.check && !flags.has_log_level && !flags.config);
}
END_TEST

START_TEST(test_usage_errors_say_what_is_wrong) {
    static const struct {
        const char *one, *two, *says;
    } bad[] = {
        {"--plugin-dri", "x", "unknown option \"--plugin-dri\" (did you mean \"--plugin-dir\"?)"},
        {"--cofnig=x", NULL, "unknown option \"--cofnig=x\" (did you mean \"--config\"?)"},
        {"--frobnicate", NULL, "unknown option \"--frobnicate\"; see --help"},
        {"-x", NULL, "unknown option \"-x\"; see --help"},
        {"--config", NULL, "--config needs a value"},
        {"--config=", NULL, "--config must not be empty"},
        {"--plugin-dir", "", "a directory must not be empty"},
        {"--check=yes", NULL, "--check takes no value"},
        {"--log-format", "jsn",
         "--log-format: expected one of logfmt, json, journald, got \"jsn\" (did you mean \"json\"?)"},
        {"--log-level", "loud", "--log-level: expected one of error, warning, info, debug, got \"loud\""},
        {"stray", NULL, "unexpected argument \"stray\": hookcastd takes options only"},
        {"--log-", "x", "\"--log-\" could mean more than one option"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(PARSE(A(bad[i].one), A(bad[i].two)) == 64, "accepted: %s", bad[i].one);
        ck_assert_msg(strstr(why.text, bad[i].says) != NULL, "%s", why.text);
    }
}
END_TEST

/* ---- the file ---- */

static void load_flags(void) {
    c = config_free(c);
    errs_deinit(&errs);
    c = config_load(&flags, &errs);
    ck_assert_int_eq(c == NULL, errs.n > 0);
}

static void load(const char *text) {
    flags.config = fixture_write("c.yaml", text);
    if (!flags.runtime_dir) flags.runtime_dir = "/tmp/run";
    load_flags();
}

START_TEST(test_defaults_are_the_contracts) {
    load("");
    ck_assert_silent(&errs);
    ck_assert_str_eq(c->file, flags.config);
    ck_assert_uint_eq(c->events.mode, 0660);
    ck_assert_uint_eq(c->control.mode, 0600);
    ck_assert_ptr_null(c->events.group);
    ck_assert_ptr_null(c->control.group);
    ck_assert_uint_eq(c->n_hookspec_dirs, 2);
    ck_assert_str_eq(c->hookspec_dirs[0], "/etc/hookcast/hookspecs");
    ck_assert_str_eq(c->hookspec_dirs[1], "/usr/share/hookcast/hookspecs");
    ck_assert_uint_eq(c->n_plugin_dirs, 2);
    ck_assert_str_eq(c->plugin_dirs[0], "/etc/hookcast/plugins");
    ck_assert_str_eq(c->plugin_dirs[1], "/usr/lib/hookcast/plugins");
    ck_assert(!c->log_format_set);
    ck_assert_int_eq(c->log_level, LOG_INFO);
    ck_assert_uint_eq(c->event_max_size, 1u << 20);
    ck_assert_uint_eq(c->backlog_max_size, 64u << 20);
    ck_assert_uint_eq(c->publishers_max, 1024);
    ck_assert_int_eq(c->startup_grace, 5 * NSEC_PER_SEC);
    ck_assert_int_eq(c->stop_timeout, 60 * NSEC_PER_SEC);
    struct settings want = settings_default();
    ck_assert(settings_equal(&c->plugin_defaults, &want));
}
END_TEST

static const char full[] =
    "runtime_dir: /run/x\nsockets: {events: {mode: \"0666\", group: root}, control: {mode: 0640}}\n"
    "hookspec_dirs: [/a, rel/b]\nplugin_dirs: [.]\nlog: {format: json, level: warning}\n"
    "limits: {event_max_size: 2MiB, backlog_max_size: 1GiB, publishers_max: 7}\nstartup_grace: 0\n"
    "stop_timeout: 2min\nplugin_defaults:\n  queue_max_events: 9\n  overflow: restart\n  restart: {policy: never}\n";

START_TEST(test_every_key_is_read) {
    load(full);
    ck_assert_silent(&errs);
    ck_assert_str_eq(c->runtime_dir, "/tmp/run"); /* the flag's */
    flags.runtime_dir = NULL;
    load_flags();
    ck_assert_str_eq(c->runtime_dir, "/run/x");
    ck_assert_uint_eq(c->events.mode, 0666);
    ck_assert_str_eq(c->events.group, "root");
    ck_assert_uint_eq(c->control.mode, 0640);
    ck_assert_str_eq(c->hookspec_dirs[0], "/a");
    ck_assert_str_eq(c->hookspec_dirs[1], fixture_path("rel/b"));
    ck_assert_uint_eq(c->n_plugin_dirs, 1);
    ck_assert(c->log_format_set && c->log_format == LOG_FORMAT_JSON);
    ck_assert_int_eq(c->log_level, LOG_WARNING);
    ck_assert_uint_eq(c->event_max_size, 2u << 20);
    ck_assert_uint_eq(c->backlog_max_size, 1u << 30);
    ck_assert_uint_eq(c->publishers_max, 7);
    ck_assert_int_eq(c->startup_grace, 0);
    ck_assert_int_eq(c->stop_timeout, 120 * NSEC_PER_SEC);
    ck_assert_uint_eq(c->plugin_defaults.queue_max_events, 9);
    ck_assert_int_eq(c->plugin_defaults.overflow, OVERFLOW_RESTART);
    ck_assert_int_eq(c->plugin_defaults.restart.policy, RESTART_NEVER);
    ck_assert_int_eq(c->plugin_defaults.restart.backoff_max, 30 * NSEC_PER_SEC);
}
END_TEST

START_TEST(test_flags_replace_what_the_file_says) {
    ck_assert_int_eq(PARSE(A("--plugin-dir"), A("p1"), A("--plugin-dir"), A("p2"), A("--log-level"), A("error"),
                           A("--log-format"), A("logfmt")),
                     0);
    load(full);
    ck_assert_uint_eq(c->n_plugin_dirs, 2);
    ck_assert_str_eq(c->plugin_dirs[0], "p1");
    ck_assert_uint_eq(c->n_hookspec_dirs, 2);
    ck_assert_int_eq(c->log_level, LOG_ERROR);
    ck_assert_int_eq(c->log_format, LOG_FORMAT_LOGFMT);
}
END_TEST

START_TEST(test_an_empty_list_means_no_directory) {
    load("plugin_dirs: []\n");
    ck_assert_silent(&errs);
    ck_assert_uint_eq(c->n_plugin_dirs, 0);
    ck_assert_ptr_nonnull(c->plugin_dirs);
}
END_TEST

START_TEST(test_what_is_wrong_is_said_with_its_place) {
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"log: {level: info}\nruntime_dri: x\n",
         "c.yaml:2:1: unknown key \"runtime_dri\" (did you mean \"runtime_dir\"?)"},
        {"event_max_size: 1MiB\n",
         "c.yaml:1:1: unknown key \"event_max_size\" (did you mean \"limits.event_max_size\"?)"},
        {"queue_max_size: 1MiB\n", "(did you mean \"plugin_defaults.queue_max_size\"?)"},
        {"startup_grace: 5 potatoes\n", "1:16: startup_grace: expected a duration such as 500ms"},
        {"stop_timeout: 60\n", "stop_timeout: expected a duration"},
        {"stop_timeout: 0\n", "stop_timeout: must be from 100ms"},
        {"limits: {event_max_size: 10B}\n", "1:26: event_max_size: must be from 1KiB to 1GiB, got \"10B\""},
        {"limits: {event_max_size: 1MB}\n", "event_max_size: expected a size such as 16MiB"},
        {"limits: {backlog_max_size: 1KiB}\n", "backlog_max_size: must be from 256KiB"},
        {"limits: {publishers_max: 0}\n", "publishers_max: expected a whole number from 1 to 1000000"},
        {"limits: []\n", "limits: expected a map (key: value), got a list"},
        {"log: {format: xml}\n", "format: expected one of logfmt, json, journald, got \"xml\""},
        {"log: {level: warn}\n", "level: expected one of error, warning, info, debug, got \"warn\""},
        {"log: {lvl: info}\n", "unknown key \"lvl\""},
        {"sockets: {events: {mode: 999}}\n", "mode: expected octal permissions such as \"0660\", got \"999\""},
        {"sockets: {events: {mode: \"04755\"}}\n", "mode: expected octal permissions"},
        {"sockets: {events: {mode: rw}}\n", "mode: expected octal permissions"},
        {"sockets: {event: {mode: 0600}}\n", "unknown key \"event\" (did you mean \"events\"?)"},
        {"hookspec_dirs: /x\n", "hookspec_dirs: expected a list, got \"/x\""},
        {"plugin_dirs: [/x, /x]\n", "plugin_dirs: \"/x\" is listed twice"},
        {"runtime_dir: ''\n", "runtime_dir: must not be empty"},
        {"plugin_defaults: {slow: 1s}\n", "unknown key \"slow\""},
        {"- a\n", "c.yaml:1:1: a configuration is a map of keys: expected a map (key: value), got a list"},
        {"log: {level: info}\nlog: {format: json}\n",
         "c.yaml:2:1: key \"log\" is given twice; first at line 1 column 1"},
        {"log:\n\tlevel: info\n", "c.yaml:2:1: not valid YAML"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        load(bad[i].text);
        ck_assert_says(&errs, bad[i].says);
    }
}
END_TEST

START_TEST(test_every_problem_is_reported_not_just_the_first) {
    load("startup_grace: x\nlimits: {publishers_max: y, foo: 1}\nlog: {level: z}\nbar: 2\n");
    ck_assert_uint_eq(errs.n, 5);
}
END_TEST

START_TEST(test_a_missing_file_is_an_error_when_it_was_named) {
    flags = (struct config_flags){.config = fixture_path("none.yaml"), .runtime_dir = "/tmp/run"};
    load_flags();
    ck_assert_says(&errs, "none.yaml: cannot open: No such file or directory");
}
END_TEST

START_TEST(test_a_runtime_dir_too_long_for_a_socket_is_refused) {
    char dir[128] = "/";
    memset(dir + 1, 'x', 93);
    flags = (struct config_flags){.runtime_dir = dir};
    load("");
    ck_assert_silent(&errs);
    dir[94] = 'x';
    load_flags();
    ck_assert_says(&errs, "name is too long for sockets in it (95 bytes; at most 94)");
}
END_TEST

START_TEST(test_the_default_runtime_dir_depends_on_who_runs) {
    flags = (struct config_flags){.config = fixture_write("c.yaml", "")};
    ck_assert_int_eq(chmod(fixture_root, 0755), 0);
    bool root = geteuid() == 0;
    if (root) {
        load_flags();
        ck_assert_str_eq(c->runtime_dir, "/run/hookcast");
        ck_assert_int_eq(seteuid(65534), 0);
    }
    ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", "/run/user/7", 1), 0);
    load_flags();
    ck_assert_str_eq(c->runtime_dir, "/run/user/7/hookcast");
    ck_assert_int_eq(unsetenv("XDG_RUNTIME_DIR"), 0);
    load_flags();
    ck_assert_says(&errs, "pass --runtime-dir DIR (XDG_RUNTIME_DIR is not set)");
    if (root) ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(test_root_refuses_a_file_that_everybody_can_write_and_a_group_that_is_not_there) {
    if (geteuid() != 0) return;
    load("sockets: {events: {group: no-such-group-here}}\n");
    ck_assert_says(&errs, "c.yaml:1:27: group: there is no group \"no-such-group-here\"");
    load("");
    ck_assert_int_eq(chmod(flags.config, 0666), 0);
    load_flags();
    ck_assert_says(&errs, "c.yaml: can be written by everybody (mode 0666)");
}
END_TEST

START_TEST(test_mutated_files_never_crash_and_always_say_where) {
    unsigned seed = 11;
    static const char junk[] = "{}[]:,-#&*!|>'\"%@`\n\t ~?<=0x\xC3\xA9\xFF";
    flags.runtime_dir = "/tmp/run";
    for (int round = 0; round < 2000; round++) {
        char text[sizeof full];
        size_t n = sizeof full - 1;
        memcpy(text, full, n);
        for (int k = rand_r(&seed) % 4; k >= 0; k--) {
            size_t at = (size_t)rand_r(&seed) % n;
            if (rand_r(&seed) % 2) {
                text[at] = junk[(size_t)rand_r(&seed) % (sizeof junk - 1)];
            } else {
                memmove(text + at, text + at + 1, n - at - 1);
                n--;
            }
        }
        flags.config = fixture_write_bytes("c.yaml", text, n);
        load_flags();
        for (size_t i = 0; i < errs.n; i++) ck_assert_ptr_nonnull(strstr(errs.items[i], "c.yaml:"));
    }
}
END_TEST

#if CHAOS
static bool load_once(void) {
    struct errs list = {0};
    struct config *x = config_load(&flags, &list);
    bool ok = x ? list.n == 0 && x->n_plugin_dirs == 1 && x->n_hookspec_dirs == 2 : list.n > 0 || list.lost;
    config_free(x);
    errs_deinit(&list);
    return ok;
}

START_TEST(test_every_failed_allocation_is_survived) {
    char text[sizeof full];
    memcpy(text, full, sizeof text);
    char *group = strstr(text, ", group: root"); /* looking it up leaves caches of the C library behind */
    memset(group, ' ', strlen(", group: root"));
    flags = (struct config_flags){.config = fixture_write("c.yaml", text), .runtime_dir = "/tmp/run"};
    ck_assert_int_gt(chaos_run(load_once), 100);
}
END_TEST
#endif

int main(void) {
    Suite *s = suite_create("config");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_every_flag_is_read);
    tcase_add_test(t, test_usage_errors_say_what_is_wrong);
    tcase_add_test(t, test_defaults_are_the_contracts);
    tcase_add_test(t, test_every_key_is_read);
    tcase_add_test(t, test_flags_replace_what_the_file_says);
    tcase_add_test(t, test_an_empty_list_means_no_directory);
    tcase_add_test(t, test_what_is_wrong_is_said_with_its_place);
    tcase_add_test(t, test_every_problem_is_reported_not_just_the_first);
    tcase_add_test(t, test_a_missing_file_is_an_error_when_it_was_named);
    tcase_add_test(t, test_a_runtime_dir_too_long_for_a_socket_is_refused);
    tcase_add_test(t, test_the_default_runtime_dir_depends_on_who_runs);
    tcase_add_test(t, test_root_refuses_a_file_that_everybody_can_write_and_a_group_that_is_not_there);
    tcase_add_test(t, test_mutated_files_never_crash_and_always_say_where);
#if CHAOS
    tcase_add_test(t, test_every_failed_allocation_is_survived);
#endif
    suite_add_tcase(s, t);
    return fixture_run(s);
}
