#include "schema/uri.h"

#include <errno.h>
#include <string.h>

/* The five parts of a reference (RFC 3986, appendix B); an absent one has p == NULL. */
struct part {
    const char *p;
    size_t len;
};
struct parts {
    struct part scheme, authority, path, query;
};

static bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static size_t scheme_len(const char *p, size_t len) {
    if (!len || !is_alpha(*p)) return 0;
    for (size_t i = 1; i < len; i++) {
        if (p[i] == ':') return i;
        if (!is_alpha(p[i]) && !is_digit(p[i]) && p[i] != '+' && p[i] != '-' && p[i] != '.') return 0;
    }
    return 0;
}

bool uri_is_absolute(const char *uri, size_t len) { return scheme_len(uri, len) > 0; }

static struct parts parts_of(const char *p, size_t len) {
    struct parts u = {0};
    const char *end = memchr(p, '#', len);
    if (!end) end = p + len;
    size_t n = scheme_len(p, (size_t)(end - p));
    if (n) {
        u.scheme = (struct part){p, n};
        p += n + 1;
    }
    if (end - p >= 2 && p[0] == '/' && p[1] == '/') {
        const char *start = p += 2;
        while (p < end && *p != '/' && *p != '?') p++;
        u.authority = (struct part){start, (size_t)(p - start)};
    }
    const char *query = memchr(p, '?', (size_t)(end - p));
    u.path = (struct part){p, (size_t)((query ? query : end) - p)};
    if (query) u.query = (struct part){query + 1, (size_t)(end - query - 1)};
    return u;
}

const char *uri_fragment(const char *ref, size_t len, size_t *lenp) {
    const char *p = memchr(ref, '#', len);
    if (!p) return NULL;
    *lenp = len - (size_t)(p - ref) - 1;
    return p + 1;
}

/* Append `path` without its dot segments (section 5.2.4). `root`: where in `out` the path starts. */
static int put_path(struct buf *out, const char *p, size_t len, size_t root) {
    const char *end = p + len;
    int r = 0;
    if (p < end && *p == '/') {
        r = buf_put(out, "/", 1);
        p++;
    }
    while (!r && p <= end) {
        const char *slash = memchr(p, '/', (size_t)(end - p));
        size_t n = (size_t)((slash ? slash : end) - p);
        bool up = n == 2 && p[0] == '.' && p[1] == '.', here = n == 1 && *p == '.';
        if (up) {
            const char *start = buf_data(out) + root;
            size_t at = out->len - root;
            if (at > 1) at--; /* the slash behind the segment to go */
            while (at > 0 && start[at - 1] != '/') at--;
            out->len = root + at;
        } else if (!here) {
            r = buf_put(out, p, n);
            if (!r && slash) r = buf_put(out, "/", 1);
        }
        if (!slash) break;
        p = slash + 1;
    }
    return r;
}

/* Scheme and host compare without case (section 6.2.2.1). */
static int put_lower(struct buf *out, struct part a) {
    int r = 0;
    for (size_t i = 0; !r && i < a.len; i++) {
        char c = a.p[i] >= 'A' && a.p[i] <= 'Z' ? (char)(a.p[i] | 0x20) : a.p[i];
        r = buf_put(out, &c, 1);
    }
    return r;
}

static int put_head(struct buf *out, struct part scheme, struct part authority) {
    int r = 0;
    if (scheme.p) {
        r = put_lower(out, scheme);
        if (!r) r = buf_put(out, ":", 1);
    }
    if (!r && authority.p) {
        r = buf_put(out, "//", 2);
        if (!r) r = put_lower(out, authority);
    }
    return r;
}

static int put_merged(struct buf *out, const struct parts *base, struct part path, size_t root) {
    struct buf merged = BUF_INIT(0);
    int r = 0;
    const char *slash = base->path.len ? memrchr(base->path.p, '/', base->path.len) : NULL;
    if (slash)
        r = buf_put(&merged, base->path.p, (size_t)(slash - base->path.p) + 1);
    else if (base->authority.p)
        r = buf_put(&merged, "/", 1);
    if (!r) r = buf_put(&merged, path.p, path.len);
    if (!r) r = put_path(out, buf_data(&merged), merged.len, root);
    buf_deinit(&merged);
    return r;
}

int uri_resolve(const char *base, const char *ref, size_t ref_len, struct buf *out) {
    struct parts b = parts_of(base, strlen(base)), u = parts_of(ref, ref_len);
    size_t before = out->len;
    bool own = u.scheme.p || u.authority.p;
    int r = put_head(out, u.scheme.p ? u.scheme : b.scheme, own ? u.authority : b.authority);
    size_t root = out->len;
    struct part query = u.query;
    if (r) {
    } else if (!own && !u.path.len) {
        r = buf_put(out, b.path.p, b.path.len);
        if (!query.p) query = b.query;
    } else if (u.scheme.p && !u.authority.p && u.path.len && *u.path.p != '/') {
        r = buf_put(out, u.path.p, u.path.len); /* urn:...: opaque */
    } else if (own || *u.path.p == '/') {
        r = put_path(out, u.path.p, u.path.len, root);
    } else {
        r = put_merged(out, &b, u.path, root);
    }
    if (!r && query.p) {
        r = buf_put(out, "?", 1);
        if (!r) r = buf_put(out, query.p, query.len);
    }
    if (r) out->len = before;
    return r;
}

static int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int uri_decode(const char *p, size_t len, struct buf *out) {
    size_t before = out->len;
    int r = 0;
    for (size_t i = 0; !r && i < len; i++) {
        char c = p[i];
        if (c == '%') {
            int hi = len - i > 2 ? hex_value(p[i + 1]) : -1, lo = len - i > 2 ? hex_value(p[i + 2]) : -1;
            if (hi < 0 || lo < 0) {
                r = -EINVAL;
                break;
            }
            c = (char)(hi << 4 | lo);
            i += 2;
        }
        r = buf_put(out, &c, 1);
    }
    if (r) out->len = before;
    return r;
}

static int encode(const char *p, size_t len, const char *also, struct buf *out) {
    static const char hex[] = "0123456789ABCDEF";
    size_t before = out->len;
    int r = 0;
    for (size_t i = 0; !r && i < len; i++) {
        char c = p[i];
        if (c && (is_alpha(c) || is_digit(c) || strchr(also, c)))
            r = buf_put(out, &c, 1);
        else
            r = buf_put(out, (const char[]){'%', hex[(unsigned char)c >> 4], hex[c & 15]}, 3);
    }
    if (r) out->len = before;
    return r;
}

int uri_encode_fragment(const char *p, size_t len, struct buf *out) {
    return encode(p, len, "-._~!$&'()*+,;=:@/?", out);
}

int uri_of_path(const char *path, struct buf *out) {
    size_t before = out->len;
    int r = buf_puts(out, "file://");
    if (!r) r = encode(path, strlen(path), "-._~!$&'()*+,;=:@/", out);
    if (r) out->len = before;
    return r;
}

int uri_to_path(const char *uri, struct buf *out) {
    struct parts u = parts_of(uri, strlen(uri));
    if (u.scheme.len != 4 || strncmp(u.scheme.p, "file", 4) != 0 || u.query.p || !u.path.len || *u.path.p != '/')
        return -EINVAL;
    if (u.authority.len && (u.authority.len != 9 || strncmp(u.authority.p, "localhost", 9) != 0)) return -EINVAL;
    for (size_t i = 0; i + 2 < u.path.len; i++)
        if (u.path.p[i] == '%' && (!strncmp(u.path.p + i + 1, "00", 2) || !strncasecmp(u.path.p + i + 1, "2f", 2)))
            return -EINVAL;
    return uri_decode(u.path.p, u.path.len, out);
}
