#include "ctl/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "ctl/screen.h"

int say(int code, const char *fmt, ...) {
    struct buf raw = BUF_INIT(0), clean = BUF_INIT(0);
    va_list ap;
    va_start(ap, fmt);
    int r = buf_vputf(&raw, fmt, ap);
    va_end(ap);
    if (r == 0) r = screen_clean(&clean, buf_data(&raw), raw.len);
    (void)fflush(stdout); /* so that both streams, going to one place, keep their order */
    if (r == 0)
        (void)fprintf(stderr, "hookcastctl: %.*s\n", (int)clean.len, buf_data(&clean));
    else
        (void)fputs("hookcastctl: out of memory\n", stderr);
    buf_deinit(&raw);
    buf_deinit(&clean);
    return code;
}
