/* child_words.c — what a child says, a line at a time: MCP on stdout, anything on stderr. Nothing it says can hurt. */
#include <stdio.h>
#include <string.h>

#include "base/logtext.h"
#include "daemon/child_private.h"

enum {
    STDERR_BURST = 200, /* lines a second */
    FAILED_BURST = 10,
    GARBAGE_SHOWN = 120,
    UNREAD_MAX = 64, /* messages of ours that a child leaves unread before its own requests go unanswered */
};

static void garbage(struct child *c, const char *what, const char *line, size_t len) {
    uint64_t held;
    c->garbage++;
    if (!log_gate_pass(&c->g_garbage, 1, c->heard_at, &held)) {
        log_count_suppressed(c->cx->log, 1);
        return;
    }
    struct log_field f[5] = {LOG_S("plugin", c->m->name), LOG_S("stream", "stdout"), LOG_S("error", what),
                             LOG_B("line", line, len < GARBAGE_SHOWN ? len : GARBAGE_SHOWN)};
    size_t n = 4;
    if (held) f[n++] = LOG_N("suppressed", held);
    log_write(c->cx->log, LOG_WARNING, "plugin output ignored", f, n);
}

void child_event_failed(struct child *c, const char *hook, uint64_t seq, const char *message) {
    struct reason_rules rules = child_rules(c);
    nsec_t now = context_now(c->cx);
    uint64_t held;
    c->failures++;
    if (log_gate_pass(&c->g_failed, FAILED_BURST, now, &held)) {
        struct log_field f[5] = {LOG_S("plugin", c->m->name), LOG_S("error", message), LOG_S("hook", hook),
                                 LOG_N("seq", seq)};
        size_t n = 4;
        if (held) f[n++] = LOG_N("suppressed", held);
        log_write(c->cx->log, LOG_WARNING, "event failed", f, n);
    } else {
        log_count_suppressed(c->cx->log, 1);
    }
    bool before = c->reasons.set & REASON_FAILING;
    reasons_failed(&c->reasons, &rules, queue_counters(c->sub.queue)->delivered, now);
    if (!before && (c->reasons.set & REASON_FAILING)) {
        child_set_error(c, "events fail, the last one with: %.300s", message);
        child_refresh(c);
        c->owner.restless(c->owner.ctx);
    }
}

/* notifications/message, as if it had been a line on stderr. */
static void logged(struct child *c) {
    const struct mcp_logged *l = mcp_logged(c->mcp);
    enum log_level level = l->severity <= 3   ? LOG_ERROR
                           : l->severity == 4 ? LOG_WARNING
                           : l->severity == 7 ? LOG_DEBUG
                                              : LOG_INFO;
    uint64_t held;
    if (!log_gate_pass(&c->g_stderr, STDERR_BURST, c->heard_at, &held)) {
        log_count_suppressed(c->cx->log, 1);
        return;
    }
    struct log_field f[4] = {LOG_S("plugin", c->m->name), LOG_S("stream", "mcp")};
    size_t n = 2;
    if (l->logger[0]) f[n++] = LOG_S("logger", l->logger);
    if (held) f[n++] = LOG_N("suppressed", held);
    log_write(c->cx->log, level, l->text, f, n);
}

static void log_notes(struct child *c) {
    struct errs *notes = mcp_notes(c->mcp);
    for (size_t i = 0; i < notes->n; i++) log_warning(c->cx->log, notes->items[i], LOG_S("plugin", c->m->name));
    errs_deinit(notes);
}

static void alive(struct child *c) {
    const char *detail;
    struct reason_rules rules = child_rules(c);
    bool was = c->reasons.set & REASON_UNHEALTHY;
    bool healthy = mcp_health(c->mcp, &detail);
    reasons_probe(&c->reasons, &rules, true, !healthy);
    if (!healthy) child_set_error(c, "it says it is degraded%s%.300s", detail[0] ? ": " : "", detail);
    if (healthy && was && !c->reasons.set) c->last_error[0] = '\0';
    if (c->probe_due) {
        c->probe_due = false;
        context_timer(c->cx, &c->t_health, c->m->settings.health.interval);
    }
    child_refresh(c);
}

static void heard(struct child *c, const struct jsonrpc *msg, const char *line, size_t len) {
    struct err why = {0};
    mcp_hush(c->mcp, queue_own_waiting(c->sub.queue) > UNREAD_MAX);
    int said = mcp_receive(c->mcp, &c->cx->scan, msg, &c->said, &why);
    if (mcp_notes(c->mcp)->n) log_notes(c);
    switch (said) {
        case MCP_NOTHING:
            break;
        case MCP_READY:
            if (c->life.phase == LIFE_STARTING) child_ready(c, mcp_heard(c->mcp));
            break;
        case MCP_REFUSED:
            if (c->life.phase == LIFE_STARTING && !child_reprobe(c)) child_event(c, LIFE_REFUSED, why.text);
            break;
        case MCP_FAILED_EVENT:
            child_event_failed(c, mcp_failure(c->mcp)->hook, mcp_failure(c->mcp)->seq, mcp_failure(c->mcp)->message);
            break;
        case MCP_TOOL_ANSWER:
            if (!child_call_answered(c)) garbage(c, "an answer to nothing that was asked", line, len);
            break;
        case MCP_TOOLS_CHANGED:
            child_tools_changed(c);
            break;
        case MCP_TOOLS_GONE:
            if (c->life.phase == LIFE_UP) child_event(c, LIFE_REFUSED, why.text);
            break;
        case MCP_LOG:
            logged(c);
            break;
        case MCP_ALIVE:
            alive(c);
            break;
        case MCP_RELEASED:
            child_released(c);
            break;
        case MCP_UNEXPECTED:
            garbage(c, why.text, line, len);
            break;
        default:
            log_error(c->cx->log, "out of memory: a plugin's message is lost", LOG_S("plugin", c->m->name));
            break;
    }
    child_say(c);
}

/* MCP 2025-03-26, basic/index#batching: batches MUST be received. */
static void batch(struct child *c, const char *line, size_t len) {
    const struct scan *s = &c->cx->scan;
    const struct node *list = scan_root(s);
    for (const struct node *n = scan_first(s, list); n; n = scan_next(s, list, n)) {
        struct jsonrpc msg;
        jsonrpc_classify_at(s, n, &msg);
        heard(c, &msg, line, len);
    }
}

static void stdout_text(struct child *c, const char *line, size_t len) {
    if (!len) return;
    struct jsonrpc msg;
    int r = scan_text(&c->cx->scan, line, len);
    if (r == SCAN_E_DEPTH || r == SCAN_E_DUPLICATE)
        garbage(c, r == SCAN_E_DEPTH ? "nested too deeply" : "a key is given twice", line, len);
    else if (r)
        garbage(c, r == SCAN_E_UTF8 ? "not UTF-8" : "not JSON", line, len);
    else {
        jsonrpc_classify(&c->cx->scan, &msg);
        if (msg.kind == JSONRPC_BATCH && mcp_batches(c->mcp))
            batch(c, line, len);
        else
            heard(c, &msg, line, len);
    }
}

/* --- stderr --- */

static enum log_level stderr_level(const char **linep, size_t *lenp) {
    const char *l = *linep;
    if (*lenp < 3 || l[0] != '<' || l[1] < '0' || l[1] > '7' || l[2] != '>') return LOG_INFO;
    *linep += 3;
    *lenp -= 3;
    return l[1] <= '3' ? LOG_ERROR : l[1] == '4' ? LOG_WARNING : l[1] == '7' ? LOG_DEBUG : LOG_INFO;
}

static void stderr_text(struct child *c, const char *line, size_t len, bool cut) {
    enum log_level level = stderr_level(&line, &len);
    if (!len) return;
    size_t keep = len < LAST_STDERR_MAX - 1 ? len : LAST_STDERR_MAX - 1;
    memcpy(c->last_stderr, line, keep);
    c->last_stderr[keep] = '\0';
    child_clean_text(c->last_stderr);
    uint64_t held;
    if (!log_gate_pass(&c->g_stderr, STDERR_BURST, c->heard_at, &held)) {
        c->garbage++;
        log_count_suppressed(c->cx->log, 1);
        return;
    }
    char text[CHILD_STDERR_MAX + 1];
    for (size_t i = 0; i < len; i++) text[i] = line[i] ? line[i] : '?';
    text[len] = '\0';
    struct log_field f[4] = {LOG_S("plugin", c->m->name), LOG_S("stream", "stderr")};
    size_t n = 2;
    if (cut) f[n++] = LOG_N("truncated", 1);
    if (held) f[n++] = LOG_N("suppressed", held);
    log_write(c->cx->log, level, text, f, n);
}

void child_stdout_line(struct child *c, const char *line, size_t len, enum line_result r) {
    if (r == LINE_TOO_LONG)
        garbage(c, "line too long", line, len);
    else
        stdout_text(c, line, len);
}

void child_stderr_line(struct child *c, const char *line, size_t len, enum line_result r) {
    stderr_text(c, line, len < CHILD_STDERR_MAX ? len : CHILD_STDERR_MAX, r == LINE_TOO_LONG);
}
