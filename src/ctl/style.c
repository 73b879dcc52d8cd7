#include "ctl/style.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

bool style_allowed(bool tty, const char *no_color, const char *term) {
    if (!tty || (no_color && no_color[0])) return false;
    return term && term[0] && strcmp(term, "dumb") != 0;
}

bool style_wanted(int fd) { return style_allowed(isatty(fd) == 1, getenv("NO_COLOR"), getenv("TERM")); }

const char *style_on(enum style style, bool colour) {
    static const char *const on[STYLES] = {
        [STYLE_PLAIN] = "",        [STYLE_HEAD] = "\033[1m", [STYLE_GOOD] = "\033[32m",
        [STYLE_WARN] = "\033[33m", [STYLE_BAD] = "\033[31m", [STYLE_DIM] = "\033[2m",
    };
    return colour ? on[style] : "";
}

const char *style_off(enum style style, bool colour) { return colour && style != STYLE_PLAIN ? "\033[0m" : ""; }

enum style style_of_state(const char *state) {
    static const struct {
        const char *state;
        enum style style;
    } rows[] = {
        {"ready", STYLE_GOOD},    {"running", STYLE_GOOD},    {"degraded", STYLE_WARN}, {"starting", STYLE_WARN},
        {"stopping", STYLE_WARN}, {"unavailable", STYLE_BAD}, {"stopped", STYLE_DIM},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].state, state) == 0) return rows[i].style;
    return STYLE_PLAIN;
}
