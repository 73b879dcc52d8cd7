/* keytable.h — reading a map of keys into a struct through one table: key -> reader, place in the struct, bounds.
 *
 * The tables of the configuration, of hookspecs and of manifests are all of this kind. A table is what is documented
 * and what did-you-mean chooses from; every problem in a map is reported, not just the first. Strings and arrays stored
 * are new and belong to the struct, also when reading failed half-way: its owner frees them as usual. */
#ifndef HOOKCAST_REGISTRY_KEYTABLE_H
#define HOOKCAST_REGISTRY_KEYTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "registry/yamldoc.h"

struct key_reader {
    const struct yamldoc *doc;
    struct errs *errs;
    bool bad;   /* something was wrong; it is in errs */
    bool nomem; /* out of memory: what was read is incomplete */
};

struct key;
struct key_table {
    const struct key *keys;
    size_t n;
};

/* Reads one value into `slot` (base + key->offset), or reports through keys_bad() and leaves it alone. */
typedef void key_read_fn(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot);

struct key {
    const char *key; /* one that ends in '*' stands for every key that begins so */
    key_read_fn *read;
    size_t offset;
    bool required;               /* a missing key or an empty value is reported */
    uint64_t min, max;           /* what they count depends on the reader */
    const char *const *words;    /* key_word: the words, NULL-terminated; their index is stored */
    const struct key_table *sub; /* key_map: the table of the map inside */
};

/* A map may be read through several tables at once, each with its own struct. */
struct key_layer {
    const struct key_table *table;
    void *base;
};

/* Everything in `map`: unknown keys are errors with did-you-mean; an empty value of an optional key counts as absent.
 */
void keys_read(struct key_reader *r, const struct yamldoc_node *map, const struct key_layer *layers, size_t n_layers);

/* Report a problem at a node; it is an error unless the table's owner decides otherwise. */
void keys_bad(struct key_reader *r, const struct yamldoc_node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Report what a yamldoc_ function said, with the key in front; -ENOMEM sets nomem instead. */
void keys_report(struct key_reader *r, const char *key, int code, const struct err *e);

/* The same for what was said about a file that the value names: with that file's own line, else at the value. */
void keys_report_file(struct key_reader *r, const struct yamldoc_node *at, const char *key, int code,
                      const struct err *e);

/* Readers. The slot's type is in brackets. */
key_read_fn key_string;   /* [char *] not empty */
key_read_fn key_text;     /* [char *] may be empty */
key_read_fn key_strings;  /* [char **] a list of strings that are not empty, none twice */
key_read_fn key_u32;      /* [uint32_t] min..max */
key_read_fn key_u64;      /* [uint64_t] min..max */
key_read_fn key_bool;     /* [bool] */
key_read_fn key_size;     /* [uint64_t] bytes, min..max */
key_read_fn key_duration; /* [nsec_t] nanoseconds, min..max */
key_read_fn key_seconds;  /* [nsec_t] from a bare number of seconds; nanoseconds, min..max */
key_read_fn key_word;     /* [unsigned or an enum] index in words */
key_read_fn key_map;      /* [the struct that `sub` describes] */
key_read_fn key_ignore;   /* any value, stored nowhere */

/* Index of a word, or -1. */
int key_word_index(const char *const *words, const char *s);

/* The nearest word, or NULL. `words` is NULL-terminated. */
const char *key_nearest(const char *const *words, const char *s);

#endif
