/* The modern handshake, message by message. */
#include "chaos.h"
#include "fanout_suite.h"
#include "mcp_rig.h"

START_TEST(test_a_native_plugin_is_discovered_set_up_and_ready) {
    begin();
    ck_assert_ptr_null(mcp_revision(m));
    ck_assert_int_eq(mcp_start(m, MCP_ERA_UNKNOWN, &out), 0);
    ck_assert_str_eq(mcp_awaiting(m), "an answer to server/discover");
    json_t *p = asked("server/discover", "h1");
    ck_assert_uint_eq(json_object_size(p), 1); /* nothing but _meta */
    json_decref(p);
    ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING);
    ck_assert_str_eq(mcp_awaiting(m), "an answer to hooks/setup");
    ck_assert_str_eq(mcp_revision(m), "2026-07-28");
    p = asked("hooks/setup", "h2");
    (void)json_object_del(p, "_meta");
    json_t *want = json_pack("{s:s, s:s, s:[s,s,s], s:{s:i}, s:s}", "plugin", "tracer", "kind", "lifecycle_listener",
                             "hooks", "on_a", "on_b", "on_c", "config", "depth", 3, "run", "abcdefghijkl");
    ck_assert(json_equal(p, want));
    json_decref(want);
    json_decref(p);
    ck_assert_int_eq(hear(V "\"id\":\"h2\",\"result\":{\"anything\":1}}"), MCP_READY);
    ck_assert_str_eq(mcp_awaiting(m), "nothing");
    asked_nothing();
    end();
}
END_TEST

/* What it hears when its extension says `settings`. */
static void hears(const char *settings, const char *heard, const char *advertised) {
    char line[512];
    begin();
    ck_assert_int_eq(mcp_start(m, MCP_ERA_UNKNOWN, &out), 0);
    buf_clear(&out);
    (void)snprintf(line, sizeof line,
                   V
                   "\"id\":\"h1\",\"result\":{\"supportedVersions\":[\"2025-11-25\",\"2026-07-28\"],\"capabilities\":"
                   "{\"experimental\":{\"io.hookcast/hooks\":%s}}}}",
                   settings);
    ck_assert_int_eq(hear(line), MCP_NOTHING);
    json_t *p = asked("hooks/setup", "h2");
    char *text = json_dumps(json_object_get(p, "hooks"), JSON_COMPACT);
    ck_assert_str_eq(text, heard);
    free(text);
    json_decref(p);
    text = json_dumps(mcp_heard(m), JSON_COMPACT);
    ck_assert_str_eq(text, heard);
    free(text);
    text = mcp_advertised(m) ? json_dumps(mcp_advertised(m), JSON_COMPACT) : NULL;
    ck_assert(!text == !advertised);
    if (text) ck_assert_str_eq(text, advertised);
    free(text);
    end();
}

START_TEST(test_it_hears_what_it_advertises_as_far_as_it_may) {
    hears("{}", "[\"on_a\",\"on_b\",\"on_c\"]", NULL);
    hears("{\"hooks\":[\"on_c\",\"on_a\"]}", "[\"on_a\",\"on_c\"]", "[\"on_c\",\"on_a\"]");
    hears("{\"hooks\":[\"on_x\",\"on_b\",7,null,\"on_b\"]}", "[\"on_b\"]", "[\"on_x\",\"on_b\",7,null,\"on_b\"]");
    hears("{\"hooks\":[]}", "[]", "[]");
    hears("{\"hooks\":[\"on_x\"]}", "[]", "[\"on_x\"]");
}
END_TEST

static void refused(const char *answer, const char *text) {
    begin();
    ck_assert_int_eq(mcp_start(m, MCP_ERA_UNKNOWN, &out), 0);
    buf_clear(&out);
    ck_assert_msg(hear(answer) == MCP_REFUSED, "%s", answer);
    ck_assert_str_eq(why.text, text);
    asked_nothing();
    ck_assert_str_eq(mcp_awaiting(m), "nothing");
    ck_assert_int_eq(hear(DISCOVERED), MCP_UNEXPECTED); /* too late */
    ck_assert_int_eq(mcp_probe(m, &out), -EBUSY);
    ck_assert_int_eq(mcp_teardown(m, &out), -EBUSY);
    asked_nothing();
    end();
}

#define DISCOVER(result) V "\"id\":\"h1\",\"result\":" result "}"
#define CAPS(caps) DISCOVER("{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":" caps "}")
#define FAILED(error) V "\"id\":\"h1\",\"error\":" error "}"
#define IN_COMMON(theirs)                            \
    "no MCP revision in common: it supports " theirs \
    ", hookcastd supports 2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05"

START_TEST(test_every_refusal_says_why) {
    refused(DISCOVER("{\"supportedVersions\":[\"2027-01-01\",\"2023-01-01\"]}"), IN_COMMON("2027-01-01, 2023-01-01"));
    refused(DISCOVER("{\"supportedVersions\":[]}"), IN_COMMON("none"));
    refused(CAPS("{\"extensions\":{\"io.hookcast/hooks\":{\"hooks\":{}}}}"),
            "its extension io.hookcast/hooks has a \"hooks\" that is not a list");
    refused(FAILED("{\"code\":-32022,\"message\":\"no\",\"data\":{\"supported\":[\"2030-06-18\",7]}}"),
            IN_COMMON("2030-06-18"));
    refused(FAILED("{\"code\":-32022}"), IN_COMMON("none"));
    refused(FAILED("{\"code\":-32022,\"data\":{\"supported\":\"2026-07-28\"}}"), IN_COMMON("none"));
    refused(FAILED("{\"code\":-32021,\"message\":\"no\",\"data\":{\"requiredCapabilities\":{\"sampling\":{}}}}"),
            "it requires client capabilities that hookcastd does not have: {\"sampling\":{}}");
    refused(FAILED("{\"code\":-32021}"),
            "it requires client capabilities that hookcastd does not have: it does not say which");
}
END_TEST

START_TEST(test_long_lists_of_revisions_are_cut) {
    static char line[8192];
    size_t n = (size_t)sprintf(line, V "\"id\":\"h1\",\"result\":{\"supportedVersions\":[\"x\"");
    for (int i = 0; i < 200; i++) n += (size_t)sprintf(line + n, ",\"revision-%d\"", i);
    (void)sprintf(line + n, "]}}");
    begin();
    ck_assert_int_eq(mcp_start(m, MCP_ERA_UNKNOWN, &out), 0);
    ck_assert_int_eq(hear(line), MCP_REFUSED);
    ck_assert_ptr_nonnull(strstr(why.text, "it supports x, revision-0, revision-1"));
    end();
}
END_TEST

START_TEST(test_one_that_refuses_the_revision_it_supports_is_asked_once_more) {
    static const char again[] = "\"error\":{\"code\":-32022,\"data\":{\"supported\":[\"2026-07-28\"]}}}";
    char line[256];
    begin();
    ck_assert_int_eq(mcp_start(m, MCP_ERA_UNKNOWN, &out), 0);
    json_decref(asked("server/discover", "h1"));
    (void)snprintf(line, sizeof line, V "\"id\":\"h1\",%s", again);
    ck_assert_int_eq(hear(line), MCP_NOTHING);
    json_decref(asked("server/discover", "h2"));
    ck_assert_str_eq(mcp_awaiting(m), "an answer to server/discover");
    ck_assert_int_eq(hear(line), MCP_UNEXPECTED); /* the first one's again */
    (void)snprintf(line, sizeof line, V "\"id\":\"h2\",%s", again);
    ck_assert_int_eq(hear(line), MCP_REFUSED);
    ck_assert_str_eq(why.text, "it refuses MCP 2026-07-28 and says that it supports it");
    end();
}
END_TEST

START_TEST(test_a_failed_setup_is_a_refusal) {
    begin();
    ck_assert_int_eq(mcp_start(m, MCP_ERA_UNKNOWN, &out), 0);
    ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING);
    ck_assert_int_eq(hear(V "\"id\":\"h2\",\"error\":{\"code\":1,\"message\":\"no database\"}}"), MCP_REFUSED);
    ck_assert_str_eq(why.text, "hooks/setup failed: no database");
    end();
    begin();
    ck_assert_int_eq(mcp_start(m, MCP_ERA_UNKNOWN, &out), 0);
    ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING);
    ck_assert_int_eq(hear(V "\"id\":\"h2\",\"error\":null}"), MCP_REFUSED);
    ck_assert_str_eq(why.text, "hooks/setup failed: no message");
    end();
    begin();
    ck_assert_int_eq(mcp_start(m, MCP_ERA_UNKNOWN, &out), 0);
    ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING);
    ck_assert_int_eq(hear(V "\"id\":\"h2\",\"result\":{\"resultType\":\"input_required\"}}"), MCP_REFUSED);
    ck_assert_str_eq(why.text, "hooks/setup failed: its answer is not complete");
    end();
}
END_TEST

START_TEST(test_answers_to_nothing_change_nothing) {
    static const char *const strange[] = {
        V "\"id\":\"h1\",\"result\":{}}",  V "\"id\":\"h3\",\"result\":{}}", V "\"id\":\"h02\",\"result\":{}}",
        V "\"id\":2,\"result\":{}}",       V "\"id\":null,\"result\":{}}",   V "\"id\":\"2\",\"result\":{}}",
        V "\"id\":\"\",\"result\":{}}",    V "\"id\":\"h\",\"result\":{}}",  V "\"id\":\"H2\",\"result\":{}}",
        V "\"id\":\"h2 \",\"result\":{}}", V "\"error\":{\"code\":-32700}}", V "\"id\":\"h4294967298\",\"result\":{}}",
        V "\"id\":\"h0\",\"result\":{}}",  V "\"id\":\"x\",\"error\":{}}"};
    begin();
    ck_assert_int_eq(mcp_start(m, MCP_ERA_UNKNOWN, &out), 0);
    ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING);
    buf_clear(&out);
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        ck_assert_msg(hear(strange[i]) == MCP_UNEXPECTED, "%s", strange[i]);
        ck_assert_str_eq(why.text, "an answer to nothing that was asked");
        asked_nothing();
    }
    ck_assert_int_eq(hear(V "\"id\":\"\\u00682\",\"result\":1e999}"),
                     MCP_READY); /* h2, and what it says is no matter */
    ck_assert_int_eq(hear(V "\"id\":\"h2\",\"result\":{}}"), MCP_UNEXPECTED);
    end();
}
END_TEST

/* With any allocation failing it is refused memory or goes on; nothing leaks and no half line is written. */
#if CHAOS
static bool attempt(void) {
    json_t *hooks = json_pack("[s,s,s]", "on_a", "on_b", "on_c"), *config = json_object();
    struct mcp_identity id = identity(hooks, config);
    bool ok = true;
    m = hooks && config ? mcp_new(&id) : NULL;
    if (m && mcp_start(m, MCP_ERA_UNKNOWN, &out) == 0) {
        struct jsonrpc msg;
        scan_init(&scan, 128);
        if (scan_text(&scan, DISCOVERED, sizeof DISCOVERED - 1) == 0) {
            jsonrpc_classify(&scan, &msg);
            int r = mcp_receive(m, &scan, &msg, &out, &why);
            ok = r == MCP_NOTHING || r == MCP_REFUSED || r == -ENOMEM;
        }
        scan_deinit(&scan);
    }
    ok = ok && (!out.len || buf_data(&out)[out.len - 1] == '\n');
    m = mcp_free(m);
    json_decref(hooks);
    json_decref(config);
    buf_deinit(&out);
    return ok;
}

START_TEST(test_every_allocation_may_fail) { ck_assert_int_gt(chaos_run(attempt), 20); }
END_TEST
#else
START_TEST(test_every_allocation_may_fail) {}
END_TEST
#endif

RUN_SUITE("mcp", test_a_native_plugin_is_discovered_set_up_and_ready, test_it_hears_what_it_advertises_as_far_as_it_may,
          test_every_refusal_says_why, test_long_lists_of_revisions_are_cut,
          test_one_that_refuses_the_revision_it_supports_is_asked_once_more, test_a_failed_setup_is_a_refusal,
          test_answers_to_nothing_change_nothing, test_every_allocation_may_fail)
