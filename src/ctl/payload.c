#include "ctl/payload.h"

#include <errno.h>
#include <string.h>

#include "base/logtext.h"
#include "json/text.h"

/* What is not UTF-8 is refused, not repaired: a payload says what its author wrote or it is not sent. */
static int put_string(struct buf *out, const char *s, size_t len) {
    for (size_t i = 0, n; i < len; i += n) {
        n = logtext_utf8((const unsigned char *)s + i, len - i);
        if (n == 0) return -EILSEQ;
    }
    return text_escape(out, s, len);
}

int payload_put_string(struct buf *out, const char *s) { return put_string(out, s, strlen(s)); }

int payload_put_value(struct buf *out, struct scan *scan, const char *text, size_t len, struct err *e) {
    int r = scan_text(scan, text, len);
    if (r < 0) return err_sys(e, -r, "reading JSON");
    /* depth and duplicate keys are the daemon's to judge */
    if (r == SCAN_E_SYNTAX || r == SCAN_E_UTF8)
        return err_set(e, -EINVAL, "not JSON: %s at byte %zu", scan->error, scan->error_off + 1);
    r = buf_reserve(out, len);
    if (r < 0) return err_sys(e, -r, "building the request");
    char *copy = out->mem + out->off + out->len;
    (void)buf_put(out, text, len);
    /* Inside strings there are none (the scan saw to that), so these are all white space. */
    for (size_t i = 0; i < len; i++)
        if (copy[i] == '\n' || copy[i] == '\r') copy[i] = ' ';
    return 0;
}

/* One word as a member. */
static int put_word(struct buf *out, struct scan *scan, const char *word, struct err *e) {
    size_t eq = strcspn(word, "=");
    if (!word[eq]) return err_set(e, -EINVAL, "\"%s\" is neither key=string nor key:=json", word);
    bool json = eq > 0 && word[eq - 1] == ':';
    size_t key = json ? eq - 1 : eq;
    const char *value = word + eq + 1;
    if (key == 0) return err_set(e, -EINVAL, "\"%s\" has no key before its \"=\"", word);

    int r = put_string(out, word, key);
    if (r == 0) r = buf_put(out, ":", 1);
    if (r == 0 && json) {
        struct err why = {0};
        r = payload_put_value(out, scan, value, strlen(value), &why);
        if (r == -EINVAL) return err_set(e, r, "\"%s\": %s", word, why.text);
    } else if (r == 0) {
        r = put_string(out, value, strlen(value));
    }
    if (r == -EILSEQ) return err_set(e, -EINVAL, "\"%s\" is not UTF-8", word);
    return r < 0 ? err_sys(e, -r, "building the request") : 0;
}

int payload_put_words(struct buf *out, struct scan *scan, const char *const *words, size_t n, struct err *e) {
    int r = buf_put(out, "{", 1);
    if (r < 0) return err_sys(e, -r, "building the request");
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && buf_put(out, ",", 1) < 0) return err_sys(e, ENOMEM, "building the request");
        r = put_word(out, scan, words[i], e);
        if (r < 0) return r;
    }
    r = buf_put(out, "}", 1);
    return r < 0 ? err_sys(e, -r, "building the request") : 0;
}
