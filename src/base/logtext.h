/* logtext.h — one log line in logfmt or JSON, escaped, in a fixed buffer.
 *
 * A value that would not fit is cut (with "..." at its end); a field that would not fit at all is left out. Control
 * characters, DEL, bytes that are not UTF-8, and the characters that end a line or turn its direction (U+2028, U+2029,
 * U+202A-202E, U+2066-2069) are escaped, so a value can neither end the line nor start a field, nor move a terminal's
 * cursor. Never fails. */
#ifndef HOOKCAST_BASE_LOGTEXT_H
#define HOOKCAST_BASE_LOGTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct logtext {
    char *out;
    size_t cap, len;
    bool json;
};

void logtext_init(struct logtext *t, char *out, size_t cap, bool json);
void logtext_str(struct logtext *t, const char *key, const char *s, size_t n);
void logtext_num(struct logtext *t, const char *key, int64_t v);
size_t logtext_end(struct logtext *t); /* closes the line with its newline; returns the whole length */

/* Length of the valid UTF-8 character at p (1..4), or 0 when there is none. */
size_t logtext_utf8(const unsigned char *p, size_t n);

#endif
