/* Which era and revision of MCP is spoken: every row of the table in DESIGN §5, and what comes late. */
#include "fanout_suite.h"
#include "mcp_rig.h"

#define RESULT(id, result) V "\"id\":\"" id "\",\"result\":" result "}"
#define ERROR(id, error) V "\"id\":\"" id "\",\"error\":" error "}"
#define NATIVE "\"capabilities\":{\"experimental\":{\"io.hookcast/hooks\":{}}}"
#define LEGACY_RESULT(id, revision) RESULT(id, "{\"protocolVersion\":\"" revision "\"," NATIVE "}")
#define NOT_FOUND "{\"code\":-32601,\"message\":\"what?\"}"
#define THEIRS(list) "{\"code\":-32022,\"message\":\"no\",\"data\":{\"supported\":" list "}}"
#define INITIALIZED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\",\"params\":{}}"
#define OURS "2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05"

static void begin_era(enum mcp_era era) {
    begin();
    ck_assert_int_eq(mcp_start(m, era, &out), 0);
    if (era != MCP_ERA_LEGACY) json_decref(asked("server/discover", "h1"));
}

/* `initialize` with this revision was written, and nothing else. */
static void initialize_is(const char *id, const char *revision) {
    const char *is;
    json_t *p = legacy_asked("initialize", id);
    ck_assert_int_eq(json_unpack(p, "{s:s}", "protocolVersion", &is), 0);
    ck_assert_str_eq(is, revision);
    json_decref(p);
    asked_nothing();
    ck_assert_str_eq(mcp_awaiting(m), "an answer to initialize");
    ck_assert(!mcp_probing(m));
}

/* The answer to initialize was taken; up to ready. */
static void legacy_ready(const char *setup_id, const char *revision) {
    char line[128];
    next_is(INITIALIZED);
    json_decref(legacy_asked("hooks/setup", setup_id));
    asked_nothing();
    ck_assert_str_eq(mcp_revision(m), revision);
    ck_assert_str_eq(mcp_awaiting(m), "an answer to hooks/setup");
    (void)snprintf(line, sizeof line, V "\"id\":\"%s\",\"result\":{}}", setup_id);
    ck_assert_int_eq(hear(line), MCP_READY);
    ck_assert(mcp_native(m));
}

static void refusal(const char *line, const char *text) {
    ck_assert_msg(hear(line) == MCP_REFUSED, "%s", line);
    ck_assert_str_eq(why.text, text);
    asked_nothing();
    ck_assert_int_eq(mcp_era_next(m), MCP_ERA_UNKNOWN);
    ck_assert_int_eq(mcp_silent(m, &out), -EBUSY);
}

START_TEST(test_initialize_says_who_we_are_and_declares_the_extension_twice) {
    begin_era(MCP_ERA_LEGACY);
    ck_assert(!mcp_probing(m));
    ck_assert_int_eq(mcp_silent(m, &out), -EBUSY);
    next_is(
        "{\"jsonrpc\":\"2.0\",\"id\":\"h1\",\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
        "\"capabilities\":{\"extensions\":{\"io.hookcast/hooks\":{\"kind\":\"lifecycle_listener\","
        "\"kind_api_version\":\"1.0.0\",\"hooks\":[\"on_a\",\"on_b\",\"on_c\"]}},"
        "\"experimental\":{\"io.hookcast/hooks\":{\"kind\":\"lifecycle_listener\",\"kind_api_version\":\"1.0.0\","
        "\"hooks\":[\"on_a\",\"on_b\",\"on_c\"]}}},\"clientInfo\":{\"name\":\"hookcastd\",\"version\":\"0.1.0\"}}}");
    asked_nothing();
    ck_assert_int_eq(hear(LEGACY_RESULT("h1", "2025-11-25")), MCP_NOTHING);
    legacy_ready("h2", "2025-11-25");
    ck_assert_int_eq(mcp_era_next(m), MCP_ERA_LEGACY);
    end();
}
END_TEST

START_TEST(test_a_discover_result_is_modern) {
    static const enum mcp_era eras[] = {MCP_ERA_UNKNOWN, MCP_ERA_MODERN};
    for (unsigned i = 0; i < 2; i++) {
        begin_era(eras[i]);
        ck_assert(mcp_probing(m));
        ck_assert_int_eq(mcp_era_next(m), MCP_ERA_UNKNOWN);
        ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING);
        ck_assert(!mcp_probing(m));
        ck_assert_int_eq(mcp_silent(m, &out), -EBUSY);
        json_decref(asked("hooks/setup", "h2")); /* and no notification before it */
        ck_assert_str_eq(mcp_revision(m), MCP_MODERN);
        ck_assert_int_eq(mcp_era_next(m), MCP_ERA_MODERN);
        end();
    }
}
END_TEST

START_TEST(test_a_discover_result_may_carry_all_that_the_schema_has) {
    begin_era(MCP_ERA_UNKNOWN);
    ck_assert_int_eq(
        hear(RESULT("h1",
                    "{\"resultType\":\"complete\",\"supportedVersions\":[\"2024-11-05\",\"2026-07-28\","
                    "\"2030-01-01\"],\"capabilities\":{\"logging\":{},\"extensions\":{\"io.hookcast/hooks\":{"
                    "\"hooks\":[\"on_b\"]}}},\"instructions\":\"\\ud800\",\"ttlMs\":1e999,\"cacheScope\":"
                    "\"public\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"x\"}}}")),
        MCP_NOTHING);
    json_decref(asked("hooks/setup", "h2"));
    end();
}
END_TEST

START_TEST(test_any_other_error_is_legacy_whatever_its_code) {
    static const char *const errors[] = {NOT_FOUND,
                                         "{\"code\":-32602,\"message\":\"m\"}",
                                         "{\"code\":-32600}",
                                         "{\"code\":-32020,\"message\":\"m\"}",
                                         "{\"code\":0}",
                                         "{\"code\":\"-32022\"}",
                                         "{\"code\":-32022.5}",
                                         "{\"code\":1e999}",
                                         "\"x\"",
                                         "null",
                                         "[]",
                                         "7",
                                         "{\"code\":null,\"data\":{\"supported\":[\"2026-07-28\"]}}"};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        char line[256];
        begin_era(MCP_ERA_UNKNOWN);
        (void)snprintf(line, sizeof line, V "\"id\":\"h1\",\"error\":%s}", errors[i]);
        ck_assert_msg(hear(line) == MCP_NOTHING, "%s", line);
        initialize_is("h2", "2025-11-25");
        ck_assert_int_eq(hear(LEGACY_RESULT("h2", "2025-11-25")), MCP_NOTHING);
        legacy_ready("h3", "2025-11-25");
        ck_assert_int_eq(mcp_era_next(m), MCP_ERA_LEGACY);
        end();
    }
}
END_TEST

START_TEST(test_a_result_that_is_no_discover_result_is_legacy) {
    static const char *const results[] = {"{}",
                                          "null",
                                          "\"hello\"",
                                          "[1]",
                                          "7",
                                          "{\"capabilities\":{}}",
                                          "{\"supportedVersions\":\"2026-07-28\"}",
                                          "{\"supportedVersions\":{\"0\":\"2026-07-28\"}}",
                                          "{\"supportedVersions\":[\"2026-07-28\",7]}",
                                          "{\"supportedVersions\":[null]}",
                                          "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":[]}",
                                          "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":null}",
                                          "{\"supportedVersions\":[\"2026-07-28\"],\"resultType\":\"input_required\"}",
                                          "{\"supportedVersions\":[\"2026-07-28\"],\"resultType\":null}"};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        char line[256];
        begin_era(MCP_ERA_UNKNOWN);
        (void)snprintf(line, sizeof line, V "\"id\":\"h1\",\"result\":%s}", results[i]);
        ck_assert_msg(hear(line) == MCP_NOTHING, "%s", line);
        initialize_is("h2", "2025-11-25");
        refusal(ERROR("h2", NOT_FOUND), "initialize failed: what? (-32601)");
        end();
    }
}
END_TEST

START_TEST(test_only_legacy_revisions_in_common_means_the_newest_of_them) {
    begin_era(MCP_ERA_UNKNOWN);
    ck_assert_int_eq(hear(RESULT("h1",
                                 "{\"supportedVersions\":[\"2024-11-05\",\"2025-06-18\",\"2027-01-01\","
                                 "\"2025-03-26\"],\"capabilities\":{}}")),
                     MCP_NOTHING);
    initialize_is("h2", "2025-06-18");
    ck_assert_int_eq(hear(V "\"id\":7,\"method\":\"ping\"}"), MCP_NOTHING);
    next_is(V "\"id\":7,\"result\":{}}"); /* it offers sessions only */
    ck_assert_int_eq(hear(LEGACY_RESULT("h2", "2025-06-18")), MCP_NOTHING);
    legacy_ready("h3", "2025-06-18");
    ck_assert_int_eq(mcp_era_next(m), MCP_ERA_LEGACY);
    end();
    begin_era(MCP_ERA_UNKNOWN);
    ck_assert_int_eq(hear(ERROR("h1", THEIRS("[\"2024-11-05\",\"2025-03-26\",\"2099-01-01\"]"))), MCP_NOTHING);
    initialize_is("h2", "2025-03-26");
    ck_assert_int_eq(hear(LEGACY_RESULT("h2", "2024-11-05")), MCP_NOTHING); /* another of the four will do */
    legacy_ready("h3", "2024-11-05");
    end();
    begin_era(MCP_ERA_UNKNOWN); /* there is nothing to fall forward to */
    ck_assert_int_eq(hear(RESULT("h1", "{\"supportedVersions\":[\"2025-06-18\"]}")), MCP_NOTHING);
    initialize_is("h2", "2025-06-18");
    refusal(ERROR("h2", NOT_FOUND), "initialize failed: what? (-32601)");
    end();
}
END_TEST

START_TEST(test_none_in_common_names_both_lists) {
    begin_era(MCP_ERA_UNKNOWN);
    refusal(ERROR("h1", THEIRS("[\"2031-01-01\",\"2030-01-01\"]")),
            "no MCP revision in common: it supports 2031-01-01, 2030-01-01, hookcastd supports " OURS);
    end();
    begin_era(MCP_ERA_UNKNOWN);
    refusal(RESULT("h1", "{\"supportedVersions\":[\"2031-01-01\"],\"capabilities\":{}}"),
            "no MCP revision in common: it supports 2031-01-01, hookcastd supports " OURS);
    end();
}
END_TEST

START_TEST(test_a_recognised_modern_error_never_falls_back) {
    begin_era(MCP_ERA_UNKNOWN);
    ck_assert_int_eq(hear(ERROR("h1", THEIRS("[\"2026-07-28\",\"2025-11-25\"]"))), MCP_NOTHING);
    json_decref(asked("server/discover", "h2"));
    ck_assert(!mcp_probing(m)); /* its era is known: silence or death is no sign of another */
    ck_assert_int_eq(mcp_silent(m, &out), -EBUSY);
    ck_assert_str_eq(mcp_awaiting(m), "an answer to server/discover");
    refusal(ERROR("h2", NOT_FOUND), "server/discover failed: what? (-32601)");
    end();
    begin_era(MCP_ERA_UNKNOWN);
    ck_assert_int_eq(hear(ERROR("h1", THEIRS("[\"2026-07-28\"]"))), MCP_NOTHING);
    json_decref(asked("server/discover", "h2"));
    ck_assert_int_eq(hear(RESULT("h2", "{\"supportedVersions\":[\"2026-07-28\"]," NATIVE "}")), MCP_NOTHING);
    json_decref(asked("hooks/setup", "h3"));
    end();
}
END_TEST

START_TEST(test_silence_is_legacy) {
    begin_era(MCP_ERA_UNKNOWN);
    ck_assert_int_eq(mcp_silent(m, &out), 0);
    initialize_is("h2", "2025-11-25");
    ck_assert_int_eq(mcp_silent(m, &out), -EBUSY);
    asked_nothing();
    ck_assert_int_eq(hear(LEGACY_RESULT("h2", "2025-03-26")), MCP_NOTHING);
    legacy_ready("h3", "2025-03-26");
    end();
}
END_TEST

START_TEST(test_each_of_four_legacy_revisions_is_accepted) {
    static const char *const all[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};
    for (unsigned i = 0; i < 4; i++) {
        char line[256];
        begin_era(MCP_ERA_LEGACY);
        initialize_is("h1", "2025-11-25");
        (void)snprintf(line, sizeof line, V "\"id\":\"h1\",\"result\":{\"protocolVersion\":\"%s\"," NATIVE "}}",
                       all[i]);
        ck_assert_int_eq(hear(line), MCP_NOTHING);
        legacy_ready("h2", all[i]);
        ck_assert_int_eq(mcp_batches(m), i == 2);
        end();
    }
}
END_TEST

START_TEST(test_an_answer_to_initialize_that_names_no_revision_of_ours_is_refused) {
    begin_era(MCP_ERA_LEGACY);
    buf_clear(&out);
    refusal(RESULT("h1", "{\"protocolVersion\":\"2026-07-28\"}"), /* it is none that initialize opens */
            "no MCP revision in common: it supports 2026-07-28, hookcastd supports " OURS);
    end();
    static const char *const bad[] = {
        "{}", "null", "[]", "\"2025-11-25\"", "{\"protocolVersion\":20251125}", "{\"protocolVersion\":null}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[128];
        begin_era(MCP_ERA_LEGACY);
        buf_clear(&out);
        (void)snprintf(line, sizeof line, V "\"id\":\"h1\",\"result\":%s}", bad[i]);
        refusal(line, "its answer to initialize has no protocolVersion");
        end();
    }
}
END_TEST

START_TEST(test_a_failed_initialize_of_a_legacy_start_is_refused) {
    begin_era(MCP_ERA_LEGACY);
    buf_clear(&out);
    refusal(ERROR("h1", NOT_FOUND), "initialize failed: what? (-32601)");
    end();
}
END_TEST

static void silent_then_initialize(void) {
    begin_era(MCP_ERA_UNKNOWN);
    ck_assert_int_eq(mcp_silent(m, &out), 0);
    initialize_is("h2", "2025-11-25");
}

START_TEST(test_after_initialize_was_written_its_result_decides_and_discover_is_remembered) {
    silent_then_initialize(); /* the DiscoverResult comes first */
    ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING);
    asked_nothing();
    ck_assert_int_eq(mcp_era_next(m), MCP_ERA_MODERN);
    ck_assert_int_eq(hear(LEGACY_RESULT("h2", "2025-11-25")), MCP_NOTHING);
    legacy_ready("h3", "2025-11-25");
    ck_assert_int_eq(mcp_era_next(m), MCP_ERA_MODERN);
    end();
    silent_then_initialize(); /* it comes last */
    ck_assert_int_eq(hear(LEGACY_RESULT("h2", "2025-11-25")), MCP_NOTHING);
    legacy_ready("h3", "2025-11-25");
    ck_assert_int_eq(mcp_era_next(m), MCP_ERA_LEGACY);
    ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING);
    asked_nothing();
    ck_assert_str_eq(mcp_revision(m), "2025-11-25");
    ck_assert_int_eq(mcp_era_next(m), MCP_ERA_MODERN);
    ck_assert_int_eq(hear(DISCOVERED), MCP_UNEXPECTED); /* twice */
    end();
    silent_then_initialize(); /* a late error, or a late list of legacy revisions, tells nothing new */
    ck_assert_int_eq(hear(LEGACY_RESULT("h2", "2025-11-25")), MCP_NOTHING);
    legacy_ready("h3", "2025-11-25");
    ck_assert_int_eq(hear(ERROR("h1", THEIRS("[\"2026-07-28\"]"))), MCP_NOTHING);
    ck_assert_int_eq(mcp_era_next(m), MCP_ERA_LEGACY);
    asked_nothing();
    end();
}
END_TEST

START_TEST(test_after_initialize_was_written_its_error_means_modern_if_discover_says_so) {
    silent_then_initialize(); /* it came */
    ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING);
    ck_assert_int_eq(hear(ERROR("h2", NOT_FOUND)), MCP_NOTHING);
    json_decref(asked("hooks/setup", "h3"));
    ck_assert_str_eq(mcp_revision(m), MCP_MODERN);
    ck_assert_int_eq(mcp_era_next(m), MCP_ERA_MODERN);
    end();
    silent_then_initialize(); /* it comes */
    ck_assert_int_eq(hear(ERROR("h2", NOT_FOUND)), MCP_NOTHING);
    asked_nothing();
    ck_assert_str_eq(mcp_awaiting(m), "an answer to server/discover");
    ck_assert_int_eq(mcp_era_next(m), MCP_ERA_UNKNOWN);
    ck_assert(!mcp_probing(m));
    ck_assert_int_eq(mcp_silent(m, &out), -EBUSY);
    ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING);
    json_decref(asked("hooks/setup", "h3"));
    ck_assert_str_eq(mcp_revision(m), MCP_MODERN);
    end();
}
END_TEST

START_TEST(test_after_both_failed_it_is_refused) {
    static const char failed[] = "initialize failed: what? (-32601)";
    silent_then_initialize();
    ck_assert_int_eq(hear(ERROR("h1", "{\"code\":1}")), MCP_NOTHING);
    refusal(ERROR("h2", NOT_FOUND), failed);
    end();
    silent_then_initialize();
    ck_assert_int_eq(hear(ERROR("h2", NOT_FOUND)), MCP_NOTHING);
    refusal(ERROR("h1", "{\"code\":1}"), failed);
    end();
    silent_then_initialize();
    ck_assert_int_eq(hear(ERROR("h2", NOT_FOUND)), MCP_NOTHING);
    refusal(RESULT("h1", "{\"supportedVersions\":[\"2025-11-25\"]}"), failed);
    end();
    silent_then_initialize();
    ck_assert_int_eq(hear(ERROR("h2", NOT_FOUND)), MCP_NOTHING);
    refusal(ERROR("h1", THEIRS("[\"2025-11-25\"]")), failed);
    end();
    silent_then_initialize();
    ck_assert_int_eq(hear(ERROR("h2", NOT_FOUND)), MCP_NOTHING);
    refusal(RESULT("h1", "{\"supportedVersions\":[\"2031-01-01\"]}"),
            "no MCP revision in common: it supports 2031-01-01, hookcastd supports " OURS);
    end();
    silent_then_initialize();
    ck_assert_int_eq(hear(ERROR("h2", NOT_FOUND)), MCP_NOTHING);
    refusal(ERROR("h1", "{\"code\":-32021,\"data\":{\"requiredCapabilities\":{\"roots\":{}}}}"),
            "it requires client capabilities that hookcastd does not have: {\"roots\":{}}");
    end();
}
END_TEST

START_TEST(test_a_late_32022_that_names_the_modern_revision_is_probed_once_more) {
    silent_then_initialize();
    ck_assert_int_eq(hear(ERROR("h1", THEIRS("[\"2026-07-28\"]"))), MCP_NOTHING);
    asked_nothing(); /* initialize decides */
    ck_assert_int_eq(hear(ERROR("h2", NOT_FOUND)), MCP_NOTHING);
    json_decref(asked("server/discover", "h3"));
    refusal(ERROR("h3", THEIRS("[\"2026-07-28\"]")), "it refuses MCP 2026-07-28 and says that it supports it");
    end();
    silent_then_initialize();
    ck_assert_int_eq(hear(ERROR("h2", NOT_FOUND)), MCP_NOTHING);
    ck_assert_int_eq(hear(ERROR("h1", THEIRS("[\"2026-07-28\"]"))), MCP_NOTHING);
    json_decref(asked("server/discover", "h3"));
    ck_assert_int_eq(hear(RESULT("h3", "{\"supportedVersions\":[\"2026-07-28\"]," NATIVE "}")), MCP_NOTHING);
    json_decref(asked("hooks/setup", "h4"));
    end();
}
END_TEST

START_TEST(test_a_ping_is_answered_with_its_very_id_as_soon_as_a_session_may_be_there) {
    begin_era(MCP_ERA_UNKNOWN);
    ck_assert_int_eq(hear(V "\"id\":1,\"method\":\"ping\"}"), MCP_UNEXPECTED); /* it may be a modern server */
    asked_nothing();
    ck_assert_int_eq(mcp_silent(m, &out), 0);
    initialize_is("h2", "2025-11-25");
    static const char *const ids[] = {"7", "-1.50e1", "\"a\\u0062\"", "\"\"", "123456789012345678901234567890"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char line[128], want[128];
        (void)snprintf(line, sizeof line, V "\"id\":%s,\"method\":\"ping\"}", ids[i]);
        (void)snprintf(want, sizeof want, V "\"id\":%s,\"result\":{}}\n", ids[i]);
        ck_assert_int_eq(hear(line), MCP_NOTHING);
        ck_assert_str_eq(buf_cstr(&out), want);
        buf_clear(&out);
    }
    ck_assert_int_eq(hear(V "\"id\":null,\"method\":\"ping\"}"), MCP_NOTHING); /* MCP has no such id */
    asked_nothing();
    ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING); /* modern: from here on nothing is answered */
    ck_assert_int_eq(hear(V "\"id\":1,\"method\":\"ping\"}"), MCP_UNEXPECTED);
    asked_nothing();
    ck_assert_int_eq(hear(ERROR("h2", NOT_FOUND)), MCP_NOTHING);
    json_decref(asked("hooks/setup", "h3"));
    ck_assert_int_eq(hear(V "\"id\":1,\"method\":\"ping\"}"), MCP_UNEXPECTED);
    asked_nothing();
    end();
}
END_TEST

START_TEST(test_a_legacy_servers_other_requests_are_refused_and_named) {
    begin_era(MCP_ERA_LEGACY);
    initialize_is("h1", "2025-11-25");
    ck_assert_int_eq(hear(LEGACY_RESULT("h1", "2025-11-25")), MCP_NOTHING);
    legacy_ready("h2", "2025-11-25");
    ck_assert_int_eq(hear(V "\"id\":\"q\",\"method\":\"roots/list\",\"params\":7}"), MCP_UNEXPECTED);
    ck_assert_str_eq(why.text, "a request that is not served here: roots/list");
    next_is(V "\"id\":\"q\",\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}");
    mcp_hush(m, true); /* it asks and does not read */
    ck_assert_int_eq(hear(V "\"id\":\"q\",\"method\":\"roots/list\"}"), MCP_UNEXPECTED);
    ck_assert_int_eq(hear(V "\"id\":\"q\",\"method\":\"ping\"}"), MCP_NOTHING);
    asked_nothing();
    mcp_hush(m, false);
    ck_assert_int_eq(hear(V "\"id\":\"q\",\"method\":\"ping\"}"), MCP_NOTHING);
    next_is(V "\"id\":\"q\",\"result\":{}}");
    end();
}
END_TEST

START_TEST(test_a_legacy_native_plugin_is_probed_and_torn_down_without_meta) {
    const char *detail;
    begin_era(MCP_ERA_LEGACY);
    initialize_is("h1", "2025-11-25");
    ck_assert_int_eq(hear(LEGACY_RESULT("h1", "2025-11-25")), MCP_NOTHING);
    legacy_ready("h2", "2025-11-25");
    ck_assert_int_eq(mcp_probe(m, &out), 0);
    json_decref(legacy_asked("hooks/health", "h3"));
    ck_assert_int_eq(hear(RESULT("h3", "{\"status\":\"degraded\",\"detail\":\"d\"}")), MCP_ALIVE);
    ck_assert(!mcp_health(m, &detail));
    ck_assert_str_eq(detail, "d");
    ck_assert_int_eq(mcp_cancel(m, 1, "x", &out), -EBUSY);
    ck_assert_int_eq(mcp_teardown(m, &out), 0);
    json_decref(legacy_asked("hooks/teardown", "h4"));
    ck_assert_int_eq(hear(RESULT("h4", "{\"released\":true}")), MCP_RELEASED);
    end();
}
END_TEST

START_TEST(test_a_batch_is_taken_apart_where_the_revision_has_it) {
    struct jsonrpc msg;
    static const char batch[] = "[" V "\"id\":1,\"method\":\"ping\"}," V
                                "\"method\":\"notifications/hooks/failed\",\"params\":{\"error\":{\"message\":\"m\"}}},"
                                "7,[]]";
    begin_era(MCP_ERA_LEGACY);
    initialize_is("h1", "2025-11-25");
    ck_assert(!mcp_batches(m));
    ck_assert_int_eq(hear(LEGACY_RESULT("h1", "2025-03-26")), MCP_NOTHING);
    legacy_ready("h2", "2025-03-26");
    ck_assert(mcp_batches(m));
    ck_assert_int_eq(hear(batch), MCP_UNEXPECTED); /* as a whole it is none */
    const struct node *root = scan_root(&scan);
    static const int says[] = {MCP_NOTHING, MCP_FAILED_EVENT, MCP_UNEXPECTED, MCP_UNEXPECTED};
    unsigned i = 0;
    for (const struct node *e = scan_first(&scan, root); e; e = scan_next(&scan, root, e)) {
        jsonrpc_classify_at(&scan, e, &msg);
        ck_assert_int_eq(mcp_receive(m, &scan, &msg, &out, &why), says[i++]);
    }
    ck_assert_uint_eq(i, 4);
    next_is(V "\"id\":1,\"result\":{}}");
    end();
}
END_TEST

RUN_SUITE("mcp-era", test_initialize_says_who_we_are_and_declares_the_extension_twice, test_a_discover_result_is_modern,
          test_a_discover_result_may_carry_all_that_the_schema_has, test_any_other_error_is_legacy_whatever_its_code,
          test_a_result_that_is_no_discover_result_is_legacy,
          test_only_legacy_revisions_in_common_means_the_newest_of_them, test_none_in_common_names_both_lists,
          test_a_recognised_modern_error_never_falls_back, test_silence_is_legacy,
          test_each_of_four_legacy_revisions_is_accepted,
          test_an_answer_to_initialize_that_names_no_revision_of_ours_is_refused,
          test_a_failed_initialize_of_a_legacy_start_is_refused,
          test_after_initialize_was_written_its_result_decides_and_discover_is_remembered,
          test_after_initialize_was_written_its_error_means_modern_if_discover_says_so,
          test_after_both_failed_it_is_refused, test_a_late_32022_that_names_the_modern_revision_is_probed_once_more,
          test_a_ping_is_answered_with_its_very_id_as_soon_as_a_session_may_be_there,
          test_a_legacy_servers_other_requests_are_refused_and_named,
          test_a_legacy_native_plugin_is_probed_and_torn_down_without_meta,
          test_a_batch_is_taken_apart_where_the_revision_has_it)
