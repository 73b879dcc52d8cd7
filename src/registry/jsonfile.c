#include "registry/jsonfile.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/textfile.h"

enum { DEPTH_MAX = 128, INT_DIGITS = 18 /* always fit 64 bits */ };

unsigned jsonfile_depth(const json_t *j, unsigned limit) {
    if (limit <= 1) return 1;
    unsigned deepest = 0;
    if (json_is_array(j)) {
        for (size_t i = 0; i < json_array_size(j); i++) {
            unsigned d = jsonfile_depth(json_array_get(j, i), limit - 1);
            if (d > deepest) deepest = d;
        }
    } else if (json_is_object(j)) {
        for (void *it = json_object_iter((json_t *)j); it; it = json_object_iter_next((json_t *)j, it)) {
            unsigned d = jsonfile_depth(json_object_iter_value(it), limit - 1);
            if (d > deepest) deepest = d;
        }
    }
    return deepest + 1;
}

/* A copy in which integers too long for 64 bits end in "e0", so that jansson reads them as reals. */
static char *widen_integers(const char *text, size_t len, size_t *outlenp) {
    char *out = malloc(len + len / INT_DIGITS * 2 + 3);
    if (!out) return NULL;
    size_t o = 0;
    bool in_string = false;
    for (size_t i = 0; i < len;) {
        if (in_string || !isdigit((unsigned char)text[i])) {
            if (text[i] == '"') in_string = !in_string;
            if (in_string && text[i] == '\\' && i + 1 < len) out[o++] = text[i++];
            out[o++] = text[i++];
            continue;
        }
        size_t start = i;
        while (i < len && isdigit((unsigned char)text[i])) i++;
        memcpy(out + o, text + start, i - start);
        o += i - start;
        if (i < len && strchr(".eE", text[i])) { /* a real already: its other digits are no integer */
            while (i < len && text[i] && strchr("0123456789.eE+-", text[i])) out[o++] = text[i++];
        } else if (i - start > INT_DIGITS) {
            out[o++] = 'e';
            out[o++] = '0';
        }
    }
    *outlenp = o;
    return out;
}

/* jansson quotes the text near the error, which may hold what a terminal obeys. */
static void mask_controls(char *text) {
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        if (*p == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0) p[1] = *p = '?';
        if (*p < 0x20 || *p == 0x7F) *p = '?';
    }
}

int jsonfile_parse(const char *file, const char *text, size_t len, json_t **jp, struct err *e) {
    int r = textfile_check(file, text, len, e);
    if (r < 0) return r;
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_error_t je;
    json_t *j = json_loadb(text, len, flags, &je);
    if (!j && json_error_code(&je) == json_error_numeric_overflow) {
        size_t wide_len = 0;
        cleanup_free char *wide = widen_integers(text, len, &wide_len);
        if (wide) j = json_loadb(wide, wide_len, flags, &je);
        if (!wide) return err_at(e, -ENOMEM, file, 0, 0, "%s", err_str(ENOMEM));
    }
    if (!j) {
        if (json_error_code(&je) == json_error_out_of_memory || !je.text[0]) /* jansson is silent about some */
            return err_at(e, -ENOMEM, file, 0, 0, "%s", err_str(ENOMEM));
        mask_controls(je.text);
        return err_at(e, -EINVAL, file, je.line > 0 ? (unsigned)je.line : 1, je.column > 0 ? (unsigned)je.column : 1,
                      "not valid JSON: %s", je.text);
    }
    if (jsonfile_depth(j, DEPTH_MAX + 1) > DEPTH_MAX) {
        json_decref(j);
        return err_at(e, -EINVAL, file, 1, 1, "nested more than %d levels deep", DEPTH_MAX);
    }
    *jp = j;
    return 0;
}

int jsonfile_load(const char *path, json_t **jp, struct err *e) {
    cleanup_free char *text = NULL;
    size_t len = 0;
    int r = textfile_read(path, &text, &len, e);
    if (r < 0) return r;
    return jsonfile_parse(path, text, len, jp, e);
}

int jsonfile_compile(const char *path, const struct schema_options *o, struct schema **schemap, struct err *e) {
    cleanup_free char *text = NULL;
    size_t len = 0;
    int r = textfile_read(path, &text, &len, e);
    return r < 0 ? r : schema_compile_text(text, len, path, o, schemap, e);
}
