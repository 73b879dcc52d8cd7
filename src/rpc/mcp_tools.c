/* mcp_tools.c — an ordinary server: which of its tools hears which hook.
 *
 * tools/list is read page by page (server/utilities/pagination: a cursor is opaque, and an empty one is not the end).
 * Of what a page holds, only the wished tools' schemas and the first names are kept, so a long list costs no memory.
 * A change is applied when the last page is there; until then, and when reading fails, the old choice stands.
 *
 * A server may tell of changes as often as it likes: at most REREADS times between two probes its tools are read again,
 * one reading at a time; what comes beyond that waits for the next probe. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/suggest.h"
#include "json/text.h"
#include "rpc/mcp_fit.h"
#include "rpc/mcp_private.h"

enum { PAGES_MAX = 64, NAMES_MAX = 400, SUGGESTED_MAX = 200, REREADS = 8 };

struct wished {
    struct mcp_wish wish; /* a reference to its schema */
    bool has, next_has;   /* as applied, and as the reading goes on has found */
    bool next_task;       /* it can only be called as a task */
    json_t *schema, *next_schema;
    struct suggest near;
    char *nearest; /* owned: near's best */
};

struct mcp_tools {
    struct wished *w;
    size_t n;
    bool stale; /* they changed while they were read */
    unsigned rereads;
    /* the reading that goes on */
    unsigned pages;
    uint64_t cursors[PAGES_MAX]; /* hashes: one that comes again is a loop */
    size_t count;
    struct buf names; /* "a, b, c" */
    bool names_full;
};

static void forget(struct wished *w) {
    json_decref(w->next_schema);
    free(w->nearest);
    w->next_schema = NULL;
    w->nearest = NULL;
    w->next_has = w->next_task = false;
    suggest_init(&w->near, w->wish.tool, strlen(w->wish.tool));
}

struct mcp_tools *mcp_tools_new(const struct mcp_identity *id) {
    struct mcp_tools *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->names = BUF_INIT(NAMES_MAX);
    t->rereads = REREADS;
    t->w = calloc(id->n_wishes ? id->n_wishes : 1, sizeof *t->w);
    if (!t->w) return mcp_tools_free(t);
    for (; t->n < id->n_wishes; t->n++) {
        struct wished *w = &t->w[t->n];
        w->wish = id->wishes[t->n];
        json_incref((json_t *)(uintptr_t)w->wish.input_schema);
        forget(w);
    }
    return t;
}

struct mcp_tools *mcp_tools_free(struct mcp_tools *t) {
    if (!t) return NULL;
    for (size_t i = 0; i < t->n; i++) {
        forget(&t->w[i]);
        json_decref(t->w[i].schema);
        json_decref((json_t *)(uintptr_t)t->w[i].wish.input_schema);
    }
    free(t->w);
    buf_deinit(&t->names);
    free(t);
    return NULL;
}

const char *mcp_tool(const struct mcp *m, const char *hook) {
    for (size_t i = 0; i < m->tools->n; i++)
        if (m->tools->w[i].has && strcmp(m->tools->w[i].wish.hook, hook) == 0) return m->tools->w[i].wish.tool;
    return NULL;
}

/* --- asking --- */

static int begin(struct mcp *m, struct buf *out) {
    struct mcp_tools *t = m->tools;
    for (size_t i = 0; i < t->n; i++) forget(&t->w[i]);
    t->stale = false;
    t->pages = 0;
    t->count = 0;
    t->names_full = false;
    buf_clear(&t->names);
    return mcp_ask(m, MCP_ASK_LIST, "tools/list", "", m->modern, out);
}

/* A modern server tells of changes on a subscription only; it is asked for together with the list, so that no change
 * falls in between. (A server that forgot to declare `tools` is asked for them all the same.) */
int mcp_list(struct mcp *m, bool tools_change, struct buf *out) {
    int r = begin(m, out);
    if (r == 0 && m->modern && tools_change)
        r = mcp_ask(m, MCP_ASK_LISTEN, "subscriptions/listen", "\"notifications\":{\"toolsListChanged\":true}", true,
                    out);
    if (r < 0) return r;
    m->state = MCP_LISTING;
    return MCP_NOTHING;
}

int mcp_list_again(struct mcp *m, struct buf *out) {
    struct mcp_tools *t = m->tools;
    if (m->state != MCP_SERVING && m->state != MCP_LISTING) return 0;
    if (m->open[MCP_ASK_LIST] || !t->rereads) {
        t->stale = true;
        return 0;
    }
    t->rereads--;
    return begin(m, out);
}

int mcp_list_refill(struct mcp *m, struct buf *out) {
    m->tools->rereads = REREADS;
    return m->tools->stale ? mcp_list_again(m, out) : 0;
}

/* The cursor goes back as the very bytes it came in. */
static int next_page(struct mcp *m, const struct scan *s, const struct node *cursor, struct buf *out) {
    struct buf members = BUF_INIT(0);
    int r = buf_puts(&members, "\"cursor\":\"");
    if (r == 0) r = buf_put(&members, scan_ptr(s, cursor), cursor->len);
    if (r == 0) r = buf_puts(&members, "\"");
    const char *text = r == 0 ? buf_cstr(&members) : NULL;
    r = text ? mcp_ask(m, MCP_ASK_LIST, "tools/list", text, m->modern, out) : -ENOMEM;
    buf_deinit(&members);
    return r < 0 ? r : MCP_NOTHING;
}

/* --- reading --- */

static int failed(struct mcp *m, struct err *why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int failed(struct mcp *m, struct err *why, const char *fmt, ...) {
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (m->state == MCP_LISTING) {
        (void)err_set(why, 0, "an MCP server without the extension %s, and %s", MCP_EXTENSION, text);
        return mcp_refuse(m);
    }
    mcp_note(m, "its tools changed, and cannot be read again: %s", text);
    return MCP_NOTHING;
}

static void take_name(struct mcp *m, const struct scan *s, const struct node *name) {
    struct mcp_tools *t = m->tools;
    if (t->count++ >= SUGGESTED_MAX) return;
    const char *text = mcp_text(&m->text1, s, name, 128);
    if (!t->names_full && t->names.len + strlen(text) + 8 > NAMES_MAX) {
        (void)buf_puts(&t->names, ", ...");
        t->names_full = true;
    }
    if (!t->names_full) (void)buf_putf(&t->names, "%s%s", t->count > 1 ? ", " : "", text);
    for (size_t i = 0; i < t->n; i++) {
        struct wished *w = &t->w[i];
        if (!w->wish.named) continue;
        suggest_offer(&w->near, text);
        if (w->near.best != text) continue;
        free(w->nearest);
        w->nearest = strdup(text);
        w->near.best = w->nearest;
    }
}

static void take_tool(struct mcp *m, const struct scan *s, const struct node *tool) {
    const struct node *name = mcp_get(s, tool, "name"), *schema = mcp_get(s, tool, "inputSchema");
    const struct node *task = mcp_get(s, mcp_get(s, tool, "execution"), "taskSupport");
    if (!name || name->type != NODE_STRING) return;
    take_name(m, s, name);
    for (size_t i = 0; i < m->tools->n; i++) {
        struct wished *w = &m->tools->w[i];
        if (w->next_has || !scan_equal(s, name, w->wish.tool, strlen(w->wish.tool))) continue;
        w->next_has = true;
        w->next_task = task && task->type == NODE_STRING && scan_equal(s, task, "required", 8);
        json_error_t e;
        if (schema && schema->type == NODE_OBJECT)
            w->next_schema = json_loadb(scan_ptr(s, schema), schema->len, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &e);
    }
}

static bool seen(struct mcp_tools *t, const struct scan *s, const struct node *cursor) {
    static const uint64_t key[2] = {0, 0}; /* who makes them collide only ends its own list */
    uint64_t h = text_hash(s, cursor, key);
    for (unsigned i = 0; i + 1 < t->pages; i++)
        if (t->cursors[i] == h) return true;
    t->cursors[t->pages - 1] = h;
    return false;
}

/* --- applying --- */

static void compare(struct mcp *m, const struct wished *w) {
    struct buf text = BUF_INIT(600);
    if (!mcp_fit(w->wish.input_schema, w->next_schema, &text)) {
        const char *says = buf_cstr(&text);
        mcp_note(m, "the tool \"%s\" does not fit the hook %s: %s; its events are delivered all the same", w->wish.tool,
                 w->wish.hook, says ? says : "out of memory");
    }
    buf_deinit(&text);
}

/* One wish: the reading becomes what is. True when the hook is now heard, or no longer. */
static bool apply_one(struct mcp *m, struct wished *w, bool first) {
    char hint[160];
    bool had = w->has;
    if (w->next_has && w->next_task) {
        w->next_has = false;
        if (first || had)
            mcp_note(m, "the tool \"%s\" for the hook %s can only be called as a task, which is not done here",
                     w->wish.tool, w->wish.hook);
    } else if (!w->next_has && had) {
        mcp_note(m, "the tool \"%s\" is gone: the hook %s is not heard any more", w->wish.tool, w->wish.hook);
    } else if (!w->next_has && first && w->wish.named) {
        mcp_note(m, "hookcast.tools names \"%s\" for the hook %s, and the server has no such tool%s", w->wish.tool,
                 w->wish.hook, suggest_hint(w->nearest, hint, sizeof hint));
    } else if (w->next_has && (!had || !json_equal(w->schema, w->next_schema))) {
        compare(m, w);
    }
    json_decref(w->schema);
    w->schema = w->next_schema;
    w->next_schema = NULL;
    w->has = w->next_has;
    return w->has != had;
}

static int none_left(struct mcp *m, struct err *why) {
    struct mcp_tools *t = m->tools;
    const char *names = buf_cstr(&t->names);
    (void)err_set(why, 0, "an MCP server without the extension %s, and with no tool to hear anything by; it has: %s",
                  MCP_EXTENSION, t->count && names ? names : "none");
    return mcp_refuse(m);
}

static int apply(struct mcp *m, struct buf *out, struct err *why) {
    struct mcp_tools *t = m->tools;
    bool first = m->state == MCP_LISTING, changed = false;
    json_t *heard = json_array();
    int r = heard ? 0 : -ENOMEM;
    for (size_t i = 0; i < t->n && r == 0; i++)
        if (t->w[i].next_has && !t->w[i].next_task) r = json_array_append_new(heard, json_string(t->w[i].wish.hook));
    if (r < 0) {
        json_decref(heard);
        return -ENOMEM;
    }
    for (size_t i = 0; i < t->n; i++) changed |= apply_one(m, &t->w[i], first);
    json_decref(m->heard);
    m->heard = heard;
    if (!json_array_size(heard)) {
        r = none_left(m, why);
        return first ? r : MCP_TOOLS_GONE;
    }
    m->state = MCP_SERVING;
    if (t->stale && mcp_list_again(m, out) < 0) t->stale = true; /* the next probe tries again */
    return first ? MCP_READY : changed ? MCP_TOOLS_CHANGED : MCP_NOTHING;
}

int mcp_on_list(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out, struct err *why) {
    struct mcp_tools *t = m->tools;
    if (msg->kind == JSONRPC_ERROR) {
        long long code;
        const char *message = mcp_error(m, s, msg->error, &code);
        return failed(m, why, "tools/list failed: %s (%lld)", message, code);
    }
    const struct node *tools = mcp_get(s, msg->result, "tools"), *cursor = mcp_get(s, msg->result, "nextCursor");
    if (m->modern && !mcp_complete(s, msg->result)) return failed(m, why, "its answer to tools/list is not complete");
    if (!tools || tools->type != NODE_ARRAY) return failed(m, why, "its answer to tools/list has no list of tools");
    t->pages++;
    for (const struct node *e = scan_first(s, tools); e; e = scan_next(s, tools, e)) take_tool(m, s, e);
    if (!cursor || cursor->type == NODE_NULL) return apply(m, out, why);
    if (cursor->type != NODE_STRING) return failed(m, why, "the nextCursor of its tools/list is not a string");
    if (t->pages == PAGES_MAX) return failed(m, why, "its tools/list has more than %d pages", PAGES_MAX);
    if (seen(t, s, cursor)) return failed(m, why, "its tools/list goes round in circles: a nextCursor came again");
    return next_page(m, s, cursor, out);
}
