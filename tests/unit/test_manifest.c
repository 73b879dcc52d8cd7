#include "registry/manifest.h"

#include <check.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "chaos.h"
#include "fixture.h"

#define REQUIRED                                                                                         \
    "schema_version: \"1\"\nname: metrics-exporter\nkind: lifecycle_listener\nkind_api_version: \"1\"\n" \
    "core_version: \">=0.1,<2\"\nruntime: mcp_stdio\ncommand: [python3, plugin.py]\n"

static struct errs errs;
static struct manifest *m;
static struct settings defaults;

static void setup(void) {
    fixture_begin();
    defaults = settings_default();
}

static void teardown(void) {
    m = manifest_free(m);
    errs_deinit(&errs);
    fixture_end();
}

static void load_as(const char *file, const char *text) {
    m = manifest_free(m);
    errs_deinit(&errs);
    char rel[64];
    (void)snprintf(rel, sizeof rel, "p/%s", file);
    m = manifest_load(fixture_write(rel, text), &defaults, &errs);
    ck_assert_int_eq(m == NULL, errs.n > 0);
}

static void load(const char *text) { load_as("plugin.yaml", text); }

static void accepted(const char *text) {
    load(text);
    ck_assert_silent(&errs);
}

/* ---- what a manifest says ---- */

static const char full[] = REQUIRED
    "env: {LOG_LEVEL: info, DEBUG: no, PORT: 8080, EMPTY: \"\"}\npriority: 7\ndepends_on: [a, b]\n"
    "startup_timeout_sec: 0.5\nteardown_timeout_sec: 90\nconfig: {port: 80, debug: no, on: [true, 0o17]}\n"
    "config_schema: schema.json\nlicense: MIT\nmaintainer: someone\nhomepage: https://example.org\n"
    "capabilities: [x]\nversion: 1.2.3\ndescription: d\nauthors: [me]\nexecution_model: async\n"
    "in_process_only: false\nentry_point: a:b\nhealth_check: {}\nurl: x\nauth: {}\ntryfirst: true\ntrylast: false\n"
    "fallback: 1\nresources: []\nunit_of_work: x\nsupports_streaming: true\nsupports_x: 1\nmetadata: {a: b}\n"
    "hookcast:\n  protocol: jsonrpc\n  hooks: [on_request_started]\n  tools: {on_request_finished: append_row}\n"
    "  user: nobody\n  rlimits: {nofile: 256, as: 512MiB, nproc: 20, cpu: 1min, core: unlimited}\n"
    "  cgroup: {memory_max: 256MiB, pids_max: 64, cpu_max: 50%}\n  credentials: [token]\n"
    "  tools_in_flight_max: 16\n  queue_max_events: 5\n  restart: {policy: never}\n";

START_TEST(test_everything_the_contract_names_is_read) {
    (void)fixture_write("p/schema.json", "{\"type\": \"object\"}");
    accepted(full);
    ck_assert_str_eq(m->name, "metrics-exporter");
    ck_assert_str_eq(m->schema_version, "1");
    ck_assert_str_eq(m->kind, "lifecycle_listener");
    ck_assert_str_eq(m->kind_api_version, "1");
    ck_assert_uint_eq(m->kind_major, 1);
    ck_assert_str_eq(m->core_version, ">=0.1,<2");
    ck_assert_str_eq(m->runtime, "mcp_stdio");
    ck_assert_str_eq(m->path, fixture_path("p/plugin.yaml"));
    ck_assert_str_eq(m->dir, fixture_path("p"));
    ck_assert_str_eq(m->command[0], "python3");
    ck_assert_str_eq(m->command[1], "plugin.py");
    ck_assert_ptr_null(m->command[2]);
    ck_assert_str_eq(m->env[0], "LOG_LEVEL=info");
    ck_assert_str_eq(m->env[1], "DEBUG=no");
    ck_assert_str_eq(m->env[2], "PORT=8080");
    ck_assert_str_eq(m->env[3], "EMPTY=");
    ck_assert_ptr_null(m->env[4]);
    ck_assert_uint_eq(m->priority, 7);
    ck_assert_str_eq(m->depends_on[1], "b");
    ck_assert_int_eq(m->startup_timeout, 500 * NSEC_PER_MSEC);
    ck_assert_int_eq(m->teardown_timeout, 90 * NSEC_PER_SEC);
    char *config = json_dumps(m->config, JSON_COMPACT);
    ck_assert_str_eq(config, "{\"port\":80,\"debug\":\"no\",\"on\":[true,15]}");
    free(config);
    ck_assert(json_is_object(m->config_schema));
    ck_assert_str_eq(m->config_schema_path, fixture_path("p/schema.json"));
    ck_assert_str_eq(m->license, "MIT");
    ck_assert_str_eq(m->maintainer, "someone");
    ck_assert_str_eq(m->homepage, "https://example.org");
    ck_assert_str_eq(m->capabilities[0], "x");
    ck_assert_int_eq(m->protocol, PROTOCOL_JSONRPC);
    ck_assert(m->hooks_given);
    ck_assert_str_eq(m->hooks[0], "on_request_started");
    ck_assert_uint_eq(m->n_tools, 1);
    ck_assert_str_eq(m->tools[0].hook, "on_request_finished");
    ck_assert_str_eq(m->tools[0].tool, "append_row");
    ck_assert_str_eq(m->user, "nobody");
    ck_assert_uint_eq(m->n_rlimits, 5);
    ck_assert_int_eq(m->rlimits[1].resource, RLIMIT_AS);
    ck_assert_uint_eq(m->rlimits[1].value, 512u << 20);
    ck_assert_uint_eq(m->rlimits[3].value, 60);
    ck_assert(m->rlimits[4].value == RLIM_INFINITY);
    ck_assert_uint_eq(m->cgroup.memory_max, 256u << 20);
    ck_assert_uint_eq(m->cgroup.pids_max, 64);
    ck_assert(m->cgroup.cpu_max > 0.499 && m->cgroup.cpu_max < 0.501);
    ck_assert_str_eq(m->credentials[0], "token");
    ck_assert_uint_eq(m->tools_in_flight_max, 16);
    ck_assert_uint_eq(m->settings.queue_max_events, 5);
    ck_assert_int_eq(m->settings.restart.policy, RESTART_NEVER);
    ck_assert_int_eq(m->settings.restart.backoff_max, 30 * NSEC_PER_SEC);
    ck_assert_ptr_null(m->spec);
    ck_assert_ptr_null(m->refusal);
}
END_TEST

START_TEST(test_a_short_manifest_gets_the_defaults) {
    defaults.queue_max_events = 77;
    accepted(REQUIRED "env:\nconfig:\nhookcast:\n");
    ck_assert_int_eq(m->startup_timeout, 30 * NSEC_PER_SEC);
    ck_assert_int_eq(m->teardown_timeout, 15 * NSEC_PER_SEC);
    ck_assert(json_is_object(m->config));
    ck_assert_uint_eq(json_object_size(m->config), 0);
    ck_assert_uint_eq(m->settings.queue_max_events, 77);
    ck_assert_int_eq(m->protocol, PROTOCOL_MCP);
    ck_assert(!m->hooks_given);
    ck_assert_ptr_null(m->hooks);
    ck_assert_uint_eq(m->tools_in_flight_max, 256);
    ck_assert_uint_eq(m->priority, 0);
    accepted(REQUIRED "hookcast: {hooks: []}\n");
    ck_assert(m->hooks_given);
}
END_TEST

START_TEST(test_plain_words_and_numbers_are_strings_where_strings_are_wanted) {
    accepted(
        "schema_version: 1\nname: no\nkind: on\nkind_api_version: 1.0\ncore_version: '>=0'\nruntime: mcp_stdio\n"
        "command: [yes, 1.10, 0o17]\n");
    ck_assert_str_eq(m->name, "no");
    ck_assert_str_eq(m->kind, "on");
    ck_assert_str_eq(m->kind_api_version, "1.0");
    ck_assert_str_eq(m->command[0], "yes");
    ck_assert_str_eq(m->command[1], "1.10");
    ck_assert_str_eq(m->command[2], "0o17");
}
END_TEST

START_TEST(test_dagstack_json_is_read_at_the_root_and_under_plugin) {
#define JSON_FIELDS                                                                                                  \
    "\"schema_version\": \"1\", \"name\": \"j\", \"kind\": \"k\", \"kind_api_version\": \"1\",\n \"core_version\": " \
    "\">=0\", \"runtime\": \"mcp_stdio\", \"command\": [\"x\"],\n\t\"priority\": 5, \"config\": {\"a\": [1.5, null]}"
    load_as("dagstack.json", "{" JSON_FIELDS "}");
    ck_assert_silent(&errs);
    ck_assert_str_eq(m->name, "j");
    ck_assert_uint_eq(m->priority, 5);
    load_as("dagstack.json", "{\"$schema\": \"x\", \"plugin\": {" JSON_FIELDS "}}");
    ck_assert_silent(&errs);
    ck_assert_str_eq(m->name, "j");
    load_as("dagstack.json", "{" JSON_FIELDS ",\n  \"prioritty\": 1}");
    ck_assert_says(&errs, "dagstack.json:4:3: unknown key \"prioritty\" (did you mean \"priority\"?)");
    load_as("dagstack.json", "{\"plugin\": []}");
    ck_assert_says(&errs, "dagstack.json:1:12: a manifest is a map of keys: expected a map (key: value), got a list");
    load_as("dagstack.json", "{\"plugin\": {\"name\": \"x\"");
    ck_assert_says(&errs, "dagstack.json:1:");
    load("plugin: {name: x}\n");
    ck_assert_says(&errs, "unknown key \"plugin\"");
}
END_TEST

START_TEST(test_a_plugin_that_runs_elsewhere_needs_no_command) {
    accepted(
        "schema_version: '1'\nname: x\nkind: k\nkind_api_version: 1\ncore_version: ''\nruntime: in_process\n"
        "entry_point: a:b\n");
    ck_assert_ptr_null(m->command);
}
END_TEST

START_TEST(test_what_is_wrong_is_said_with_its_place) {
    static const struct {
        const char *more, *says; /* after REQUIRED, which has 7 lines */
    } bad[] = {
        {"descripton: x\n", "plugin.yaml:8:1: unknown key \"descripton\" (did you mean \"description\"?)"},
        {"hooks: [a]\n", "plugin.yaml:8:1: unknown key \"hooks\" (did you mean \"hookcast.hooks\"?)"},
        {"supports_: 1\n", "unknown key \"supports_\""},
        {"name: again\n", "plugin.yaml:8:1: key \"name\" is given twice; first at line 2 column 1"},
        {"priority: 101\n", "plugin.yaml:8:11: priority: expected a whole number from 0 to 100, got \"101\""},
        {"priority: -1\n", "priority: expected a whole number"},
        {"env: [A]\n", "env: expected a map"},
        {"env: {A-B: 1}\n", "env: \"A-B\" is not the name of a variable"},
        {"env: {1A: 1}\n", "env: \"1A\" is not the name of a variable"},
        {"env: {A: [1]}\n", "env: expected text, got a list"},
        {"depends_on: a\n", "depends_on: expected a list, got \"a\""},
        {"depends_on: [a, a]\n", "8:17: depends_on: \"a\" is listed twice"},
        {"depends_on: ['']\n", "depends_on: an entry must not be empty"},
        {"startup_timeout_sec: 0\n", "startup_timeout_sec: must be from 1ms to 1d 0h, got \"0\""},
        {"startup_timeout_sec: 30s\n", "startup_timeout_sec: expected a number of seconds such as 30 or 0.5"},
        {"teardown_timeout_sec: -5\n", "teardown_timeout_sec: expected a number of seconds"},
        {"config: [1]\n", "config: expected a map (key: value), got a list"},
        {"config: {a: .nan}\n", "8:13: config: the number \".nan\" cannot be written in JSON"},
        {"config_schema: ../x.json\n", "config_schema: cannot open \"../x.json\""},
        {"config_schema: ../out.json\n", "8:16: config_schema: \"../out.json\" leads out of "},
        {"config_schema: [1]\n", "config_schema: expected text, got a list"},
        {"config_schema: list.json\n", "p/list.json:1:1: a JSON Schema must be an object, true or false"},
        {"config_schema: broken.json\n", "p/broken.json:2:"},
        {"capabilities: {a: 1}\n", "capabilities: expected a list"},
        {"hookcast: jsonrpc\n", "hookcast: expected a map"},
        {"hookcast: {protocol: json-rpc}\n",
         "protocol: expected one of mcp, jsonrpc, got \"json-rpc\" (did you mean \"jsonrpc\"?)"},
        {"hookcast: {hooks: on_x}\n", "hooks: expected a list, got \"on_x\""},
        {"hookcast: {tools: {a: }}\n", "tools: a hook needs the name of a tool"},
        {"hookcast: {tools: [a]}\n", "tools: expected a map"},
        {"hookcast: {user: ''}\n", "user: must not be empty"},
        {"hookcast: {rlimits: {nproc: 5}}\n", "8:29: nproc: needs \"user\" beside it"},
        {"hookcast: {rlimits: {nofiles: 5}}\n", "rlimits: unknown limit \"nofiles\" (did you mean \"nofile\"?)"},
        {"hookcast: {rlimits: {as: 5 potatoes}}\n", "as: expected a size such as 16MiB"},
        {"hookcast: {rlimits: {nofile: 1KiB}}\n", "nofile: expected a whole number"},
        {"hookcast: {cgroup: {cpu_max: 50}}\n", "cpu_max: expected a percentage of one CPU such as 50%"},
        {"hookcast: {cgroup: {cpu_max: 0%}}\n", "cpu_max: expected a percentage"},
        {"hookcast: {cgroup: {pids_max: 0}}\n", "pids_max: expected a whole number"},
        {"hookcast: {cgroup: {memory: 1MiB}}\n", "unknown key \"memory\""},
        {"hookcast: {credentials: [../x]}\n", "credentials: \"../x\" is not the name of a credential"},
        {"hookcast: {tools_in_flight_max: 0}\n", "tools_in_flight_max: expected a whole number"},
        {"hookcast: {queue_max_event: 5}\n", "unknown key \"queue_max_event\" (did you mean \"queue_max_events\"?)"},
        {"hookcast: {health: {interval: 5}}\n", "interval: expected a duration"},
        {"a: *x\n", "alias \"x\" names no anchor"},
        {"a: [\n", "not valid YAML"},
    };
    (void)fixture_write("out.json", "{}");
    (void)fixture_write("p/list.json", "[]");
    (void)fixture_write("p/broken.json", "{\n");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char text[1024];
        (void)snprintf(text, sizeof text, "%s%s", REQUIRED, bad[i].more);
        load(text);
        ck_assert_says(&errs, bad[i].says);
    }
}
END_TEST

/* Replace one of the required lines (or take it away). */
static void load_with(const char *key, const char *line) {
    char text[1024] = "";
    const char *p = REQUIRED;
    for (const char *end; (end = strchr(p, '\n')); p = end + 1) {
        if (strncmp(p, key, strlen(key)) == 0 && p[strlen(key)] == ':')
            strcat(text, line);
        else
            strncat(text, p, (size_t)(end + 1 - p));
    }
    load(text);
}

START_TEST(test_required_keys_are_required) {
    static const char *const keys[] = {"schema_version", "name",    "kind",   "kind_api_version",
                                       "core_version",   "runtime", "command"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char says[96], line[64];
        load_with(keys[i], "");
        (void)snprintf(says, sizeof says, "plugin.yaml:1:1: required key \"%s\" is missing", keys[i]);
        ck_assert_says(&errs, says);
        (void)snprintf(line, sizeof line, "%s:\n", keys[i]);
        load_with(keys[i], line);
        (void)snprintf(says, sizeof says, "required key \"%s\" has no value", keys[i]);
        ck_assert_says(&errs, says);
    }
}
END_TEST

START_TEST(test_wrong_values_of_required_keys_are_told) {
    static const struct {
        const char *key, *line, *says;
    } bad[] = {
        {"name", "name: Metrics\n", "plugin.yaml:2:7: name: \"Metrics\" must begin with a-z or 0-9"},
        {"name", "name: -x\n", "must begin with"},
        {"name", "name: a b\n", "must begin with"},
        {"name", "name: a/b\n", "must begin with"},
        {"name", "name: [a]\n", "name: expected text, got a list"},
        {"kind_api_version", "kind_api_version: one\n", "kind_api_version: expected a major such as \"1\""},
        {"kind_api_version", "kind_api_version: [1]\n", "kind_api_version: expected text"},
        {"core_version", "core_version: 0.1\n", "5:15: core_version: \"0.1\" is not a version range"},
        {"core_version", "core_version: '^1.0'\n", "it begins with none of"},
        {"runtime", "runtime: mcp_studio\n",
         "runtime: expected one of mcp_stdio, in_process, mcp_http, got \"mcp_studio\" (did you mean \"mcp_stdio\"?)"},
        {"command", "command: python3 plugin.py\n", "7:10: command: expected a list such as [python3, plugin.py]"},
        {"command", "command: []\n", "command: must name a program"},
        {"command", "command: ['', a]\n", "command: must name a program"},
        {"command", "command: [a, [b]]\n", "command: expected text, got a list"},
        {"command", "command: [a, ~]\n", "command: expected text, got nothing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        load_with(bad[i].key, bad[i].line);
        ck_assert_says(&errs, bad[i].says);
    }
}
END_TEST

START_TEST(test_every_problem_is_reported_not_just_the_first) {
    load("name: X\nkind: k\npriority: x\nfoo: 1\n");
    ck_assert_uint_eq(errs.n, 3 + 4); /* and schema_version, kind_api_version, core_version, runtime missing */
}
END_TEST

START_TEST(test_another_schema_version_is_the_problem_rather_than_its_unknown_keys) {
    load("schema_version: '2'\nname: x\nnew_key: 1\n");
    ck_assert_uint_eq(errs.n, 1);
    ck_assert_says(&errs, "plugin.yaml:1:17: schema_version \"2\" is not supported: this daemon reads \"1\"");
}
END_TEST

/* ---- whether it can run here ---- */

static struct hookspec *specs[3];

static void spec(size_t i, const char *kind, const char *version) {
    char text[256], rel[32];
    (void)snprintf(text, sizeof text,
                   "kind: %s\nkind_api_version: %s\nhooks: [{name: on_request_started, dispatch: broadcast_notify}]\n",
                   kind, version);
    (void)snprintf(rel, sizeof rel, "s/%zu.yaml", i);
    struct errs none = {0};
    specs[i] = hookspec_load(fixture_write(rel, text), fixture_path("s"), &none);
    ck_assert_ptr_nonnull(specs[i]);
}

static const char *refusal_with(const char *key, const char *line, size_t n_specs) {
    load_with(key, line);
    ck_assert_silent(&errs);
    ck_assert_int_eq(manifest_admit(m, (const struct hookspec *const *)specs, n_specs, "0.1.0"), 0);
    return m->refusal;
}

START_TEST(test_checks_refuse_in_the_contracts_order_and_say_why) {
    spec(0, "lifecycle_listener", "1.0.0");
    spec(1, "lifecycle_listener", "3.1.0");
    spec(2, "tracer", "1.0.0");
    ck_assert_ptr_null(refusal_with("none", "", 3));
    ck_assert_ptr_eq(m->spec, specs[0]);
    ck_assert_ptr_null(refusal_with("kind_api_version", "kind_api_version: 3\n", 3));
    ck_assert_ptr_eq(m->spec, specs[1]);
    ck_assert_ptr_null(refusal_with("kind_api_version", "kind_api_version: 1.7.3\n", 3));
    ck_assert_str_eq(refusal_with("schema_version", "schema_version: '2'\n", 3),
                     "schema_version \"2\" is not supported: this daemon reads \"1\"");
    ck_assert_str_eq(refusal_with("kind", "kind: lifecycle_listner\n", 3),
                     "kind \"lifecycle_listner\" is not known (did you mean \"lifecycle_listener\"?)");
    ck_assert_ptr_null(m->spec);
    ck_assert_str_eq(refusal_with("kind", "kind: x\n", 0), "kind \"x\" is not known: no hookspec is loaded at all");
    ck_assert_str_eq(refusal_with("kind_api_version", "kind_api_version: '2'\n", 3),
                     "kind_api_version \"2\" of kind lifecycle_listener is not served; served: 1.0.0, 3.1.0");
    ck_assert_str_eq(refusal_with("core_version", "core_version: '>=0.2'\n", 3),
                     "core_version \">=0.2\" does not include this daemon's version 0.1.0");
    ck_assert_ptr_eq(m->spec, specs[0]);
    ck_assert_str_eq(refusal_with("runtime", "runtime: in_process\n", 3),
                     "runtime in_process is not supported: plugins never run inside the daemon; use mcp_stdio");
    ck_assert_str_eq(refusal_with("runtime", "runtime: mcp_http\n", 3),
                     "runtime mcp_http is not supported: plugins are not reached over HTTP; use mcp_stdio");
    for (size_t i = 0; i < 3; i++) specs[i] = hookspec_free(specs[i]);
}
END_TEST

START_TEST(test_a_config_is_held_against_its_schema) {
    spec(0, "lifecycle_listener", "1.0.0");
    static const char schema[] =
        "{\"properties\":{\"port\":{\"type\":\"integer\"},\"rate\":{\"multipleOf\":0.01},"
        "\"more\":{\"$ref\":\"types/more.json\"}},\"required\":[\"port\"]}";
    (void)fixture_write("p/c.json", schema);
    (void)fixture_write("p/types/more.json", "{\"items\":{\"enum\":[null,true,\"\\u00e9\",{\"a\":[]}]}}");
    static const struct {
        const char *config, *refusal;
    } rows[] = {{"{port: 80, rate: 19.99, more: [null, true, \xC3\xA9, {a: []}], other: 1e300}", NULL},
                {"{port: 80.5}", "config does not fit config_schema: /port: "},
                {"{port: x}", "config does not fit config_schema: /port: "},
                {"{port: 1, rate: 0.005}", "config does not fit config_schema: /rate: "},
                {"{port: 1, more: [false]}", "config does not fit config_schema: /more/0: "},
                {"{}", "port"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[1024];
        (void)snprintf(text, sizeof text, REQUIRED "config: %s\nconfig_schema: c.json\n", rows[i].config);
        load(text);
        ck_assert_silent(&errs);
        ck_assert_int_eq(manifest_admit(m, (const struct hookspec *const *)specs, 1, "0.1.0"), 0);
        ck_assert_msg(!m->refusal == !rows[i].refusal, "%s: %s", rows[i].config, m->refusal ? m->refusal : "admitted");
        if (m->refusal) ck_assert_msg(strstr(m->refusal, rows[i].refusal) != NULL, "%s", m->refusal);
        (void)snprintf(text, sizeof text, REQUIRED "config: %s\nconfig_schema: %s\n", rows[i].config, schema);
        load(text);
        ck_assert_silent(&errs);
        ck_assert_int_eq(manifest_admit(m, (const struct hookspec *const *)specs, 1, "0.1.0"), 0);
        ck_assert_msg(!m->refusal == !rows[i].refusal, "inline: %s: %s", rows[i].config, m->refusal);
    }
    specs[0] = hookspec_free(specs[0]);
}
END_TEST

START_TEST(test_a_config_schema_that_cannot_be_compiled_is_a_bad_manifest) {
    load(REQUIRED "config_schema: {properties: {a: {type: strng}}}\n");
    ck_assert_ptr_null(m);
    ck_assert_says(&errs, "plugin.yaml:8:16: config_schema: ");
    ck_assert_says(&errs, "/properties/a/type");
    (void)fixture_write("p/c.json", "{\"$ref\":\"../../out.json\"}");
    load(REQUIRED "config_schema: c.json\n");
    ck_assert_ptr_null(m);
    ck_assert_says(&errs, "c.json");
    ck_assert_says(&errs, "out.json");
}
END_TEST

START_TEST(test_hooks_the_kind_does_not_have_are_told_with_the_nearest) {
    spec(0, "lifecycle_listener", "1.0.0");
    load(REQUIRED "hookcast:\n  hooks: [on_request_started, on_reqest_started]\n  tools: {nonsense: t}\n");
    struct errs notes = {0};
    manifest_unknown_hooks(m, &notes);
    ck_assert_silent(&notes);
    ck_assert_int_eq(manifest_admit(m, (const struct hookspec *const *)specs, 1, "0.1.0"), 0);
    manifest_unknown_hooks(m, &notes);
    ck_assert_uint_eq(notes.n, 2);
    ck_assert_says(&notes,
                   "plugin.yaml:9:10: hooks: kind lifecycle_listener has no hook \"on_reqest_started\" (did you "
                   "mean \"on_request_started\"?)");
    ck_assert_says(&notes, "tools: kind lifecycle_listener has no hook \"nonsense\"");
    errs_deinit(&notes);
    specs[0] = hookspec_free(specs[0]);
}
END_TEST

START_TEST(test_equality_sees_every_change_but_comments) {
    static const char *const changes[] = {"priority: 1",
                                          "env: {A: b}",
                                          "depends_on: [x]",
                                          "startup_timeout_sec: 31",
                                          "teardown_timeout_sec: 1",
                                          "config: {a: 1}",
                                          "config_schema: {}",
                                          "license: x",
                                          "maintainer: x",
                                          "homepage: x",
                                          "capabilities: [x]",
                                          "hookcast: {protocol: jsonrpc}",
                                          "hookcast: {hooks: []}",
                                          "hookcast: {hooks: [a]}",
                                          "hookcast: {tools: {a: b}}",
                                          "hookcast: {user: x}",
                                          "hookcast: {rlimits: {as: 1GiB}}",
                                          "hookcast: {cgroup: {memory_max: 1GiB}}",
                                          "hookcast: {cgroup: {pids_max: 1}}",
                                          "hookcast: {cgroup: {cpu_max: 5%}}",
                                          "hookcast: {credentials: [x]}",
                                          "hookcast: {tools_in_flight_max: 1}",
                                          "hookcast: {slow_after: 2s}",
                                          "hookcast: {health: {failures: 9}}"};
    accepted(REQUIRED);
    struct manifest *base = m;
    m = NULL;
    accepted("# comment\n\n" REQUIRED);
    ck_assert(manifest_equal(base, m));
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        char text[512];
        (void)snprintf(text, sizeof text, "%s%s\n", REQUIRED, changes[i]);
        accepted(text);
        ck_assert_msg(!manifest_equal(base, m), "not compared: %s", changes[i]);
        ck_assert_msg(!manifest_equal(m, base), "not compared: %s", changes[i]);
        struct manifest *same = manifest_load(m->path, &defaults, &errs);
        ck_assert(manifest_equal(same, m));
        manifest_free(same);
    }
    manifest_free(base);
}
END_TEST

/* ---- hostile input ---- */

START_TEST(test_mutated_manifests_never_crash_and_always_say_something) {
    unsigned seed = 7;
    static const char junk[] = "{}[]:,-#&*!|>'\"%@`\n\t ~?<=0x\xC3\xA9\xFF";
    (void)fixture_write("p/schema.json", "{}");
    for (int round = 0; round < 3000; round++) {
        char text[sizeof full + 8];
        size_t n = sizeof full - 1;
        memcpy(text, full, n);
        for (int k = rand_r(&seed) % 4; k >= 0; k--) {
            size_t at = (size_t)rand_r(&seed) % n;
            switch (rand_r(&seed) % 3) {
                case 0:
                    text[at] = junk[(size_t)rand_r(&seed) % (sizeof junk - 1)];
                    break;
                case 1:
                    memmove(text + at, text + at + 1, n - at - 1);
                    n--;
                    break;
                default:
                    n = n > 40 ? n - (size_t)rand_r(&seed) % 20 : n;
                    break;
            }
        }
        struct errs list = {0};
        struct manifest *x = manifest_load(fixture_write_bytes("p/plugin.yaml", text, n), &defaults, &list);
        ck_assert_int_eq(x == NULL, list.n > 0);
        for (size_t i = 0; i < list.n; i++) ck_assert_ptr_nonnull(strstr(list.items[i], "plugin.yaml:"));
        manifest_free(x);
        errs_deinit(&list);
    }
}
END_TEST

#if CHAOS
static char chaos_path[128];

static bool load_once(void) {
    struct errs list = {0};
    struct manifest *x = manifest_load(chaos_path, &defaults, &list);
    bool ok =
        x ? list.n == 0 && x->n_tools == 1 && x->n_rlimits == 5 && x->capabilities && x->config_schema && x->env[3]
          : list.n > 0 || list.lost;
    if (x) (void)manifest_admit(x, NULL, 0, "0.1.0");
    manifest_free(x);
    errs_deinit(&list);
    return ok;
}

START_TEST(test_every_failed_allocation_is_survived) {
    (void)fixture_write("p/schema.json", "{}");
    (void)snprintf(chaos_path, sizeof chaos_path, "%s", fixture_write("p/plugin.yaml", full));
    ck_assert_int_gt(chaos_run(load_once), 200);
}
END_TEST
#endif

int main(void) {
    Suite *s = suite_create("manifest");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_everything_the_contract_names_is_read);
    tcase_add_test(t, test_a_short_manifest_gets_the_defaults);
    tcase_add_test(t, test_plain_words_and_numbers_are_strings_where_strings_are_wanted);
    tcase_add_test(t, test_dagstack_json_is_read_at_the_root_and_under_plugin);
    tcase_add_test(t, test_a_plugin_that_runs_elsewhere_needs_no_command);
    tcase_add_test(t, test_what_is_wrong_is_said_with_its_place);
    tcase_add_test(t, test_required_keys_are_required);
    tcase_add_test(t, test_wrong_values_of_required_keys_are_told);
    tcase_add_test(t, test_every_problem_is_reported_not_just_the_first);
    tcase_add_test(t, test_another_schema_version_is_the_problem_rather_than_its_unknown_keys);
    tcase_add_test(t, test_checks_refuse_in_the_contracts_order_and_say_why);
    tcase_add_test(t, test_a_config_is_held_against_its_schema);
    tcase_add_test(t, test_a_config_schema_that_cannot_be_compiled_is_a_bad_manifest);
    tcase_add_test(t, test_hooks_the_kind_does_not_have_are_told_with_the_nearest);
    tcase_add_test(t, test_equality_sees_every_change_but_comments);
    tcase_add_test(t, test_mutated_manifests_never_crash_and_always_say_something);
#if CHAOS
    tcase_add_test(t, test_every_failed_allocation_is_survived);
#endif
    suite_add_tcase(s, t);
    return fixture_run(s);
}
