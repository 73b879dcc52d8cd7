#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/answer.h"
#include "ctl/member.h"
#include "ctl/runtime.h"
#include "ctl/say.h"
#include "ctl/screen.h"
#include "ctl/show.h"

static void put_text(const char *s) { screen_put(stdout, s, strlen(s)); }

/* hookcastd 0.1.0 running for 3min 4s (since 2026-11-23T18:30:00Z) */
static void print_headline(const json_t *status, bool colour) {
    const char *state = member_str(status, "state", "in an unknown state"), *since = member_str(status, "since", "");
    enum style style = style_of_state(state);
    char uptime[32];
    (void)fputs("hookcastd ", stdout);
    put_text(member_str(status, "version", "(unknown version)"));
    (void)printf(" %s", style_on(style, colour));
    put_text(state);
    (void)fputs(style_off(style, colour), stdout);
    if (member_duration(status, "uptime_s", uptime, sizeof uptime)[0]) (void)printf(" for %s", uptime);
    if (since[0]) {
        (void)fputs(" (since ", stdout);
        put_text(since);
        (void)fputs(")", stdout);
    }
    (void)fputc('\n', stdout);
}

static void put_line(struct table *t, const char *label, const char *text) {
    table_put(t, STYLE_HEAD, label);
    table_put(t, STYLE_PLAIN, text);
}

/* "5: 3 ready, 1 degraded, 1 unavailable"; states without plugins are left out. */
static void put_plugin_counts(struct table *t, const json_t *counts) {
    static const char *const states[] = {"ready", "degraded", "unavailable", "starting", "stopping", "stopped"};
    struct buf b = BUF_INIT(0);
    int r = buf_putf(&b, "%" PRId64, member_int(counts, "total", 0));
    const char *between = ": ";
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(states); i++) {
        int64_t n = member_int(counts, states[i], 0);
        if (n <= 0) continue;
        r = buf_putf(&b, "%s%" PRId64 " %s", between, n, states[i]);
        between = ", ";
    }
    put_line(t, "plugins", r == 0 ? buf_cstr(&b) : NULL);
    buf_deinit(&b);
}

static int print_overview(const json_t *status) {
    static const struct table_column columns[2];
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    char used[32], limit[32];
    table_put(t, STYLE_HEAD, "pid");
    table_putf(t, STYLE_PLAIN, "%" PRId64, member_int(status, "pid", 0));
    put_line(t, "run", member_str(status, "run", ""));
    put_line(t, "runtime dir", member_str(status, "runtime_dir", ""));
    put_line(t, "config", member_str(status, "config", "none (flags and defaults)"));
    table_put(t, STYLE_HEAD, "events");
    table_putf(t, STYLE_PLAIN, "%" PRId64 " accepted, %" PRId64 " rejected", member_int(status, "accepted", 0),
               member_int(status, "rejected", 0));
    table_put(t, STYLE_HEAD, "publishers");
    table_putf(t, STYLE_PLAIN, "%" PRId64, member_int(status, "publishers", 0));
    table_put(t, STYLE_HEAD, "backlog");
    table_putf(t, STYLE_PLAIN, "%s of %s", member_size(status, "backlog_bytes", used, sizeof used),
               member_size(status, "backlog_max_size", limit, sizeof limit));
    put_plugin_counts(t, json_object_get(status, "plugins"));
    const json_t *strays = json_object_get(status, "strays");
    if (json_array_size(strays) > 0) {
        cleanup_free char *text = json_dumps(strays, JSON_COMPACT);
        table_put(t, STYLE_WARN, "strays");
        table_put(t, STYLE_PLAIN, text);
    }
    return show_table(t, 2);
}

/* Those plugins that a person should look at, with why. */
static int print_troubled(const json_t *plugins) {
    static const struct table_column columns[] = {
        {.title = "NAME"}, {.title = "STATE"}, {.title = "REASONS"}, {.title = "LAST ERROR"}};
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    struct buf reasons = BUF_INIT(0);
    size_t i, told = 0;
    json_t *row;
    json_array_foreach(plugins, i, row) {
        const char *state = member_str(row, "state", "");
        if (strcmp(state, "ready") == 0) continue;
        told++;
        table_put(t, STYLE_PLAIN, member_str(row, "name", ""));
        table_put(t, style_of_state(state), state);
        table_put(t, STYLE_WARN, member_words(row, "reasons", ",", &reasons));
        table_put(t, STYLE_PLAIN, member_str(row, "last_error", ""));
    }
    buf_deinit(&reasons);
    if (told == 0) {
        (void)table_free(t);
        return 0;
    }
    (void)fputc('\n', stdout);
    return show_table(t, 0);
}

static int status_of_daemon(const struct options *o, struct client *c) {
    json_t *status = NULL, *list = NULL;
    int code = runtime_ask(o, c, "daemon.status", NULL, &status);
    if (code == 0 && o->json) {
        answer_print_json(status);
    } else if (code == 0 && (code = runtime_ask(o, c, "plugin.list", NULL, &list)) == 0) {
        print_headline(status, style_wanted(STDOUT_FILENO));
        code = print_overview(status);
        if (code == 0) code = print_troubled(json_object_get(list, "plugins"));
    }
    json_decref(status);
    json_decref(list);
    return code;
}

static int status_of_plugin(const struct options *o, struct client *c, const char *name) {
    json_t *list = NULL;
    int code = runtime_ask(o, c, "plugin.list", NULL, &list);
    if (code != 0) return code;
    const json_t *plugins = json_object_get(list, "plugins"), *found = NULL;
    size_t i;
    json_t *row;
    json_array_foreach(plugins, i, row) if (strcmp(member_str(row, "name", ""), name) == 0) found = row;
    if (!found)
        code = show_unknown("plugin", name, plugins, "name");
    else if (o->json)
        answer_print_json(found);
    else
        code = show_plugin(found);
    json_decref(list);
    return code;
}

int show_status(const struct options *o) {
    struct client *c = NULL;
    int code = runtime_connect(o, CLIENT_CONTROL, &c);
    if (code == 0) code = o->n_args ? status_of_plugin(o, c, o->args[0]) : status_of_daemon(o, c);
    (void)client_free(c);
    return code;
}
