/* answer.h — one JSON-RPC response of the daemon, taken apart and, when it is a refusal, told to a person.
 *
 * Unknown members are ignored; what is not a response (a notification) is recognised as such. */
#ifndef HOOKCAST_CTL_ANSWER_H
#define HOOKCAST_CTL_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { ANSWER_E_NONE = 1 /* a message, but no response */, ANSWER_E_BROKEN = 2 /* not JSON-RPC */ };

struct answer {
    bool has_id; /* false: id is null, the daemon could not read the request */
    int64_t id;
    json_t *result, *error; /* owned; exactly one is set */
};

/* Read a line. Returns 0, ANSWER_E_NONE, or ANSWER_E_BROKEN with the sentence in `e`; *a is untouched then. */
int answer_parse(const char *line, size_t len, struct answer *a, struct err *e);
void answer_deinit(struct answer *a); /* twice is harmless */

/* Tell a refusal on stderr: the message, data.reason, and one line for each of data.errors. `what` comes first
 * ("line 7: "). */
void answer_say_error(const json_t *error, const char *what);

/* Print a value as one line of JSON on stdout. */
void answer_print_json(const json_t *value);

#endif
