#include "fanout/admit.h"

static enum admit not_an_object(struct err *e, struct buf *errors) {
    (void)err_set(e, 0, "the payload must be an object");
    (void)buf_puts(
        errors,
        "[{\"instanceLocation\":\"\",\"keywordLocation\":\"/type\",\"error\":\"the payload must be an object\"}]");
    return ADMIT_INVALID_PAYLOAD;
}

/* The one place where a hook's input_schema judges a payload; it is given the flat tree, never a document. */
static enum admit against_schema(const struct topic *t, const struct scan *s, const struct node *payload, struct err *e,
                                 struct buf *errors) {
    (void)t;
    (void)s;
    (void)payload;
    (void)e;
    (void)errors;
    return ADMIT_OK;
}

enum admit admit_payload(const struct topic *t, const struct scan *s, const struct node *payload, size_t max,
                         struct err *e, struct buf *errors) {
    buf_clear(errors);
    if (payload->type != NODE_OBJECT) return not_an_object(e, errors);
    if (payload->len > max) {
        (void)err_set(e, 0, "the payload has %u bytes, limits.event_max_size is %zu", payload->len, max);
        return ADMIT_TOO_LARGE;
    }
    if (scan_get(s, payload, "_meta")) {
        (void)err_set(e, 0, "the key \"_meta\" of a payload is reserved: use metadata");
        return ADMIT_RESERVED_KEY;
    }
    return against_schema(t, s, payload, e, errors);
}
