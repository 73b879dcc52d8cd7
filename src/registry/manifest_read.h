/* manifest_read.h — the pieces of manifest_load(): seen by manifest*.c only. */
#ifndef HOOKCAST_REGISTRY_MANIFEST_READ_H
#define HOOKCAST_REGISTRY_MANIFEST_READ_H

#include "registry/keytable.h"
#include "registry/manifest.h"

/* What the readers are handed; begins with the struct that keys_read() knows. */
struct manifest_reader {
    struct key_reader keys;
    struct manifest *m;
};

static inline struct manifest *manifest_of(struct key_reader *r) { return ((struct manifest_reader *)r)->m; }

/* The keys below `hookcast:` but for the settings (manifest_hookcast.c). Their slots are in struct manifest. */
extern const struct key_table manifest_hookcast_table;
/* Reads the whole of `hookcast:`: these keys and the settings. */
key_read_fn manifest_read_hookcast;

/* config: and config_schema: (manifest_config.c); and whether the one fits the other, the last of manifest_admit()'s
 * checks: 0, with `refusal` set if it does not, or -ENOMEM. */
key_read_fn manifest_read_config;
key_read_fn manifest_read_config_schema;
int manifest_admit_config(struct manifest *m);

/* rlimits: and cgroup: (manifest_limits.c). */
key_read_fn manifest_read_rlimits;
key_read_fn manifest_read_cpu_max;

#endif
