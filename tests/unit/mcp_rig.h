/* mcp_rig.h — one mcp, what it writes and what it is told, for the tests of the handshake and of what follows it. */
#ifndef HOOKCAST_TESTS_MCP_RIG_H
#define HOOKCAST_TESTS_MCP_RIG_H

#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "rpc/mcp.h"

static struct mcp *m;
static struct buf out = BUF_INIT(0);
static struct err why;
static struct scan scan;

static inline struct mcp_identity identity(json_t *hooks, json_t *config) {
    return (struct mcp_identity){.version = "0.1.0",
                                 .run = "abcdefghijkl",
                                 .plugin = "tracer",
                                 .kind = "lifecycle_listener",
                                 .kind_api_version = "1.0.0",
                                 .hooks = hooks,
                                 .config = config};
}

static const struct mcp_wish *wishes;
static size_t n_wishes;

static inline void begin(void) {
    json_t *hooks = json_pack("[s,s,s]", "on_a", "on_b", "on_c"), *config = json_pack("{s:i}", "depth", 3);
    struct mcp_identity id = identity(hooks, config);
    id.wishes = wishes, id.n_wishes = n_wishes;
    buf_clear(&out);
    m = mcp_new(&id);
    ck_assert_ptr_nonnull(m);
    json_decref(hooks);
    json_decref(config);
}

static inline void end(void) {
    m = mcp_free(m);
    ck_assert_ptr_null(m);
    buf_deinit(&out);
    scan_deinit(&scan);
}

/* A line from the child; what it is taken for. */
static inline int hear(const char *line) {
    struct jsonrpc msg;
    scan_deinit(&scan);
    scan_init(&scan, 128);
    ck_assert_msg(scan_text(&scan, line, strlen(line)) == 0, "%s", line);
    jsonrpc_classify(&scan, &msg);
    (void)memset(&why, 0, sizeof why);
    return mcp_receive(m, &scan, &msg, &out, &why);
}

#define V "{\"jsonrpc\":\"2.0\","
#define DISCOVERED                                                                                          \
    V "\"id\":\"h1\",\"result\":{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"extensions\":{" \
      "\"io.hookcast/hooks\":{}}}}}"

/* The one request that was written: its method, a string id and the `_meta` that every request must carry. New. */
static inline json_t *asked(const char *method, const char *id) {
    json_error_t e;
    ck_assert_uint_gt(out.len, 0);
    ck_assert_ptr_eq(memchr(buf_data(&out), '\n', out.len), buf_data(&out) + out.len - 1);
    json_t *j = json_loadb(buf_data(&out), out.len, JSON_REJECT_DUPLICATES, &e);
    ck_assert_msg(j != NULL, "%s", e.text);
    buf_clear(&out);
    const char *version, *is_method, *is_id, *revision, *name, *client_version, *kind, *kind_version;
    json_t *params, *hooks;
    int r = json_unpack_ex(j, &e, 0, "{s:s, s:s, s:s, s:{s:{s:s, s:{s:s, s:s !}, s:{s:{s:{s:s, s:s, s:o !} !} !} !}}}",
                           "jsonrpc", &version, "method", &is_method, "id", &is_id, "params", "_meta",
                           "io.modelcontextprotocol/protocolVersion", &revision, "io.modelcontextprotocol/clientInfo",
                           "name", &name, "version", &client_version, "io.modelcontextprotocol/clientCapabilities",
                           "extensions", "io.hookcast/hooks", "kind", &kind, "kind_api_version", &kind_version, "hooks",
                           &hooks);
    ck_assert_msg(r == 0, "%s", e.text);
    ck_assert_str_eq(version, "2.0");
    ck_assert_str_eq(is_method, method);
    ck_assert_str_eq(is_id, id);
    ck_assert_str_eq(revision, "2026-07-28");
    ck_assert_str_eq(name, "hookcastd");
    ck_assert_str_eq(client_version, "0.1.0");
    ck_assert_str_eq(kind, "lifecycle_listener");
    ck_assert_str_eq(kind_version, "1.0.0");
    json_t *want = json_pack("[s,s,s]", "on_a", "on_b", "on_c");
    ck_assert(json_equal(hooks, want));
    json_decref(want);
    params = json_incref(json_object_get(j, "params"));
    json_decref(j);
    return params;
}

/* The next of several. */
static inline json_t *asked_next(const char *method, const char *id) {
    const char *end = out.len ? memchr(buf_data(&out), '\n', out.len) : NULL;
    ck_assert_msg(end != NULL, "nothing was written");
    struct buf rest = BUF_INIT(0);
    size_t n = (size_t)(end - buf_data(&out)) + 1;
    ck_assert_int_eq(buf_put(&rest, buf_data(&out) + n, out.len - n), 0);
    out.len = n;
    json_t *params = asked(method, id);
    if (rest.len) ck_assert_int_eq(buf_put(&out, buf_data(&rest), rest.len), 0);
    buf_deinit(&rest);
    return params;
}

static inline void asked_nothing(void) { ck_assert_uint_eq(out.len, 0); }

/* The next line that was written, whatever it is. New. */
static inline json_t *next_line(void) {
    json_error_t e;
    const char *end = out.len ? memchr(buf_data(&out), '\n', out.len) : NULL;
    ck_assert_msg(end != NULL, "nothing was written");
    size_t n = (size_t)(end - buf_data(&out));
    json_t *j = json_loadb(buf_data(&out), n, JSON_REJECT_DUPLICATES, &e);
    ck_assert_msg(j != NULL, "%s: %.*s", e.text, (int)n, buf_data(&out));
    buf_consume(&out, n + 1);
    return j;
}

static inline void next_is(const char *want) {
    json_error_t e;
    json_t *j = next_line(), *w = json_loads(want, 0, &e);
    ck_assert_msg(w != NULL, "%s: %s", e.text, want);
    char *text = json_dumps(j, JSON_COMPACT);
    ck_assert_msg(json_equal(j, w), "%s, wanted %s", text, want);
    free(text);
    json_decref(j);
    json_decref(w);
}

/* The next line is a request of ours to a legacy server; its params. New. */
static inline json_t *legacy_asked(const char *method, const char *id) {
    json_t *j = next_line();
    ck_assert_str_eq(json_string_value(json_object_get(j, "method")), method);
    ck_assert_str_eq(json_string_value(json_object_get(j, "id")), id);
    ck_assert_ptr_null(json_object_get(json_object_get(j, "params"), "_meta"));
    json_t *params = json_incref(json_object_get(j, "params"));
    json_decref(j);
    return params;
}

/* Up to the answer to hooks/setup. */
static inline void make_ready(void) {
    begin();
    ck_assert_int_eq(mcp_start(m, MCP_ERA_UNKNOWN, &out), 0);
    json_decref(asked("server/discover", "h1"));
    ck_assert_int_eq(hear(DISCOVERED), MCP_NOTHING);
    json_decref(asked("hooks/setup", "h2"));
    ck_assert_int_eq(hear(V "\"id\":\"h2\",\"result\":{}}"), MCP_READY);
    asked_nothing();
}

#endif
