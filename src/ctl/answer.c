#include "ctl/answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "ctl/member.h"
#include "ctl/say.h"

static int read_id(const json_t *id, struct answer *a) {
    if (json_is_null(id)) return 0;
    if (!json_is_integer(id)) return ANSWER_E_BROKEN;
    a->has_id = true;
    a->id = json_integer_value(id);
    return 0;
}

/* How much of a bad line a message quotes. */
static int shown(size_t len) { return len < 60 ? (int)len : 60; }

int answer_parse(const char *line, size_t len, struct answer *a, struct err *e) {
    json_error_t why;
    json_t *msg = json_loadb(line, len, JSON_ALLOW_NUL, &why);
    if (!msg) return err_set(e, ANSWER_E_BROKEN, "the daemon's answer is not JSON: %.*s", shown(len), line);
    struct answer t = {0};
    int r = 0;
    const json_t *id = json_object_get(msg, "id");
    json_t *result = json_object_get(msg, "result"), *error = json_object_get(msg, "error");
    if (json_is_object(msg) && !id && json_object_get(msg, "method"))
        r = ANSWER_E_NONE;
    else if (!id || !result == !json_is_object(error) || read_id(id, &t) != 0)
        r = err_set(e, ANSWER_E_BROKEN, "the daemon's answer is not a JSON-RPC response: %.*s", shown(len), line);
    if (r == 0) {
        t.result = json_is_object(error) ? NULL : json_incref(result);
        t.error = json_is_object(error) ? json_incref(error) : NULL;
        *a = t;
    }
    json_decref(msg);
    return r;
}

void answer_deinit(struct answer *a) {
    json_decref(a->result);
    json_decref(a->error);
    a->result = a->error = NULL;
}

/* A schema's error: {"instanceLocation","keywordLocation","error"}; or a plain string. */
static void say_detail(const json_t *item, const char *what) {
    if (json_is_string(item)) {
        (void)say(0, "%s  %s", what, json_string_value(item));
        return;
    }
    const char *at = member_str(item, "instanceLocation", "");
    const char *keyword = member_str(item, "keywordLocation", "");
    (void)say(0, "%s  payload%s: %s%s%s%s", what, at, member_str(item, "error", "not valid"), keyword[0] ? " (" : "",
              keyword, keyword[0] ? ")" : "");
}

void answer_say_error(const json_t *error, const char *what) {
    const json_t *data = json_object_get(error, "data");
    const char *reason = member_str(data, "reason", "");
    (void)say(0, "%srefused: %s%s%s%s", what, member_str(error, "message", "no message"), reason[0] ? " [" : "", reason,
              reason[0] ? "]" : "");
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(data, "errors"), i, item) say_detail(item, what);
}

void answer_print_json(const json_t *value) {
    cleanup_free char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text) (void)puts(text);
}
