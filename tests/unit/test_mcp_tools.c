/* An ordinary MCP server: which of its tools hears which hook, and what happens when they change. */
#include "chaos.h"
#include "fanout_suite.h"
#include "mcp_rig.h"

#define TOOLS(list) "\"tools\":[" list "]"
#define TOOL(name) "{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\"}}"
#define EXTENSION "an MCP server without the extension io.hookcast/hooks, and "

static const struct mcp_wish three[] = {
    {"on_a", "append_row", true, NULL}, {"on_b", "k.tracer.on_b", false, NULL}, {"on_c", "k.tracer.on_c", false, NULL}};

static void wish(const struct mcp_wish *w, size_t n) {
    wishes = w;
    n_wishes = n;
}

/* A server of this era without the extension, up to the first tools/list. */
static void begin_tools(bool modern, const char *capabilities) {
    char line[256];
    begin();
    ck_assert_int_eq(mcp_start(m, modern ? MCP_ERA_MODERN : MCP_ERA_LEGACY, &out), 0);
    buf_clear(&out);
    (void)snprintf(line, sizeof line, V "\"id\":\"h1\",\"result\":{%s,\"capabilities\":%s}}",
                   modern ? "\"supportedVersions\":[\"2026-07-28\"]" : "\"protocolVersion\":\"2025-06-18\"",
                   capabilities);
    ck_assert_int_eq(hear(line), MCP_NOTHING);
    if (!modern) next_is("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\",\"params\":{}}");
    json_t *p = modern ? asked_next("tools/list", "h2") : legacy_asked("tools/list", "h2");
    ck_assert_uint_eq(json_object_size(p), modern);
    json_decref(p);
    ck_assert_str_eq(mcp_awaiting(m), "an answer to tools/list");
    ck_assert(!mcp_native(m));
    ck_assert_int_eq(mcp_probe(m, &out), -EBUSY);
    ck_assert_int_eq(mcp_teardown(m, &out), -EBUSY);
    ck_assert_int_eq(mcp_cancel(m, 1, "x", &out), -EBUSY);
}

static int answer(unsigned id, const char *members) {
    static char line[70000];
    (void)snprintf(line, sizeof line, V "\"id\":\"h%u\",\"result\":{%s}}", id, members);
    return hear(line);
}

static void heard_is(const char *want) {
    char *text = json_dumps(mcp_heard(m), JSON_COMPACT);
    ck_assert_str_eq(text, want);
    free(text);
}

static void note_is(size_t i, const char *want) {
    ck_assert_uint_gt(mcp_notes(m)->n, i);
    ck_assert_str_eq(mcp_notes(m)->items[i], want);
}

static void no_notes(void) { ck_assert_uint_eq(mcp_notes(m)->n, 0); }

START_TEST(test_each_hook_is_heard_by_its_tool_if_the_server_has_it) {
    wish(three, 3);
    for (int modern = 0; modern < 2; modern++) {
        begin_tools(modern, "{\"tools\":{}}");
        asked_nothing();
        ck_assert_int_eq(answer(2, TOOLS(TOOL("other") "," TOOL("append_row") "," TOOL("k.tracer.on_c"))), MCP_READY);
        asked_nothing();
        heard_is("[\"on_a\",\"on_c\"]");
        ck_assert_str_eq(mcp_tool(m, "on_a"), "append_row");
        ck_assert_ptr_null(mcp_tool(m, "on_b")); /* its template's tool: nobody promised it */
        ck_assert_str_eq(mcp_tool(m, "on_c"), "k.tracer.on_c");
        ck_assert_ptr_null(mcp_tool(m, "on_x"));
        ck_assert_ptr_null(mcp_advertised(m));
        ck_assert_str_eq(mcp_awaiting(m), "nothing");
        ck_assert_int_eq(mcp_era_next(m), modern ? MCP_ERA_MODERN : MCP_ERA_LEGACY);
        no_notes();
        end();
    }
}
END_TEST

START_TEST(test_the_extension_makes_it_native_and_its_tools_are_not_asked_for) {
    wish(three, 3);
    begin();
    ck_assert_int_eq(mcp_start(m, MCP_ERA_MODERN, &out), 0);
    buf_clear(&out);
    ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING);
    json_decref(asked("hooks/setup", "h2"));
    ck_assert_int_eq(hear(V "\"id\":\"h2\",\"result\":{}}"), MCP_READY);
    ck_assert_int_eq(hear(V "\"method\":\"notifications/tools/list_changed\"}"), MCP_NOTHING);
    asked_nothing();
    ck_assert_ptr_null(mcp_tool(m, "on_a"));
    ck_assert_int_eq(hear(V "\"id\":5,\"result\":{}}"), MCP_UNEXPECTED); /* it is never called */
    end();
}
END_TEST

START_TEST(test_an_extension_that_is_no_object_is_none) {
    static const char *const caps[] = {"{\"extensions\":{\"io.hookcast/hooks\":true}}", "{\"extensions\":[]}",
                                       "{\"experimental\":{\"io.hookcast/hooks\":null}}",
                                       "{\"extensions\":{\"io.hookcast/other\":{}}}", "{}"};
    wish(three, 3);
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
        begin_tools(true, caps[i]);
        end();
    }
}
END_TEST

START_TEST(test_a_named_tool_that_is_lacking_is_told_with_the_nearest) {
    wish(three, 3);
    begin_tools(false, "{}");
    ck_assert_int_eq(answer(2, TOOLS(TOOL("apend_row") "," TOOL("append_rows") "," TOOL("k.tracer.on_c"))), MCP_READY);
    ck_assert_uint_eq(mcp_notes(m)->n, 1);
    note_is(0,
            "hookcast.tools names \"append_row\" for the hook on_a, and the server has no such tool (did you mean "
            "\"apend_row\"?)");
    errs_deinit(mcp_notes(m));
    no_notes();
    heard_is("[\"on_c\"]");
    end();
}
END_TEST

START_TEST(test_no_tool_at_all_is_a_refusal_that_lists_what_there_is) {
    static const struct mcp_wish none[1];
    wish(three, 3);
    begin_tools(false, "{}");
    ck_assert_int_eq(answer(2, TOOLS(TOOL("a") "," TOOL("b\\u0063") "," TOOL("d"))), MCP_REFUSED);
    ck_assert_str_eq(why.text, EXTENSION "with no tool to hear anything by; it has: a, bc, d");
    ck_assert_int_eq(mcp_era_next(m), MCP_ERA_UNKNOWN);
    end();
    wish(none, 0);
    begin_tools(true, "{}");
    ck_assert_int_eq(answer(2, TOOLS()), MCP_REFUSED);
    ck_assert_str_eq(why.text, EXTENSION "with no tool to hear anything by; it has: none");
    end();
}
END_TEST

START_TEST(test_a_long_list_of_tools_is_cut) {
    static char members[60000];
    wish(three, 3);
    begin_tools(false, "{}");
    size_t n = (size_t)sprintf(members, "\"tools\":[");
    for (int i = 0; i < 2000; i++) n += (size_t)sprintf(members + n, "%s{\"name\":\"tool_%d\"}", i ? "," : "", i);
    (void)sprintf(members + n, "]");
    ck_assert_int_eq(answer(2, members), MCP_REFUSED);
    ck_assert_ptr_nonnull(strstr(why.text, "it has: tool_0, tool_1, tool_2, "));
    ck_assert_str_eq(why.text + strlen(why.text) - 5, ", ...");
    ck_assert_uint_lt(strlen(why.text), 600);
    end();
}
END_TEST

START_TEST(test_what_is_no_tool_is_passed_over) {
    wish(three, 3);
    begin_tools(false, "{}");
    ck_assert_int_eq(answer(2, TOOLS("7"
                                     ","
                                     "null"
                                     ","
                                     "[]"
                                     ","
                                     "{}"
                                     ","
                                     "{\"name\":7}"
                                     ","
                                     "{\"name\":[\"append_row\"]}"
                                     ","
                                     "\"x\""
                                     ","
                                     "{\"name\":\"append_row\",\"inputSchema\":7,\"execution\":[]}"
                                     ","
                                     "{\"name\":\"append_row\"}")),
                     MCP_READY);
    heard_is("[\"on_a\"]");
    end();
}
END_TEST

START_TEST(test_numbers_and_texts_that_few_can_read_do_no_harm) {
    json_t *hook = json_pack("{s:{s:{s:s}}}", "properties", "n", "type", "integer");
    const struct mcp_wish w = {"on_a", "append_row", true, hook};
    wish(&w, 1);
    begin_tools(false, "{}");
    ck_assert_int_eq(answer(2, TOOLS("{\"name\":\"append_row\",\"description\":\"\\ud800\\u0000\",\"n\":1e999,"
                                     "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\","
                                     "\"maximum\":18446744073709551615}}}}")),
                     MCP_READY);
    no_notes();
    end();
    begin_tools(false, "{}"); /* a schema that cannot be read is not compared */
    ck_assert_int_eq(answer(2, TOOLS("{\"name\":\"append_row\",\"inputSchema\":{\"type\":\"array\",\"x\":1e999}}")),
                     MCP_READY);
    no_notes();
    end();
    json_decref(hook);
}
END_TEST

/* --- pages --- */

static void page_asked(unsigned id, const char *cursor) {
    char text[16];
    (void)snprintf(text, sizeof text, "h%u", id);
    json_t *p = legacy_asked("tools/list", text);
    ck_assert_str_eq(json_string_value(json_object_get(p, "cursor")), cursor);
    ck_assert_uint_eq(json_object_size(p), 1);
    json_decref(p);
    asked_nothing();
}

START_TEST(test_all_pages_are_read_and_cursors_are_opaque) {
    wish(three, 3);
    begin_tools(false, "{}");
    ck_assert_int_eq(answer(2, TOOLS(TOOL("a")) ",\"nextCursor\":\"\""), MCP_NOTHING); /* empty is not the end */
    page_asked(3, "");
    ck_assert_int_eq(answer(2, TOOLS(TOOL("append_row"))), MCP_UNEXPECTED); /* answered already */
    ck_assert_int_eq(answer(3, TOOLS(TOOL("append_row")) ",\"nextCursor\":\"\\\"\\u00e9\\\\ {}\""), MCP_NOTHING);
    page_asked(4, "\"\xc3\xa9\\ {}");
    ck_assert_int_eq(answer(4, TOOLS() ",\"nextCursor\":\"x\""), MCP_NOTHING); /* an empty page neither */
    page_asked(5, "x");
    ck_assert_int_eq(answer(5, TOOLS(TOOL("k.tracer.on_b")) ",\"nextCursor\":null"), MCP_READY);
    heard_is("[\"on_a\",\"on_b\"]");
    end();
    begin_tools(true, "{}"); /* with `_meta` for a modern one */
    ck_assert_int_eq(answer(2, "\"resultType\":\"complete\",\"ttlMs\":0," TOOLS() ",\"nextCursor\":\"c\""),
                     MCP_NOTHING);
    json_t *p = asked("tools/list", "h3");
    ck_assert_str_eq(json_string_value(json_object_get(p, "cursor")), "c");
    json_decref(p);
    end();
}
END_TEST

/* Pages without end; how many were asked for. */
static unsigned pages(unsigned last, const char *stop) {
    char members[128], cursor[32];
    unsigned id = 2;
    for (;; id++) {
        unsigned page = id - 1;
        (void)snprintf(cursor, sizeof cursor, "c%u", page);
        (void)snprintf(members, sizeof members, TOOLS(TOOL("append_row")) "%s%s%s",
                       page < last ? ",\"nextCursor\":\"" : "", page < last ? cursor : "", page < last ? "\"" : "");
        int r = answer(id, members);
        if (r != MCP_NOTHING) {
            ck_assert_int_eq(r, stop ? MCP_REFUSED : MCP_READY);
            if (stop) ck_assert_str_eq(why.text, stop);
            return page;
        }
        page_asked(id + 1, cursor);
    }
}

START_TEST(test_64_pages_are_read_and_not_one_more) {
    wish(three, 3);
    begin_tools(false, "{}");
    ck_assert_uint_eq(pages(64, NULL), 64);
    end();
    begin_tools(false, "{}");
    ck_assert_uint_eq(pages(65, EXTENSION "its tools/list has more than 64 pages"), 64);
    end();
}
END_TEST

START_TEST(test_a_cursor_that_comes_again_is_a_loop) {
    static const char loop[] = EXTENSION "its tools/list goes round in circles: a nextCursor came again";
    wish(three, 3);
    begin_tools(false, "{}");
    ck_assert_int_eq(answer(2, TOOLS() ",\"nextCursor\":\"a\""), MCP_NOTHING);
    ck_assert_int_eq(answer(3, TOOLS() ",\"nextCursor\":\"\\u0061\""), MCP_REFUSED);
    ck_assert_str_eq(why.text, loop);
    end();
    begin_tools(false, "{}");
    ck_assert_int_eq(answer(2, TOOLS() ",\"nextCursor\":\"\""), MCP_NOTHING);
    ck_assert_int_eq(answer(3, TOOLS() ",\"nextCursor\":\"b\""), MCP_NOTHING);
    ck_assert_int_eq(answer(4, TOOLS() ",\"nextCursor\":\"c\""), MCP_NOTHING);
    ck_assert_int_eq(answer(5, TOOLS() ",\"nextCursor\":\"\""), MCP_REFUSED);
    ck_assert_str_eq(why.text, loop);
    end();
}
END_TEST

START_TEST(test_a_list_that_cannot_be_read_is_refused_with_the_reason) {
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"\"error\":{\"code\":-32601,\"message\":\"no tools\"}", "tools/list failed: no tools (-32601)"},
        {"\"error\":7", "tools/list failed: no message (0)"},
        {"\"result\":null", "its answer to tools/list has no list of tools"},
        {"\"result\":{}", "its answer to tools/list has no list of tools"},
        {"\"result\":{\"tools\":{}}", "its answer to tools/list has no list of tools"},
        {"\"result\":{\"tools\":[],\"nextCursor\":7}", "the nextCursor of its tools/list is not a string"},
        {"\"result\":{\"tools\":[],\"resultType\":\"input_required\"}", "its answer to tools/list is not complete"}};
    wish(three, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[256], want[256];
        begin_tools(true, "{}");
        (void)snprintf(line, sizeof line, V "\"id\":\"h2\",%s}", cases[i].body);
        (void)snprintf(want, sizeof want, EXTENSION "%s", cases[i].says);
        ck_assert_int_eq(hear(line), MCP_REFUSED);
        ck_assert_str_eq(why.text, want);
        end();
    }
}
END_TEST

/* --- schemas --- */

START_TEST(test_a_schema_that_does_not_fit_is_told_and_the_hook_is_heard) {
    json_t *hook = json_loads("{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\"}}}", 0, NULL);
    const struct mcp_wish w = {"on_a", "append_row", true, hook};
    wish(&w, 1);
    begin_tools(false, "{}");
    ck_assert_int_eq(answer(2, TOOLS("{\"name\":\"append_row\",\"inputSchema\":{\"type\":\"object\",\"required\":["
                                     "\"row\"]}}")),
                     MCP_READY);
    note_is(0,
            "the tool \"append_row\" does not fit the hook on_a: it requires \"row\", which no payload is said to "
            "have; its events are delivered all the same");
    heard_is("[\"on_a\"]");
    end();
    json_decref(hook);
}
END_TEST

START_TEST(test_a_tool_that_is_only_a_task_is_not_called) {
    wish(three, 3);
    begin_tools(false, "{}");
    ck_assert_int_eq(answer(2, TOOLS("{\"name\":\"append_row\",\"execution\":{\"taskSupport\":\"required\"}}"
                                     ","
                                     "{\"name\":\"k.tracer.on_b\",\"execution\":{\"taskSupport\":\"optional\"}}")),
                     MCP_READY);
    note_is(0, "the tool \"append_row\" for the hook on_a can only be called as a task, which is not done here");
    heard_is("[\"on_b\"]");
    ck_assert_ptr_null(mcp_tool(m, "on_a"));
    end();
}
END_TEST

/* --- changes --- */

#define CHANGED V "\"method\":\"notifications/tools/list_changed\"}"

static void begin_ready(void) {
    wish(three, 3);
    begin_tools(false, "{\"tools\":{\"listChanged\":true}}");
    ck_assert_int_eq(answer(2, TOOLS(TOOL("append_row") "," TOOL("k.tracer.on_b"))), MCP_READY);
    asked_nothing();
}

static void list_asked(unsigned id) {
    char text[16];
    (void)snprintf(text, sizeof text, "h%u", id);
    json_decref(legacy_asked("tools/list", text));
    asked_nothing();
}

START_TEST(test_changed_tools_are_read_again_while_events_go_on) {
    begin_ready();
    ck_assert_int_eq(hear(CHANGED), MCP_NOTHING);
    list_asked(3);
    heard_is("[\"on_a\",\"on_b\"]");
    ck_assert_int_eq(hear(V "\"id\":41,\"result\":{\"content\":[]}}"), MCP_TOOL_ANSWER);
    ck_assert_int_eq(answer(3, TOOLS(TOOL("append_row")) ",\"nextCursor\":\"p\""), MCP_NOTHING);
    page_asked(4, "p");
    heard_is("[\"on_a\",\"on_b\"]"); /* not before the last page */
    ck_assert_int_eq(answer(4, TOOLS(TOOL("k.tracer.on_c"))), MCP_TOOLS_CHANGED);
    heard_is("[\"on_a\",\"on_c\"]");
    ck_assert_ptr_null(mcp_tool(m, "on_b"));
    note_is(0, "the tool \"k.tracer.on_b\" is gone: the hook on_b is not heard any more");
    end();
}
END_TEST

START_TEST(test_the_same_tools_again_are_no_change) {
    begin_ready();
    ck_assert_int_eq(hear(CHANGED), MCP_NOTHING);
    ck_assert_int_eq(answer(3, TOOLS(TOOL("k.tracer.on_b") "," TOOL("new") "," TOOL("append_row"))), MCP_NOTHING);
    no_notes();
    heard_is("[\"on_a\",\"on_b\"]");
    end();
}
END_TEST

START_TEST(test_no_tool_left_is_the_end) {
    begin_ready();
    ck_assert_int_eq(hear(CHANGED), MCP_NOTHING);
    ck_assert_int_eq(answer(3, TOOLS(TOOL("new"))), MCP_TOOLS_GONE);
    ck_assert_str_eq(why.text, EXTENSION "with no tool to hear anything by; it has: new");
    heard_is("[]");
    ck_assert_int_eq(mcp_probe(m, &out), 0 - EBUSY);
    end();
}
END_TEST

START_TEST(test_changes_that_cannot_be_read_leave_the_old_choice) {
    begin_ready();
    ck_assert_int_eq(hear(CHANGED), MCP_NOTHING);
    ck_assert_int_eq(hear(V "\"id\":\"h3\",\"error\":{\"code\":-32603,\"message\":\"busy\"}}"), MCP_NOTHING);
    note_is(0, "its tools changed, and cannot be read again: tools/list failed: busy (-32603)");
    heard_is("[\"on_a\",\"on_b\"]");
    buf_clear(&out);
    ck_assert_int_eq(hear(CHANGED), MCP_NOTHING);
    list_asked(4);
    ck_assert_int_eq(answer(4, TOOLS(TOOL("append_row"))), MCP_TOOLS_CHANGED);
    end();
}
END_TEST

START_TEST(test_a_change_while_reading_is_read_after_it) {
    begin_ready();
    ck_assert_int_eq(hear(CHANGED), MCP_NOTHING);
    list_asked(3);
    for (int i = 0; i < 1000; i++) ck_assert_int_eq(hear(CHANGED), MCP_NOTHING);
    asked_nothing();
    ck_assert_int_eq(answer(3, TOOLS(TOOL("append_row"))), MCP_TOOLS_CHANGED);
    list_asked(4);
    ck_assert_int_eq(answer(4, TOOLS(TOOL("append_row"))), MCP_NOTHING);
    asked_nothing();
    end();
    wish(three, 3); /* and so is one that comes before the first list is there */
    begin_tools(false, "{}");
    ck_assert_int_eq(hear(CHANGED), MCP_NOTHING);
    asked_nothing();
    ck_assert_int_eq(answer(2, TOOLS(TOOL("append_row"))), MCP_READY);
    list_asked(3);
    end();
}
END_TEST

START_TEST(test_a_server_that_changes_without_end_is_read_a_few_times_between_probes) {
    begin_ready();
    unsigned id = 3;
    for (int i = 0; i < 8; i++, id++) {
        ck_assert_int_eq(hear(CHANGED), MCP_NOTHING);
        list_asked(id);
        ck_assert_int_eq(answer(id, TOOLS(TOOL("append_row") "," TOOL("k.tracer.on_b"))), MCP_NOTHING);
    }
    for (int i = 0; i < 8; i++) ck_assert_int_eq(hear(CHANGED), MCP_NOTHING);
    asked_nothing();
    ck_assert_int_eq(mcp_probe(m, &out), 0);
    json_decref(legacy_asked("ping", "h11"));
    list_asked(12);
    end();
}
END_TEST

START_TEST(test_a_modern_server_is_asked_to_tell_of_changes) {
    wish(three, 3);
    begin_tools(true, "{\"tools\":{\"listChanged\":true}}");
    json_t *p = asked("subscriptions/listen", "h3");
    ck_assert(json_is_true(json_object_get(json_object_get(p, "notifications"), "toolsListChanged")));
    json_decref(p);
    ck_assert_int_eq(hear(V "\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{\"_meta\":{"
                            "\"io.modelcontextprotocol/subscriptionId\":\"h3\"}}}"),
                     MCP_NOTHING);
    ck_assert_int_eq(answer(2, TOOLS(TOOL("append_row"))), MCP_READY);
    asked_nothing();
    ck_assert_int_eq(hear(V "\"method\":\"notifications/tools/list_changed\",\"params\":{\"_meta\":{"
                            "\"io.modelcontextprotocol/subscriptionId\":\"h9\"}}}"),
                     MCP_UNEXPECTED);
    asked_nothing();
    ck_assert_int_eq(hear(V "\"method\":\"notifications/tools/list_changed\",\"params\":{\"_meta\":{"
                            "\"io.modelcontextprotocol/subscriptionId\":\"h3\"}}}"),
                     MCP_NOTHING);
    json_decref(asked("tools/list", "h4"));
    ck_assert_int_eq(answer(4, TOOLS(TOOL("append_row") "," TOOL("k.tracer.on_b"))), MCP_TOOLS_CHANGED);
    ck_assert_int_eq(answer(3, "\"resultType\":\"complete\""), MCP_NOTHING); /* it ends the subscription */
    ck_assert_int_eq(answer(3, "\"resultType\":\"complete\""), MCP_UNEXPECTED);
    no_notes();
    end();
    begin_tools(true, "{\"tools\":{\"listChanged\":true}}"); /* or with a notification, or never begins it */
    buf_clear(&out);
    ck_assert_int_eq(hear(V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"h3\"}}"), MCP_NOTHING);
    ck_assert_int_eq(answer(3, ""), MCP_UNEXPECTED);
    end();
    begin_tools(true, "{\"tools\":{\"listChanged\":true}}");
    ck_assert_int_eq(hear(V "\"id\":\"h3\",\"error\":{\"code\":-32601,\"message\":\"what?\"}}"), MCP_NOTHING);
    note_is(0, "it will not tell when its tools change: what? (-32601)");
    end();
}
END_TEST

START_TEST(test_notes_are_bounded) {
    begin_ready();
    for (unsigned id = 3; id < 300; id++) {
        buf_clear(&out);
        ck_assert_int_eq(mcp_probe(m, &out), 0);
        (void)hear(CHANGED);
        char line[64];
        (void)snprintf(line, sizeof line, V "\"id\":\"h%u\",\"error\":1}", id++);
        ck_assert_int_eq(hear(line), MCP_ALIVE);
        (void)snprintf(line, sizeof line, V "\"id\":\"h%u\",\"error\":1}", id);
        ck_assert_int_eq(hear(line), MCP_NOTHING);
    }
    ck_assert_uint_eq(mcp_notes(m)->n, 64);
    ck_assert(mcp_notes(m)->lost);
    end();
}
END_TEST

/* With any allocation failing it is refused memory or goes on; nothing leaks and no half line is written. */
#if CHAOS
static bool told(const char *line) {
    struct jsonrpc msg;
    bool ok = true;
    scan_init(&scan, 128);
    if (scan_text(&scan, line, strlen(line)) == 0) {
        jsonrpc_classify(&scan, &msg);
        int r = mcp_receive(m, &scan, &msg, &out, &why);
        ok = r >= 0 || r == -ENOMEM;
    }
    scan_deinit(&scan);
    return ok && (!out.len || buf_data(&out)[out.len - 1] == '\n');
}

static bool attempt(void) {
    static const char *const lines[] = {
        V "\"id\":\"h1\",\"error\":{}}",
        V "\"id\":\"h2\",\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}}",
        V "\"id\":\"h3\",\"result\":{" TOOLS(TOOL("apend_row")) ",\"nextCursor\":\"x\"}}",
        V "\"id\":\"h4\",\"result\":{" TOOLS(TOOL("k.tracer.on_b")) "}}",
        V "\"id\":7,\"method\":\"ping\"}",
        V "\"id\":7,\"error\":{\"message\":\"m\"}}",
        CHANGED,
        V "\"id\":\"h5\",\"result\":{" TOOLS(TOOL("append_row")) "}}"};
    json_t *hooks = json_pack("[s,s,s]", "on_a", "on_b", "on_c"), *config = json_object();
    struct mcp_identity id = identity(hooks, config);
    id.wishes = three, id.n_wishes = 3;
    bool ok = true;
    m = hooks && config ? mcp_new(&id) : NULL;
    if (m && mcp_start(m, MCP_ERA_UNKNOWN, &out) == 0)
        for (size_t i = 0; i < sizeof lines / sizeof *lines && ok; i++) ok = told(lines[i]);
    m = mcp_free(m);
    json_decref(hooks);
    json_decref(config);
    buf_deinit(&out);
    return ok;
}

START_TEST(test_every_allocation_may_fail) { ck_assert_int_gt(chaos_run(attempt), 60); }
END_TEST
#else
START_TEST(test_every_allocation_may_fail) {}
END_TEST
#endif

RUN_SUITE("mcp-tools", test_each_hook_is_heard_by_its_tool_if_the_server_has_it,
          test_the_extension_makes_it_native_and_its_tools_are_not_asked_for,
          test_an_extension_that_is_no_object_is_none, test_a_named_tool_that_is_lacking_is_told_with_the_nearest,
          test_no_tool_at_all_is_a_refusal_that_lists_what_there_is, test_a_long_list_of_tools_is_cut,
          test_what_is_no_tool_is_passed_over, test_numbers_and_texts_that_few_can_read_do_no_harm,
          test_all_pages_are_read_and_cursors_are_opaque, test_64_pages_are_read_and_not_one_more,
          test_a_cursor_that_comes_again_is_a_loop, test_a_list_that_cannot_be_read_is_refused_with_the_reason,
          test_a_schema_that_does_not_fit_is_told_and_the_hook_is_heard, test_a_tool_that_is_only_a_task_is_not_called,
          test_changed_tools_are_read_again_while_events_go_on, test_the_same_tools_again_are_no_change,
          test_no_tool_left_is_the_end, test_changes_that_cannot_be_read_leave_the_old_choice,
          test_a_change_while_reading_is_read_after_it,
          test_a_server_that_changes_without_end_is_read_a_few_times_between_probes,
          test_a_modern_server_is_asked_to_tell_of_changes, test_notes_are_bounded, test_every_allocation_may_fail)
