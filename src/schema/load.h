/* load.h — from a URI to a document: the bundled meta-schemas, the maps, the files below the root. Never the network.
 *
 * Paths are canonicalised (symbolic links followed) before they are compared with the directory they must lie in. */
#ifndef HOOKCAST_SCHEMA_LOAD_H
#define HOOKCAST_SCHEMA_LOAD_H

#include "schema/registry.h"

/* The root and the maps of the options, canonicalised. A directory that is not there is an error. */
int load_places(struct registry *g, const struct schema_options *o, struct err *e);

/* A file that has an $id in the form of an absolute URI lends it to its neighbours: what lies beside it is found under
 * the URI beside its $id too. 0 or -ENOMEM. */
int load_implied(struct registry *g, const struct document *doc, const char *id);

/* Find, read and index what `uri` names. As registry_find(). */
int load_uri(struct registry *g, const char *uri, struct err *e, struct resource **rp);

#endif
