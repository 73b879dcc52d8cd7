#include "ctl/table.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "ctl/screen.h"

enum { GAP = 2 };

struct cell {
    char *text; /* owned, clean */
    size_t width;
    enum style style;
};

struct table {
    const struct table_column *columns;
    size_t n_columns;
    struct cell *cells;
    size_t n, cap;
    bool lost;
};

struct table *table_new(const struct table_column *columns, size_t n) {
    struct table *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->columns = columns;
    t->n_columns = n;
    return t;
}

struct table *table_free(struct table *t) {
    if (!t) return NULL;
    for (size_t i = 0; i < t->n; i++) free(t->cells[i].text);
    free(t->cells);
    free(t);
    return NULL;
}

static bool grow(struct table *t) {
    if (t->n < t->cap) return true;
    size_t cap = t->cap ? t->cap * 2 : 64;
    struct cell *p = reallocarray(t->cells, cap, sizeof *p);
    if (!p) return false;
    t->cells = p;
    t->cap = cap;
    return true;
}

static char *clean_copy(const char *text) {
    struct buf b = BUF_INIT(0);
    char *copy = NULL;
    if (screen_clean(&b, text, strlen(text)) == 0 && buf_cstr(&b)) copy = strdup(buf_data(&b));
    buf_deinit(&b);
    return copy;
}

void table_put(struct table *t, enum style style, const char *text) {
    if (!t) return;
    char *copy = grow(t) ? clean_copy(text && text[0] ? text : "-") : NULL;
    if (!copy) {
        t->lost = true;
        return;
    }
    t->cells[t->n++] = (struct cell){.text = copy, .width = screen_width(copy, strlen(copy)), .style = style};
}

void table_putf(struct table *t, enum style style, const char *fmt, ...) {
    struct buf b = BUF_INIT(0);
    va_list ap;
    va_start(ap, fmt);
    int r = buf_vputf(&b, fmt, ap);
    va_end(ap);
    const char *text = r == 0 ? buf_cstr(&b) : NULL;
    if (text)
        table_put(t, style, text);
    else if (t)
        t->lost = true;
    buf_deinit(&b);
}

static void pad(FILE *out, size_t n) {
    if (n) (void)fprintf(out, "%*s", (int)n, "");
}

static void print_text(FILE *out, const char *text, enum style style, bool colour) {
    (void)fprintf(out, "%s%s%s", style_on(style, colour), text, style_off(style, colour));
}

/* `fill` is what the text lacks to the column's width. */
static void print_cell(const struct table *t, FILE *out, size_t col, const struct cell *c, size_t fill, bool colour) {
    if (t->columns[col].right) pad(out, fill);
    print_text(out, c->text, c->style, colour);
    if (col + 1 < t->n_columns) pad(out, GAP + (t->columns[col].right ? 0 : fill));
}

static void print_titles(const struct table *t, FILE *out, const size_t *width, bool colour) {
    for (size_t i = 0; i < t->n_columns; i++) {
        const char *title = t->columns[i].title;
        size_t fill = width[i] - strlen(title);
        if (t->columns[i].right) pad(out, fill);
        print_text(out, title, STYLE_HEAD, colour);
        if (i + 1 < t->n_columns) pad(out, GAP + (t->columns[i].right ? 0 : fill));
    }
    (void)fputc('\n', out);
}

int table_print(const struct table *t, FILE *out, unsigned indent, bool colour) {
    if (!t || t->lost) return -ENOMEM;
    cleanup_free size_t *width = calloc(t->n_columns, sizeof *width);
    if (!width) return -ENOMEM;
    bool titles = t->columns[0].title != NULL;
    for (size_t i = 0; titles && i < t->n_columns; i++) width[i] = strlen(t->columns[i].title);
    for (size_t i = 0; i < t->n; i++)
        if (t->cells[i].width > width[i % t->n_columns]) width[i % t->n_columns] = t->cells[i].width;

    if (titles) {
        pad(out, indent);
        print_titles(t, out, width, colour);
    }
    for (size_t i = 0; i < t->n; i++) {
        size_t col = i % t->n_columns;
        if (col == 0) pad(out, indent);
        print_cell(t, out, col, &t->cells[i], width[col] - t->cells[i].width, colour);
        if (col + 1 == t->n_columns) (void)fputc('\n', out);
    }
    return 0;
}
