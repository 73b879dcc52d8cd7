#include "schema/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "json/number.h"
#include "json/text.h"
#include "schema/arena.h"

#define DEPTH_MAX 128

/* ---- from jansson ---- */

static int put_json(struct buf *out, const json_t *v, int depth);

static int put_object(struct buf *out, const json_t *v, int depth) {
    int r = buf_put(out, "{", 1);
    json_t *object = (json_t *)v; /* the iterator's signature; nothing is changed */
    bool first = true;
    for (void *i = json_object_iter(object); !r && i; i = json_object_iter_next(object, i)) {
        if (!first) r = buf_put(out, ",", 1);
        first = false;
        if (!r) r = text_escape(out, json_object_iter_key(i), json_object_iter_key_len(i));
        if (!r) r = buf_put(out, ":", 1);
        if (!r) r = put_json(out, json_object_iter_value(i), depth + 1);
    }
    return r ? r : buf_put(out, "}", 1);
}

static int put_array(struct buf *out, const json_t *v, int depth) {
    int r = buf_put(out, "[", 1);
    for (size_t i = 0; !r && i < json_array_size(v); i++) {
        if (i) r = buf_put(out, ",", 1);
        if (!r) r = put_json(out, json_array_get(v, i), depth + 1);
    }
    return r ? r : buf_put(out, "]", 1);
}

static int put_json(struct buf *out, const json_t *v, int depth) {
    if (depth > DEPTH_MAX) return -EINVAL;
    char digits[NUMBER_PRINT_MAX];
    struct number n;
    switch (json_typeof(v)) {
        case JSON_OBJECT:
            return put_object(out, v, depth);
        case JSON_ARRAY:
            return put_array(out, v, depth);
        case JSON_STRING:
            return text_escape(out, json_string_value(v), json_string_length(v));
        case JSON_INTEGER:
            return buf_putf(out, "%lld", (long long)json_integer_value(v));
        case JSON_REAL:
            n = number_print(json_real_value(v), digits);
            return n.len ? buf_put(out, n.p, n.len) : buf_puts(out, "null");
        case JSON_TRUE:
            return buf_puts(out, "true");
        case JSON_FALSE:
            return buf_puts(out, "false");
        case JSON_NULL:
            return buf_puts(out, "null");
    }
    return -EINVAL;
}

/* ---- scanning ---- */

static void place_of(const struct document *d, size_t off, unsigned *linep, unsigned *colp) {
    unsigned line = 1;
    size_t start = 0;
    for (size_t i = 0; i < off && i < d->scan.len; i++) {
        if (d->scan.text[i] != '\n') continue;
        line++;
        start = i + 1;
    }
    *linep = d->lines ? line : 0;
    *colp = d->lines ? (unsigned)(off - start) + 1 : 0;
}

/* Takes `text`, which it frees on failure too. */
static int document_scan(struct document *d, char *text, size_t len, struct err *e) {
    unsigned line, col;
    d->text = text;
    scan_init(&d->scan, DEPTH_MAX);
    int r = scan_text(&d->scan, text, len);
    if (r == SCAN_E_SYNTAX || r == SCAN_E_UTF8) {
        place_of(d, d->scan.error_off, &line, &col);
        return err_at(e, -EINVAL, d->file, line, col, "not JSON: %s", d->scan.error);
    }
    if (r == SCAN_E_DEPTH) return err_at(e, -EINVAL, d->file, 0, 0, "nested deeper than %d levels", DEPTH_MAX);
    if (r == SCAN_E_DUPLICATE)
        return document_error(d, document_node(d, d->scan.duplicate), e, -EINVAL, "the key stands here twice");
    if (r) return err_at(e, r, d->file, 0, 0, "%s", err_str(-r));
    d->resource = calloc(d->scan.n_nodes, sizeof *d->resource);
    d->sub = calloc(d->scan.n_nodes, sizeof *d->sub);
    if (!d->resource || !d->sub) return err_set(e, -ENOMEM, "out of memory");
    return 0;
}

int document_of_json(struct document *d, const json_t *doc, const char *file, struct err *e) {
    struct buf text = BUF_INIT(0);
    d->file = file;
    int r = put_json(&text, doc, 0);
    if (r) {
        buf_deinit(&text);
        if (r == -EINVAL) return err_at(e, r, file, 0, 0, "nested deeper than %d levels", DEPTH_MAX);
        return err_at(e, r, file, 0, 0, "%s", err_str(-r));
    }
    return document_scan(d, text.mem, text.len, e); /* nothing was consumed: the text starts at mem */
}

int document_of_text(struct document *d, const char *text, size_t len, const char *file, struct err *e) {
    d->file = file;
    d->lines = true;
    char *copy = malloc(len + 1);
    if (!copy) return err_set(e, -ENOMEM, "out of memory");
    if (len) memcpy(copy, text, len);
    return document_scan(d, copy, len, e);
}

static int read_all(int fd, char *p, size_t cap, size_t *lenp) {
    size_t len = 0;
    while (len < cap) {
        ssize_t n = read(fd, p + len, cap - len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -errno;
        if (!n) break;
        len += (size_t)n;
    }
    *lenp = len;
    return 0;
}

int document_of_file(struct document *d, const char *path, struct err *e) {
    d->file = path;
    d->lines = true;
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return err_sys(e, errno, "%s", path);
    struct stat st;
    if (fstat(fd, &st) < 0) return err_sys(e, errno, "%s", path);
    if (!S_ISREG(st.st_mode)) return err_at(e, -EINVAL, path, 0, 0, "not a regular file");
    if ((uintmax_t)st.st_size > DOCUMENT_MAX)
        return err_at(e, -EFBIG, path, 0, 0, "larger than %zu MiB", DOCUMENT_MAX >> 20);
    size_t len = 0, cap = (size_t)st.st_size + 1;
    cleanup_free char *text = malloc(cap);
    if (!text) return err_set(e, -ENOMEM, "out of memory");
    int r = read_all(fd, text, cap, &len);
    if (r) return err_sys(e, -r, "%s", path);
    if (len == cap) return err_at(e, -EAGAIN, path, 0, 0, "the file grew while it was read");
    char *all = text;
    text = NULL;
    return document_scan(d, all, len, e);
}

void document_deinit(struct document *d) {
    scan_deinit(&d->scan);
    free(d->text);
    free((void *)d->resource);
    free((void *)d->sub);
    d->text = NULL;
    d->resource = NULL;
    d->sub = NULL;
}

/* ---- errors ---- */

int document_error(const struct document *d, const struct node *at, struct err *e, int code, const char *fmt, ...) {
    if (!e) return code;
    unsigned line, col;
    char text[sizeof e->text];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct buf pointer = BUF_INIT(0);
    (void)pointer_between(&d->scan, scan_root(&d->scan), at, &pointer);
    place_of(d, at->off - (at->type == NODE_STRING), &line, &col); /* from the quote on */
    size_t len = pointer.len > 300 ? 300 : pointer.len;
    (void)err_at(e, code, d->file, line, col, "%s%.*s: %s", len ? "" : "#", (int)len, buf_data(&pointer), text);
    buf_deinit(&pointer);
    return code;
}

const char *scan_quote(const struct scan *s, const struct node *n, char out[QUOTE_MAX]) {
    struct buf b = BUF_INIT(0);
    size_t len = 0;
    if (!text_unescape(s, n, TEXT_LONE_REPLACE, &b)) {
        const char *p = buf_data(&b);
        for (size_t i = 0; i < b.len && len < QUOTE_MAX - 4; i++)
            out[len++] = (unsigned char)p[i] < 0x20 || p[i] == 0x7F ? '?' : p[i];
        if (len < b.len) {
            while (len && ((unsigned char)out[len - 1] & 0xC0) == 0x80) len--; /* no half characters */
            if (len && (unsigned char)out[len - 1] >= 0x80) len--;
            memcpy(out + len, "...", 3);
            len += 3;
        }
    }
    out[len] = 0;
    buf_deinit(&b);
    return out;
}

char *document_string(const struct document *d, const struct node *n, struct arena *a, size_t *lenp) {
    struct buf b = BUF_INIT(0);
    if (text_unescape(&d->scan, n, TEXT_LONE_KEEP, &b)) return NULL;
    char *p = arena_string(a, buf_data(&b), b.len);
    if (lenp) *lenp = b.len;
    buf_deinit(&b);
    return p;
}
