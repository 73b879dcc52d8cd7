#include "ctl/runtime.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/say.h"

int runtime_connect(const struct options *o, enum client_socket which, struct client **cp) {
    char dir[PATH_MAX];
    struct err e = {0};
    if (options_runtime_dir(o, geteuid() == 0, getenv("XDG_RUNTIME_DIR"), dir, sizeof dir, &e) < 0)
        return say(EXIT_USAGE, "%s", e.text);
    int r = client_open(dir, which, o->timeout, cp, &e);
    return r == 0 ? 0 : say(client_exit(r), "%s", e.text);
}

int runtime_ask(const struct options *o, struct client *c, const char *method, const char *params, json_t **resultp) {
    struct answer a = {0};
    struct err e = {0};
    int r = client_call(c, method, params, o->timeout, &a, &e);
    if (r == CLIENT_E_CLOSED && geteuid() != 0)
        return say(client_exit(r), "%s: only root or the daemon's user may use the control socket", e.text);
    if (r != 0) return say(client_exit(r), "%s", e.text);
    if (a.error) {
        answer_say_error(a.error, "");
        answer_deinit(&a);
        return EXIT_REFUSED;
    }
    *resultp = a.result;
    return 0;
}
