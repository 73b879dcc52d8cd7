#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "ctl/answer.h"
#include "ctl/member.h"
#include "ctl/say.h"
#include "ctl/show.h"

static void put_count(struct table *t, const json_t *row, const char *key, enum style if_any) {
    int64_t v = member_int(row, key, -1);
    if (v < 0)
        table_put(t, STYLE_PLAIN, NULL);
    else
        table_putf(t, v > 0 ? if_any : STYLE_PLAIN, "%" PRId64, v);
}

static void put_row(struct table *t, const json_t *row) {
    struct buf reasons = BUF_INIT(0);
    const char *state = member_str(row, "state", "");
    int64_t pid = member_int(row, "pid", 0);
    char uptime[32];
    table_put(t, STYLE_PLAIN, member_str(row, "name", ""));
    table_put(t, STYLE_PLAIN, member_str(row, "kind", ""));
    table_put(t, style_of_state(state), state);
    table_put(t, STYLE_WARN, member_words(row, "reasons", ",", &reasons));
    if (pid > 0)
        table_putf(t, STYLE_PLAIN, "%" PRId64, pid);
    else
        table_put(t, STYLE_PLAIN, NULL);
    put_count(t, row, "restarts", STYLE_WARN);
    put_count(t, row, "queued_events", STYLE_PLAIN);
    put_count(t, row, "delivered", STYLE_PLAIN);
    put_count(t, row, "dropped", STYLE_BAD);
    table_put(t, STYLE_PLAIN, member_duration(row, "uptime_s", uptime, sizeof uptime));
    buf_deinit(&reasons);
}

static int print_plugins(const json_t *plugins) {
    static const struct table_column columns[] = {
        {.title = "NAME"},
        {.title = "KIND"},
        {.title = "STATE"},
        {.title = "REASONS"},
        {.title = "PID", .right = true},
        {.title = "RESTARTS", .right = true},
        {.title = "QUEUED", .right = true},
        {.title = "DELIVERED", .right = true},
        {.title = "DROPPED", .right = true},
        {.title = "UPTIME"},
    };
    if (json_array_size(plugins) == 0) {
        (void)puts("no plugins");
        return 0;
    }
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    size_t i;
    json_t *row;
    json_array_foreach(plugins, i, row) put_row(t, row);
    return show_table(t, 0);
}

int show_list(const struct options *o) {
    json_t *result = NULL;
    int code = show_ask(o, "plugin.list", &result);
    if (code != 0) return code;
    if (o->json)
        answer_print_json(result);
    else
        code = print_plugins(json_object_get(result, "plugins"));
    json_decref(result);
    return code;
}
