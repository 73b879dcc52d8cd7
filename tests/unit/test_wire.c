/* An accepted event becomes exact bytes. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "fanout_suite.h"
#include "rpc/wire.h"

#define HEAD                                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"method\":\"on_x\",\"params\":{\"_meta\":{\"io.hookcast/event\":{\"kind\":\"k_a\"," \
    "\"run\":\"abcdefghijkl\",\"seq\":41,\"time\":\"2026-11-23T18:30:00.123456Z\",\"uid\":1000,\"pid\":4242"
#define TP "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct scan scan;
static char whole[65536];

/* The bytes of an event; `line` is {"payload":...,"metadata":...} as published. */
static const char *wire_max(const char *line, size_t head_max, int *rp) {
    struct buf prefix = BUF_INIT(0), head = BUF_INIT(head_max);
    struct iovec parts[WIRE_PARTS];
    scan_deinit(&scan);
    scan_init(&scan, 128);
    ck_assert_msg(scan_text(&scan, line, strlen(line)) == 0, "%s", line);
    ck_assert_int_eq(wire_prefix(&prefix, "k_a", "on_x", "abcdefghijkl"), 0);
    struct wire_origin origin;
    wire_origin_set(&origin, "2026-11-23T18:30:00.123456Z", 1000, 4242);
    struct wire_event e = {.origin = &origin,
                           .seq = 41,
                           .scan = &scan,
                           .payload = scan_get(&scan, scan_root(&scan), "payload"),
                           .metadata = scan_get(&scan, scan_root(&scan), "metadata")};
    size_t n = 0;
    *rp = wire_native(&head, &prefix, &e, parts);
    for (int i = 0; i < WIRE_PARTS && *rp == 0; i++) {
        ck_assert_ptr_nonnull(parts[i].iov_base); /* memcpy() must not be given NULL */
        memcpy(whole + n, parts[i].iov_base, parts[i].iov_len);
        n += parts[i].iov_len;
    }
    whole[n] = '\0';
    buf_deinit(&prefix);
    buf_deinit(&head);
    return whole;
}

static void wire_is(const char *line, const char *want) {
    int r;
    ck_assert_str_eq(wire_max(line, 0, &r), want);
    json_error_t e;
    json_t *j = json_loads(whole, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
    if (!j && !strstr(e.text, "real number") && !strstr(e.text, "integer")) ck_abort_msg("%s: %s", e.text, whole);
    json_decref(j);
    ck_assert_ptr_eq(strchr(whole, '\n'), whole + strlen(whole) - 1);
}

START_TEST(test_an_event_is_spliced_from_head_and_payload) {
    wire_is("{\"payload\":{\"a\":1,\"b\":[2]}}", HEAD "}},\"a\":1,\"b\":[2]}}\n");
    wire_is("{\"payload\":{\"a\":1},\"metadata\":{\"actor\":\"u1\",\"n\":{\"x\":[1]}}}",
            HEAD ",\"metadata\":{\"actor\":\"u1\",\"n\":{\"x\":[1]}}}},\"a\":1}}\n");
}
END_TEST

START_TEST(test_an_empty_payload_leaves_no_comma) {
    wire_is("{\"payload\":{}}", HEAD "}}}}\n");
    wire_is("{\"payload\": {  } }", HEAD "}}}}\n");
    wire_is("{\"payload\":{},\"metadata\":{}}", HEAD "}}}}\n");
    wire_is("{\"payload\":{\t},\"metadata\":{ \"a\" : 1 }}", HEAD ",\"metadata\":{ \"a\" : 1 }}}}}\n");
}
END_TEST

START_TEST(test_the_payloads_bytes_are_not_touched) {
    static const char *const inner[] = {" \"z\" : 1.0 , \"a\":1E+2",
                                        "\"n\":123456789012345678901234567890,\"m\":-0.0,\"e\":1e400",
                                        "\"s\":\"\\u0041\\/\\ud800\\u0000\"",
                                        "\"gr\xc3\xbc\xc3\x9f\":\"\xf0\x9f\x98\x80\"",
                                        "\"\":null",
                                        "\"o\":{\"_meta\":1,\"a\":{}}\t"};
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        char line[256], want[1024];
        int r;
        (void)snprintf(line, sizeof line, "{\"payload\":{%s}}", inner[i]);
        (void)snprintf(want, sizeof want, HEAD "}},%s}}\n", inner[i]);
        ck_assert_str_eq(wire_max(line, 0, &r), want);
    }
}
END_TEST

START_TEST(test_trace_keys_stand_in_meta_wherever_they_were) {
    static const char *const md[] = {
        "\"traceparent\":\"" TP "\",\"a\":1,\"b\":\"x\"", "\"a\":1,\"traceparent\":\"" TP "\",\"b\":\"x\"",
        "\"a\":1,\"b\":\"x\",\"traceparent\":\"" TP "\"", " \"a\":1 , \"traceparent\" : \"" TP "\" , \"b\":\"x\" ",
        "\"a\":1,\"trace\\u0070arent\":\"" TP "\",\"b\":\"x\""};
    for (size_t i = 0; i < sizeof md / sizeof *md; i++) {
        char line[512];
        (void)snprintf(line, sizeof line, "{\"payload\":{},\"metadata\":{%s}}", md[i]);
        wire_is(line, HEAD ",\"metadata\":{\"a\":1,\"b\":\"x\"}},\"traceparent\":\"" TP "\"}}}\n");
    }
    wire_is("{\"metadata\":{\"baggage\":\"k=v\",\"tracestate\":\"v=1\",\"traceparent\":\"" TP
            "\"},\"payload\":{\"p\":1}}",
            HEAD "},\"traceparent\":\"" TP "\",\"tracestate\":\"v=1\",\"baggage\":\"k=v\"},\"p\":1}}\n");
    wire_is("{\"payload\":{},\"metadata\":{ \"baggage\" : \"k=v\" , \"s p\" : [ 1 , 2 ] }}",
            HEAD ",\"metadata\":{\"s p\" : [ 1 , 2 ]}},\"baggage\":\"k=v\"}}}\n");
}
END_TEST

START_TEST(test_an_invalid_trace_value_is_dropped_and_the_event_goes_on) {
    static const char *const bad[] = {"\"traceparent\":\"00-zz\"",
                                      "\"traceparent\":1",
                                      "\"traceparent\":null",
                                      "\"traceparent\":{\"a\":1}",
                                      "\"traceparent\":\"\"",
                                      "\"tracestate\":\"nokey\"",
                                      "\"tracestate\":\"\"",
                                      "\"tracestate\":\"=x\"",
                                      "\"tracestate\":\" , ,\"",
                                      "\"baggage\":\"a=b,c\"",
                                      "\"baggage\":\"gr\xc3\xbc=1\"",
                                      "\"baggage\":\"a=\\n\"",
                                      "\"tracestate\":[]",
                                      "\"baggage\":\"a=\\u0000b\"",
                                      "\"baggage\":\" =b\""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[256];
        (void)snprintf(line, sizeof line, "{\"payload\":{\"p\":1},\"metadata\":{%s}}", bad[i]);
        wire_is(line, HEAD "}},\"p\":1}}\n");
        (void)snprintf(line, sizeof line, "{\"payload\":{\"p\":1},\"metadata\":{\"a\":1,%s}}", bad[i]);
        wire_is(line, HEAD ",\"metadata\":{\"a\":1}}},\"p\":1}}\n");
    }
}
END_TEST

START_TEST(test_a_trace_value_may_be_written_with_escapes) {
    wire_is("{\"payload\":{},\"metadata\":{\"baggage\":\"path=\\/a,b=\\u0031\"}}",
            HEAD "},\"baggage\":\"path=\\/a,b=\\u0031\"}}}\n");
    wire_is("{\"payload\":{},\"metadata\":{\"tracestate\":\"a=1,,b=2, \"}}",
            HEAD "},\"tracestate\":\"a=1,,b=2, \"}}}\n");
}
END_TEST

static void list_of(const char *key, unsigned members, const char *member, bool kept) {
    static char line[20000];
    int r;
    size_t n = (size_t)sprintf(line, "{\"payload\":{},\"metadata\":{\"%s\":\"", key);
    for (unsigned i = 0; i < members; i++) n += (size_t)sprintf(line + n, "%s%s", i ? "," : "", member);
    (void)sprintf(line + n, "\"}}");
    ck_assert_msg(!strstr(wire_max(line, 0, &r), key) == !kept, "%u members of %s", members, key);
}

START_TEST(test_trace_lists_have_their_limits) {
    list_of("tracestate", 32, "a=1", true);
    list_of("tracestate", 33, "a=1", false);
    list_of("baggage", 180, "a=1", true);
    list_of("baggage", 181, "a=1", false);
    char member[513];
    memset(member, 'x', 512), member[1] = '=', member[512] = '\0';
    list_of("tracestate", 1, member, true);
    list_of("tracestate", 2, member, false);
    list_of("baggage", 15, member, true);
    list_of("baggage", 16, member, false);
}
END_TEST

START_TEST(test_traceparent_is_judged_as_w3c_says) {
    const struct {
        const char *s;
        int valid;
    } cases[] = {{TP, 1},
                 {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", 1},
                 {"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 1},
                 {"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future", 1},
                 {"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what", 0},
                 {TP "-x", 0},
                 {"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 0},
                 {"00-00000000000000000000000000000000-b7ad6b7169203331-01", 0},
                 {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", 0},
                 {"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", 0},
                 {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g", 0},
                 {"0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 0},
                 {"00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 0},
                 {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", 0},
                 {"", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(wire_traceparent_valid(cases[i].s, strlen(cases[i].s)) == cases[i].valid, "%s", cases[i].s);
}
END_TEST

START_TEST(test_a_head_that_cannot_grow_is_an_error) {
    int r;
    for (size_t max = 1; max < 400; max++) {
        (void)wire_max("{\"payload\":{\"p\":1},\"metadata\":{\"a\":1,\"traceparent\":\"" TP "\"}}", max, &r);
        ck_assert(r == 0 || r == -EMSGSIZE);
    }
    ck_assert_int_eq(r, 0);
    (void)wire_max("{\"payload\":{}}", 20, &r);
    ck_assert_int_eq(r, -EMSGSIZE);
}
END_TEST

START_TEST(test_the_largest_numbers_fit) {
    struct buf prefix = BUF_INIT(0), head = BUF_INIT(0);
    struct iovec parts[WIRE_PARTS];
    scan_deinit(&scan);
    scan_init(&scan, 128);
    ck_assert_int_eq(scan_text(&scan, "{}", 2), 0);
    struct wire_origin origin;
    wire_origin_set(&origin, "2026-11-23T18:30:00.123456Z", (uid_t)-1, 2147483647);
    struct wire_event e = {.origin = &origin, .seq = UINT64_MAX, .scan = &scan, .payload = scan_root(&scan)};
    ck_assert_int_eq(wire_native(&head, &prefix, &e, parts), 0);
    ck_assert_str_eq(buf_cstr(&head),
                     "18446744073709551615,\"time\":\"2026-11-23T18:30:00.123456Z\",\"uid\":4294967295,"
                     "\"pid\":2147483647}}");
    wire_origin_set(&origin, "2026-11-23T18:30:00.123456Z", 0, 0);
    e.seq = 0;
    ck_assert_int_eq(wire_native(&head, &prefix, &e, parts), 0);
    ck_assert_str_eq(buf_cstr(&head), "0,\"time\":\"2026-11-23T18:30:00.123456Z\",\"uid\":0,\"pid\":0}}");
    buf_deinit(&head);
}
END_TEST

START_TEST(test_numbers_of_every_length) {
    struct buf prefix = BUF_INIT(0), head = BUF_INIT(0);
    struct iovec parts[WIRE_PARTS];
    struct wire_origin origin;
    char want[256];
    scan_deinit(&scan);
    scan_init(&scan, 128);
    ck_assert_int_eq(scan_text(&scan, "{}", 2), 0);
    uint64_t power = 1;
    for (int n = 0; n < 40; power *= n++ & 1 ? 10 : 1) { /* 0, 1, 9, 10, 99, 100, ... */
        uint64_t seq = n & 1 ? power : power - 1;
        uid_t uid = (uid_t)(seq % 4294967296u);
        pid_t pid = (pid_t)(seq % 2147483648u);
        wire_origin_set(&origin, "2026-11-23T18:30:00.123456Z", uid, pid);
        struct wire_event e = {.origin = &origin, .seq = seq, .scan = &scan, .payload = scan_root(&scan)};
        ck_assert_int_eq(wire_native(&head, &prefix, &e, parts), 0);
        (void)snprintf(want, sizeof want,
                       "%" PRIu64 ",\"time\":\"2026-11-23T18:30:00.123456Z\",\"uid\":%u,\"pid\":%d}}", seq, uid, pid);
        ck_assert_str_eq(buf_cstr(&head), want);
    }
    buf_deinit(&head);
}
END_TEST

START_TEST(test_a_dropped_notice) {
    char out[256];
    uint32_t n = wire_dropped(3, 7, 12, out);
    ck_assert_str_eq(out,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/hooks/dropped\",\"params\":{\"count\":3,"
                     "\"first_seq\":7,\"last_seq\":12}}\n");
    ck_assert_uint_eq(n, strlen(out));
    n = wire_dropped(UINT64_MAX, UINT64_MAX, UINT64_MAX, out);
    ck_assert_uint_lt(n, sizeof out);
    ck_assert_uint_eq(n, strlen(out));
}
END_TEST

RUN_SUITE("wire", test_an_event_is_spliced_from_head_and_payload, test_an_empty_payload_leaves_no_comma,
          test_the_payloads_bytes_are_not_touched, test_trace_keys_stand_in_meta_wherever_they_were,
          test_an_invalid_trace_value_is_dropped_and_the_event_goes_on, test_a_trace_value_may_be_written_with_escapes,
          test_trace_lists_have_their_limits, test_traceparent_is_judged_as_w3c_says,
          test_a_head_that_cannot_grow_is_an_error, test_the_largest_numbers_fit, test_numbers_of_every_length,
          test_a_dropped_notice)
