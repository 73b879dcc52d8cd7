/* format.c — the table of formats; dates and times (RFC 3339), durations, UUIDs, JSON pointers, regular expressions. */
#include "schema/format.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "schema/pattern.h"

/* ---- a reader of digits and letters ---- */

struct reader {
    const char *p, *end;
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

static bool take(struct reader *r, char c) {
    if (r->p == r->end || *r->p != c) return false;
    r->p++;
    return true;
}

static bool take_either(struct reader *r, char lower) {
    if (r->p == r->end || (*r->p | 0x20) != lower) return false;
    r->p++;
    return true;
}

/* Exactly n digits. */
static bool take_number(struct reader *r, int n, int *out) {
    int v = 0;
    for (; n; n--, r->p++) {
        if (r->p == r->end || !is_digit(*r->p)) return false;
        v = v * 10 + (*r->p - '0');
    }
    *out = v;
    return true;
}

static bool take_digits(struct reader *r) {
    const char *start = r->p;
    while (r->p < r->end && is_digit(*r->p)) r->p++;
    return r->p > start;
}

/* ---- RFC 3339 ---- */

static bool take_date(struct reader *r) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, m, d;
    if (!take_number(r, 4, &y) || !take(r, '-') || !take_number(r, 2, &m) || !take(r, '-') || !take_number(r, 2, &d))
        return false;
    if (m < 1 || m > 12 || d < 1) return false;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return d <= days[m - 1] + (m == 2 && leap);
}

static bool take_time(struct reader *r) {
    int h, m, s, offset_h = 0, offset_m = 0, sign = 0;
    if (!take_number(r, 2, &h) || !take(r, ':') || !take_number(r, 2, &m) || !take(r, ':') || !take_number(r, 2, &s))
        return false;
    if (h > 23 || m > 59 || s > 60) return false;
    if (take(r, '.') && !take_digits(r)) return false;
    if (!take_either(r, 'z')) {
        sign = take(r, '+') ? 1 : take(r, '-') ? -1 : 0;
        if (!sign || !take_number(r, 2, &offset_h) || !take(r, ':') || !take_number(r, 2, &offset_m)) return false;
        if (offset_h > 23 || offset_m > 59) return false;
    }
    if (s < 60) return true;
    /* a leap second is the last one of a day in UTC */
    int utc = h * 60 + m - sign * (offset_h * 60 + offset_m);
    return (utc + 2 * 24 * 60) % (24 * 60) == 23 * 60 + 59;
}

static bool is_date(const char *p, size_t len) {
    struct reader r = {p, p + len};
    return take_date(&r) && r.p == r.end;
}

static bool is_time(const char *p, size_t len) {
    struct reader r = {p, p + len};
    return take_time(&r) && r.p == r.end;
}

static bool is_date_time(const char *p, size_t len) {
    struct reader r = {p, p + len};
    return take_date(&r) && take_either(&r, 't') && take_time(&r) && r.p == r.end;
}

/* A run of parts such as 1Y2M, from `units`, in order and without gaps (RFC 3339, appendix A). */
static bool take_parts(struct reader *r, const char *units) {
    const char *last = NULL;
    while (r->p < r->end && is_digit(*r->p)) {
        if (!take_digits(r) || r->p == r->end) return false;
        const char *unit = *r->p ? strchr(units, *r->p) : NULL;
        if (!unit || (last && unit != last + 1)) return false;
        last = unit;
        r->p++;
    }
    return last != NULL;
}

static bool is_duration(const char *p, size_t len) {
    struct reader r = {p, p + len};
    if (!take(&r, 'P') || r.p == r.end) return false;
    struct reader week = r;
    if (take_digits(&week) && take(&week, 'W')) return week.p == week.end;
    if (*r.p != 'T' && !take_parts(&r, "YMD")) return false;
    if (r.p == r.end) return true;
    return take(&r, 'T') && take_parts(&r, "HMS") && r.p == r.end;
}

/* ---- others ---- */

static bool is_uuid(const char *p, size_t len) {
    if (len != 36) return false;
    for (size_t i = 0; i < len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? p[i] != '-' : !is_hex(p[i])) return false;
    }
    return true;
}

static bool is_json_pointer(const char *p, size_t len) {
    if (len && *p != '/') return false;
    for (size_t i = 0; i < len; i++)
        if (p[i] == '~' && (i + 1 == len || (p[i + 1] != '0' && p[i + 1] != '1'))) return false;
    return true;
}

static bool is_relative_json_pointer(const char *p, size_t len) {
    struct reader r = {p, p + len};
    const char *start = r.p;
    if (!take_digits(&r) || (*start == '0' && r.p - start > 1)) return false;
    if (take(&r, '#')) return r.p == r.end;
    return is_json_pointer(r.p, (size_t)(r.end - r.p));
}

static int check_regex(const char *p, size_t len) {
    struct pattern *list = NULL;
    int r = len > 10000 ? -EINVAL : pattern_new(p, len, &list, NULL);
    (void)pattern_free_all(list);
    return r == -ENOMEM ? r : r == 0 || r == -ENOTSUP;
}

static const struct {
    const char *name;
    bool (*check)(const char *p, size_t len);
    int (*check_deep)(const char *p, size_t len); /* may run out of memory */
} formats[] = {
    {"", NULL, NULL},
    {"date-time", is_date_time, NULL},
    {"date", is_date, NULL},
    {"time", is_time, NULL},
    {"duration", is_duration, NULL},
    {"email", format_email, NULL},
    {"hostname", NULL, format_hostname},
    {"ipv4", format_ipv4, NULL},
    {"ipv6", format_ipv6, NULL},
    {"uri", format_uri, NULL},
    {"uri-reference", format_uri_reference, NULL},
    {"uuid", is_uuid, NULL},
    {"json-pointer", is_json_pointer, NULL},
    {"relative-json-pointer", is_relative_json_pointer, NULL},
    {"regex", NULL, check_regex},
};

unsigned format_find(const char *name, size_t len) {
    for (unsigned i = 1; i < ARRAY_LEN(formats); i++)
        if (strlen(formats[i].name) == len && !memcmp(formats[i].name, name, len)) return i;
    return 0;
}

const char *format_name(unsigned format) { return formats[format].name; }

int format_check(unsigned format, const char *p, size_t len) {
    return formats[format].check ? formats[format].check(p, len) : formats[format].check_deep(p, len);
}
