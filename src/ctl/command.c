#include "ctl/command.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "ctl/answer.h"
#include "ctl/member.h"
#include "ctl/runtime.h"
#include "ctl/say.h"
#include "ctl/screen.h"

enum { COMMAND_TIMEOUT_S = 30 };

static int ask(const struct options *o, const char *method, const char *params, json_t **resultp) {
    struct options patient = *o;
    if (!o->timeout_given) patient.timeout = (nsec_t)COMMAND_TIMEOUT_S * NSEC_PER_SEC;
    struct client *c = NULL;
    int code = runtime_connect(&patient, CLIENT_CONTROL, &c);
    if (code == 0) code = runtime_ask(&patient, c, method, params, resultp);
    (void)client_free(c);
    return code;
}

static int tell(const struct options *o, const json_t *row) {
    if (o->json) {
        answer_print_json(row);
        return 0;
    }
    long long pid = (long long)json_integer_value(json_object_get(row, "pid"));
    (void)printf("%s: %s", o->args[0], member_str(row, "state", "unknown state"));
    if (pid > 0) (void)printf(", pid %lld", pid);
    (void)putchar('\n');
    return 0;
}

int command_plugin(const struct options *o) {
    const char *method = o->verb == VERB_START  ? "plugin.start"
                         : o->verb == VERB_STOP ? "plugin.stop"
                                                : "plugin.restart";
    json_t *params = json_pack("{s:s}", "name", o->args[0]);
    if (!params) return say(EXIT_USAGE, "a plugin's name is UTF-8 text");
    cleanup_free char *text = json_dumps(params, JSON_COMPACT);
    json_decref(params);
    if (!text) return say(EXIT_IO, "out of memory");
    json_t *row = NULL;
    int code = ask(o, method, text, &row);
    if (code == 0) code = tell(o, row);
    json_decref(row);
    return code;
}

int command_reload(const struct options *o) {
    json_t *result = NULL;
    int code = ask(o, "daemon.reload", NULL, &result);
    if (code == 0 && o->json)
        answer_print_json(result);
    else if (code == 0)
        (void)printf("reloaded: %lld kinds, %lld plugins\n",
                     (long long)json_integer_value(json_object_get(result, "kinds")),
                     (long long)json_integer_value(json_object_get(result, "plugins")));
    json_decref(result);
    return code;
}
