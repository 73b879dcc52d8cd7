/* What a scanned line is, and how answers are written. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "fanout_suite.h"
#include "rpc/jsonrpc.h"

static struct scan scan;
static struct jsonrpc m;

static enum jsonrpc_kind kind(const char *text) {
    scan_deinit(&scan);
    scan_init(&scan, 128);
    int r = scan_text(&scan, text, strlen(text));
    ck_assert_msg(r == 0 || r == SCAN_E_DUPLICATE || r == SCAN_E_DEPTH, "%s: %d", text, r);
    jsonrpc_classify(&scan, &m);
    return m.kind;
}

#define V "\"jsonrpc\":\"2.0\""

static void invalid(const char *text, const char *why) {
    ck_assert_msg(kind(text) == JSONRPC_INVALID, "%s", text);
    ck_assert_str_eq(m.why, why);
}

START_TEST(test_requests_and_notifications_have_a_method) {
    ck_assert_int_eq(kind("{" V ",\"id\":1,\"method\":\"ping\",\"params\":{\"a\":1}}"), JSONRPC_REQUEST);
    ck_assert(m.id && m.params && scan_equal(&scan, m.method, "ping", 4));
    ck_assert_int_eq(kind("{\"params\":[1],\"method\":\"p\",\"id\":\"x\"," V "}"), JSONRPC_REQUEST);
    ck_assert_int_eq(m.params->type, NODE_ARRAY);
    ck_assert_int_eq(kind("{" V ",\"id\":null,\"method\":\"p\"}"), JSONRPC_REQUEST);
    ck_assert_int_eq(m.id->type, NODE_NULL);
    ck_assert_int_eq(kind("{" V ",\"method\":\"p\"}"), JSONRPC_NOTIFICATION);
    ck_assert(!m.id && !m.params && m.anonymous);
    ck_assert_int_eq(kind("{\"\\u006asonrpc\":\"2\\u002e0\",\"meth\\u006fd\":\"\\u0070\",\"i\\u0064\":7}"),
                     JSONRPC_REQUEST);
    ck_assert(scan_equal(&scan, m.method, "p", 1));
    ck_assert_int_eq(kind("{" V ",\"method\":\"p\",\"id\":1,\"extra\":{\"id\":2}}"), JSONRPC_REQUEST);
}
END_TEST

START_TEST(test_answers_have_a_result_or_an_error) {
    ck_assert_int_eq(kind("{" V ",\"id\":\"h1\",\"result\":{}}"), JSONRPC_RESULT);
    ck_assert_int_eq(kind("{" V ",\"id\":\"h1\",\"result\":null}"), JSONRPC_RESULT);
    ck_assert_int_eq(m.result->type, NODE_NULL);
    ck_assert_int_eq(kind("{" V ",\"id\":\"h1\",\"error\":{\"code\":1}}"), JSONRPC_ERROR);
    ck_assert_int_eq(kind("{" V ",\"id\":null,\"error\":{}}"), JSONRPC_ERROR);
    ck_assert_int_eq(kind("{" V ",\"error\":{}}"), JSONRPC_ERROR);
    ck_assert_ptr_null(m.id);
}
END_TEST

START_TEST(test_a_batch_is_told_apart) {
    ck_assert_int_eq(kind("[{" V ",\"id\":1,\"method\":\"p\"}]"), JSONRPC_BATCH);
    ck_assert_int_eq(kind("[]"), JSONRPC_BATCH);
    ck_assert_ptr_null(m.id);
}
END_TEST

START_TEST(test_what_is_none_of_these_says_why_and_keeps_its_id) {
    invalid("1", "not an object");
    invalid("\"x\"", "not an object");
    invalid("null", "not an object");
    invalid("{}", "\"jsonrpc\" must be \"2.0\"");
    invalid("{\"id\":5,\"method\":\"p\"}", "\"jsonrpc\" must be \"2.0\"");
    ck_assert(m.id && m.id->type == NODE_NUMBER && !m.anonymous);
    invalid("{\"jsonrpc\":\"1.0\",\"id\":5,\"method\":\"p\"}", "\"jsonrpc\" must be \"2.0\"");
    invalid("{\"jsonrpc\":2.0,\"id\":5,\"method\":\"p\"}", "\"jsonrpc\" must be \"2.0\"");
    invalid("{" V ",\"id\":5}", "\"method\" is missing");
    invalid("{" V ",\"result\":5}", "\"method\" is missing"); /* a result answers something */
    invalid("{" V ",\"id\":5,\"method\":7}", "\"method\" must be a string");
    ck_assert_ptr_nonnull(m.id);
    invalid("{" V ",\"id\":5,\"method\":null}", "\"method\" must be a string");
}
END_TEST

START_TEST(test_an_id_that_cannot_be_one_is_no_id) {
    static const char *const bad[] = {"true", "false", "{}", "[1]"};
    for (size_t i = 0; i < 4; i++) {
        char text[64] = "{" V ",\"method\":\"p\",\"id\":";
        strcat(strcat(text, bad[i]), "}");
        invalid(text, "the id must be a string, a number or null");
        ck_assert(!m.id && !m.anonymous);
    }
    invalid("{" V ",\"id\":1,\"method\":\"p\",\"id\":1}", "the id is given twice");
    ck_assert(!m.id && !m.anonymous);
    invalid("{" V ",\"id\":1,\"method\":\"p\",\"\\u0069d\":2}", "the id is given twice");
    ck_assert_ptr_null(m.id);
    ck_assert_int_eq(kind("{" V ",\"id\":1,\"method\":\"p\",\"method\":\"q\"}"), JSONRPC_REQUEST);
    ck_assert_ptr_nonnull(m.id); /* a duplicate that does not hide the id */
}
END_TEST

START_TEST(test_a_line_nested_too_deeply_still_has_its_id) {
    char text[1024] = "{" V ",\"id\":\"deep\",\"method\":\"p\",\"params\":{\"a\":";
    for (int i = 0; i < 200; i++) strcat(text, "[");
    for (int i = 0; i < 200; i++) strcat(text, "]");
    strcat(text, "}}");
    ck_assert_int_eq(kind(text), JSONRPC_REQUEST);
    ck_assert(scan_equal(&scan, m.id, "deep", 4));
}
END_TEST

START_TEST(test_ids_are_echoed_as_the_very_bytes) {
    static const char *const ids[] = {"1",
                                      "-0",
                                      "1.50",
                                      "1e400",
                                      "123456789012345678901234567890",
                                      "null",
                                      "\"\"",
                                      "\"h1\"",
                                      "\"\\u0061\\/\\\"\"",
                                      "\"gr\xc3\xbc\xc3\x9f\"",
                                      "\"\\ud800\""};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char text[128] = "{" V ",\"method\":\"p\",\"id\": ", want[128];
        strcat(strcat(text, ids[i]), " }");
        ck_assert_int_eq(kind(text), JSONRPC_REQUEST);
        size_t n;
        const char *id = jsonrpc_id(&scan, m.id, &n);
        ck_assert_msg(n == strlen(ids[i]) && memcmp(id, ids[i], n) == 0, "%s", ids[i]);
        struct buf out = BUF_INIT(0);
        ck_assert_int_eq(jsonrpc_result(&out, &scan, m.id, "{\"seq\":1}", 9), 0);
        (void)snprintf(want, sizeof want, "{" V ",\"id\":%s,\"result\":{\"seq\":1}}\n", ids[i]);
        ck_assert_str_eq(buf_cstr(&out), want);
        buf_deinit(&out);
    }
}
END_TEST

START_TEST(test_errors_are_written_with_and_without_data) {
    struct buf out = BUF_INIT(0);
    ck_assert_int_eq(kind("{" V ",\"id\":3,\"method\":\"p\"}"), JSONRPC_REQUEST);
    ck_assert_int_eq(jsonrpc_error(&out, &scan, m.id, JSONRPC_INVALID_PARAMS, "no", "{\"reason\":\"x\"}"), 0);
    ck_assert_int_eq(jsonrpc_error(&out, &scan, NULL, JSONRPC_PARSE_ERROR, "not JSON", NULL), 0);
    ck_assert_str_eq(buf_cstr(&out),
                     "{" V
                     ",\"id\":3,\"error\":{\"code\":-32602,\"message\":\"no\",\"data\":{\"reason\":\"x\"}}}\n"
                     "{" V ",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"not JSON\"}}\n");
    buf_deinit(&out);
}
END_TEST

START_TEST(test_a_message_of_any_bytes_is_one_line_of_json) {
    char every[256];
    for (int i = 0; i < 255; i++) every[i] = (char)(i + 1);
    every[255] = '\0';
    struct buf out = BUF_INIT(0);
    ck_assert_int_eq(jsonrpc_error(&out, NULL, NULL, -1, every, NULL), 0);
    const char *text = buf_cstr(&out);
    ck_assert_ptr_eq(strchr(text, '\n'), text + out.len - 1);
    json_error_t je;
    json_t *j = json_loads(text, 0, &je);
    ck_assert_msg(j != NULL, "%s", je.text);
    json_decref(j);
    buf_deinit(&out);
}
END_TEST

START_TEST(test_calls_of_ours) {
    struct buf out = BUF_INIT(0);
    ck_assert_int_eq(jsonrpc_call(&out, "h7", "hooks/health", "{}"), 0);
    ck_assert_int_eq(jsonrpc_call(&out, NULL, "a\"b", "[1]"), 0);
    ck_assert_str_eq(buf_cstr(&out), "{" V
                                     ",\"id\":\"h7\",\"method\":\"hooks/health\",\"params\":{}}\n"
                                     "{" V ",\"method\":\"a\\\"b\",\"params\":[1]}\n");
    buf_deinit(&out);
}
END_TEST

START_TEST(test_a_line_that_does_not_fit_leaves_nothing_of_itself) {
    ck_assert_int_eq(kind("{" V ",\"id\":\"an id\",\"method\":\"p\"}"), JSONRPC_REQUEST);
    for (size_t max = 4; max < 200; max++) {
        struct buf out = BUF_INIT(max);
        ck_assert_int_eq(buf_puts(&out, "...\n"), 0);
        for (int which = 0; which < 4; which++) {
            size_t before = out.len;
            int r = which == 0   ? jsonrpc_result(&out, &scan, m.id, "{}", 2)
                    : which == 1 ? jsonrpc_error(&out, &scan, m.id, -1, "message", "{\"a\":1}")
                    : which == 2 ? jsonrpc_call(&out, "h1", "m", "{}")
                                 : jsonrpc_result_to(&out, "1", 1, "[1,2,3]", 7);
            ck_assert(r == 0 || r == -EMSGSIZE);
            ck_assert(r == 0 ? out.len > before : out.len == before);
            ck_assert_int_eq(buf_data(&out)[out.len - 1], '\n');
        }
        buf_deinit(&out);
    }
}
END_TEST

RUN_SUITE("jsonrpc", test_requests_and_notifications_have_a_method, test_answers_have_a_result_or_an_error,
          test_a_batch_is_told_apart, test_what_is_none_of_these_says_why_and_keeps_its_id,
          test_an_id_that_cannot_be_one_is_no_id, test_a_line_nested_too_deeply_still_has_its_id,
          test_ids_are_echoed_as_the_very_bytes, test_errors_are_written_with_and_without_data,
          test_a_message_of_any_bytes_is_one_line_of_json, test_calls_of_ours,
          test_a_line_that_does_not_fit_leaves_nothing_of_itself)
