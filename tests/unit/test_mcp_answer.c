/* What a tool server says once it is ready: answers to events, log messages, signs of life; and nonsense. */
#include "chaos.h"
#include "fanout_suite.h"
#include "mcp_rig.h"

static const struct mcp_wish one = {"on_a", "t", true, NULL};

static void begin_serving(bool modern) {
    wishes = &one, n_wishes = 1;
    begin();
    ck_assert_int_eq(mcp_start(m, modern ? MCP_ERA_MODERN : MCP_ERA_LEGACY, &out), 0);
    ck_assert_int_eq(hear(modern ? V "\"id\":\"h1\",\"result\":{\"supportedVersions\":[\"2026-07-28\"]}}"
                                 : V "\"id\":\"h1\",\"result\":{\"protocolVersion\":\"2025-11-25\"}}"),
                     MCP_NOTHING);
    ck_assert_int_eq(hear(V "\"id\":\"h2\",\"result\":{\"tools\":[{\"name\":\"t\"}]}}"), MCP_READY);
    buf_clear(&out);
}

static void answer(const char *body, bool failed, const char *message) {
    static char line[1 << 20];
    (void)snprintf(line, sizeof line, V "\"id\":41,%s}", body);
    ck_assert_msg(hear(line) == MCP_TOOL_ANSWER, "%.200s: %s", line, why.text);
    const struct mcp_answer *a = mcp_answer(m);
    ck_assert_uint_eq(a->seq, 41);
    ck_assert_msg(a->failed == failed, "%.200s", line);
    if (message) ck_assert_str_eq(a->message, message);
    asked_nothing();
}

START_TEST(test_a_complete_result_is_success) {
    static const char *const good[] = {"{}",
                                       "{\"content\":[]}",
                                       "{\"content\":[{\"type\":\"text\",\"text\":\"done\"}],\"isError\":false}",
                                       "{\"isError\":null}",
                                       "{\"isError\":\"true\"}",
                                       "{\"structuredContent\":{\"isError\":true}}"};
    for (int modern = 0; modern < 2; modern++) {
        begin_serving(modern);
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
            char body[128];
            (void)snprintf(body, sizeof body, "\"result\":%s", good[i]);
            answer(body, false, "");
        }
        answer("\"result\":{\"resultType\":\"complete\"}", false, "");
        end();
    }
}
END_TEST

START_TEST(test_an_error_is_a_failure_in_its_own_words) {
    begin_serving(true);
    answer("\"error\":{\"code\":-32602,\"message\":\"Unknown tool: \\\"t\\\"\"}", true, "Unknown tool: \"t\"");
    answer("\"error\":{}", true, "no message");
    answer("\"error\":null", true, "no message");
    answer("\"error\":[1]", true, "no message");
    answer("\"error\":{\"message\":7}", true, "no message");
    answer("\"result\":{},\"error\":{\"message\":\"both\"}", true, "both");
    end();
}
END_TEST

START_TEST(test_is_error_is_a_failure_with_the_first_text) {
    begin_serving(false);
    answer(
        "\"result\":{\"isError\":true,\"content\":[{\"type\":\"image\",\"text\":\"no\"},7,{\"type\":\"text\"},"
        "{\"type\":\"text\",\"text\":\"disk full\"},{\"type\":\"text\",\"text\":\"more\"}]}",
        true, "disk full");
    static const char *const silent[] = {"", ",\"content\":{}", ",\"content\":[]", ",\"content\":[{\"text\":\"x\"}]",
                                         ",\"content\":\"text\""};
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++) {
        char body[128];
        (void)snprintf(body, sizeof body, "\"result\":{\"isError\":true%s}", silent[i]);
        answer(body, true, "the tool says that it failed, not why");
    }
    end();
}
END_TEST

START_TEST(test_a_modern_result_of_another_type_is_a_failure) {
    begin_serving(true);
    answer("\"result\":{\"resultType\":\"input_required\",\"content\":[]}", true,
           "it asks for input, which nobody can give to an event");
    answer("\"result\":{\"resultType\":\"task\"}", true, "a resultType that is not known here: task");
    answer("\"result\":{\"resultType\":null}", true, "a resultType that is not known here: ");
    answer("\"result\":{\"resultType\":[\"complete\"]}", true, NULL);
    end();
    begin_serving(false); /* in a legacy result it is a word like any other */
    answer("\"result\":{\"resultType\":\"task\"}", false, "");
    end();
}
END_TEST

START_TEST(test_a_result_that_is_no_object_is_a_failure) {
    static const char *const bad[] = {"null", "[]", "\"ok\"", "7", "true"};
    begin_serving(true);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char body[64];
        (void)snprintf(body, sizeof body, "\"result\":%s", bad[i]);
        answer(body, true, "its result is not an object");
    }
    end();
}
END_TEST

START_TEST(test_long_messages_are_cut_at_a_character) {
    static char body[900000];
    static const char *const pieces[] = {
        "x", "\xe2\x82\xac", "\\u20ac", "\\n", "\\ud83d\\ude00", "\xf0\x9f\x98\x80", "\\ud800"};
    begin_serving(true);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t n = (size_t)sprintf(body, "\"error\":{\"message\":\"");
        for (int k = 0; k < 60000; k++) n += (size_t)sprintf(body + n, "%s", pieces[i]);
        (void)sprintf(body + n, "\"}");
        answer(body, true, NULL);
        size_t len = strlen(mcp_answer(m)->message);
        ck_assert_uint_le(len, 300);
        ck_assert_uint_gt(len, 290);
        json_t *utf8 = json_string(mcp_answer(m)->message); /* NULL when it is not UTF-8 */
        ck_assert_ptr_nonnull(utf8);
        json_decref(utf8);
    }
    end();
}
END_TEST

START_TEST(test_an_answers_seq_may_be_written_in_many_ways) {
    static const struct {
        const char *id;
        unsigned long long seq;
    } ids[] = {{"1", 1}, {"41.0", 41}, {"4.1e1", 41}, {"9223372036854775807", 9223372036854775807ull}};
    begin_serving(true);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char line[128];
        (void)snprintf(line, sizeof line, V "\"id\":%s,\"result\":{}}", ids[i].id);
        ck_assert_int_eq(hear(line), MCP_TOOL_ANSWER);
        ck_assert(mcp_answer(m)->seq == ids[i].seq);
    }
    end();
}
END_TEST

START_TEST(test_answers_with_ids_that_no_event_has_are_named_and_dropped) {
    static const char *const ids[] = {"0",      "-1", "1.5",  "1e999", "18446744073709551616", "null", "\"41\"", "\"\"",
                                      "\"h9\"", "{}", "[41]", "true"};
    begin_serving(true);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char line[128];
        (void)snprintf(line, sizeof line, V "\"id\":%s,\"result\":{}}", ids[i]);
        ck_assert_msg(hear(line) == MCP_UNEXPECTED, "%s", line);
        ck_assert_uint_gt(strlen(why.text), 0);
    }
    end();
}
END_TEST

START_TEST(test_no_event_is_answered_before_it_is_ready_or_after_it_was_refused) {
    wishes = &one, n_wishes = 1;
    begin();
    ck_assert_int_eq(mcp_start(m, MCP_ERA_LEGACY, &out), 0);
    ck_assert_int_eq(hear(V "\"id\":1,\"result\":{}}"), MCP_UNEXPECTED);
    ck_assert_int_eq(hear(V "\"id\":\"h1\",\"result\":{\"protocolVersion\":\"2025-11-25\"}}"), MCP_NOTHING);
    ck_assert_int_eq(hear(V "\"id\":1,\"result\":{}}"), MCP_UNEXPECTED);
    ck_assert_int_eq(hear(V "\"id\":\"h2\",\"error\":{}}"), MCP_REFUSED);
    ck_assert_int_eq(hear(V "\"id\":1,\"result\":{}}"), MCP_UNEXPECTED);
    end();
}
END_TEST

START_TEST(test_a_tool_server_has_no_failed_notifications) {
    begin_serving(true);
    ck_assert_int_eq(hear(V "\"method\":\"notifications/hooks/failed\",\"params\":{\"error\":{\"message\":\"m\"}}}"),
                     MCP_UNEXPECTED);
    end();
}
END_TEST

START_TEST(test_a_cancelled_event_is_named_by_its_seq) {
    begin_serving(true);
    ck_assert_int_eq(mcp_cancel(m, UINT64_MAX, "no answer in \"60 s\"", &out), 0);
    ck_assert_str_eq(buf_cstr(&out), V
                     "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":"
                     "18446744073709551615,\"reason\":\"no answer in \\\"60 s\\\"\"}}\n");
    buf_clear(&out);
    end();
}
END_TEST

START_TEST(test_a_probe_is_a_ping_to_a_legacy_server_and_a_discover_to_a_modern_one) {
    const char *detail = "?";
    for (int modern = 0; modern < 2; modern++) {
        begin_serving(modern);
        ck_assert_int_eq(mcp_probe(m, &out), 0);
        json_decref(modern ? asked("server/discover", "h3") : legacy_asked("ping", "h3"));
        ck_assert_int_eq(mcp_probe(m, &out), -EBUSY);
        ck_assert_int_eq(hear(V "\"id\":\"h3\",\"result\":{\"status\":\"degraded\",\"detail\":\"x\"}}"), MCP_ALIVE);
        ck_assert(mcp_health(m, &detail)); /* only the extension has a status */
        ck_assert_str_eq(detail, "");
        ck_assert_int_eq(mcp_probe(m, &out), 0);
        buf_clear(&out);
        ck_assert_int_eq(hear(V "\"id\":\"h4\",\"error\":{\"code\":-32601}}"), MCP_ALIVE);
        ck_assert_int_eq(hear(V "\"id\":\"h4\",\"error\":{\"code\":-32601}}"), MCP_UNEXPECTED);
        ck_assert_int_eq(mcp_teardown(m, &out), -EBUSY);
        asked_nothing();
        end();
    }
}
END_TEST

static void logged(const char *params, unsigned severity, const char *logger, const char *text) {
    char line[256];
    (void)snprintf(line, sizeof line, V "\"method\":\"notifications/message\",\"params\":%s}", params);
    ck_assert_int_eq(hear(line), MCP_LOG);
    const struct mcp_logged *l = mcp_logged(m);
    ck_assert_uint_eq(l->severity, severity);
    ck_assert_str_eq(l->logger, logger);
    ck_assert_str_eq(l->text, text);
}

START_TEST(test_log_messages_have_a_severity_and_a_text) {
    begin_serving(false);
    logged("{\"level\":\"error\",\"logger\":\"db\",\"data\":\"it\\nfailed\"}", 3, "db", "it\nfailed");
    logged("{\"level\":\"debug\",\"data\":{\"a\": [1,\"x\\n\"]}}", 7, "", "{\"a\": [1,\"x\\n\"]}");
    logged("{\"level\":\"emergency\",\"data\":null}", 0, "", "null");
    logged("{\"level\":7,\"logger\":[],\"data\":1.50}", 6, "", "1.50");
    logged("{\"level\":\"loud\",\"data\":\"\"}", 6, "", "");
    ck_assert_int_eq(hear(V "\"method\":\"notifications/message\",\"params\":{\"level\":\"error\"}}"), MCP_NOTHING);
    ck_assert_int_eq(hear(V "\"method\":\"notifications/message\",\"params\":7}"), MCP_NOTHING);
    ck_assert_int_eq(hear(V "\"method\":\"notifications/message\"}"), MCP_NOTHING);
    end();
    begin(); /* so do those of a plugin without a handshake */
    mcp_listen(m);
    logged("{\"level\":\"warning\",\"data\":\"w\"}", 4, "", "w");
    end();
}
END_TEST

START_TEST(test_the_other_notifications_of_mcp_are_understood) {
    static const char *const known[] = {"progress",
                                        "cancelled",
                                        "resources/updated",
                                        "resources/list_changed",
                                        "prompts/list_changed",
                                        "subscriptions/acknowledged",
                                        "tasks/status",
                                        "elicitation/complete"};
    static const char *const params[] = {"", ",\"params\":{}", ",\"params\":7", ",\"params\":{\"requestId\":{}}"};
    begin_serving(true);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        for (size_t k = 0; k < sizeof params / sizeof *params; k++) {
            char line[256];
            (void)snprintf(line, sizeof line, V "\"method\":\"notifications/%s\"%s}", known[i], params[k]);
            ck_assert_msg(hear(line) == MCP_NOTHING, "%s", line);
            asked_nothing();
        }
    }
    ck_assert_int_eq(hear(V "\"method\":\"notifications/roots/list_changed\"}"), MCP_UNEXPECTED); /* a client's */
    end();
}
END_TEST

#if CHAOS
START_TEST(test_answers_allocate_nothing_once_warm) {
    static const char *const lines[] = {
        V "\"id\":41,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}}",
        V "\"id\":42,\"result\":{\"isError\":true,\"content\":[{\"type\":\"text\",\"text\":\"no \\u0041\"}]}}",
        V "\"id\":43,\"error\":{\"code\":1,\"message\":\"no\"}}", V "\"id\":44,\"result\":{\"resultType\":\"x\"}}",
        V "\"id\":\"x\",\"result\":{}}"};
    struct jsonrpc msg;
    begin_serving(true);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) (void)hear(lines[i]);
    long asked_for = 0;
    (void)chaos_run;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        ck_assert_int_eq(scan_text(&scan, lines[i], strlen(lines[i])), 0);
        jsonrpc_classify(&scan, &msg);
        chaos_fired = false;
        chaos_countdown = 0;
        (void)mcp_receive(m, &scan, &msg, &out, &why);
        chaos_countdown = -1;
        asked_for += chaos_fired;
    }
    ck_assert_int_eq(asked_for, 0);
    end();
}
END_TEST
#else
START_TEST(test_answers_allocate_nothing_once_warm) {}
END_TEST
#endif

RUN_SUITE("mcp-answer", test_a_complete_result_is_success, test_an_error_is_a_failure_in_its_own_words,
          test_is_error_is_a_failure_with_the_first_text, test_a_modern_result_of_another_type_is_a_failure,
          test_a_result_that_is_no_object_is_a_failure, test_long_messages_are_cut_at_a_character,
          test_an_answers_seq_may_be_written_in_many_ways,
          test_answers_with_ids_that_no_event_has_are_named_and_dropped,
          test_no_event_is_answered_before_it_is_ready_or_after_it_was_refused,
          test_a_tool_server_has_no_failed_notifications, test_a_cancelled_event_is_named_by_its_seq,
          test_a_probe_is_a_ping_to_a_legacy_server_and_a_discover_to_a_modern_one,
          test_log_messages_have_a_severity_and_a_text, test_the_other_notifications_of_mcp_are_understood,
          test_answers_allocate_nothing_once_warm)
