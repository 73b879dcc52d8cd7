/* line.h — a byte stream becomes bounded lines.
 *
 * The reader feeds chunks of a buffer that many streams may share; lines that lie whole in a chunk are handed out in
 * place, and only an incomplete one is copied and kept (so an idle stream holds no memory). A line over the limit costs
 * itself: it is reported once, as soon as the limit is passed, and skipped up to its newline. A CR just before the LF
 * is stripped. Not thread-safe. */
#ifndef HOOKCAST_RPC_LINE_H
#define HOOKCAST_RPC_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum line_result { LINE_NONE, LINE_WHOLE, LINE_TOO_LONG };

struct line {
    struct buf partial;
    size_t max;
    bool skipping, handed_out;
    const char *p, *end;
};

void line_init(struct line *l, size_t max); /* bytes of a line, its newline not counted */
void line_deinit(struct line *l);           /* twice is harmless */

/* The next chunk (borrowed until line_next() says LINE_NONE). */
void line_feed(struct line *l, const char *p, size_t n);

/* Hand out the next line. LINE_WHOLE: *linep, *lenp are the line without its end, valid until the next call.
 * LINE_TOO_LONG: they are its beginning. LINE_NONE: feed more. Out of memory counts as too long. */
enum line_result line_next(struct line *l, const char **linep, size_t *lenp);

/* What came after the last newline (at end of file); 0 bytes when nothing did or it was skipped. */
size_t line_tail(const struct line *l, const char **linep);

#endif
