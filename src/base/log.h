/* log.h — one record a line on stderr: logfmt, json, or journald's native fields.
 *
 * A record is a level, a fixed message and typed fields. Values are escaped so that nothing a plugin or a publisher
 * says can forge a line or a field. Writing never blocks: a record that the other end has no room for is lost and
 * counted, and the next one that gets through says `suppressed=n`. One that is cut off on its way (a full disk) ends
 * there: the next begins on a line of its own. A record is at most 4,000 bytes; longer values are cut. Libraries
 * return errors and do not log; only the loop room (src/daemon) does. Not thread-safe. */
#ifndef HOOKCAST_BASE_LOG_H
#define HOOKCAST_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_LEVELS };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON, LOG_FORMAT_JOURNALD, LOG_FORMATS };

/* Names as the configuration writes them ("warning", "logfmt"); NULL-terminated order of the enums. */
const char *log_level_name(enum log_level level);
const char *log_format_name(enum log_format format);
int log_level_parse(const char *s, enum log_level *levelp);    /* 0 or -EINVAL */
int log_format_parse(const char *s, enum log_format *formatp); /* 0 or -EINVAL */

struct log_field {
    const char *key; /* [a-z_]+ */
    const char *str; /* NULL: a number; then `num` counts */
    size_t len;
    int64_t num;
};

#define LOG_S(k, s) ((struct log_field){.key = (k), .str = (s), .len = strlen(s)})
#define LOG_B(k, p, n) ((struct log_field){.key = (k), .str = (p), .len = (n)})
#define LOG_N(k, v) ((struct log_field){.key = (k), .num = (int64_t)(v)})

struct log;

/* Where records go. `fd` stays the caller's and open as long as the log lives (2 in the daemon). For journald `fd` is
 * only what is fallen back to when the journal's socket is not there. NULL when out of memory. */
struct log *log_new(int fd, enum log_format format, enum log_level level, const struct clock *clock);
struct log *log_free(struct log *l); /* NULL is fine; returns NULL */

void log_set_level(struct log *l, enum log_level level);
void log_set(struct log *l, enum log_format format, enum log_level level);
bool log_enabled(const struct log *l, enum log_level level);

void log_write(struct log *l, enum log_level level, const char *msg, const struct log_field *fields, size_t n);

/* log_info(l, "message", LOG_S("plugin", name), LOG_N("pid", pid)) */
#define LOG_FIELDS_(...) ((const struct log_field[]){{0}, ##__VA_ARGS__})
#define log_at(l, level, msg, ...)                               \
    log_write((l), (level), (msg), LOG_FIELDS_(__VA_ARGS__) + 1, \
              sizeof LOG_FIELDS_(__VA_ARGS__) / sizeof(struct log_field) - 1)
#define log_error(l, ...) log_at((l), LOG_ERROR, __VA_ARGS__)
#define log_warning(l, ...) log_at((l), LOG_WARNING, __VA_ARGS__)
#define log_info(l, ...) log_at((l), LOG_INFO, __VA_ARGS__)
#define log_debug(l, ...) log_at((l), LOG_DEBUG, __VA_ARGS__)

/* Records lost or held back since the start. */
uint64_t log_suppressed(const struct log *l);

/* A gate for what somebody else can cause at will: at most `burst` records in any second that starts with the first of
 * them. Zero-initialise. Returns true when the record may be written; *suppressedp is then how many were held back
 * since the last one that was (pass it on as suppressed=n when it is not 0). Count them with log_count_suppressed(). */
struct log_gate {
    nsec_t since;
    uint32_t burst_used;
    uint64_t held;
};
bool log_gate_pass(struct log_gate *g, uint32_t burst, nsec_t now, uint64_t *suppressedp);
void log_count_suppressed(struct log *l, uint64_t n);

/* Rendering, exposed for tests: a whole line with its newline into `out` (cap >= 256); returns its length. */
size_t log_render(enum log_format format, enum log_level level, const char *time, const char *msg,
                  const struct log_field *fields, size_t n, char *out, size_t cap);

#endif
