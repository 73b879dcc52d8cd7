/* units.h — sizes and durations as people write them: `16MiB`, `100ms`.
 *
 * Sizes take B, KiB, MiB, GiB (a bare number is bytes); durations take ms, s, min, h (a unit is required, except for
 * 0). Fractions are accepted where the result is whole ("1.5MiB", "0.5s"). Parsers leave the output untouched on
 * failure, return -EINVAL or -ERANGE, and say in `e` (may be NULL) what was expected. */
#ifndef HOOKCAST_BASE_UNITS_H
#define HOOKCAST_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

int units_parse_size(const char *s, uint64_t *bytesp, struct err *e);
int units_parse_duration(const char *s, nsec_t *nsp, struct err *e);

/* Shortest exact form: 65536 -> "64KiB". Returns `out`. */
const char *units_format_size(uint64_t bytes, char *out, size_t cap);
/* For people: "340ms", "12s", "3min 4s", "2h 5min", "4d 3h". Returns `out`. */
const char *units_format_duration(nsec_t ns, char *out, size_t cap);

#endif
