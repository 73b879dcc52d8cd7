#include "ctl/member.h"

#include "base/units.h"

const char *member_str(const json_t *object, const char *key, const char *fallback) {
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : fallback;
}

int64_t member_int(const json_t *object, const char *key, int64_t fallback) {
    const json_t *v = json_object_get(object, key);
    if (json_is_integer(v)) return json_integer_value(v);
    if (!json_is_real(v)) return fallback;
    double d = json_real_value(v);
    return d > -9e15 && d < 9e15 ? (int64_t)d : fallback;
}

const char *member_words(const json_t *object, const char *key, const char *between, struct buf *out) {
    buf_clear(out);
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(object, key), i, item) {
        if (!json_is_string(item)) continue;
        if (out->len && buf_puts(out, between) < 0) break;
        if (buf_puts(out, json_string_value(item)) < 0) break;
    }
    const char *text = buf_cstr(out);
    return text ? text : "";
}

const char *member_duration(const json_t *object, const char *key, char *out, size_t cap) {
    int64_t s = member_int(object, key, -1);
    if (cap) out[0] = '\0';
    return s < 0 || s > INT64_MAX / NSEC_PER_SEC ? out : units_format_duration(s * NSEC_PER_SEC, out, cap);
}

/* units_format_size() is exact; 1048577B helps nobody. */
const char *member_size(const json_t *object, const char *key, char *out, size_t cap) {
    int64_t v = member_int(object, key, -1);
    if (cap) out[0] = '\0';
    if (v < 0) return out;
    uint64_t bytes = (uint64_t)v, unit = 1;
    while (unit < 1u << 30 && bytes / unit >= 10240) unit *= 1024;
    return units_format_size((bytes + unit / 2) / unit * unit, out, cap);
}
