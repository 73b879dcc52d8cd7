/* What a native plugin says once it is ready: failed events, signs of life, its farewell, and nonsense. */
#include "fanout_suite.h"
#include "mcp_rig.h"

static void failed(const char *params, const char *hook, const char *message, unsigned long long seq) {
    char line[512];
    (void)snprintf(line, sizeof line, V "\"method\":\"notifications/hooks/failed\",\"params\":%s}", params);
    ck_assert_msg(hear(line) == MCP_FAILED_EVENT, "%s: %s", params, why.text);
    const struct mcp_failure *f = mcp_failure(m);
    ck_assert_str_eq(f->hook, hook);
    ck_assert_str_eq(f->message, message);
    ck_assert_msg(f->seq == seq, "%s: %llu", params, f->seq);
    asked_nothing();
}

START_TEST(test_a_failed_event_names_hook_seq_and_message) {
    make_ready();
    failed("{\"hook\":\"on_a\",\"seq\":41,\"error\":{\"message\":\"disk full\"}}", "on_a", "disk full", 41);
    failed("{\"error\":{\"message\":\"gr\\u00fc\\u00df \\\"x\\\"\\n\",\"code\":1},\"hook\":\"on_b\",\"seq\":7.0}",
           "on_b", "gr\xc3\xbc\xc3\x9f \"x\"\n", 7);
    end();
}
END_TEST

START_TEST(test_a_failed_event_may_lack_hook_and_seq) {
    make_ready();
    failed("{\"error\":{\"message\":\"m\"}}", "", "m", 0);
    failed("{\"error\":{\"message\":\"\"}}", "", "", 0);
    failed("{\"hook\":7,\"seq\":\"41\",\"error\":{\"message\":\"m\"}}", "", "m", 0);
    failed("{\"hook\":null,\"seq\":null,\"error\":{\"message\":\"m\"}}", "", "m", 0);
    failed("{\"seq\":-1,\"error\":{\"message\":\"m\"}}", "", "m", 0);
    failed("{\"seq\":1.5,\"error\":{\"message\":\"m\"}}", "", "m", 0);
    failed("{\"seq\":1e400,\"error\":{\"message\":\"m\"}}", "", "m", 0);
    failed("{\"seq\":123456789012345678901234567890,\"error\":{\"message\":\"m\"}}", "", "m", 0);
    failed("{\"seq\":9223372036854775807,\"error\":{\"message\":\"m\"}}", "", "m", 9223372036854775807ull);
    failed("{\"error\":{\"message\":\"\\ud800\"}}", "", "\xef\xbf\xbd", 0);
    end();
}
END_TEST

START_TEST(test_a_failure_without_a_message_is_none) {
    static const char *const bad[] = {"",
                                      ",\"params\":{}",
                                      ",\"params\":[\"on_a\",1]",
                                      ",\"params\":7",
                                      ",\"params\":{\"error\":\"text\"}",
                                      ",\"params\":{\"error\":{}}",
                                      ",\"params\":{\"hook\":\"on_a\",\"error\":{\"message\":7}}"};
    make_ready();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[256];
        (void)snprintf(line, sizeof line, V "\"method\":\"notifications/hooks/failed\"%s}", bad[i]);
        ck_assert_msg(hear(line) == MCP_UNEXPECTED, "%s", line);
        ck_assert_uint_gt(strlen(why.text), 0);
    }
    end();
}
END_TEST

START_TEST(test_a_long_message_is_not_lost) {
    enum { LEN = 100000 };
    char *line = malloc(LEN + 200);
    ck_assert_ptr_nonnull(line);
    make_ready();
    size_t n =
        (size_t)sprintf(line, V "\"method\":\"notifications/hooks/failed\",\"params\":{\"error\":{\"message\":\"");
    memset(line + n, 'x', LEN);
    (void)sprintf(line + n + LEN, "\"}}}");
    ck_assert_int_eq(hear(line), MCP_FAILED_EVENT);
    ck_assert_uint_eq(strlen(mcp_failure(m)->message), LEN);
    failed("{\"error\":{\"message\":\"short\"}}", "", "short", 0);
    end();
    free(line);
}
END_TEST

START_TEST(test_no_event_fails_before_the_handshake) {
    begin();
    ck_assert_int_eq(mcp_start(m, MCP_ERA_UNKNOWN, &out), 0);
    ck_assert_int_eq(hear(V "\"method\":\"notifications/hooks/failed\",\"params\":{\"error\":{\"message\":\"m\"}}}"),
                     MCP_UNEXPECTED);
    end();
}
END_TEST

static void health(const char *id, const char *answer, bool healthy, const char *detail) {
    char line[2048];
    const char *said;
    ck_assert_int_eq(mcp_probe(m, &out), 0);
    json_t *p = asked("hooks/health", id);
    ck_assert_uint_eq(json_object_size(p), 1);
    json_decref(p);
    ck_assert_int_eq(mcp_probe(m, &out), -EBUSY); /* one at a time */
    asked_nothing();
    (void)snprintf(line, sizeof line, V "\"id\":\"%s\",%s}", id, answer);
    ck_assert_int_eq(hear(line), MCP_ALIVE);
    ck_assert_msg(mcp_health(m, &said) == healthy, "%s", answer);
    ck_assert_str_eq(said, detail);
    ck_assert_int_eq(hear(line), MCP_UNEXPECTED); /* said twice */
}

START_TEST(test_any_answer_to_a_probe_is_life_and_only_degraded_is_ill) {
    make_ready();
    health("h3", "\"result\":{\"status\":\"ok\"}", true, "");
    health("h4", "\"result\":{\"status\":\"degraded\",\"detail\":\"no disk\"}", false, "no disk");
    health("h5", "\"result\":{\"status\":\"degraded\"}", false, "");
    health("h6", "\"result\":{}", true, "");
    health("h7", "\"result\":null", true, "");
    health("h8", "\"result\":\"degraded\"", true, "");
    health("h9", "\"result\":{\"status\":7,\"detail\":[1]}", true, "");
    health("h10", "\"error\":{\"code\":-32601,\"message\":\"?\"}", true, "");
    health("h11", "\"error\":{\"status\":\"degraded\"}", true, "");
    health("h12", "\"result\":{\"status\":\"fine\",\"detail\":\"x\"}", true, "x");
    health("h13", "\"result\":{\"status\":\"degraded\",\"detail\":\"\\ud800\"}", false, "\xef\xbf\xbd");
    end();
}
END_TEST

START_TEST(test_a_long_detail_is_cut) {
    char answer[1024];
    const char *said;
    make_ready();
    ck_assert_int_eq(mcp_probe(m, &out), 0);
    (void)snprintf(answer, sizeof answer, V "\"id\":\"h3\",\"result\":{\"status\":\"degraded\",\"detail\":\"%0600d\"}}",
                   1);
    ck_assert_int_eq(hear(answer), MCP_ALIVE);
    ck_assert(!mcp_health(m, &said));
    ck_assert_uint_gt(strlen(said), 100);
    ck_assert_uint_lt(strlen(said), 600);
    end();
}
END_TEST

START_TEST(test_there_is_no_probe_before_it_is_ready) {
    begin();
    ck_assert_int_eq(mcp_start(m, MCP_ERA_UNKNOWN, &out), 0);
    buf_clear(&out);
    ck_assert_int_eq(mcp_probe(m, &out), -EBUSY);
    ck_assert_int_eq(mcp_teardown(m, &out), -EBUSY);
    ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING);
    buf_clear(&out);
    ck_assert_int_eq(mcp_probe(m, &out), -EBUSY);
    ck_assert_int_eq(mcp_teardown(m, &out), -EBUSY);
    asked_nothing();
    end();
}
END_TEST

START_TEST(test_any_answer_to_teardown_is_its_farewell) {
    static const char *const answers[] = {"\"result\":{\"released\":true}", "\"result\":{\"released\":false}",
                                          "\"result\":null", "\"error\":{\"code\":1}", "\"result\":1e999"};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        char line[128];
        make_ready();
        ck_assert_int_eq(mcp_probe(m, &out), 0);
        json_decref(asked("hooks/health", "h3"));
        ck_assert_int_eq(mcp_teardown(m, &out), 0);
        json_decref(asked("hooks/teardown", "h4"));
        ck_assert_str_eq(mcp_awaiting(m), "an answer to hooks/teardown");
        ck_assert_int_eq(mcp_teardown(m, &out), -EBUSY);
        ck_assert_int_eq(mcp_probe(m, &out), -EBUSY);
        asked_nothing();
        failed("{\"error\":{\"message\":\"m\"},\"seq\":3}", "", "m", 3); /* it still handles what it has */
        ck_assert_int_eq(hear(V "\"id\":\"h3\",\"result\":{}}"), MCP_ALIVE);
        (void)snprintf(line, sizeof line, V "\"id\":\"h4\",%s}", answers[i]);
        ck_assert_int_eq(hear(line), MCP_RELEASED);
        ck_assert_int_eq(hear(line), MCP_UNEXPECTED);
        end();
    }
}
END_TEST

START_TEST(test_what_has_no_place_is_named_and_never_answered) {
    const struct {
        const char *line, *says;
    } cases[] = {
        {V "\"id\":1,\"method\":\"sampling/createMessage\"}",
         "a request, which a server of 2026-07-28 must not send: sampling/createMessage"},
        {V "\"id\":1,\"method\":\"ping\"}", "a request, which a server of 2026-07-28 must not send: ping"},
        {V "\"method\":\"notifications/whatever\"}", "a notification that is not known here: notifications/whatever"},
        {"[]", "not JSON-RPC: batches are not served: send one request a line"},
        {"7", "not JSON-RPC: not an object"},
        {"{\"hello\":1}", "not JSON-RPC: \"jsonrpc\" must be \"2.0\""}};
    make_ready();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(hear(cases[i].line) == MCP_UNEXPECTED, "%s", cases[i].line);
        ck_assert_str_eq(why.text, cases[i].says);
        asked_nothing();
    }
    ck_assert_int_eq(hear(V "\"method\":\"notifications/message\",\"params\":{}}"), MCP_NOTHING);
    ck_assert_int_eq(hear(V "\"method\":\"notifications/progress\"}"), MCP_NOTHING);
    asked_nothing();
    end();
}
END_TEST

RUN_SUITE("mcp-ready", test_a_failed_event_names_hook_seq_and_message, test_a_failed_event_may_lack_hook_and_seq,
          test_a_failure_without_a_message_is_none, test_a_long_message_is_not_lost,
          test_no_event_fails_before_the_handshake, test_any_answer_to_a_probe_is_life_and_only_degraded_is_ill,
          test_a_long_detail_is_cut, test_there_is_no_probe_before_it_is_ready,
          test_any_answer_to_teardown_is_its_farewell, test_what_has_no_place_is_named_and_never_answered)
