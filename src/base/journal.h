/* journal.h — records to systemd-journald as native fields, never waiting.
 *
 * libsystemd's sd_journal_sendv() waits when the journal is stuck, and logging must never block the loop; so the
 * documented datagram protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL) is spoken on a non-blocking socket here. A record
 * the journal has no room for is reported as not sent. */
#ifndef HOOKCAST_BASE_JOURNAL_H
#define HOOKCAST_BASE_JOURNAL_H

#include <stdbool.h>

#include "base/log.h"

struct journal;

/* NULL when there is no journal to connect to, or no memory. */
struct journal *journal_new(void);
struct journal *journal_free(struct journal *j);

/* MESSAGE, PRIORITY, SYSLOG_IDENTIFIER=hookcastd and the fields, their keys in upper case. False: not sent. */
bool journal_send(struct journal *j, enum log_level level, const char *msg, const struct log_field *fields, size_t n);

/* True when fd is the journal's stream for this service (JOURNAL_STREAM names its device and inode). */
bool journal_is_stream(int fd, const char *journal_stream);

#endif
