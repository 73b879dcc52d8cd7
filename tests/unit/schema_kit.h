/* schema_kit.h — compile a schema from text, hold a text against it: for the tests of src/schema. */
#ifndef HOOKCAST_TESTS_SCHEMA_KIT_H
#define HOOKCAST_TESTS_SCHEMA_KIT_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "json/scan.h"
#include "schema/schema.h"

enum { KIT_DEPTH = 128 };

__attribute__((unused)) static int kit_try_compile(const char *text, const struct schema_options *o, struct schema **sp,
                                                   struct err *e) {
    return schema_compile_text(text, strlen(text), "t.json", o, sp, e);
}

__attribute__((unused)) static struct schema *kit_compile(const char *text, const struct schema_options *o) {
    static const struct schema_options plain;
    struct schema *s = NULL;
    struct err e = {0};
    int r = kit_try_compile(text, o ? o : &plain, &s, &e);
    ck_assert_msg(r == 0, "%d: %s: %.300s", r, e.text, text);
    ck_assert_ptr_nonnull(s);
    return s;
}

/* Validate one text. `errors` may be NULL. */
__attribute__((unused)) static int kit_validate(const struct schema *s, struct schema_run *run, const char *text,
                                                size_t len, struct buf *errors) {
    struct scan scan;
    scan_init(&scan, KIT_DEPTH);
    int r = scan_text(&scan, text, len);
    ck_assert_msg(r == 0, "the test's instance cannot be scanned (%d): %.200s", r, text);
    r = schema_validate(s, run, &scan, scan_root(&scan), errors);
    scan_deinit(&scan);
    return r;
}

/* `piece` n times between `head` and `tail`. New. */
__attribute__((unused)) static char *kit_repeat(const char *head, const char *piece, size_t n, const char *tail) {
    struct buf b = BUF_INIT(0);
    ck_assert_int_eq(buf_puts(&b, head), 0);
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(buf_puts(&b, piece), 0);
    ck_assert_int_eq(buf_puts(&b, tail), 0);
    ck_assert_ptr_nonnull(buf_cstr(&b));
    return b.mem;
}

#endif
