/* validate.h — the verb `validate`: JSON documents against a JSON Schema, as the daemon holds payloads against theirs.
 *
 * One line on stdout per document, in the order given: {"valid":bool,"errors":[...]} with JSON Schema's basic output.
 * What is neither valid nor invalid (a limit was reached, a number beyond the double range) is printed as not valid,
 * with "reason". What is no JSON is printed so, too, and told on stderr with its place. */
#ifndef HOOKCAST_CTL_VALIDATE_H
#define HOOKCAST_CTL_VALIDATE_H

#include "ctl/options.h"

/* 0: all valid; 1: not; 65: the schema or a document cannot be read. */
int validate_run(const struct options *o);

/* `check FILE` for a schema on its own: 0, or 78 with the problem on stderr as file:line:column: message. */
int validate_schema_alone(const char *path);

#endif
