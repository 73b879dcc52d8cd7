#include "base/journal.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

enum { RECORD_MAX = 128 * 1024, VALUE_MAX = 4000 }; /* longer values are cut, as on stderr */

struct journal {
    int fd;
    struct buf out;
};

static const struct sockaddr_un journal_address = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};

struct journal *journal_new(void) {
    cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || access(journal_address.sun_path, W_OK) < 0) return NULL;
    struct journal *j = calloc(1, sizeof *j);
    if (!j) return NULL;
    j->fd = take_fd(&fd);
    j->out = BUF_INIT(RECORD_MAX);
    return j;
}

struct journal *journal_free(struct journal *j) {
    if (!j) return NULL;
    (void)close(j->fd);
    buf_deinit(&j->out);
    free(j);
    return NULL;
}

/* KEY=value, or KEY, a 64-bit length and the bytes where the value holds a newline. */
static int field(struct buf *b, const char *key, const char *value, size_t n) {
    char name[64] = "";
    size_t k = 0, key_len = strnlen(key, sizeof name - 1);
    if (n > VALUE_MAX) /* at a character's beginning */
        for (n = VALUE_MAX; n && ((unsigned char)value[n] & 0xc0) == 0x80;) n--;
    for (; k < key_len; k++) name[k] = (char)toupper((unsigned char)key[k]);
    int r = buf_put(b, name, k);
    if (memchr(value, '\n', n)) {
        uint64_t len = htole64(n);
        if (r == 0) r = buf_put(b, "\n", 1);
        if (r == 0) r = buf_put(b, &len, sizeof len);
    } else if (r == 0) {
        r = buf_put(b, "=", 1);
    }
    if (r == 0) r = buf_put(b, value, n);
    if (r == 0) r = buf_put(b, "\n", 1);
    return r;
}

bool journal_send(struct journal *j, enum log_level level, const char *msg, const struct log_field *fields, size_t n) {
    static const char *const priority[] = {[LOG_ERROR] = "3", [LOG_WARNING] = "4", [LOG_INFO] = "6", [LOG_DEBUG] = "7"};
    buf_clear(&j->out);
    int r = field(&j->out, "MESSAGE", msg, strlen(msg));
    if (r == 0) r = field(&j->out, "PRIORITY", priority[level], 1);
    if (r == 0) r = field(&j->out, "SYSLOG_IDENTIFIER", "hookcastd", 9);
    for (size_t i = 0; i < n && r == 0; i++) {
        char num[24];
        if (fields[i].str) {
            r = field(&j->out, fields[i].key, fields[i].str, fields[i].len);
        } else {
            (void)snprintf(num, sizeof num, "%" PRId64, fields[i].num);
            r = field(&j->out, fields[i].key, num, strlen(num));
        }
    }
    if (r < 0) return false;
    ssize_t s;
    do
        s = sendto(j->fd, buf_data(&j->out), j->out.len, MSG_DONTWAIT | MSG_NOSIGNAL,
                   (const struct sockaddr *)&journal_address, sizeof journal_address);
    while (s < 0 && errno == EINTR);
    return s >= 0;
}

bool journal_is_stream(int fd, const char *journal_stream) {
    struct stat st;
    char *colon, *end;
    if (!journal_stream) return false;
    uint64_t dev = strtoull(journal_stream, &colon, 10);
    if (colon == journal_stream || *colon != ':') return false;
    uint64_t ino = strtoull(colon + 1, &end, 10);
    if (end == colon + 1 || *end) return false;
    return fstat(fd, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}
