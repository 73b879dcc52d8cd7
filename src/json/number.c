#include "json/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPONENT_MAX INT64_C(1000000000000000000)

/* 0.DIGITS * 10^top, DIGITS neither starting nor ending with 0; or zero. */
struct decimal {
    const char *p, *end; /* from the first to behind the last digit that counts; the point may stand in between */
    size_t digits;       /* 0: the value is zero */
    int64_t top;
    bool negative;
};

static bool decimal_is_digit(char c) { return c >= '0' && c <= '9'; }

static int64_t decimal_exponent(const char *p, const char *end) {
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    int64_t e = 0;
    for (; p < end && decimal_is_digit(*p); p++) e = e < EXPONENT_MAX / 10 ? e * 10 + (*p - '0') : EXPONENT_MAX;
    return negative ? -e : e;
}

static struct decimal decimal_of(struct number a) {
    const char *p = a.p, *end = a.p + a.len;
    struct decimal d = {.negative = p < end && *p == '-'};
    if (d.negative) p++;
    const char *mantissa_end = p, *point = NULL;
    for (; mantissa_end < end && *mantissa_end != 'e' && *mantissa_end != 'E'; mantissa_end++)
        if (*mantissa_end == '.') point = mantissa_end;
    if (!point) point = mantissa_end;
    while (p < mantissa_end && (*p == '0' || *p == '.')) p++;
    if (p == mantissa_end) return d;
    const char *last = mantissa_end;
    while (last[-1] == '0' || last[-1] == '.') last--;
    d.p = p;
    d.end = last;
    d.digits = (size_t)(last - p) - (p < point && point < last);
    /* the place of the first digit relative to the point, then the exponent */
    d.top = p < point ? point - p : -(p - point - 1);
    if (mantissa_end < end) d.top += decimal_exponent(mantissa_end + 1, end);
    return d;
}

/* The power of ten of the last digit: the value is DIGITS, read as an integer, times 10 to this. */
static int64_t decimal_low(const struct decimal *d) { return d->top - (int64_t)d->digits; }

/* The next digit at *pp < end, stepping over the point. */
static unsigned decimal_next(const char **pp) {
    if (**pp == '.') ++*pp;
    return (unsigned)(*(*pp)++ - '0');
}

/* DIGITS as an integer; d->digits <= 19. */
static uint64_t decimal_mantissa(const struct decimal *d) {
    uint64_t m = 0;
    for (const char *p = d->p; p < d->end;) m = m * 10 + decimal_next(&p);
    return m;
}

bool number_is_integer(struct number a) {
    struct decimal d = decimal_of(a);
    return !d.digits || decimal_low(&d) >= 0;
}

int number_to_int64(struct number a, int64_t *vp) {
    struct decimal d = decimal_of(a);
    if (!d.digits) {
        *vp = 0;
        return 0;
    }
    if (decimal_low(&d) < 0) return NUMBER_E_FRACTION;
    if (d.top > 19) return NUMBER_E_RANGE;
    uint64_t m = decimal_mantissa(&d);
    for (int64_t e = decimal_low(&d); e > 0; e--) m *= 10; /* at most 19 digits in all: below 2^64 */
    if (m > (uint64_t)INT64_MAX + d.negative) return NUMBER_E_RANGE;
    *vp = d.negative ? (int64_t)(0 - m) : (int64_t)m;
    return 0;
}

/* Correct for any input: strtod() on a text without a point, which is the only thing a locale changes. 800 digits tell
 * any two doubles and the middle between them apart; of more, it only matters that there are some. */
static double decimal_strtod(const struct decimal *d) {
    enum { DIGITS_MAX = 800 };
    char text[DIGITS_MAX + 32];
    size_t n = 0;
    int64_t low = decimal_low(d);
    for (const char *p = d->p; p < d->end && n < DIGITS_MAX;) text[n++] = (char)('0' + decimal_next(&p));
    if (d->digits > n) {
        low = d->top - (int64_t)n - 1;
        text[n++] = '1';
    }
    (void)snprintf(text + n, sizeof text - n, "e%lld", (long long)low);
    return strtod(text, NULL);
}

int number_to_double(struct number a, double *vp) {
    struct decimal d = decimal_of(a);
    double v;
    int64_t low = decimal_low(&d);
    if (!d.digits || d.top < -400) {
        v = 0;
    } else if (d.top > 400) {
        return NUMBER_E_RANGE;
#if FLT_EVAL_METHOD == 0
    } else if (d.digits <= 15 && low >= -22 && low <= 22) { /* both factors are exact, so one rounding */
        static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                     1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
        double m = (double)decimal_mantissa(&d);
        v = low < 0 ? m / ten[-low] : m * ten[low];
#endif
    } else {
        v = decimal_strtod(&d);
        if (isinf(v)) return NUMBER_E_RANGE;
    }
    *vp = d.negative ? -v : v;
    return 0;
}

int number_compare(struct number a, struct number b) {
    struct decimal d = decimal_of(a), e = decimal_of(b);
    int less = d.negative ? 1 : -1; /* the answer when a's magnitude is the smaller one */
    if (!d.digits || !e.digits) {
        if (d.digits) return -less;
        return e.digits ? (e.negative ? 1 : -1) : 0;
    }
    if (d.negative != e.negative) return less > 0 ? -1 : 1;
    if (d.top != e.top) return d.top < e.top ? less : -less;
    const char *p = d.p, *q = e.p;
    while (p < d.end && q < e.end) {
        unsigned x = decimal_next(&p), y = decimal_next(&q);
        if (x != y) return x < y ? less : -less;
    }
    if (p == d.end && q == e.end) return 0;
    return p == d.end ? less : -less;
}

/* (a * b) mod m without overflow. */
static uint64_t multiply_mod(uint64_t a, uint64_t b, uint64_t m) {
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)((wide)a * b % m);
}

int number_is_multiple(struct number a, struct number b, bool *yesp) {
    struct decimal d = decimal_of(a), e = decimal_of(b);
    if (e.digits > 19) return NUMBER_E_RANGE;
    int64_t shift = decimal_low(&d) - decimal_low(&e);
    if (!e.digits || !d.digits || shift < 0) {
        /* shift < 0: b's last place is above a's, whose last digit is not 0 */
        *yesp = e.digits && !d.digits;
        return 0;
    }
    uint64_t m = decimal_mantissa(&e), rest = 0, power = 10 % m;
    for (const char *p = d.p; p < d.end;) {
        rest = multiply_mod(rest, 10, m);
        unsigned digit = decimal_next(&p);
        rest = (rest + digit % m) % m;
    }
    for (; shift; shift >>= 1) { /* times 10^shift, by squaring */
        if (shift & 1) rest = multiply_mod(rest, power, m);
        power = multiply_mod(power, power, m);
    }
    *yesp = rest == 0;
    return 0;
}

struct number number_print(double v, char out[NUMBER_PRINT_MAX]) {
    char text[64];
    struct number r = {out, 0};
    if (!isfinite(v)) return r;
    for (int precision = 0; precision < 17; precision++) {
        (void)snprintf(text, sizeof text, "%.*e", precision, v);
        /* the locale's point, whatever it is, stands between the first digit and the second */
        const char *p = text;
        size_t n = 0;
        if (*p == '-') out[n++] = *p++;
        out[n++] = *p++;
        if (precision) {
            out[n++] = '.';
            while (!decimal_is_digit(*p)) p++;
        }
        size_t rest = strlen(p); /* at most 16 digits and e-308 */
        memcpy(out + n, p, rest + 1);
        r.len = n + rest;
        double back;
        if (!number_to_double(r, &back) && back == v) break;
    }
    return r;
}
