#include "ctl/mcpserve_daemon.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/member.h"

#define AGAIN " (hookcastctl mcp lives on, and tries again at the next request)"

static int open_socket(const struct options *o, enum client_socket which, struct client **cp, struct err *e) {
    char dir[PATH_MAX];
    int r = options_runtime_dir(o, geteuid() == 0, getenv("XDG_RUNTIME_DIR"), dir, sizeof dir, e);
    if (r < 0) return r;
    r = client_open(dir, which, o->timeout, cp, e);
    if (r == CLIENT_E_DENIED) return err_set(e, r, "%s. Let hookcastctl mcp be started by such a user.", e->text);
    return r == 0 ? 0 : err_set(e, r, "%s" AGAIN, e->text);
}

/* The daemon closes a control connection of somebody else's without a word. */
static int say_lost(int r, enum client_socket which, struct err *e) {
    if (which == CLIENT_EVENTS)
        return err_set(e, r, "%s. Whether the event was accepted is not known; ask before you publish it again.",
                       e->text);
    if (r == CLIENT_E_CLOSED && geteuid() != 0)
        return err_set(e, r,
                       "%s: only root or the daemon's user may use the control socket. Let hookcastctl mcp be started "
                       "by such a user.",
                       e->text);
    return err_set(e, r, "%s" AGAIN, e->text);
}

int mcpserve_control(const struct options *o, const char *method, const char *params, json_t **resultp, struct err *e) {
    struct client *c = NULL;
    int r = open_socket(o, CLIENT_CONTROL, &c, e);
    if (r != 0) return r;
    struct answer a = {0};
    r = client_call(c, method, params, o->timeout, &a, e);
    (void)client_free(c);
    if (r != 0) return say_lost(r, CLIENT_CONTROL, e);
    if (a.error)
        r = err_set(e, -EPROTO, "the daemon refused %s: %s", method, member_str(a.error, "message", "no message"));
    else
        *resultp = json_incref(a.result);
    answer_deinit(&a);
    return r;
}

int mcpserve_publish(const struct options *o, const struct buf *line, struct answer *answerp, struct err *e) {
    struct client *c = NULL;
    int r = open_socket(o, CLIENT_EVENTS, &c, e);
    if (r != 0) return r;
    if (buf_put(client_out(c), buf_data(line), line->len) < 0)
        r = err_sys(e, ENOMEM, "publishing");
    else if ((r = client_await(c, 1, client_now() + o->timeout, answerp, e)) != 0)
        r = say_lost(r, CLIENT_EVENTS, e);
    (void)client_free(c);
    return r;
}
