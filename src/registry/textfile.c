#include "registry/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/logtext.h"

void textfile_place(const char *text, size_t offset, unsigned *linep, unsigned *colp) {
    unsigned line = 1, col = 1;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            line++;
            col = 1;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
            col++;
        }
    }
    *linep = line;
    *colp = col;
}

int textfile_check(const char *file, const char *text, size_t len, struct err *e) {
    if (len > TEXTFILE_MAX) return err_at(e, -EINVAL, file, 0, 0, "the file is larger than 1 MiB");
    for (size_t i = 0; i < len;) {
        size_t n = text[i] ? logtext_utf8((const unsigned char *)text + i, len - i) : 0;
        if (n == 0) {
            unsigned line, col;
            textfile_place(text, i, &line, &col);
            const char *utf16 = i == 0 || text[i] == '\0' ? "; is it UTF-16, or no text at all?" : "";
            return err_at(e, -EINVAL, file, line, col, "byte 0x%02X is not UTF-8 text%s", (unsigned char)text[i],
                          utf16);
        }
        i += n;
    }
    return 0;
}

static int read_all(int fd, char *buf, size_t cap, size_t *lenp) {
    size_t len = 0;
    while (len < cap) {
        ssize_t n = read(fd, buf + len, cap - len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -errno;
        if (n == 0) break;
        len += (size_t)n;
    }
    *lenp = len;
    return 0;
}

int textfile_read(const char *path, char **textp, size_t *lenp, struct err *e) {
    /* Non-blocking, so that a FIFO in the way cannot hang the daemon. */
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        int saved = errno;
        return err_at(e, -saved, path, 0, 0, "cannot open: %s", err_str(saved));
    }
    struct stat st;
    if (fstat(fd, &st) < 0) {
        int saved = errno;
        return err_at(e, -saved, path, 0, 0, "cannot stat: %s", err_str(saved));
    }
    if (!S_ISREG(st.st_mode)) return err_at(e, -EINVAL, path, 0, 0, "is not a regular file");
    if (st.st_size > (off_t)TEXTFILE_MAX) return textfile_check(path, "", TEXTFILE_MAX + 1, e);
    size_t cap = (size_t)st.st_size + 4096; /* it may grow while it is read */
    cleanup_free char *text = malloc(cap + 1);
    if (!text) return err_at(e, -ENOMEM, path, 0, 0, "%s", err_str(ENOMEM));
    size_t len = 0;
    int r = read_all(fd, text, cap, &len);
    if (r < 0) return err_at(e, r, path, 0, 0, "cannot read: %s", err_str(-r));
    if (len == cap) return err_at(e, -EINVAL, path, 0, 0, "the file grew while it was read");
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        len -= 3;
        memmove(text, text + 3, len);
    }
    text[len] = '\0';
    r = textfile_check(path, text, len, e);
    if (r < 0) return r;
    *textp = text;
    *lenp = len;
    text = NULL;
    return 0;
}
