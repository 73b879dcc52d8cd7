/* format_net.c — addresses, host names, mail addresses, URIs. */
#include <string.h>

#include "schema/format.h"
#include "schema/idna.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alpha(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
static bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }
static bool is_one_of(char c, const char *set) { return c && strchr(set, c); }

/* Four decimal numbers up to 255, without leading zeros (RFC 2673, section 3.2). */
bool format_ipv4(const char *p, size_t len) {
    const char *end = p + len;
    for (int i = 0; i < 4; i++) {
        if (i && (p == end || *p++ != '.')) return false;
        const char *start = p;
        int v = 0;
        while (p < end && is_digit(*p) && p - start < 3) v = v * 10 + (*p++ - '0');
        if (p == start || v > 255 || (*start == '0' && p - start > 1)) return false;
    }
    return p == end;
}

/* RFC 4291, section 2.2; no zone. */
bool format_ipv6(const char *p, size_t len) {
    const char *end = p + len;
    int groups = 0;
    bool gap = false;
    if (len >= 2 && p[0] == ':' && p[1] == ':') {
        gap = true;
        p += 2;
    }
    while (p < end) {
        const char *start = p;
        while (p < end && is_hex(*p) && p - start < 5) p++;
        if (p < end && *p == '.') {
            groups += 2;
            return format_ipv4(start, (size_t)(end - start)) && (gap ? groups < 8 : groups == 8);
        }
        if (p == start || p - start > 4) return false;
        groups++;
        if (p == end) break;
        if (*p++ != ':' || p == end) return false;
        if (*p != ':') continue;
        if (gap) return false;
        gap = true;
        p++;
    }
    return gap ? groups < 8 : groups == 8;
}

static bool is_a_label(const char *p, size_t len) { return len > 4 && !strncasecmp(p, "xn--", 4); }

/* "--" in the third and fourth place is kept for A-labels (RFC 5890, section 2.3.1). */
static bool label_valid(const char *p, size_t len) {
    if (!len || len > 63 || p[0] == '-' || p[len - 1] == '-') return false;
    for (size_t i = 0; i < len; i++)
        if (!is_digit(p[i]) && !is_alpha(p[i]) && p[i] != '-') return false;
    return len < 4 || p[2] != '-' || p[3] != '-' || is_a_label(p, len);
}

/* RFC 1123, section 2.1; with `deep`, A-labels are decoded too. */
static int hostname_valid(const char *p, size_t len, bool deep) {
    const char *end = p + len;
    if (!len || len > 253) return 0;
    for (;;) {
        const char *dot = memchr(p, '.', (size_t)(end - p));
        size_t n = (size_t)((dot ? dot : end) - p);
        if (!label_valid(p, n)) return 0;
        int r = deep && is_a_label(p, n) ? idna_valid(p + 4, n - 4) : 1;
        if (r != 1 || !dot) return r;
        p = dot + 1;
    }
}

int format_hostname(const char *p, size_t len) { return hostname_valid(p, len, true); }

static bool domain_valid(const char *p, size_t len) {
    if (len < 3 || *p != '[' || p[len - 1] != ']') return hostname_valid(p, len, false) == 1;
    if (len > 7 && !strncasecmp(p + 1, "IPv6:", 5)) return format_ipv6(p + 6, len - 7);
    return format_ipv4(p + 1, len - 2);
}

/* A mailbox (RFC 5321, section 4.1.2). */
bool format_email(const char *p, size_t len) {
    const char *at = len ? memrchr(p, '@', len) : NULL;
    if (!at || at == p) return false;
    size_t local = (size_t)(at - p);
    if (!domain_valid(at + 1, len - local - 1)) return false;
    if (*p == '"') {
        if (local < 2 || p[local - 1] != '"') return false;
        for (size_t i = 1; i + 1 < local; i++) {
            if (p[i] == '\\' && ++i + 1 >= local) return false;
            if (p[i] < 0x20 || p[i] == 0x7F || (p[i] == '"' && p[i - 1] != '\\')) return false;
        }
        return true;
    }
    for (size_t i = 0; i < local; i++) {
        bool dot = p[i] == '.';
        if (dot && (!i || i + 1 == local || p[i - 1] == '.')) return false;
        if (!dot && !is_alpha(p[i]) && !is_digit(p[i]) && !is_one_of(p[i], "!#$%&'*+-/=?^_`{|}~")) return false;
    }
    return true;
}

/* ---- URIs (RFC 3986, appendix A) ---- */

static bool chars_valid(const char *p, const char *end, const char *also) {
    for (; p < end; p++) {
        if (is_alpha(*p) || is_digit(*p) || is_one_of(*p, "-._~!$&'()*+,;=") || is_one_of(*p, also)) continue;
        if (*p != '%' || end - p < 3 || !is_hex(p[1]) || !is_hex(p[2])) return false;
        p += 2;
    }
    return true;
}

static bool literal_valid(const char *p, const char *end) { /* behind '[' */
    if (p < end && (*p | 0x20) == 'v') {
        const char *dot = memchr(p, '.', (size_t)(end - p));
        if (!dot || dot == p + 1 || dot + 1 == end) return false;
        for (const char *q = p + 1; q < dot; q++)
            if (!is_hex(*q)) return false;
        return !memchr(dot, '%', (size_t)(end - dot)) && chars_valid(dot + 1, end, ":");
    }
    return format_ipv6(p, (size_t)(end - p));
}

static bool authority_valid(const char *p, const char *end) {
    const char *at = memrchr(p, '@', (size_t)(end - p));
    if (at && !chars_valid(p, at, ":")) return false;
    if (at) p = at + 1;
    const char *port;
    if (p < end && *p == '[') {
        const char *close = memchr(p, ']', (size_t)(end - p));
        if (!close || !literal_valid(p + 1, close)) return false;
        port = close + 1;
        if (port < end && *port != ':') return false;
    } else {
        port = memchr(p, ':', (size_t)(end - p));
        if (!port) port = end;
        if (!chars_valid(p, port, "")) return false;
    }
    for (p = port + (port < end); p < end; p++)
        if (!is_digit(*p)) return false;
    return true;
}

static bool uri_valid(const char *p, size_t len, bool absolute) {
    const char *end = p + len, *q = p;
    bool scheme = false;
    if (q < end && is_alpha(*q)) {
        while (q < end && (is_alpha(*q) || is_digit(*q) || is_one_of(*q, "+-."))) q++;
        scheme = q < end && *q == ':';
    }
    if (scheme) p = q + 1;
    if (absolute && !scheme) return false;
    const char *hash = memchr(p, '#', (size_t)(end - p));
    if (hash && !chars_valid(hash + 1, end, ":@/?")) return false;
    if (hash) end = hash;
    const char *query = memchr(p, '?', (size_t)(end - p));
    if (query && !chars_valid(query + 1, end, ":@/?")) return false;
    if (query) end = query;
    bool authority = end - p >= 2 && p[0] == '/' && p[1] == '/';
    if (authority) {
        const char *path = memchr(p + 2, '/', (size_t)(end - p - 2));
        if (!path) path = end;
        if (!authority_valid(p + 2, path)) return false;
        p = path;
    }
    if (!scheme && !authority) { /* the first segment of a relative path holds no colon */
        const char *colon = memchr(p, ':', (size_t)(end - p)), *slash = memchr(p, '/', (size_t)(end - p));
        if (colon && (!slash || colon < slash)) return false;
    }
    return chars_valid(p, end, ":@/");
}

bool format_uri(const char *p, size_t len) { return uri_valid(p, len, true); }
bool format_uri_reference(const char *p, size_t len) { return uri_valid(p, len, false); }
