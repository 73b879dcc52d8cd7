#include "rpc/mcp_fit.h"

#include <string.h>

#include "base/cleanup.h"

enum { ANY_TYPE = 0x3F };

static unsigned type_bit(const char *name) {
    static const char *const names[] = {"object", "array", "string", "number", "boolean", "null"};
    if (strcmp(name, "integer") == 0) return 1u << 3; /* an integer is a number, and some numbers are integers */
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0) return 1u << i;
    return ANY_TYPE; /* no type of JSON Schema: not to be judged */
}

/* The types a schema lets through, as bits. */
static unsigned types(const json_t *schema) {
    const json_t *t = json_object_get(schema, "type"), *v;
    if (json_is_string(t)) return type_bit(json_string_value(t));
    if (!json_is_array(t)) return ANY_TYPE;
    unsigned set = 0;
    for (size_t i = 0; (v = json_array_get(t, i)); i++) set |= json_is_string(v) ? type_bit(json_string_value(v)) : 0;
    return set ? set : ANY_TYPE;
}

/* "string or null" */
static const char *types_text(const json_t *schema, char *out, size_t cap) {
    const json_t *t = json_object_get(schema, "type"), *v;
    if (json_is_string(t)) return json_string_value(t);
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; (v = json_array_get(t, i)) && at < cap - 1; i++) {
        int n = snprintf(out + at, cap - at, "%s%s", at ? " or " : "", json_is_string(v) ? json_string_value(v) : "?");
        at += n > 0 ? (size_t)n : 0;
    }
    return out;
}

static bool lists(const json_t *list, const char *what) {
    const json_t *v;
    for (size_t i = 0; (v = json_array_get(list, i)); i++)
        if (json_is_string(v) && strcmp(json_string_value(v), what) == 0) return true;
    return false;
}

/* More may be said about an object of this schema than its own `properties` and `required` do. */
static bool composed(const json_t *schema) {
    static const char *const words[] = {
        "$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "dependentSchemas", "dependentRequired", "if"};
    for (unsigned i = 0; i < ARRAY_LEN(words); i++)
        if (json_object_get(schema, words[i])) return true;
    return false;
}

static void say(struct buf *out, const char *before, const char *name, const char *after) {
    (void)buf_putf(out, "%s%s\"%.64s\"%s", out->len ? "; " : "", before, name, after);
}

static bool required_fit(const json_t *hook, const json_t *tool, struct buf *out) {
    const json_t *wanted = json_object_get(tool, "required"), *v;
    const json_t *properties = json_object_get(hook, "properties"), *sure = json_object_get(hook, "required");
    bool fits = true;
    for (size_t i = 0; !composed(hook) && (v = json_array_get(wanted, i)); i++) {
        const char *name = json_string_value(v);
        if (!name || lists(sure, name)) continue;
        bool defined = json_object_get(properties, name) != NULL;
        say(out, "it requires ", name, defined ? ", which a payload may lack" : ", which no payload is said to have");
        fits = false;
    }
    return fits;
}

static bool types_fit(const json_t *hook, const json_t *tool, struct buf *out) {
    const json_t *theirs = json_object_get(tool, "properties");
    const char *name;
    json_t *ours;
    bool fits = true;
    json_object_foreach(json_object_get(hook, "properties"), name, ours) {
        const json_t *their = json_object_get(theirs, name);
        if (types(ours) & types(their)) continue;
        char a[64], b[64], text[192];
        (void)snprintf(text, sizeof text, " to be %.60s, and a payload's is %.60s", types_text(their, a, sizeof a),
                       types_text(ours, b, sizeof b));
        say(out, "it wants ", name, text);
        fits = false;
    }
    return fits;
}

/* What every payload has and the tool refuses. */
static bool nothing_refused(const json_t *hook, const json_t *tool, struct buf *out) {
    const json_t *sure = json_object_get(hook, "required"), *v;
    if (!json_is_false(json_object_get(tool, "additionalProperties"))) return true;
    if (json_object_get(tool, "patternProperties")) return true;
    bool fits = true;
    for (size_t i = 0; (v = json_array_get(sure, i)); i++) {
        const char *name = json_string_value(v);
        if (!name || json_object_get(json_object_get(tool, "properties"), name)) continue;
        say(out, "it refuses ", name, ", which every payload has");
        fits = false;
    }
    return fits;
}

bool mcp_fit(const json_t *hook, const json_t *tool, struct buf *out) {
    if (!json_is_object(hook) || !json_is_object(tool)) return true;
    if (!(types(tool) & type_bit("object"))) {
        (void)buf_puts(out, "its arguments are not an object");
        return false;
    }
    bool fits = required_fit(hook, tool, out);
    fits &= types_fit(hook, tool, out);
    fits &= nothing_refused(hook, tool, out);
    return fits;
}
