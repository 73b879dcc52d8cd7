#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/journal.h"
#include "base/logtext.h"

/* A pipe that polls writable takes at least PIPE_BUF (4,096) bytes without blocking: no record is longer. */
enum { RECORD_MAX = 4000, FIELDS_MAX = 24 };

struct log {
    int fd;
    bool is_socket;
    bool torn; /* the last record was cut off on its way: the next one begins on a line of its own */
    enum log_format format;
    enum log_level level;
    struct clock clock;
    struct clock_stamp stamp;
    struct journal *journal;
    uint64_t lost;       /* since the last record that got through */
    uint64_t suppressed; /* ever */
};

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
static const char *const format_names[] = {
    [LOG_FORMAT_LOGFMT] = "logfmt", [LOG_FORMAT_JSON] = "json", [LOG_FORMAT_JOURNALD] = "journald"};
_Static_assert(ARRAY_LEN(level_names) == LOG_LEVELS, "a name per level");
_Static_assert(ARRAY_LEN(format_names) == LOG_FORMATS, "a name per format");

const char *log_level_name(enum log_level level) { return level_names[level]; }
const char *log_format_name(enum log_format format) { return format_names[format]; }

int log_level_parse(const char *s, enum log_level *levelp) {
    for (size_t i = 0; i < LOG_LEVELS; i++)
        if (strcmp(s, level_names[i]) == 0) {
            *levelp = (enum log_level)i;
            return 0;
        }
    return -EINVAL;
}

int log_format_parse(const char *s, enum log_format *formatp) {
    for (size_t i = 0; i < LOG_FORMATS; i++)
        if (strcmp(s, format_names[i]) == 0) {
            *formatp = (enum log_format)i;
            return 0;
        }
    return -EINVAL;
}

struct log *log_new(int fd, enum log_format format, enum log_level level, const struct clock *clock) {
    struct log *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    struct stat st;
    l->fd = fd;
    l->is_socket = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    l->clock = *clock;
    log_set(l, format, level);
    return l;
}

struct log *log_free(struct log *l) {
    if (!l) return NULL;
    journal_free(l->journal);
    free(l);
    return NULL;
}

void log_set(struct log *l, enum log_format format, enum log_level level) {
    l->format = format;
    l->level = level;
    if (format == LOG_FORMAT_JOURNALD && !l->journal) l->journal = journal_new(); /* NULL: falls back to logfmt */
}

void log_set_level(struct log *l, enum log_level level) { l->level = level; }

bool log_enabled(const struct log *l, enum log_level level) { return level <= l->level; }
uint64_t log_suppressed(const struct log *l) { return l->suppressed; }
void log_count_suppressed(struct log *l, uint64_t n) { l->suppressed += n; }

/* Never waiting. A pipe takes the whole record or nothing; a stream socket or a full disk may take a part of it. */
static ssize_t try_write(const struct log *l, const char *p, size_t n) {
    if (l->is_socket) return send(l->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    struct pollfd pfd = {.fd = l->fd, .events = POLLOUT};
    int r;
    do r = poll(&pfd, 1, 0);
    while (r < 0 && errno == EINTR);
    if (r != 1 || pfd.revents != POLLOUT) return 0; /* full, or nobody reads any more */
    return write(l->fd, p, n);
}

static bool put(struct log *l, const char *p, size_t n) {
    ssize_t r;
    do r = try_write(l, p, n);
    while (r < 0 && errno == EINTR);
    if (r > 0) l->torn = r < (ssize_t)n;
    return r == (ssize_t)n;
}

static bool emit(struct log *l, enum log_level level, const char *msg, const struct log_field *fields, size_t n) {
    if (l->format == LOG_FORMAT_JOURNALD && l->journal) return journal_send(l->journal, level, msg, fields, n);
    char time[CLOCK_RFC3339_LEN + 1];
    clock_rfc3339(&l->stamp, clock_wall(&l->clock), time);
    char line[RECORD_MAX] = "\n";
    size_t at = l->torn;
    return put(l, line, at + log_render(l->format, level, time, msg, fields, n, line + at, sizeof line - at));
}

/* suppressed=n comes first, where no long value can push it out, and counts what a gate held back as well. */
static size_t add_lost(struct log_field *out, const struct log_field *fields, size_t n, uint64_t lost) {
    size_t m = 1;
    out[0] = LOG_N("suppressed", lost);
    for (size_t i = 0; i < n; i++)
        if (!fields[i].str && strcmp(fields[i].key, "suppressed") == 0)
            out[0].num += fields[i].num;
        else
            out[m++] = fields[i];
    return m;
}

void log_write(struct log *l, enum log_level level, const char *msg, const struct log_field *fields, size_t n) {
    if (!log_enabled(l, level)) return;
    struct log_field with[FIELDS_MAX + 1];
    if (l->lost) {
        n = add_lost(with, fields, n < FIELDS_MAX ? n : FIELDS_MAX, l->lost);
        fields = with;
    }
    if (emit(l, level, msg, fields, n)) {
        l->lost = 0;
    } else {
        l->lost++;
        l->suppressed++;
    }
}

bool log_gate_pass(struct log_gate *g, uint32_t burst, nsec_t now, uint64_t *suppressedp) {
    if (!g->since || now - g->since >= NSEC_PER_SEC) {
        g->since = now ? now : 1;
        g->burst_used = 0;
    }
    if (g->burst_used >= burst) {
        g->held++;
        return false;
    }
    g->burst_used++;
    *suppressedp = g->held;
    g->held = 0;
    return true;
}

size_t log_render(enum log_format format, enum log_level level, const char *time, const char *msg,
                  const struct log_field *fields, size_t n, char *out, size_t cap) {
    struct logtext t;
    bool json = format == LOG_FORMAT_JSON;
    logtext_init(&t, out, cap, json);
    logtext_str(&t, "time", time, strlen(time));
    logtext_str(&t, "level", level_names[level], strlen(level_names[level]));
    logtext_str(&t, "msg", msg, strlen(msg));
    for (size_t i = 0; i < n; i++) {
        if (fields[i].str)
            logtext_str(&t, fields[i].key, fields[i].str, fields[i].len);
        else
            logtext_num(&t, fields[i].key, fields[i].num);
    }
    return logtext_end(&t);
}
