/* Can the payloads of a hook be the arguments of a tool? A table. */
#include <jansson.h>

#include "fanout_suite.h"
#include "rpc/mcp_fit.h"

static void fit(const char *hook, const char *tool, const char *says) {
    json_t *h = hook ? json_loads(hook, JSON_DECODE_ANY, NULL) : NULL;
    json_t *t = tool ? json_loads(tool, JSON_DECODE_ANY, NULL) : NULL;
    ck_assert_msg((h || !hook) && (t || !tool), "%s %s", hook, tool);
    struct buf out = BUF_INIT(600);
    bool fits = mcp_fit(h, t, &out);
    const char *text = buf_cstr(&out);
    ck_assert_msg(strcmp(text, says) == 0, "%s and %s: \"%s\", wanted \"%s\"", hook, tool, text, says);
    ck_assert_int_eq(fits, !says[0]);
    buf_deinit(&out);
    json_decref(h);
    json_decref(t);
}

#define P(types) "{\"properties\":{\"p\":{\"type\":" types "}}}"
#define MAY_LACK "it requires \"p\", which a payload may lack"
#define LACKS "it requires \"p\", which no payload is said to have"

START_TEST(test_what_a_tool_requires_a_payload_must_have) {
    static const char wants[] = "{\"type\":\"object\",\"required\":[\"p\"]}";
    fit("{\"properties\":{\"p\":{}},\"required\":[\"p\"]}", wants, "");
    fit("{\"required\":[\"p\"]}", wants, "");
    fit("{\"properties\":{\"p\":{}}}", wants, MAY_LACK);
    fit("{\"properties\":{\"q\":{}},\"required\":[\"q\"]}", wants, LACKS);
    fit("{}", wants, LACKS);
    fit("{\"type\":\"object\"}", "{\"required\":[\"p\",\"q\"]}",
        LACKS "; it requires \"q\", which no payload is said to have");
    fit("{\"properties\":{\"q\":{}}}", "{\"properties\":{\"p\":{}}}", "");
}
END_TEST

START_TEST(test_types_that_cannot_agree_are_told) {
    fit(P("\"string\""), P("\"string\""), "");
    fit(P("\"integer\""), P("\"number\""), "");
    fit(P("\"number\""), P("\"integer\""), ""); /* some numbers are */
    fit(P("\"string\""), P("\"integer\""), "it wants \"p\" to be integer, and a payload's is string");
    fit(P("\"object\""), P("\"array\""), "it wants \"p\" to be array, and a payload's is object");
    fit(P("[\"string\",\"null\"]"), P("\"string\""), "");
    fit(P("[\"string\",\"null\"]"), P("[\"null\",\"boolean\"]"), "");
    fit(P("[\"string\",\"null\"]"), P("[\"integer\",\"boolean\"]"),
        "it wants \"p\" to be integer or boolean, and a payload's is string or null");
    fit(P("\"boolean\""), "{\"properties\":{\"p\":{}}}", ""); /* no type: anything */
    fit("{\"properties\":{\"p\":{}}}", P("\"boolean\""), "");
    fit("{\"properties\":{\"p\":true}}", P("\"boolean\""), "");
    fit(P("\"boolean\""), "{\"properties\":{\"p\":true}}", "");
    fit(P("\"boolean\""), "{\"properties\":{\"q\":{\"type\":\"string\"}}}", "");
    fit("{\"properties\":{\"p\":{\"$ref\":\"#/$defs/x\"}}}", P("\"boolean\""), "");
}
END_TEST

START_TEST(test_what_a_tool_refuses_is_told_when_every_payload_has_it) {
    static const char closed[] = "{\"properties\":{\"q\":{}},\"additionalProperties\":false}";
    fit("{\"properties\":{\"p\":{}},\"required\":[\"p\"]}", closed, "it refuses \"p\", which every payload has");
    fit("{\"properties\":{\"p\":{}}}", closed, "");
    fit("{\"required\":[\"q\"]}", closed, "");
    fit("{\"required\":[\"p\"]}", "{\"additionalProperties\":{}}", "");
    fit("{\"required\":[\"p\"]}", "{\"additionalProperties\":false,\"patternProperties\":{\"^p\":{}}}", "");
}
END_TEST

START_TEST(test_arguments_are_an_object) {
    fit("{}", "{\"type\":\"string\"}", "its arguments are not an object");
    fit("{}", "{\"type\":[\"string\",\"object\"]}", "");
}
END_TEST

START_TEST(test_what_cannot_be_judged_fits) {
    static const char wants[] = "{\"required\":[\"p\"]}";
    static const char *const blind[] = {"{\"$ref\":\"x.json\"}",
                                        "{\"allOf\":[{}]}",
                                        "{\"anyOf\":[{}]}",
                                        "{\"oneOf\":[{}]}",
                                        "{\"if\":{}}",
                                        "true",
                                        "false",
                                        "[]",
                                        "7",
                                        "\"x\"",
                                        NULL};
    for (size_t i = 0; i < sizeof blind / sizeof *blind; i++) fit(blind[i], wants, "");
    static const char *const strange[] = {"{\"required\":7}",
                                          "{\"required\":[7,null,{}]}",
                                          "{\"required\":{\"p\":1}}",
                                          "{\"properties\":[1]}",
                                          "{\"properties\":{\"p\":7}}",
                                          "{\"type\":7}",
                                          "{\"type\":[]}",
                                          "{\"type\":[7,null]}",
                                          "{\"type\":\"tuple\"}",
                                          "{\"properties\":{\"p\":{\"type\":\"any\"}}}",
                                          "true",
                                          "null",
                                          NULL};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        fit("{\"properties\":{\"p\":{\"type\":\"string\"}},\"required\":[\"p\"]}", strange[i], "");
        fit(strange[i], "{\"properties\":{\"p\":{\"type\":\"string\"}}}", "");
    }
}
END_TEST

START_TEST(test_many_mismatches_are_cut) {
    json_t *tool = json_object(), *names = json_array(), *hook = json_object();
    for (int i = 0; i < 1000; i++) (void)json_array_append_new(names, json_sprintf("name-%d", i));
    (void)json_object_set_new(tool, "required", names);
    struct buf out = BUF_INIT(600);
    ck_assert(!mcp_fit(hook, tool, &out));
    ck_assert_uint_le(out.len, 600);
    ck_assert_uint_gt(out.len, 400);
    buf_deinit(&out);
    json_decref(tool);
    json_decref(hook);
}
END_TEST

RUN_SUITE("mcp-fit", test_what_a_tool_requires_a_payload_must_have, test_types_that_cannot_agree_are_told,
          test_what_a_tool_refuses_is_told_when_every_payload_has_it, test_arguments_are_an_object,
          test_what_cannot_be_judged_fits, test_many_mismatches_are_cut)
