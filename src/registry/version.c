#include "registry/version.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

enum { DIGITS_MAX = 18 };

static bool is_sep(char c) { return c == '-' || c == '_' || c == '.'; }

static int number(const char **pp, uint64_t *vp) {
    const char *p = *pp;
    uint64_t v = 0;
    for (; isdigit((unsigned char)*p); p++) {
        if (p - *pp >= DIGITS_MAX) return -EINVAL;
        v = v * 10 + (uint64_t)(*p - '0');
    }
    if (p == *pp) return -EINVAL;
    *pp = p;
    *vp = v;
    return 0;
}

struct label {
    const char *word;
    char kind;
};

/* [sep] word [sep] [number]: true when one of the words is there. The number is 0 when absent. */
static bool labelled(const char **pp, const struct label *labels, size_t n, char *kindp, uint64_t *vp, bool *badp) {
    const char *p = *pp;
    if (is_sep(*p)) p++;
    const struct label *hit = NULL;
    for (size_t i = 0; i < n && !hit; i++)
        if (strncasecmp(p, labels[i].word, strlen(labels[i].word)) == 0) hit = &labels[i];
    if (!hit) return false;
    p += strlen(hit->word);
    *kindp = hit->kind;
    *vp = 0;
    const char *q = is_sep(*p) ? p + 1 : p;
    if (isdigit((unsigned char)*q)) {
        p = q;
        if (number(&p, vp) < 0) *badp = true;
    } else if (q != p && !isalpha((unsigned char)*q)) { /* "1.0a.": the separator belongs to the label */
        p = q;
    }
    *pp = p;
    return true;
}

static int local_part(const char **pp, struct version *v) {
    const char *p = *pp + 1;
    size_t n = 0;
    for (;;) {
        if (!isalnum((unsigned char)*p)) return -EINVAL;
        size_t start = n;
        for (; isalnum((unsigned char)*p); p++) {
            if (n + 2 >= VERSION_LOCAL_MAX) return -EINVAL;
            v->local[n++] = (char)tolower((unsigned char)*p);
        }
        /* Numbers lose their leading zeros, so that equal ones look alike. */
        if (strspn(v->local + start, "0123456789") >= n - start)
            while (n - start > 1 && v->local[start] == '0') {
                memmove(v->local + start, v->local + start + 1, n - start);
                v->local[--n] = '\0';
            }
        if (!is_sep(*p)) break;
        v->local[n++] = '.';
        p++;
    }
    v->local[n] = '\0';
    *pp = p;
    return 0;
}

static int suffixes(const char **pp, struct version *v) {
    static const struct label pre[] = {{"alpha", 'a'}, {"beta", 'b'}, {"preview", 'r'}, {"pre", 'r'},
                                       {"rc", 'r'},    {"a", 'a'},    {"b", 'b'},       {"c", 'r'}};
    static const struct label post[] = {{"post", 'p'}, {"rev", 'p'}, {"r", 'p'}}, dev[] = {{"dev", 'd'}};
    bool bad = false;
    char kind;
    if (labelled(pp, pre, ARRAY_LEN(pre), &v->pre, &v->pre_n, &bad) && bad) return -EINVAL;
    if (**pp == '-' && isdigit((unsigned char)(*pp)[1])) { /* "1.0-1" is a post-release */
        ++*pp;
        if (number(pp, &v->post) < 0) return -EINVAL;
        v->has_post = true;
    } else {
        v->has_post = labelled(pp, post, ARRAY_LEN(post), &kind, &v->post, &bad);
    }
    v->has_dev = labelled(pp, dev, ARRAY_LEN(dev), &kind, &v->dev, &bad);
    return bad ? -EINVAL : 0;
}

int version_parse(const char *s, struct version *out) {
    struct version v = {0};
    const char *p = s + strspn(s, " \t\n\r\f\v");
    if (*p == 'v' || *p == 'V') p++;
    if (number(&p, &v.release[0]) < 0) return -EINVAL;
    if (*p == '!') {
        p++;
        v.epoch = v.release[0];
        if (number(&p, &v.release[0]) < 0) return -EINVAL;
    }
    v.n_release = 1;
    while (*p == '.' && isdigit((unsigned char)p[1])) {
        p++;
        if (v.n_release == VERSION_RELEASE_MAX || number(&p, &v.release[v.n_release++]) < 0) return -EINVAL;
    }
    if (suffixes(&p, &v) < 0) return -EINVAL;
    if (*p == '+' && local_part(&p, &v) < 0) return -EINVAL;
    if (p[strspn(p, " \t\n\r\f\v")]) return -EINVAL;
    *out = v;
    return 0;
}

const char *version_format(const struct version *v, char out[VERSION_TEXT_MAX]) {
    size_t o = 0;
#define PUT(...) o += (size_t)snprintf(out + o, VERSION_TEXT_MAX - o, __VA_ARGS__)
    if (v->epoch) PUT("%" PRIu64 "!", v->epoch);
    for (unsigned i = 0; i < v->n_release; i++) PUT("%s%" PRIu64, i ? "." : "", v->release[i]);
    if (v->pre) PUT("%s%" PRIu64, v->pre == 'r' ? "rc" : v->pre == 'a' ? "a" : "b", v->pre_n);
    if (v->has_post) PUT(".post%" PRIu64, v->post);
    if (v->has_dev) PUT(".dev%" PRIu64, v->dev);
    if (v->local[0]) PUT("+%s", v->local);
#undef PUT
    return out;
}

static int cmp_u64(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* Numbers after words, a longer one after its prefix, none before all. */
static int cmp_local(const char *a, const char *b) {
    while (*a && *b) {
        size_t n = strcspn(a, "."), m = strcspn(b, ".");
        bool na = strspn(a, "0123456789") >= n, nb = strspn(b, "0123456789") >= m;
        if (na != nb) return na ? 1 : -1;
        if (na && n != m) return n > m ? 1 : -1; /* no leading zeros: longer is larger */
        int d = memcmp(a, b, n < m ? n : m);
        if (d) return d;
        if (n != m) return n > m ? 1 : -1;
        a += n + (a[n] == '.');
        b += m + (b[m] == '.');
    }
    return (*a != '\0') - (*b != '\0');
}

/* Where the pre-release stands: a dev-release of nothing else before all, none after all. */
static int pre_rank(const struct version *v) {
    if (v->pre) return v->pre;
    return v->has_dev && !v->has_post ? 0 : 'z';
}

int version_compare(const struct version *a, const struct version *b) {
    int d = cmp_u64(a->epoch, b->epoch);
    for (unsigned i = 0; !d && i < VERSION_RELEASE_MAX; i++) d = cmp_u64(a->release[i], b->release[i]);
    if (!d) d = pre_rank(a) - pre_rank(b);
    if (!d && a->pre) d = cmp_u64(a->pre_n, b->pre_n);
    if (!d) d = a->has_post - b->has_post;
    if (!d) d = cmp_u64(a->post, b->post);
    if (!d) d = b->has_dev - a->has_dev;
    if (!d) d = cmp_u64(a->dev, b->dev);
    return d ? d : cmp_local(a->local, b->local);
}

int version_major(const char *s, unsigned *majorp, char **fullp) {
    unsigned v[3] = {0};
    const char *p = s;
    for (int i = 0; i < 3; i++) {
        uint64_t x;
        if (!isdigit((unsigned char)*p) || number(&p, &x) < 0 || x > 1000000) return -EINVAL;
        v[i] = (unsigned)x;
        if (*p != '.') break;
        p++;
        if (i == 2) return -EINVAL;
    }
    if (p > s && p[-1] == '.') return -EINVAL;
    if (*p == '-' || *p == '+') {
        if (strlen(p) > 64 || p[1] == '\0') return -EINVAL;
        for (const char *q = p + 1; *q; q++)
            if (!isalnum((unsigned char)*q) && !strchr(".-+", *q)) return -EINVAL;
    } else if (*p) {
        return -EINVAL;
    }
    if (fullp && asprintf(fullp, "%u.%u.%u%s", v[0], v[1], v[2], p) < 0) return -ENOMEM;
    *majorp = v[0];
    return 0;
}
