#include "ctl/show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/suggest.h"
#include "ctl/member.h"
#include "ctl/runtime.h"
#include "ctl/say.h"

int show_ask(const struct options *o, const char *method, json_t **resultp) {
    struct client *c = NULL;
    int code = runtime_connect(o, CLIENT_CONTROL, &c);
    if (code == 0) code = runtime_ask(o, c, method, NULL, resultp);
    (void)client_free(c);
    return code;
}

int show_table(struct table *t, unsigned indent) {
    int r = table_print(t, stdout, indent, style_wanted(STDOUT_FILENO));
    (void)table_free(t);
    return r < 0 ? say(EXIT_IO, "out of memory") : 0;
}

int show_unknown(const char *what, const char *name, const json_t *array, const char *key) {
    struct suggest s;
    suggest_init(&s, name, strlen(name));
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item) suggest_offer(&s, member_str(item, key, ""));
    char hint[160];
    return say(EXIT_REFUSED, "unknown %s \"%s\"%s", what, name, suggest_hint(s.best, hint, sizeof hint));
}
