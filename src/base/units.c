#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

struct unit {
    const char *name;
    uint64_t scale;
};

static const struct unit size_units[] = {{"B", 1}, {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30}, {"", 1}};
static const struct unit duration_units[] = {{"ms", (uint64_t)NSEC_PER_MSEC},
                                             {"s", (uint64_t)NSEC_PER_SEC},
                                             {"min", 60ull * NSEC_PER_SEC},
                                             {"h", 3600ull * NSEC_PER_SEC}};

enum { FRACTION_MAX = 9 }; /* digits; zeros at the end are not counted */

/* The digits behind a point, without the zeros at their end. */
static size_t fraction_digits(const char *p) {
    size_t n = 0;
    for (size_t i = 0; isdigit((unsigned char)p[i]); i++)
        if (p[i] != '0') n = i + 1;
    return n;
}

/* digits [ "." digits ] [ blanks ] unit -> whole number of the smallest unit */
static int parse(const char *s, const struct unit *units, size_t n_units, uint64_t *outp) {
    const char *p = s;
    if (!isdigit((unsigned char)*p)) return -EINVAL;
    uint64_t mant = 0, div = 1;
    for (; isdigit((unsigned char)*p); p++) {
        if (mant > UINT64_MAX / 10 - 1) return -ERANGE;
        mant = mant * 10 + (uint64_t)(*p - '0');
    }
    if (*p == '.' && isdigit((unsigned char)p[1])) {
        size_t n = fraction_digits(++p);
        if (n > FRACTION_MAX) return -EINVAL;
        for (size_t i = 0; i < n; i++, div *= 10) {
            if (mant > UINT64_MAX / 10 - 1) return -ERANGE;
            mant = mant * 10 + (uint64_t)(p[i] - '0');
        }
        while (isdigit((unsigned char)*p)) p++;
    }
    while (*p == ' ') p++;
    for (size_t i = 0; i < n_units; i++) {
        if (strcmp(p, units[i].name) != 0) continue;
        uint64_t v;
        if (__builtin_mul_overflow(mant, units[i].scale, &v)) return -ERANGE;
        if (v % div) return -EINVAL;
        v /= div;
        if (v > INT64_MAX) return -ERANGE;
        *outp = v;
        return 0;
    }
    return -EINVAL;
}

int units_parse_size(const char *s, uint64_t *bytesp, struct err *e) {
    uint64_t v;
    int r = parse(s, size_units, ARRAY_LEN(size_units), &v);
    if (r == -ERANGE) return err_set(e, r, "size \"%s\" is too large", s);
    if (r < 0) return err_set(e, r, "\"%s\" is not a size: write a number and B, KiB, MiB or GiB, as in 16MiB", s);
    *bytesp = v;
    return 0;
}

int units_parse_duration(const char *s, nsec_t *nsp, struct err *e) {
    uint64_t v = 0;
    int r = strcmp(s, "0") == 0 ? 0 : parse(s, duration_units, ARRAY_LEN(duration_units), &v);
    if (r == -ERANGE) return err_set(e, r, "duration \"%s\" is too long", s);
    if (r < 0) return err_set(e, r, "\"%s\" is not a duration: write a number and ms, s, min or h, as in 500ms", s);
    *nsp = (nsec_t)v;
    return 0;
}

const char *units_format_size(uint64_t bytes, char *out, size_t cap) {
    size_t best = 0;
    for (size_t i = 1; i < 4; i++)
        if (bytes && bytes % size_units[i].scale == 0) best = i;
    (void)snprintf(out, cap, "%" PRIu64 "%s", bytes / size_units[best].scale, size_units[best].name);
    return out;
}

const char *units_format_duration(nsec_t ns, char *out, size_t cap) {
    if (ns < 0) ns = 0;
    int64_t s = ns / NSEC_PER_SEC;
    if (ns < NSEC_PER_SEC)
        (void)snprintf(out, cap, "%" PRId64 "ms", (int64_t)(ns / NSEC_PER_MSEC));
    else if (s < 60)
        (void)snprintf(out, cap, "%" PRId64 "s", s);
    else if (s < 3600)
        (void)snprintf(out, cap, "%" PRId64 "min %" PRId64 "s", s / 60, s % 60);
    else if (s < 86400)
        (void)snprintf(out, cap, "%" PRId64 "h %" PRId64 "min", s / 3600, s % 3600 / 60);
    else
        (void)snprintf(out, cap, "%" PRId64 "d %" PRId64 "h", s / 86400, s % 86400 / 3600);
    return out;
}
