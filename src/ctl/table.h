/* table.h — aligned columns, as wide as their content.
 *
 *     NAME     STATE     PID          label  value
 *     audit    ready    4711          (without titles: all of them NULL)
 *
 * Cells are put in reading order and are made harmless (screen.h) on the way in. Running out of memory is remembered
 * and reported by table_print(), so that filling needs no checks. */
#ifndef HOOKCAST_CTL_TABLE_H
#define HOOKCAST_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ctl/style.h"

struct table_column {
    const char *title; /* NULL: the table has no title line (the first column decides) */
    bool right;        /* numbers */
};

struct table;

/* `columns` is borrowed and must outlive the table. NULL when out of memory; all verbs below accept NULL. */
struct table *table_new(const struct table_column *columns, size_t n);
struct table *table_free(struct table *t); /* returns NULL */

/* The next cell; its text is copied. NULL or "" becomes "-". */
void table_put(struct table *t, enum style style, const char *text);
void table_putf(struct table *t, enum style style, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Print all, each line after `indent` blanks and without blanks at its end. Returns 0, or -ENOMEM when a cell was lost
 * (then nothing is printed). */
int table_print(const struct table *t, FILE *out, unsigned indent, bool colour);

#endif
