/* jsonfile.h — JSON documents from files and memory, through jansson: schemas, and manifests in JSON.
 *
 * Duplicate keys are refused, and nesting beyond 128 levels. An integer beyond 64 bits becomes a real, as DESIGN §3
 * wants for payloads; one beyond the double range is refused. */
#ifndef HOOKCAST_REGISTRY_JSONFILE_H
#define HOOKCAST_REGISTRY_JSONFILE_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/schema.h"

/* *jp is new. Returns 0, -EINVAL (with line and column), -ENOMEM, or -errno when the file cannot be read. */
int jsonfile_load(const char *path, json_t **jp, struct err *e);
int jsonfile_parse(const char *file, const char *text, size_t len, json_t **jp, struct err *e);

/* Compile the schema in a file, from its text: numbers keep every digit, and problems have line and column. Returns
 * what schema_compile_text() and textfile_read() do. */
int jsonfile_compile(const char *path, const struct schema_options *o, struct schema **schemap, struct err *e);

/* Nesting of a value: 1 for a scalar; counting stops at `limit`. */
unsigned jsonfile_depth(const json_t *j, unsigned limit);

#endif
