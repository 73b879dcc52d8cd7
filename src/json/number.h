/* number.h — what a JSON number's text means, exactly where that matters.
 *
 * A number is passed as its span of text (struct number): a NODE_NUMBER's bytes, or any other text of RFC 8259's number
 * grammar. The grammar is not checked again; other bytes give a meaningless answer, but nothing is read outside the
 * span. Comparisons are on the decimal text, so 1, 1.0 and 1e0 are equal and 2^53 and 2^53+1 are not; they cost one
 * walk over the texts however large the exponent is. An exponent beyond +-10^18 counts as +-10^18.
 *
 * Pure: no allocation, no locale, no globals. Outputs are untouched on failure. */
#ifndef HOOKCAST_JSON_NUMBER_H
#define HOOKCAST_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/scan.h"

enum {
    NUMBER_E_RANGE = 1,    /* outside what the result's type can hold */
    NUMBER_E_FRACTION = 2, /* has a fractional part, and an integer was asked for */
};

struct number {
    const char *p; /* borrowed */
    size_t len;    /* > 0 */
};

static inline struct number number_of(const struct scan *s, const struct node *n) {
    return (struct number){scan_ptr(s, n), n->len};
}

/* True when the value has no fractional part: 1, 1.0, 1e2, 0e-5, but not 1e-1. */
bool number_is_integer(struct number a);

/* The value as an int64, however it is written (1e2 is 100, -0.0 is 0). 0, NUMBER_E_FRACTION or NUMBER_E_RANGE. */
int number_to_int64(struct number a, int64_t *vp);

/* The nearest double, ties to even. What is too small becomes a subnormal or a signed zero; what rounds beyond the
 * largest double is NUMBER_E_RANGE. */
int number_to_double(struct number a, double *vp);

/* Exact, by value: < 0, 0 or > 0 as a is less than, equal to or greater than b. -0 equals 0. */
int number_compare(struct number a, struct number b);

/* Exact: is a an integer times b? False when b is 0; 0 is a multiple of everything else; signs do not count. b may have
 * 19 digits, leading and trailing zeros aside; with more the answer is NUMBER_E_RANGE. */
int number_is_multiple(struct number a, struct number b, bool *yesp);

/* The fewest digits that read back as v ("1e-01" for 0.1): how a number whose text is gone, such as one that jansson
 * has parsed, takes part in comparisons. Returns a span of `out`; an empty one when v is not finite. */
#define NUMBER_PRINT_MAX 32
struct number number_print(double v, char out[NUMBER_PRINT_MAX]);

#endif
