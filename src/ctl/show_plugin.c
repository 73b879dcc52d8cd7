#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/member.h"
#include "ctl/show.h"

enum form { FORM_TEXT, FORM_STATE, FORM_WORDS, FORM_DURATION, FORM_QUEUE, FORM_HIDDEN };

/* In the order of printing; what a row has beyond these comes last, as it is. */
static const struct row {
    const char *key, *label;
    enum form form;
} rows[] = {
    {"name", "name", FORM_TEXT},
    {"kind", "kind", FORM_TEXT},
    {"state", "state", FORM_STATE},
    {"reasons", "reasons", FORM_WORDS},
    {"last_error", "last error", FORM_TEXT},
    {"last_exit", "last exit", FORM_TEXT},
    {"last_stderr", "last stderr", FORM_TEXT},
    {"since", "since", FORM_TEXT},
    {"uptime_s", "uptime", FORM_DURATION},
    {"pid", "pid", FORM_TEXT},
    {"protocol", "protocol", FORM_TEXT},
    {"hooks", "hooks", FORM_WORDS},
    {"restarts", "restarts", FORM_TEXT},
    {"queued_events", "queued", FORM_QUEUE},
    {"queued_bytes", "", FORM_HIDDEN}, /* part of "queued" */
    {"lag_s", "lag", FORM_DURATION},
    {"accepted", "accepted", FORM_TEXT},
    {"delivered", "delivered", FORM_TEXT},
    {"redelivered", "redelivered", FORM_TEXT},
    {"dropped", "dropped", FORM_TEXT},
    {"failures", "failures", FORM_TEXT},
};

/* Any value as a person reads it: a string without its quotes, null as "-". */
static void put_value(struct table *t, const json_t *value) {
    if (!value || json_is_null(value)) {
        table_put(t, STYLE_PLAIN, NULL);
    } else if (json_is_string(value)) {
        table_put(t, STYLE_PLAIN, json_string_value(value));
    } else {
        cleanup_free char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        table_put(t, STYLE_PLAIN, text);
    }
}

static void put_queue(struct table *t, const json_t *plugin) {
    char size[32];
    int64_t events = member_int(plugin, "queued_events", 0);
    (void)member_size(plugin, "queued_bytes", size, sizeof size);
    if (events > 0 && size[0])
        table_putf(t, STYLE_PLAIN, "%" PRId64 " (%s)", events, size);
    else
        table_putf(t, STYLE_PLAIN, "%" PRId64, events);
}

static void put_row(struct table *t, const json_t *plugin, const struct row *row) {
    struct buf words = BUF_INIT(0);
    char text[32];
    if (row->form == FORM_HIDDEN) return;
    table_put(t, STYLE_HEAD, row->label);
    switch (row->form) {
        case FORM_TEXT:
            put_value(t, json_object_get(plugin, row->key));
            break;
        case FORM_STATE:
            table_put(t, style_of_state(member_str(plugin, row->key, "")), member_str(plugin, row->key, ""));
            break;
        case FORM_WORDS:
            table_put(t, STYLE_PLAIN, member_words(plugin, row->key, ", ", &words));
            break;
        case FORM_DURATION:
            table_put(t, STYLE_PLAIN, member_duration(plugin, row->key, text, sizeof text));
            break;
        case FORM_QUEUE:
            put_queue(t, plugin);
            break;
        case FORM_HIDDEN:
            break;
    }
    buf_deinit(&words);
}

static bool is_known(const char *key) {
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].key, key) == 0) return true;
    return false;
}

int show_plugin(const json_t *plugin) {
    static const struct table_column columns[2];
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) put_row(t, plugin, &rows[i]);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)plugin, key, value) { /* the macro wants it writable, and does not write */
        if (is_known(key)) continue;
        table_put(t, STYLE_HEAD, key);
        put_value(t, value);
    }
    return show_table(t, 0);
}
