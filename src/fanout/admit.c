#include "fanout/admit.h"

#include <errno.h>

static enum admit not_an_object(struct err *e, struct buf *errors) {
    (void)err_set(e, 0, "the payload must be an object");
    if (errors)
        (void)buf_puts(
            errors,
            "[{\"instanceLocation\":\"\",\"keywordLocation\":\"/type\",\"error\":\"the payload must be an object\"}]");
    return ADMIT_INVALID_PAYLOAD;
}

/* The one place where a hook's input_schema judges a payload; it is given the flat tree, never a document. */
static enum admit against_schema(const struct schema *schema, struct schema_run *run, const struct scan *s,
                                 const struct node *payload, struct err *e, struct buf *errors) {
    int r = schema_validate(schema, run, s, payload, errors);
    if (r == 0) return ADMIT_OK;
    if (r < 0) {
        (void)err_sys(e, -r, "validating the payload");
        return ADMIT_NO_MEMORY;
    }
    static const struct {
        enum admit admit;
        const char *what;
    } verdicts[] = {
        [SCHEMA_E_INVALID] = {ADMIT_INVALID_PAYLOAD, "the payload does not fit its schema"},
        [SCHEMA_E_TOO_COMPLEX] = {ADMIT_TOO_COMPLEX, "the payload is too complex for its schema"},
        [SCHEMA_E_NUMBER_RANGE] = {ADMIT_NUMBER_RANGE, "the payload holds a number beyond the double range"},
    };
    (void)err_set(e, 0, "%s: %s", verdicts[r].what, schema_why(run));
    return verdicts[r].admit;
}

static bool has_reserved_key(const struct scan *s, const struct node *payload) {
    for (const struct node *k = scan_first(s, payload); k; k = scan_next_key(s, payload, k))
        if (scan_is(s, k, "_meta")) return true;
    return false;
}

enum admit admit_payload(const struct topic *t, struct schema_run *run, const struct scan *s,
                         const struct node *payload, size_t max, struct err *e, struct buf *errors) {
    if (errors) buf_clear(errors);
    if (payload->type != NODE_OBJECT) return not_an_object(e, errors);
    if (payload->len > max) {
        (void)err_set(e, 0, "the payload has %u bytes, limits.event_max_size is %zu", payload->len, max);
        return ADMIT_TOO_LARGE;
    }
    if (has_reserved_key(s, payload)) {
        (void)err_set(e, 0, "the key \"_meta\" of a payload is reserved: use metadata");
        return ADMIT_RESERVED_KEY;
    }
    const struct schema *schema = t->spec->hooks[t->hook].compiled;
    return schema ? against_schema(schema, run, s, payload, e, errors) : ADMIT_OK;
}
