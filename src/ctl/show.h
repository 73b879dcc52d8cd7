/* show.h — the verbs that ask the control socket and print: list, status, kinds.
 *
 * Each returns an exit code; messages are already told. With --json the daemon's result goes to stdout as one line (of
 * one plugin: its row; of one kind: the list with only that kind). */
#ifndef HOOKCAST_CTL_SHOW_H
#define HOOKCAST_CTL_SHOW_H

#include <jansson.h>
#include <stdbool.h>

#include "ctl/options.h"
#include "ctl/table.h"

int show_list(const struct options *o);
int show_status(const struct options *o);
int show_kinds(const struct options *o);

/* Shared by them. */

/* One call of the control socket. Returns 0 with *resultp new, or an exit code. */
int show_ask(const struct options *o, const char *method, json_t **resultp);

/* Print and free a table; `t` may be NULL (out of memory). Returns an exit code. */
int show_table(struct table *t, unsigned indent);

/* "no plugin is called x (did you mean y?)"; the names are `key` of each element of `array`. Returns EXIT_REFUSED. */
int show_unknown(const char *what, const char *name, const json_t *array, const char *key);

/* One plugin in full. Returns an exit code. */
int show_plugin(const json_t *row);

#endif
