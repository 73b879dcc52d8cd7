/* screen.h — what may reach a terminal: plugin-controlled text made harmless, and how wide text is.
 *
 * Names, errors and stderr lines come from plugins and publishers. Printed raw they could move the cursor, change
 * colours, fake lines or reverse the reading direction. Everything that is not JSON output goes through here. */
#ifndef HOOKCAST_CTL_SCREEN_H
#define HOOKCAST_CTL_SCREEN_H

#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"

/* Append `s` with control characters (C0, DEL, C1), line separators, direction marks and bytes that are not UTF-8
 * replaced by visible escapes: \n \t \x1b \u{202e}. Other text, a backslash too, stays as it is. Returns 0 or
 * buf_put()'s error. */
int screen_clean(struct buf *out, const char *s, size_t len);

/* The same straight to a stream. */
void screen_put(FILE *out, const char *s, size_t len);

/* Columns that clean text takes: combining marks 0, East Asian wide characters and emoji 2, others 1. */
size_t screen_width(const char *s, size_t len);

#endif
