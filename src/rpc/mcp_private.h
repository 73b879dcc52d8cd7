/* mcp_private.h — what the files of mcp share: its state, and how they call one another.
 *
 * mcp.c takes messages apart, mcp_ask.c writes them, mcp_era.c negotiates, mcp_native.c and mcp_tools.c are the two
 * kinds of server, mcp_answer.c reads what comes back for an event. Functions here return one of enum mcp_said or
 * -ENOMEM, unless they say otherwise. */
#ifndef HOOKCAST_RPC_MCP_PRIVATE_H
#define HOOKCAST_RPC_MCP_PRIVATE_H

#include "rpc/mcp.h"

enum mcp_state {
    MCP_IDLE,
    MCP_DISCOVERING,
    MCP_INITIALIZING,
    MCP_UNDECIDED, /* initialize failed; the answer to server/discover may still make it a modern server */
    MCP_SETTING_UP,
    MCP_LISTING, /* the tools, for the first time */
    MCP_SERVING,
    MCP_CLOSING,
    MCP_OVER, /* refused */
};

/* The requests of ours; of each at most one is unanswered. */
enum mcp_ask {
    MCP_ASK_DISCOVER,
    MCP_ASK_INITIALIZE,
    MCP_ASK_SETUP,
    MCP_ASK_LIST,
    MCP_ASK_LISTEN,
    MCP_ASK_HEALTH,
    MCP_ASK_TEARDOWN,
    MCP_ASKS,
};

enum { MCP_MESSAGE_MAX = 300 };

/* What a DiscoverResult, an InitializeResult or -32022 says that the server can. */
struct mcp_offer {
    bool came;
    bool modern;        /* MCP_MODERN is among its revisions */
    const char *legacy; /* the newest legacy revision in common; NULL: none */
    char versions[256]; /* all of them, in words */
    bool native, hooks_bad;
    bool tools_change;  /* it tells when its tools change */
    json_t *advertised; /* owned */
};

struct mcp_tools; /* mcp_tools.c */

struct mcp {
    struct mcp_identity id; /* its wishes are the tools' */
    char *meta;             /* the `_meta` members of a modern request */
    enum mcp_state state;
    unsigned last_id;
    unsigned open[MCP_ASKS]; /* ids still unanswered; 0 = none */
    const char *revision;
    bool modern, native, listening, hushed;

    struct mcp_offer discovered; /* a DiscoverResult that came, whenever it did */
    bool names_modern;           /* a late -32022 named the modern revision */
    bool probed_again;           /* server/discover was sent a second time */
    char init_error[MCP_MESSAGE_MAX + 1];

    json_t *advertised; /* as it said; NULL: it gave no list */
    json_t *heard;
    struct mcp_tools *tools;
    struct errs notes;

    struct buf text1, text2; /* what is borrowed until the next call */
    struct mcp_failure failure;
    struct mcp_answer answer;
    struct mcp_logged logged;
    bool healthy;
    char detail[256];
};

/* --- mcp.c --- */
int mcp_refuse(struct mcp *m);
void mcp_note(struct mcp *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const struct node *mcp_get(const struct scan *s, const struct node *obj, const char *key); /* obj may be NULL */
/* A string's text, unescaped, at most `max` bytes of it and whole characters; "" for anything else. Borrowed from b. */
const char *mcp_text(struct buf *b, const struct scan *s, const struct node *n, size_t max);
/* False when a result says that it is not the final one (basic/index#resulttype; absent is "complete"). */
bool mcp_complete(const struct scan *s, const struct node *result);
/* error.message (in text1) and error.code. */
const char *mcp_error(struct mcp *m, const struct scan *s, const struct node *error, long long *codep);

/* --- mcp_ask.c: 0 or a negative code --- */
int mcp_ask(struct mcp *m, enum mcp_ask ask, const char *method, const char *members, bool modern, struct buf *out);
enum mcp_ask mcp_asked(const struct mcp *m, const struct scan *s, const struct node *id); /* MCP_ASKS: none */
int mcp_settings_text(struct buf *out, const char *kind, const char *kind_api_version, const json_t *hooks);
int mcp_members_text(struct buf *out, const json_t *object); /* a document's members, without its braces */

/* --- mcp_era.c --- */
int mcp_on_discover(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out, struct err *why);
int mcp_on_initialize(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out, struct err *why);

/* --- mcp_native.c --- */
int mcp_setup(struct mcp *m, struct buf *out);
int mcp_on_setup(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct err *why);
int mcp_on_health(struct mcp *m, const struct scan *s, const struct jsonrpc *msg);
int mcp_on_failed(struct mcp *m, const struct scan *s, const struct node *params, struct err *why);
int mcp_on_message(struct mcp *m, const struct scan *s, const struct node *params);

/* --- mcp_tools.c --- */
struct mcp_tools *mcp_tools_new(const struct mcp_identity *id);
struct mcp_tools *mcp_tools_free(struct mcp_tools *t);
int mcp_list(struct mcp *m, bool tools_change, struct buf *out); /* for the first time */
int mcp_list_again(struct mcp *m, struct buf *out);              /* they may have changed: 0 or a negative code */
int mcp_list_refill(struct mcp *m, struct buf *out);             /* so may they once more */
int mcp_on_list(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out, struct err *why);

/* --- mcp_answer.c --- */
int mcp_on_answer(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct err *why);

#endif
