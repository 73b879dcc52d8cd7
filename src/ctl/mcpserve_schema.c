#include "ctl/mcpserve_schema.h"

#include <string.h>

#include "base/cleanup.h"
#include "schema/schema.h"

/* Can it be used alone? Compiled without a place in the file system it finds only itself and the meta-schemas. */
static bool is_whole(const json_t *schema) {
    const struct schema_options nowhere = {0};
    struct schema *compiled = NULL;
    struct err e;
    int r = schema_compile(schema, NULL, &nowhere, &compiled, &e);
    (void)schema_free(compiled);
    return r == 0;
}

static json_t *loosen(const json_t *schema) {
    static const char *const kept[] = {"$schema", "title", "description", "required"};
    json_t *loose = json_pack("{s:s}", "$comment", "The full schema refers to other files; hookcastd checks it.");
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        json_t *value = json_object_get(schema, kept[i]);
        if (value) (void)json_object_set(loose, kept[i], value);
    }
    return loose;
}

/* Does `type` (a string, a list, absent) let an object pass? */
static bool takes_objects(const json_t *type) {
    if (!type) return true;
    if (json_is_string(type)) return strcmp(json_string_value(type), "object") == 0;
    size_t i;
    json_t *v;
    json_array_foreach(type, i, v) {
        if (json_is_string(v) && strcmp(json_string_value(v), "object") == 0) return true;
    }
    return false;
}

/* Without its $id, if it can do without: tools may share a schema, and some validators take an $id only once. */
static json_t *detach(const json_t *schema) {
    json_t *input = json_copy((json_t *)schema);
    (void)json_object_del(input, "$id");
    if (!input || is_whole(input)) return input;
    json_decref(input);
    return is_whole(schema) ? json_copy((json_t *)schema) : loosen(schema);
}

json_t *mcpserve_schema(const json_t *schema) {
    if (json_is_false(schema)) return json_pack("{s:s, s:{}}", "type", "object", "not");
    if (!json_is_object(schema)) return json_pack("{s:s}", "type", "object");
    json_t *input = detach(schema);
    if (!input) return NULL;
    if (!takes_objects(json_object_get(schema, "type"))) (void)json_object_set_new(input, "not", json_object());
    (void)json_object_set_new(input, "type", json_string("object"));
    return input;
}
