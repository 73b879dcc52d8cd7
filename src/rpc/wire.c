#include "rpc/wire.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "json/text.h"

enum { TRACESTATE_MAX = 512, BAGGAGE_MAX = 8192 };

int wire_prefix(struct buf *out, const char *kind, const char *hook, const char *run) {
    return buf_putf(out,
                    "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{\"_meta\":{\"io.hookcast/event\":{"
                    "\"kind\":\"%s\",\"run\":\"%s\",\"seq\":",
                    hook, kind, run);
}

static int is_lower_hex(const char *s, size_t n) {
    int nonzero = 0;
    for (size_t i = 0; i < n; i++) {
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f'))) return -1;
        nonzero |= s[i] != '0';
    }
    return nonzero;
}

int wire_traceparent_valid(const char *s, size_t len) {
    if (len < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-') return 0;
    if (is_lower_hex(s, 2) < 0 || memcmp(s, "ff", 2) == 0) return 0;
    if (is_lower_hex(s + 3, 32) != 1 || is_lower_hex(s + 36, 16) != 1 || is_lower_hex(s + 53, 2) < 0) return 0;
    return memcmp(s, "00", 2) == 0 ? len == 55 : len == 55 || s[55] == '-';
}

/* tracestate (at most 32) and baggage (180): key=value members between commas, in printable ASCII. tracestate allows
 * empty members, so baggage is not held to more. */
static int is_member_list(const char *s, size_t len, unsigned max_members) {
    unsigned members = 0;
    bool key = false, equals = false; /* of the current member: its key has begun; its '=' was seen */
    for (size_t i = 0; i <= len; i++) {
        if (i == len || s[i] == ',') {
            if (key && (!equals || ++members > max_members)) return 0;
            key = equals = false;
        } else if (s[i] < ' ' || s[i] > '~') {
            return 0;
        } else if (s[i] == '=') {
            if (!key) return 0;
            equals = true;
        } else {
            key |= s[i] != ' ';
        }
    }
    return members > 0;
}

enum trace_key { TRACE_PARENT, TRACE_STATE, TRACE_BAGGAGE, TRACE_KEYS, TRACE_NONE = TRACE_KEYS };
static const char *const trace_names[TRACE_KEYS] = {"traceparent", "tracestate", "baggage"};

static enum trace_key trace_key(const struct scan *s, const struct node *key) {
    for (unsigned k = 0; k < TRACE_KEYS; k++)
        if (scan_equal(s, key, trace_names[k], strlen(trace_names[k]))) return (enum trace_key)k;
    return TRACE_NONE;
}

static int value_valid(enum trace_key k, const char *p, size_t len) {
    switch (k) {
        case TRACE_PARENT:
            return wire_traceparent_valid(p, len);
        case TRACE_STATE:
            return len <= TRACESTATE_MAX && is_member_list(p, len, 32);
        case TRACE_BAGGAGE:
            return len <= BAGGAGE_MAX && is_member_list(p, len, 180);
        case TRACE_KEYS:
            return 0;
    }
    return 0;
}

static int trace_valid(enum trace_key k, const struct scan *s, const struct node *v) {
    if (v->type != NODE_STRING) return 0;
    if (!(v->flags & NODE_ESCAPED)) return value_valid(k, scan_ptr(s, v), v->len);
    struct buf plain = BUF_INIT(BAGGAGE_MAX); /* some publishers write "\/" for "/" */
    int valid = text_unescape(s, v, TEXT_LONE_REPLACE, &plain) == 0 && value_valid(k, buf_data(&plain), plain.len);
    buf_deinit(&plain);
    return valid;
}

/* The span of a key and its value, from the opening quote to the value's end. */
static void pair_span(const struct scan *s, const struct node *key, const char **pp, size_t *np) {
    const struct node *v = key + 1;
    const char *from = scan_ptr(s, key) - 1;
    const char *to = scan_ptr(s, v) + v->len + (v->type == NODE_STRING);
    *pp = from;
    *np = (size_t)(to - from);
}

static int put_metadata(struct buf *head, const struct wire_event *e, const struct node *trace[TRACE_KEYS]) {
    const struct node *md = e->metadata;
    unsigned others = 0, traces = 0;
    for (const struct node *k = scan_first(e->scan, md); k; k = scan_next_key(e->scan, md, k)) {
        enum trace_key t = trace_key(e->scan, k);
        if (t == TRACE_NONE) {
            others++;
            continue;
        }
        traces++;
        trace[t] = trace_valid(t, e->scan, k + 1) ? k + 1 : NULL;
    }
    if (!others) return 0;
    int r = buf_puts(head, ",\"metadata\":");
    if (!traces) return r < 0 ? r : buf_put(head, scan_ptr(e->scan, md), md->len);
    char sep = '{';
    for (const struct node *k = scan_first(e->scan, md); k && r == 0; k = scan_next_key(e->scan, md, k)) {
        if (trace_key(e->scan, k) != TRACE_NONE) continue;
        const char *p;
        size_t n;
        pair_span(e->scan, k, &p, &n);
        r = buf_put(head, &sep, 1);
        if (r == 0) r = buf_put(head, p, n);
        sep = ',';
    }
    return r < 0 ? r : buf_puts(head, "}");
}

enum { SEQ_MAX = 20 }; /* digits */

static char *put_number(char *end, uint64_t v) { /* digits before `end` */
    for (; v >= 100; v /= 100) {
        unsigned pair = (unsigned)(v % 100);
        *--end = (char)('0' + pair % 10);
        *--end = (char)('0' + pair / 10);
    }
    *--end = (char)('0' + v % 10);
    if (v >= 10) *--end = (char)('0' + v / 10);
    return end;
}

/* A literal, behind *pp: of a length known when this is compiled, so no call. */
#define PUT(p, literal) ((char *)memcpy((p), "" literal, sizeof(literal) - 1) + sizeof(literal) - 1)

static char *put_decimal(char *p, uint64_t v) {
    char digits[24], *const end = digits + sizeof digits, *d = put_number(end, v);
    return mempcpy(p, d, (size_t)(end - d));
}

void wire_origin_set(struct wire_origin *o, const char *time, uid_t uid, pid_t pid) {
    char *p = PUT(o->text, ",\"time\":\"");
    p = (char *)memcpy(p, time, CLOCK_RFC3339_LEN) + CLOCK_RFC3339_LEN;
    p = put_decimal(PUT(p, "\",\"uid\":"), uid);
    p = put_decimal(PUT(p, ",\"pid\":"), (uint64_t)pid);
    o->len = (uint32_t)(p - o->text);
}

/* The object's members, as they lie: what is between its braces, or nothing. */
static struct iovec inner_span(const struct wire_event *e) {
    const struct node *n = e->payload;
    if (!scan_first(e->scan, n)) return (struct iovec){(void *)(uintptr_t) "", 0};
    return (struct iovec){(void *)(uintptr_t)(scan_ptr(e->scan, n) + 1), n->len - 2u};
}

/* All of `_meta` behind the prefix, but for its closing brace. */
static int put_meta(struct buf *head, const struct buf *prefix, const struct wire_event *e) {
    const struct node *trace[TRACE_KEYS] = {NULL};
    buf_clear(head);
    int r = buf_reserve(head, prefix->len + sizeof e->origin->text + SEQ_MAX + 1);
    if (r < 0) return r;
    char *p = mempcpy(head->mem, buf_data(prefix), prefix->len);
    p = put_decimal(p, e->seq);
    memcpy(p, e->origin->text, sizeof e->origin->text); /* of a length known when this is compiled; the rest is room */
    p += e->origin->len;
    if (!e->metadata) *p++ = '}';
    head->len = (size_t)(p - head->mem);
    if (!e->metadata) return 0;
    r = put_metadata(head, e, trace);
    if (r == 0) r = buf_put(head, "}", 1);
    for (unsigned k = 0; k < TRACE_KEYS && r == 0; k++)
        if (trace[k]) {
            r = buf_putf(head, ",\"%s\":\"", trace_names[k]);
            if (r == 0) r = buf_put(head, scan_ptr(e->scan, trace[k]), trace[k]->len);
            if (r == 0) r = buf_puts(head, "\"");
        }
    return r;
}

int wire_native(struct buf *head, const struct buf *prefix, const struct wire_event *e,
                struct iovec parts[WIRE_PARTS]) {
    static const char tail[] = "}}\n";
    struct iovec inner = inner_span(e);
    int r = put_meta(head, prefix, e);
    if (r == 0) r = buf_put(head, "},", inner.iov_len ? 2 : 1);
    if (r < 0) return r;
    parts[0] = (struct iovec){(void *)(uintptr_t)buf_data(head), head->len};
    parts[1] = inner;
    parts[2] = (struct iovec){(void *)(uintptr_t)tail, sizeof tail - 1};
    return 0;
}

int wire_tool_prefix(struct buf *out, const char *kind, const char *hook, const char *run, const char *tool,
                     const char *modern_meta) {
    size_t before = out->len;
    int r = buf_puts(out, "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":");
    if (r == 0) r = text_escape(out, tool, strlen(tool));
    if (r == 0) r = buf_puts(out, ",\"_meta\":{");
    if (r == 0 && modern_meta) r = buf_puts(out, modern_meta);
    if (r == 0 && modern_meta) r = buf_puts(out, ",");
    if (r == 0)
        r = buf_putf(out, "\"io.hookcast/event\":{\"kind\":\"%s\",\"hook\":\"%s\",\"run\":\"%s\",\"seq\":", kind, hook,
                     run);
    if (r < 0) out->len = before;
    return r;
}

/* The tail names the seq, so it lies in `head` too, behind what stands before the payload. */
int wire_tool(struct buf *head, const struct buf *prefix, const struct wire_event *e, struct iovec parts[WIRE_PARTS]) {
    char tail[40], digits[24], *const end = digits + sizeof digits;
    int r = put_meta(head, prefix, e);
    if (r == 0) r = buf_puts(head, "},\"arguments\":");
    size_t before = head->len;
    char *d = put_number(end, e->seq), *p = stpcpy(tail, "},\"id\":");
    p = mempcpy(p, d, (size_t)(end - d));
    p = stpcpy(p, "}\n");
    if (r == 0) r = buf_put(head, tail, (size_t)(p - tail));
    if (r < 0) return r;
    char *at = (char *)(uintptr_t)buf_data(head);
    parts[0] = (struct iovec){at, before};
    parts[1] = (struct iovec){(void *)(uintptr_t)scan_ptr(e->scan, e->payload), e->payload->len};
    parts[2] = (struct iovec){at + before, head->len - before};
    return 0;
}

uint32_t wire_dropped(uint64_t count, uint64_t first_seq, uint64_t last_seq, char *out) {
    int n = snprintf(out, 256,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/hooks/dropped\",\"params\":{\"count\":%" PRIu64
                     ",\"first_seq\":%" PRIu64 ",\"last_seq\":%" PRIu64 "}}\n",
                     count, first_seq, last_seq);
    return (uint32_t)n;
}
