/* metaschema.h — the meta-schemas of draft 2020-12, bundled: a $ref to one of them never leaves the program. */
#ifndef HOOKCAST_SCHEMA_METASCHEMA_H
#define HOOKCAST_SCHEMA_METASCHEMA_H

/* The text of the meta-schema with this URI; NULL when it is none of them. */
const char *metaschema_text(const char *uri);

#endif
