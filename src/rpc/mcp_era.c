/* mcp_era.c — which of MCP's eras and revisions is spoken with this process (DESIGN §5).
 *
 * 2026-07-28 basic/transports/stdio#backward-compatibility: a DiscoverResult is a modern server; so is a recognised
 * modern error, and then there is no falling back; any other error, or silence, is a legacy one. The fallback is keyed
 * to no error code. basic/versioning: the era is the server's, so it is remembered for the next start. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/text.h"
#include "rpc/mcp_private.h"

enum { UNSUPPORTED_VERSION = -32022, MISSING_CAPABILITY = -32021 }; /* basic/index#error-codes */

static const char *const legacy[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"}; /* newest first */
#define SUPPORTED MCP_MODERN ", 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05"

static const char *legacy_named(const struct scan *s, const struct node *n) {
    for (unsigned i = 0; n && n->type == NODE_STRING && i < ARRAY_LEN(legacy); i++)
        if (scan_equal(s, n, legacy[i], strlen(legacy[i]))) return legacy[i];
    return NULL;
}

/* A list of revisions. False when it is none, or holds what cannot be one. */
static bool read_versions(struct mcp *m, const struct scan *s, const struct node *list, struct mcp_offer *o) {
    size_t at = 0;
    bool clean = list && list->type == NODE_ARRAY;
    if (clean) {
        for (const struct node *e = scan_first(s, list); e; e = scan_next(s, list, e)) {
            if (e->type != NODE_STRING) {
                clean = false;
                continue;
            }
            const char *l = legacy_named(s, e);
            if (l && (!o->legacy || strcmp(l, o->legacy) > 0)) o->legacy = l;
            o->modern |= scan_equal(s, e, MCP_MODERN, strlen(MCP_MODERN));
            if (at >= sizeof o->versions - 1) continue;
            int n = snprintf(o->versions + at, sizeof o->versions - at, "%s%s", at ? ", " : "",
                             mcp_text(&m->text1, s, e, 64));
            at += n > 0 ? (size_t)n : 0;
        }
    }
    if (!at) (void)snprintf(o->versions, sizeof o->versions, "none");
    return clean;
}

/* The capabilities, of either result. Extensions are under `extensions` or `experimental`. 0 or -ENOMEM. */
static int read_capabilities(const struct scan *s, const struct node *caps, struct mcp_offer *o) {
    static const char *const places[] = {"extensions", "experimental"};
    const struct node *ext = NULL;
    for (unsigned i = 0; i < ARRAY_LEN(places) && !(ext && ext->type == NODE_OBJECT); i++)
        ext = mcp_get(s, mcp_get(s, caps, places[i]), MCP_EXTENSION);
    const struct node *changes = mcp_get(s, mcp_get(s, caps, "tools"), "listChanged");
    o->tools_change = changes && changes->type == NODE_TRUE;
    o->native = ext && ext->type == NODE_OBJECT;
    const struct node *hooks = o->native ? scan_get(s, ext, "hooks") : NULL;
    if (!hooks) return 0;
    json_error_t e;
    if (hooks->type == NODE_ARRAY) o->advertised = json_loadb(scan_ptr(s, hooks), hooks->len, JSON_ALLOW_NUL, &e);
    o->hooks_bad = !o->advertised;
    return o->hooks_bad && hooks->type == NODE_ARRAY && json_error_code(&e) == json_error_out_of_memory ? -ENOMEM : 0;
}

/* server/discover#discoverresult. `supportedVersions` is what makes it one; what else the schema requires may be
 * absent, but not be of another type. 1: valid, 0: not, or -ENOMEM. */
static int read_discovered(struct mcp *m, const struct scan *s, const struct node *result, struct mcp_offer *o) {
    const struct node *caps = mcp_get(s, result, "capabilities");
    *o = (struct mcp_offer){.came = true};
    if (!read_versions(m, s, mcp_get(s, result, "supportedVersions"), o)) return 0;
    if (caps && caps->type != NODE_OBJECT) return 0;
    if (!mcp_complete(s, result)) return 0;
    return read_capabilities(s, caps, o) < 0 ? -ENOMEM : 1;
}

static int refuse_versions(struct mcp *m, const char *theirs, struct err *why) {
    (void)err_set(why, 0, "no MCP revision in common: it supports %s, hookcastd supports " SUPPORTED, theirs);
    return mcp_refuse(m);
}

/* The revision stands: take what the server offered and go on as its kind asks. */
static int go(struct mcp *m, struct mcp_offer *o, const char *revision, struct buf *out, struct err *why) {
    m->revision = revision;
    m->modern = strcmp(revision, MCP_MODERN) == 0;
    m->native = o->native;
    m->advertised = o->advertised;
    o->advertised = NULL;
    if (o->hooks_bad) {
        (void)err_set(why, 0, "its extension %s has a \"hooks\" that is not a list", MCP_EXTENSION);
        return mcp_refuse(m);
    }
    return m->native ? mcp_setup(m, out) : mcp_list(m, o->tools_change, out);
}

/* To a legacy server the extension is declared in `extensions` and in `experimental`, which its schema has. */
static int initialize(struct mcp *m, const char *revision, struct buf *out) {
    struct buf settings = BUF_INIT(0), members = BUF_INIT(0);
    int r = mcp_settings_text(&settings, m->id.kind, m->id.kind_api_version, m->id.hooks);
    const char *ext = r == 0 ? buf_cstr(&settings) : NULL;
    r = !ext ? -ENOMEM
             : buf_putf(&members,
                        "\"protocolVersion\":\"%s\",\"capabilities\":{\"experimental\":{%s},\"extensions\":{%s}},"
                        "\"clientInfo\":{\"name\":\"hookcastd\",\"version\":",
                        revision, ext, ext);
    if (r == 0) r = text_escape(&members, m->id.version, strlen(m->id.version));
    if (r == 0) r = buf_puts(&members, "}");
    const char *text = r == 0 ? buf_cstr(&members) : NULL;
    r = text ? mcp_ask(m, MCP_ASK_INITIALIZE, "initialize", text, false, out) : -ENOMEM;
    if (r == 0) m->state = MCP_INITIALIZING;
    buf_deinit(&settings);
    buf_deinit(&members);
    return r;
}

static int discover(struct mcp *m, enum mcp_state state, struct buf *out) {
    int r = mcp_ask(m, MCP_ASK_DISCOVER, "server/discover", "", true, out);
    if (r == 0) m->state = state;
    return r;
}

int mcp_start(struct mcp *m, enum mcp_era era, struct buf *out) {
    return era == MCP_ERA_LEGACY ? initialize(m, legacy[0], out) : discover(m, MCP_DISCOVERING, out);
}

/* A second probe is no question of eras any more: its answer is waited for. */
bool mcp_probing(const struct mcp *m) { return m->state == MCP_DISCOVERING && !m->probed_again; }

bool mcp_unanswered(const struct mcp *m) {
    return mcp_probing(m) || (m->state == MCP_INITIALIZING && m->open[MCP_ASK_DISCOVER]);
}

int mcp_silent(struct mcp *m, struct buf *out) { return mcp_probing(m) ? initialize(m, legacy[0], out) : -EBUSY; }

enum mcp_era mcp_era_next(const struct mcp *m) {
    if (m->state == MCP_OVER || m->listening) return MCP_ERA_UNKNOWN;
    if (m->discovered.came && m->discovered.modern) return MCP_ERA_MODERN;
    if (!m->revision) return MCP_ERA_UNKNOWN;
    return m->modern ? MCP_ERA_MODERN : MCP_ERA_LEGACY;
}

static int initialize_failed(struct mcp *m, struct err *why) {
    (void)err_set(why, 0, "initialize failed: %s", m->init_error);
    return mcp_refuse(m);
}

/* Choose from a DiscoverResult. */
static int choose(struct mcp *m, struct buf *out, struct err *why) {
    struct mcp_offer *o = &m->discovered;
    if (o->modern) return go(m, o, MCP_MODERN, out, why);
    if (!o->legacy) return refuse_versions(m, o->versions, why);
    if (m->state == MCP_UNDECIDED) return initialize_failed(m, why);
    int r = initialize(m, o->legacy, out);
    return r < 0 ? r : MCP_NOTHING;
}

/* UnsupportedProtocolVersion: one that names our revision as supported is asked once more. */
static int version_refused(struct mcp *m, const struct scan *s, const struct node *supported, struct buf *out,
                           struct err *why) {
    struct mcp_offer o = {.came = true};
    (void)read_versions(m, s, supported, &o);
    int r;
    if (o.modern && !m->probed_again) {
        m->probed_again = true;
        r = discover(m, m->state, out);
    } else if (o.modern) {
        (void)err_set(why, 0, "it refuses MCP %s and says that it supports it", MCP_MODERN);
        return mcp_refuse(m);
    } else if (!o.legacy) {
        return refuse_versions(m, o.versions, why);
    } else if (m->state == MCP_UNDECIDED) {
        return initialize_failed(m, why);
    } else {
        r = initialize(m, o.legacy, out);
    }
    return r < 0 ? r : MCP_NOTHING;
}

/* MissingRequiredClientCapability. */
static int capability_missing(struct mcp *m, const struct scan *s, const struct node *required, struct err *why) {
    (void)err_set(why, 0, "it requires client capabilities that hookcastd does not have: %.*s",
                  required ? (int)(required->len < 600 ? required->len : 600) : 22,
                  required ? scan_ptr(s, required) : "it does not say which");
    return mcp_refuse(m);
}

/* server/discover was answered with an error, or with what is no DiscoverResult. */
static int discover_failed(struct mcp *m, const struct scan *s, const struct node *error, struct buf *out,
                           struct err *why) {
    long long code;
    const char *message = mcp_error(m, s, error, &code);
    const struct node *data = mcp_get(s, error, "data");
    if (code == UNSUPPORTED_VERSION) return version_refused(m, s, mcp_get(s, data, "supported"), out, why);
    if (code == MISSING_CAPABILITY) return capability_missing(m, s, mcp_get(s, data, "requiredCapabilities"), why);
    if (m->probed_again) { /* it has named the revision: there is no falling back */
        (void)err_set(why, 0, "server/discover failed: %s (%lld)", message, code);
        return mcp_refuse(m);
    }
    if (m->state == MCP_UNDECIDED) return initialize_failed(m, why);
    int r = initialize(m, legacy[0], out);
    return r < 0 ? r : MCP_NOTHING;
}

int mcp_on_discover(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out, struct err *why) {
    struct mcp_offer o;
    int valid = msg->kind == JSONRPC_RESULT ? read_discovered(m, s, msg->result, &o) : 0;
    if (valid < 0) return valid;
    if (valid) {
        json_decref(m->discovered.advertised);
        m->discovered = o;
    }
    if (m->state == MCP_DISCOVERING || m->state == MCP_UNDECIDED)
        return valid ? choose(m, out, why) : discover_failed(m, s, msg->error, out, why);
    /* late: initialize is written, or answered */
    long long code;
    (void)mcp_error(m, s, msg->error, &code);
    if (code == UNSUPPORTED_VERSION && m->state == MCP_INITIALIZING) {
        struct mcp_offer named = {.came = true};
        (void)read_versions(m, s, mcp_get(s, mcp_get(s, msg->error, "data"), "supported"), &named);
        m->names_modern = named.modern;
    }
    return MCP_NOTHING;
}

/* The answer to initialize decides this process: an error means a modern server, if a DiscoverResult says so. */
static int initialize_refused(struct mcp *m, const struct scan *s, const struct node *error, struct buf *out,
                              struct err *why) {
    long long code;
    const char *message = mcp_error(m, s, error, &code);
    (void)snprintf(m->init_error, sizeof m->init_error, "%.200s (%lld)", message, code);
    if (m->discovered.came && m->discovered.modern) return choose(m, out, why);
    if (m->open[MCP_ASK_DISCOVER]) {
        m->state = MCP_UNDECIDED;
        return MCP_NOTHING;
    }
    if (!m->names_modern) return initialize_failed(m, why);
    m->probed_again = true;
    int r = discover(m, MCP_UNDECIDED, out);
    return r < 0 ? r : MCP_NOTHING;
}

int mcp_on_initialize(struct mcp *m, const struct scan *s, const struct jsonrpc *msg, struct buf *out,
                      struct err *why) {
    if (msg->kind == JSONRPC_ERROR) return initialize_refused(m, s, msg->error, out, why);
    const struct node *version = mcp_get(s, msg->result, "protocolVersion");
    if (!version || version->type != NODE_STRING) {
        (void)err_set(why, 0, "its answer to initialize has no protocolVersion");
        return mcp_refuse(m);
    }
    const char *revision = legacy_named(s, version);
    if (!revision) return refuse_versions(m, mcp_text(&m->text1, s, version, 64), why);
    struct mcp_offer o = {.came = true};
    int r = read_capabilities(s, mcp_get(s, msg->result, "capabilities"), &o);
    if (r == 0) r = jsonrpc_call(out, NULL, "notifications/initialized", "{}");
    if (r == 0) r = go(m, &o, revision, out, why);
    json_decref(o.advertised);
    return r;
}
