#include "schema/idna.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "schema/pattern.h"

#define LABEL_MAX 63
#define VIRAMA                                                                                                         \
    "\\u094D\\u09CD\\u0A4D\\u0ACD\\u0B4D\\u0BCD\\u0C4D\\u0CCD\\u0D3B\\u0D3C\\u0D4D\\u0DCA\\u0E3A\\u0EBA\\u0F84\\u1039" \
    "\\u103A\\u1714\\u1734\\u17D2\\u1A60\\u1B44\\u1BAA\\u1BAB\\u1BF2\\u1BF3\\u2D7F\\uA806\\uA82C\\uA8C4\\uA953\\uA9C0" \
    "\\uAAF6\\uABED"

/* A U-label as one expression: each (?!...) is one rule. */
static const char label[] =
    "^(?!\\p{M})(?!..--)(?!-)(?!.*-$)"                           /* RFC 5891, section 4.2.3 */
    "(?!.*[\\u0640\\u07FA\\u302E\\u302F\\u3031-\\u3035\\u303B])" /* RFC 5892, section 2.6: disallowed */
    "(?!.*(?<!l)\\u00B7)(?!.*\\u00B7(?!l))"                      /* appendix A.3 */
    "(?!.*\\u0375(?!\\p{Script=Greek}))"                         /* A.4 */
    "(?!.*(?<!\\p{Script=Hebrew})[\\u05F3\\u05F4])"              /* A.5, A.6 */
    "(?!(?!.*[\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Han}]).*\\u30FB)"         /* A.7 */
    "(?!.*[\\u0660-\\u0669].*[\\u06F0-\\u06F9])(?!.*[\\u06F0-\\u06F9].*[\\u0660-\\u0669])" /* A.8, A.9 */
    "(?!.*(?<![" VIRAMA
    "])\\u200D)" /* A.2 */
    "(?!.*(?<![" VIRAMA
    "\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Mongolian}\\p{Script=Nko}])\\u200C)" /* A.1 */
    "[\\p{Ll}\\p{Lo}\\p{Lm}\\p{Mn}\\p{Mc}\\p{Nd}\\u00B7\\u0375\\u05F3\\u05F4\\u06FD\\u06FE\\u0F0B\\u3007\\u30FB"
    "\\u200C\\u200D-]+$";

static uint32_t adapt(uint32_t delta, uint32_t points, bool first) {
    uint32_t k = 0;
    delta = first ? delta / 700 : delta / 2;
    delta += delta / points;
    for (; delta > 455; k += 36) delta /= 35;
    return k + 36 * delta / (delta + 38);
}

/* One generalised variable-length integer (RFC 3492, section 3.3), added to *i. */
static bool take_delta(const char **pp, const char *end, uint32_t bias, uint32_t *i) {
    uint64_t w = 1, v = *i;
    for (uint32_t k = 36;; k += 36) {
        if (*pp == end) return false;
        char c = *(*pp)++;
        uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0') + 26 : (uint32_t)((c | 0x20) - 'a');
        uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
        v += digit * w;
        if (digit > 35 || v > INT32_MAX) return false;
        if (digit < t) break;
        w *= 36 - t;
        if (w > INT32_MAX) return false;
    }
    *i = (uint32_t)v;
    return true;
}

/* The code points; 0 when it is no Punycode, or stands for nothing but ASCII. */
static uint32_t decode(const char *p, size_t len, uint32_t out[LABEL_MAX]) {
    const char *end = p + len, *dash = memrchr(p, '-', len);
    uint32_t n = 0, point = 128, i = 0, bias = 72;
    if (len > LABEL_MAX) return 0;
    for (; dash && p < dash; p++) out[n++] = (uint32_t)(*p >= 'A' && *p <= 'Z' ? *p | 0x20 : *p);
    p += dash != NULL;
    if (p == end) return 0;
    for (; p < end; i++) {
        uint32_t before = i;
        if (n == LABEL_MAX || !take_delta(&p, end, bias, &i)) return 0;
        bias = adapt(i - before, n + 1, before == 0);
        point += i / (n + 1);
        i %= n + 1;
        if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return 0;
        memmove(out + i + 1, out + i, (n - i) * sizeof *out);
        out[i] = point;
        n++;
    }
    return n;
}

static int put_utf8(struct buf *out, uint32_t c) {
    char t[4];
    if (c < 0x80) return buf_put(out, (const char[]){(char)c}, 1);
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) t[i] = (char)(0x80 | (c & 0x3F));
    t[0] = (char)((0xF00u >> n & 0xFF) | c);
    return buf_put(out, t, n);
}

int idna_valid(const char *p, size_t len) {
    uint32_t points[LABEL_MAX], n = decode(p, len, points);
    if (!n) return 0;
    struct buf text = BUF_INIT(0);
    struct pattern *list = NULL;
    struct pattern_run *run = NULL;
    int r = 0;
    for (uint32_t i = 0; i < n && !r; i++) r = put_utf8(&text, points[i]);
    if (!r) r = pattern_new(label, sizeof label - 1, &list, NULL);
    if (!r && !(run = pattern_run_new())) r = -ENOMEM;
    if (!r) r = pattern_search(list, run, buf_data(&text), text.len);
    (void)pattern_run_free(run);
    (void)pattern_free_all(list);
    buf_deinit(&text);
    return r < 0 ? -ENOMEM : r == PATTERN_MATCH;
}
