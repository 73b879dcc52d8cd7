#include "ctl/screen.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/logtext.h"

struct range {
    uint32_t first, last;
};

static const struct range hidden[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f}, {0x061c, 0x061c}, {0x200e, 0x200f},   {0x2028, 0x202e},
    {0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
};

static const struct range combining[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f}, {0x1ab0, 0x1aff},   {0x1dc0, 0x1dff},
    {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef},
};

static const struct range wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff}, {0xa000, 0xa4cf},
    {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff01, 0xff60}, {0xffe0, 0xffe6},
    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

static bool within(const struct range *r, size_t n, uint32_t c) {
    for (size_t i = 0; i < n; i++)
        if (c >= r[i].first && c <= r[i].last) return true;
    return false;
}

#define IN(table, c) within((table), ARRAY_LEN(table), (c))

/* `n` is logtext_utf8()'s verdict on p: 1..4. */
static uint32_t decode(const unsigned char *p, size_t n) {
    static const unsigned char lead[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = p[0] & lead[n];
    for (size_t i = 1; i < n; i++) c = c << 6 | (p[i] & 0x3fu);
    return c;
}

static int put_escape(struct buf *out, uint32_t c) {
    if (c == '\n') return buf_puts(out, "\\n");
    if (c == '\r') return buf_puts(out, "\\r");
    if (c == '\t') return buf_puts(out, "\\t");
    return c < 0x80 ? buf_putf(out, "\\x%02x", c) : buf_putf(out, "\\u{%x}", c);
}

int screen_clean(struct buf *out, const char *s, size_t len) {
    const unsigned char *p = (const unsigned char *)s;
    for (size_t i = 0; i < len;) {
        size_t n = logtext_utf8(p + i, len - i);
        int r;
        if (n == 0) {
            r = buf_putf(out, "\\x%02x", p[i]);
            n = 1;
        } else {
            uint32_t c = decode(p + i, n);
            r = IN(hidden, c) ? put_escape(out, c) : buf_put(out, p + i, n);
        }
        if (r < 0) return r;
        i += n;
    }
    return 0;
}

void screen_put(FILE *out, const char *s, size_t len) {
    struct buf b = BUF_INIT(0);
    if (screen_clean(&b, s, len) == 0) (void)fwrite(buf_data(&b), 1, b.len, out);
    buf_deinit(&b);
}

size_t screen_width(const char *s, size_t len) {
    const unsigned char *p = (const unsigned char *)s;
    size_t width = 0;
    for (size_t i = 0; i < len;) {
        size_t n = logtext_utf8(p + i, len - i);
        if (n == 0) n = 1;
        uint32_t c = n == 1 ? p[i] : decode(p + i, n);
        width += IN(combining, c) ? 0 : IN(wide, c) ? 2 : 1;
        i += n;
    }
    return width;
}
