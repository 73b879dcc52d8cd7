#include "ctl/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"

enum { FILE_MAX = 64 * 1024 * 1024, CHUNK = 64 * 1024 };

int input_read(const char *path, struct buf *text, struct err *e) {
    buf_clear(text);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "%s", path);
    for (;;) {
        int r = text->len >= FILE_MAX ? -EMSGSIZE : buf_reserve(text, CHUNK);
        if (r < 0) return err_sys(e, -r, "%s", path);
        ssize_t n = read(fd, text->mem + text->off + text->len, CHUNK);
        if (n == 0) return 0;
        if (n < 0 && errno != EINTR) return err_sys(e, errno, "%s", path);
        if (n > 0) text->len += (size_t)n;
    }
}

/* The place of a byte: line, and column in characters. */
static int fail_at(const struct scan *s, const char *name, unsigned line, size_t off, struct err *e, const char *why) {
    unsigned col = 1;
    for (size_t i = 0; i < off && i < s->len; i++) {
        if (s->text[i] == '\n') {
            line++;
            col = 1;
        } else if (((unsigned char)s->text[i] & 0xC0) != 0x80) {
            col++;
        }
    }
    return err_at(e, -EINVAL, name, line, col, "%s", why);
}

int input_scan(struct scan *s, const char *name, unsigned line, const char *text, size_t len, struct err *e) {
    int r = scan_text(s, text, len);
    if (r < 0) return err_sys(e, -r, "%s", name);
    switch (r) {
        case 0:
            return 0;
        case SCAN_E_DEPTH:
            return err_at(e, INPUT_E_DEPTH, name, line, 0, "nested more than 128 levels deep");
        case SCAN_E_DUPLICATE:
            return fail_at(s, name, line, s->nodes[s->duplicate].off - 1, e, "a key is named twice in one object");
        default:
            break;
    }
    char why[160];
    (void)snprintf(why, sizeof why, "not JSON: %s", s->error);
    return fail_at(s, name, line, s->error_off, e, why);
}
