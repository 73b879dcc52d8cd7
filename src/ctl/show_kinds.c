#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/answer.h"
#include "ctl/member.h"
#include "ctl/say.h"
#include "ctl/screen.h"
#include "ctl/show.h"

/* This daemon serves one dispatch class; hooks of others are listed but cannot be published to. */
static enum style style_of_dispatch(const char *dispatch) {
    return strcmp(dispatch, "broadcast_notify") == 0 ? STYLE_PLAIN : STYLE_DIM;
}

/* A line of its own, unless there is nothing to tell. */
static void print_field(const char *before, const char *text) {
    if (!text[0]) return;
    (void)fputs(before, stdout);
    screen_put(stdout, text, strlen(text));
    (void)fputc('\n', stdout);
}

static int print_hooks(const json_t *hooks, bool full) {
    static const struct table_column columns[] = {
        {.title = "HOOK"}, {.title = "DISPATCH"}, {.title = "MCP"}, {.title = "SCHEMA"}, {.title = "DESCRIPTION"}};
    size_t n = full ? ARRAY_LEN(columns) : ARRAY_LEN(columns) - 1;
    if (json_array_size(hooks) == 0) {
        (void)puts("  no hooks");
        return 0;
    }
    struct table *t = table_new(columns, n);
    size_t i;
    json_t *hook;
    json_array_foreach(hooks, i, hook) {
        const char *dispatch = member_str(hook, "dispatch", "");
        table_put(t, STYLE_PLAIN, member_str(hook, "name", ""));
        table_put(t, style_of_dispatch(dispatch), dispatch);
        table_put(t, STYLE_PLAIN, json_is_true(json_object_get(hook, "mcp_exposed")) ? "exposed" : NULL);
        table_put(t, STYLE_PLAIN, member_str(hook, "input_schema", ""));
        if (full) table_put(t, STYLE_PLAIN, member_str(hook, "description", ""));
    }
    return show_table(t, 2);
}

static int print_kind(const json_t *kind, bool full, bool colour) {
    const char *name = member_str(kind, "kind", "?");
    (void)fputs(style_on(STYLE_HEAD, colour), stdout);
    screen_put(stdout, name, strlen(name));
    (void)fputs(style_off(STYLE_HEAD, colour), stdout);
    (void)fputc('\n', stdout);
    print_field("  version ", member_str(kind, "kind_api_version", ""));
    print_field("  ", member_str(kind, "description", ""));
    if (full) print_field("  from ", member_str(kind, "path", ""));
    return print_hooks(json_object_get(kind, "hooks"), full);
}

static int print_kinds(const json_t *kinds, bool full) {
    bool colour = style_wanted(STDOUT_FILENO);
    size_t i;
    json_t *kind;
    if (json_array_size(kinds) == 0) (void)puts("no kinds");
    json_array_foreach(kinds, i, kind) {
        if (i > 0) (void)fputc('\n', stdout);
        int code = print_kind(kind, full, colour);
        if (code != 0) return code;
    }
    return 0;
}

/* Leave only the majors of `name`. Returns 0, or an exit code when there is none. */
static int keep_only(json_t *result, const char *name) {
    json_t *kinds = json_object_get(result, "kinds"), *kept = json_array();
    size_t i;
    json_t *kind;
    json_array_foreach(kinds, i, kind) if (strcmp(member_str(kind, "kind", ""), name) == 0)(void)
        json_array_append(kept, kind);
    if (json_array_size(kept) > 0) return json_object_set_new(result, "kinds", kept) < 0 ? EXIT_IO : 0;
    json_decref(kept);
    return show_unknown("kind", name, kinds, "kind");
}

int show_kinds(const struct options *o) {
    json_t *result = NULL;
    int code = show_ask(o, "kind.list", &result);
    if (code == 0 && o->n_args) code = keep_only(result, o->args[0]);
    if (code == 0 && o->json)
        answer_print_json(result);
    else if (code == 0)
        code = print_kinds(json_object_get(result, "kinds"), o->n_args > 0);
    json_decref(result);
    return code;
}
