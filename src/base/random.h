/* random.h — a few unpredictable bytes, for names and jitter. Never blocks after boot; falls back to the clock. */
#ifndef HOOKCAST_BASE_RANDOM_H
#define HOOKCAST_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

uint32_t random_u32(void);
/* `n` characters of a-z and 0-9 and a NUL. */
void random_name(char *out, size_t n);

#endif
