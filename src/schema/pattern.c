#include "schema/pattern.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "schema/ecma.h"

#define MATCH_LIMIT 50000
#define HEAP_LIMIT 8192       /* KiB, without JIT */
#define STACK_MIN (32u << 10) /* of JIT code */
#define STACK_MAX (1u << 20)
#define TIME_MAX 3000000 /* ns; counted twice: see pattern_late() */

struct pattern {
    struct pattern *next;
    pcre2_code *code;
    size_t len;
    char text[];
};

struct pattern_run {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    int64_t since; /* monotonic; 0: nothing was searched yet */
    int64_t cpu;   /* processor time when the monotonic clock had run out; 0: it has not */
    unsigned starts;
};

/* ---- compiling ---- */

#define OPTIONS (PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C)

static pcre2_code *code_new(const struct buf *text, size_t skip, int *errorp, PCRE2_SIZE *offp) {
    pcre2_compile_context *c = pcre2_compile_context_create(NULL);
    *errorp = PCRE2_ERROR_NOMEMORY;
    if (!c) return NULL;
    (void)pcre2_set_compile_extra_options(c, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)buf_data(text) + skip, text->len - skip, OPTIONS, errorp, offp, c);
    pcre2_compile_context_free(c);
    return code;
}

/* A search that may start anywhere calls back at every start, so that its time can be seen to; the match limit counts
 * anew for each. An anchored one has one start, and where nothing is repeated a start costs next to nothing. */
static int code_compile(const struct buf *text, size_t skip, bool repeats, pcre2_code **codep, struct buf *why) {
    int error;
    PCRE2_SIZE off;
    uint32_t options = 0;
    pcre2_code *code = code_new(text, skip, &error, &off);
    if (code) {
        (void)pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
        if (repeats && !(options & PCRE2_ANCHORED)) {
            pcre2_code_free(code);
            code = code_new(text, 0, &error, &off);
        }
    }
    if (code) {
        (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without JIT it is slower, no more */
        *codep = code;
        return 0;
    }
    if (error == PCRE2_ERROR_NOMEMORY || error == PCRE2_ERROR_HEAP_FAILED) return -ENOMEM;
    if (error == PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH) {
        int r = why ? buf_puts(why, "a lookbehind of variable length is not supported") : 0;
        return r ? r : -ENOTSUP;
    }
    PCRE2_UCHAR message[160] = "";
    (void)pcre2_get_error_message(error, message, sizeof message);
    int r = why ? buf_puts(why, (const char *)message) : 0;
    return r ? r : -EINVAL;
}

int pattern_new(const char *p, size_t len, struct pattern **listp, struct buf *why) {
    static const char head[] = "(?C1)(?:";
    struct buf text = BUF_INIT(0), ignored = BUF_INIT(0);
    pcre2_code *code = NULL;
    bool repeats = false;
    int r = buf_puts(&text, head);
    if (!r) r = ecma_translate(p, len, &text, &repeats, why ? why : &ignored);
    if (!r) r = buf_put(&text, ")", 1);
    if (!r) r = code_compile(&text, sizeof head - 1 - 3, repeats, &code, why); /* from "(?:" on */
    buf_deinit(&text);
    buf_deinit(&ignored);
    if (r) return r;
    struct pattern *n = malloc(sizeof *n + len + 1);
    if (!n) {
        pcre2_code_free(code);
        return -ENOMEM;
    }
    *n = (struct pattern){.next = *listp, .code = code, .len = len};
    memcpy(n->text, p, len);
    n->text[len] = 0;
    *listp = n;
    return 0;
}

struct pattern *pattern_free_all(struct pattern *list) {
    while (list) {
        struct pattern *next = list->next;
        pcre2_code_free(list->code);
        free(list);
        list = next;
    }
    return NULL;
}

const char *pattern_text(const struct pattern *p) { return p->text; }

/* ---- searching ---- */

static int64_t clock_ns(clockid_t id) {
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Has the validation spent its time on patterns? The monotonic clock is cheap, but also counts when others run; so when
 * it has run out, as much processor time is given before the verdict. */
static bool pattern_late(struct pattern_run *r) {
    if (!r->cpu) {
        if (clock_ns(CLOCK_MONOTONIC) - r->since < TIME_MAX) return false;
        r->cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        return false;
    }
    return clock_ns(CLOCK_THREAD_CPUTIME_ID) - r->cpu > TIME_MAX;
}

static int at_start(pcre2_callout_block *block, void *data) {
    struct pattern_run *r = data;
    bool look = block->subject_length - block->current_position > 4096 || !(++r->starts & 15);
    return look && pattern_late(r) ? PCRE2_ERROR_MATCHLIMIT : 0;
}

struct pattern_run *pattern_run_new(void) {
    struct pattern_run *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->data = pcre2_match_data_create(1, NULL);
    r->context = pcre2_match_context_create(NULL);
    if (!r->data || !r->context) return pattern_run_free(r);
    (void)pcre2_set_match_limit(r->context, MATCH_LIMIT);
    (void)pcre2_set_heap_limit(r->context, HEAP_LIMIT);
    (void)pcre2_set_callout(r->context, at_start, r);
    r->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
    if (r->stack) pcre2_jit_stack_assign(r->context, NULL, r->stack);
    return r;
}

struct pattern_run *pattern_run_free(struct pattern_run *r) {
    if (!r) return NULL;
    pcre2_jit_stack_free(r->stack);
    pcre2_match_context_free(r->context);
    pcre2_match_data_free(r->data);
    free(r);
    return NULL;
}

void pattern_run_begin(struct pattern_run *r) {
    if (r) r->since = r->cpu = 0;
}

int pattern_search(const struct pattern *p, struct pattern_run *r, const char *text, size_t len) {
    if (!r->since) r->since = clock_ns(CLOCK_MONOTONIC);
    int rc = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, PCRE2_NO_UTF_CHECK, r->data, r->context);
    if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH) {
        if (pattern_late(r)) return PATTERN_E_LIMIT;
        return rc >= 0 ? PATTERN_MATCH : PATTERN_NO_MATCH;
    }
    return rc == PCRE2_ERROR_NOMEMORY ? -ENOMEM : PATTERN_E_LIMIT;
}
