/* An accepted event becomes the exact bytes of a tools/call. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "fanout_suite.h"
#include "rpc/mcp.h"
#include "rpc/wire.h"

#define CALL(tool) "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"" tool "\",\"_meta\":{"
#define EVENT                                                                                        \
    "\"io.hookcast/event\":{\"kind\":\"k_a\",\"hook\":\"on_x\",\"run\":\"abcdefghijkl\",\"seq\":41," \
    "\"time\":\"2026-11-23T18:30:00.123456Z\",\"uid\":1000,\"pid\":4242"
#define TP "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct scan scan;
static struct buf head;
static char whole[65536];

static int build(const char *tool, const char *meta, const char *line, uint64_t seq, size_t head_max) {
    struct buf prefix = BUF_INIT(0);
    struct iovec parts[WIRE_PARTS];
    buf_deinit(&head);
    head = BUF_INIT(head_max);
    scan_deinit(&scan);
    scan_init(&scan, 128);
    ck_assert_msg(scan_text(&scan, line, strlen(line)) == 0, "%s", line);
    ck_assert_int_eq(wire_tool_prefix(&prefix, "k_a", "on_x", "abcdefghijkl", tool, meta), 0);
    struct wire_origin origin;
    wire_origin_set(&origin, "2026-11-23T18:30:00.123456Z", 1000, 4242);
    struct wire_event e = {.origin = &origin,
                           .seq = seq,
                           .scan = &scan,
                           .payload = scan_get(&scan, scan_root(&scan), "payload"),
                           .metadata = scan_get(&scan, scan_root(&scan), "metadata")};
    int r = wire_tool(&head, &prefix, &e, parts);
    size_t n = 0;
    for (int i = 0; i < WIRE_PARTS && r == 0; i++) {
        memcpy(whole + n, parts[i].iov_base, parts[i].iov_len);
        n += parts[i].iov_len;
    }
    whole[n] = '\0';
    buf_deinit(&prefix);
    return r;
}

static void tool_is(const char *line, const char *want) {
    ck_assert_int_eq(build("t", NULL, line, 41, 0), 0);
    ck_assert_str_eq(whole, want);
}

START_TEST(test_the_payload_is_the_arguments_as_published) {
    tool_is("{\"payload\":{\"a\":1,\"b\":[2]}}", CALL("t") EVENT "}},\"arguments\":{\"a\":1,\"b\":[2]}},\"id\":41}\n");
    tool_is("{\"payload\": {  } }", CALL("t") EVENT "}},\"arguments\":{  }},\"id\":41}\n");
    tool_is("{\"payload\":{ \"z\" : 1.0 , \"n\":1e400,\"s\":\"\\u0041\\ud800\" }}",
            CALL("t") EVENT "}},\"arguments\":{ \"z\" : 1.0 , \"n\":1e400,\"s\":\"\\u0041\\ud800\" }},\"id\":41}\n");
}
END_TEST

START_TEST(test_metadata_and_trace_keys_stand_where_the_native_form_has_them) {
    tool_is("{\"payload\":{},\"metadata\":{\"actor\":\"u1\",\"traceparent\":\"" TP "\",\"baggage\":\"=\"}}",
            CALL("t") EVENT ",\"metadata\":{\"actor\":\"u1\"}},\"traceparent\":\"" TP
                            "\"},\"arguments\":{}},\"id\":41}\n");
}
END_TEST

START_TEST(test_a_modern_call_carries_what_every_request_must) {
    json_error_t err;
    json_t *hooks = json_pack("[s]", "on_x");
    struct buf meta = BUF_INIT(0);
    ck_assert_int_eq(mcp_meta_text(&meta, "0.1 \"x\"", "k_a", "1.0.0", hooks), 0);
    ck_assert_int_eq(build("t", buf_cstr(&meta), "{\"payload\":{\"p\":1}}", 41, 0), 0);
    json_t *j = json_loads(whole, JSON_REJECT_DUPLICATES, &err);
    ck_assert_msg(j != NULL, "%s: %s", err.text, whole);
    const char *revision, *name, *version, *kind, *kind_version, *hook, *event_hook;
    json_int_t id, p, seq;
    int r = json_unpack_ex(
        j, &err, JSON_STRICT,
        "{s:s, s:s, s:I, s:{s:s, s:{s:I}, s:{s:s, s:{s:s, s:s}, s:{s:{s:{s:s, s:s, s:[s]}}}, "
        "s:{s:s, s:s, s:s, s:I, s:s, s:i, s:i}}}}",
        "jsonrpc", &version, "method", &name, "id", &id, "params", "name", &name, "arguments", "p", &p, "_meta",
        "io.modelcontextprotocol/protocolVersion", &revision, "io.modelcontextprotocol/clientInfo", "name", &name,
        "version", &version, "io.modelcontextprotocol/clientCapabilities", "extensions", "io.hookcast/hooks", "kind",
        &kind, "kind_api_version", &kind_version, "hooks", &hook, "io.hookcast/event", "kind", &kind, "hook",
        &event_hook, "run", &name, "seq", &seq, "time", &name, "uid", &(int){0}, "pid", &(int){0});
    ck_assert_msg(r == 0, "%s: %s", err.text, whole);
    ck_assert_str_eq(revision, "2026-07-28");
    ck_assert_str_eq(version, "0.1 \"x\"");
    ck_assert_str_eq(kind_version, "1.0.0");
    ck_assert_str_eq(hook, "on_x");
    ck_assert(id == 41 && seq == 41 && p == 1);
    json_decref(j);
    buf_clear(&meta); /* hooks need not be named */
    ck_assert_int_eq(mcp_meta_text(&meta, "1", "k_a", "1.0.0", NULL), 0);
    ck_assert_ptr_null(strstr(buf_cstr(&meta), "hooks\":["));
    buf_deinit(&meta);
    json_decref(hooks);
}
END_TEST

START_TEST(test_a_tools_name_may_hold_anything) {
    ck_assert_int_eq(build("a\"b\\\n\xc3\xa9", NULL, "{\"payload\":{}}", 41, 0), 0);
    ck_assert_str_eq(whole, CALL("a\\\"b\\\\\\n\xc3\xa9") EVENT "}},\"arguments\":{}},\"id\":41}\n");
}
END_TEST

START_TEST(test_the_largest_seq_fits) {
    ck_assert_int_eq(build("t", NULL, "{\"payload\":{}}", UINT64_MAX, 0), 0);
    ck_assert_ptr_nonnull(strstr(whole, ",\"id\":18446744073709551615}\n"));
    ck_assert_ptr_nonnull(strstr(whole, "\"seq\":18446744073709551615,"));
}
END_TEST

START_TEST(test_a_head_that_cannot_grow_is_an_error) {
    int r = 0;
    for (size_t max = 1; max < 600; max++) {
        r = build("t", NULL, "{\"payload\":{\"p\":1},\"metadata\":{\"a\":1,\"traceparent\":\"" TP "\"}}", 41, max);
        ck_assert(r == 0 || r == -EMSGSIZE);
    }
    ck_assert_int_eq(r, 0);
    struct buf small = BUF_INIT(40);
    ck_assert_int_eq(wire_tool_prefix(&small, "k", "h", "r", "t", "\"m\":1"), -EMSGSIZE);
    ck_assert_uint_eq(small.len, 0);
    buf_deinit(&small);
}
END_TEST

RUN_SUITE("wire-tool", test_the_payload_is_the_arguments_as_published,
          test_metadata_and_trace_keys_stand_where_the_native_form_has_them,
          test_a_modern_call_carries_what_every_request_must, test_a_tools_name_may_hold_anything,
          test_the_largest_seq_fits, test_a_head_that_cannot_grow_is_an_error)
