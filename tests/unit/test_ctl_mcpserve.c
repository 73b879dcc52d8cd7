/* The MCP server without a daemon: eras, messages, input schemas, no memory. tests/ctl/test_mcp*.py have the whole of
 * it.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "chaos.h"
#include "ctl/mcpserve_message.h"
#include "ctl/mcpserve_schema.h"
#include "ctl/mcpserve_tools.h"

#define MODERN(method, more)                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method          \
    "\",\"params\":{\"_meta\":{"                                  \
    "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}" more "}}"
#define LEGACY(method, params) "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"" method "\",\"params\":" params "}"

static const struct options options = {.runtime_dir = "/nonexistent", .timeout = NSEC_PER_SEC};
static struct mcpserve server;
static struct buf out;

static void setup(void) {
    mcpserve_init(&server, &options);
    out = BUF_INIT(0);
}

static void teardown(void) {
    mcpserve_deinit(&server);
    mcpserve_deinit(&server);
    buf_deinit(&out);
}

static const char *told(const char *line) {
    buf_clear(&out);
    mcpserve_message(&server, line, strlen(line), &out);
    return buf_cstr(&out);
}

static void has(const char *line, const char *part) {
    const char *text = told(line);
    ck_assert_msg(strstr(text, part) != NULL, "\"%s\" does not say \"%s\"", text, part);
}

START_TEST(test_the_era_is_each_requests_own) {
    has(LEGACY("tools/list", "{}"), "-32602");
    has(MODERN("server/discover", ""), "\"resultType\":\"complete\"");
    ck_assert_int_eq(server.session, MCPSERVE_NONE);
    has(LEGACY("initialize", "{\"protocolVersion\":\"2024-11-05\"}"), "\"protocolVersion\":\"2024-11-05\"");
    ck_assert_int_eq(server.session, MCPSERVE_2024_11_05);
    has(MODERN("ping", ""), "-32601");
    ck_assert_str_eq(told(LEGACY("ping", "{}")), "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n");
    has(LEGACY("initialize", "{\"protocolVersion\":\"2026-07-28\"}"), "\"protocolVersion\":\"2025-11-25\"");
}
END_TEST

START_TEST(test_every_answer_is_one_line) {
    static const char *const lines[] = {"",
                                        " \t\r",
                                        "{",
                                        "[]",
                                        "{}",
                                        "\xff",
                                        MODERN("server/discover", ""),
                                        MODERN("tools/call", ",\"name\":\"a\\nb\""),
                                        LEGACY("x\\n", "{}")};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *text = told(lines[i]);
        size_t n = strlen(text);
        ck_assert_uint_eq(n == 0, i < 2);
        if (n) ck_assert_ptr_eq(strchr(text, '\n'), text + n - 1);
    }
    buf_clear(&out);
    mcpserve_too_long(&server, &out);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "-32600"));
}
END_TEST

START_TEST(test_a_batch_is_the_affair_of_one_revision) {
    static const char batch[] = "[" LEGACY("ping", "{}") ",{\"jsonrpc\":\"2.0\",\"method\":\"x\"},7]";
    has(batch, "-32600");
    (void)told(LEGACY("initialize", "{\"protocolVersion\":\"2025-03-26\"}"));
    const char *text = told(batch);
    ck_assert_ptr_eq(strstr(text, "[{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}},{"), text);
    ck_assert_str_eq(told("[{\"jsonrpc\":\"2.0\",\"method\":\"x\"}]"), "");
}
END_TEST

/* `schema` as a tool's, compact and with sorted keys. */
static char *shown(const char *schema) {
    json_t *doc = json_loads(schema, JSON_DECODE_ANY, NULL), *input = mcpserve_schema(doc);
    char *text = json_dumps(input, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(input);
    json_decref(doc);
    return text;
}

START_TEST(test_an_input_schema_says_object_and_stands_alone) {
    static const char *const cases[][2] = {
        {"null", "{\"type\":\"object\"}"},
        {"true", "{\"type\":\"object\"}"},
        {"false", "{\"not\":{},\"type\":\"object\"}"},
        {"{\"type\":\"array\"}", "{\"not\":{},\"type\":\"object\"}"},
        {"{\"type\":[\"object\",\"null\"],\"minProperties\":1}", "{\"minProperties\":1,\"type\":\"object\"}"},
        {"{\"$id\":\"https://example.org/a\"}", "{\"type\":\"object\"}"},
        {"{\"$ref\":\"a.json\",\"title\":\"T\",\"minProperties\":1}",
         "{\"$comment\":\"The full schema refers to other files; hookcastd checks it.\",\"title\":\"T\","
         "\"type\":\"object\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = shown(cases[i][0]);
        ck_assert_str_eq(text, cases[i][1]);
        free(text);
    }
}
END_TEST

START_TEST(test_tools_are_sorted_and_unique) {
    json_t *kinds = json_loads(
        "{\"kinds\":[{\"kind\":\"b\",\"kind_api_version\":\"2.0.0\",\"hooks\":["
        "{\"name\":\"y\",\"dispatch\":\"broadcast_notify\",\"mcp_exposed\":true},"
        "{\"name\":\"x\",\"dispatch\":\"broadcast_notify\",\"mcp_exposed\":true},"
        "{\"name\":\"z\",\"dispatch\":\"chain\",\"mcp_exposed\":true}]},"
        "{\"kind\":\"b\",\"kind_api_version\":\"10.0.0\",\"hooks\":["
        "{\"name\":\"x\",\"dispatch\":\"broadcast_notify\",\"mcp_exposed\":true}]}]}",
        0, NULL);
    struct mcpserve_tools t;
    ck_assert_int_eq(mcpserve_tools_collect(kinds, &t), 0);
    ck_assert_uint_eq(t.n, 2);
    ck_assert_str_eq(t.items[0].name, "b.x");
    ck_assert_str_eq(t.items[0].version, "10.0.0");
    ck_assert_str_eq(t.items[1].name, "b.y");
    mcpserve_tools_deinit(&t);
    mcpserve_tools_deinit(&t);
    json_decref(kinds);
}
END_TEST

#if CHAOS
static bool talk(void) {
    static const char *const lines[] = {
        LEGACY("initialize", "{\"protocolVersion\":\"2025-03-26\"}"),
        MODERN("server/discover", ""),
        MODERN("tools/list", ""),
        MODERN("tools/call", ",\"name\":\"k.h\",\"arguments\":{}"),
        MODERN("resources/list", ""),
        MODERN("resources/read", ",\"uri\":\"hookcast://no\""),
        MODERN("subscriptions/listen", ",\"notifications\":{}"),
        "[" LEGACY("ping", "{}") ",5]",
        "{",
        LEGACY("initialize", "{\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"1\"}}"),
    };
    struct mcpserve m;
    struct buf b = BUF_INIT(0);
    mcpserve_init(&m, &options);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) mcpserve_message(&m, lines[i], strlen(lines[i]), &b);
    mcpserve_deinit(&m);
    buf_deinit(&b);
    return true;
}

static bool show(void) {
    json_t *doc = json_pack("{s:s, s:s, s:[s]}", "$id", "https://example.org/a", "$ref", "b.json", "required", "a");
    json_t *input = doc ? mcpserve_schema(doc) : NULL;
    json_decref(input);
    json_decref(doc);
    return true;
}

START_TEST(test_no_memory_costs_an_answer_only) {
    ck_assert_int_gt(chaos_run(talk), 10);
    ck_assert_int_gt(chaos_run(show), 10);
}
END_TEST
#endif

int main(void) {
    Suite *s = suite_create("ctl/mcpserve");
    TCase *t = tcase_create("mcpserve");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_the_era_is_each_requests_own);
    tcase_add_test(t, test_every_answer_is_one_line);
    tcase_add_test(t, test_a_batch_is_the_affair_of_one_revision);
    tcase_add_test(t, test_an_input_schema_says_object_and_stands_alone);
    tcase_add_test(t, test_tools_are_sorted_and_unique);
#if CHAOS
    tcase_add_test(t, test_no_memory_costs_an_answer_only);
#endif
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
