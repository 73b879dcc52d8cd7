#include "registry/keytable.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "registry/strv.h"

void keys_bad(struct key_reader *r, const struct yamldoc_node *at, const char *fmt, ...) {
    struct err e;
    va_list ap;
    va_start(ap, fmt);
    (void)err_vat(&e, 0, yamldoc_file(r->doc), at->line, at->col, fmt, ap);
    va_end(ap);
    errs_add(r->errs, &e);
    r->bad = true;
}

void keys_report(struct key_reader *r, const char *key, int code, const struct err *e) {
    r->bad = true;
    if (code == -ENOMEM) {
        r->nomem = true;
        return;
    }
    errs_addf(r->errs, e->file, e->line, e->col, "%s: %s", key, e->text);
}

void keys_report_file(struct key_reader *r, const struct yamldoc_node *at, const char *key, int code,
                      const struct err *e) {
    r->bad = true;
    if (code == -ENOMEM)
        r->nomem = true;
    else if (e->line)
        errs_add(r->errs, e);
    else
        keys_bad(r, at, "%s: %s: %s", key, e->file, e->text);
}

static bool key_matches(const char *pattern, const char *key) {
    size_t n = strlen(pattern);
    if (n && pattern[n - 1] == '*') return strncmp(pattern, key, n - 1) == 0 && key[n - 1];
    return strcmp(pattern, key) == 0;
}

static const struct key *find(const struct key_table *t, const char *key) {
    for (size_t i = 0; i < t->n; i++)
        if (key_matches(t->keys[i].key, key)) return &t->keys[i];
    return NULL;
}

/* A key of a map inside this one, at the wrong level: "event_max_size" for "limits.event_max_size". */
static bool find_inside(const struct key_table *t, const char *key, char *out, size_t cap) {
    for (size_t i = 0; i < t->n; i++) {
        const struct key_table *sub = t->keys[i].sub;
        if (!sub || !find(sub, key)) continue;
        (void)snprintf(out, cap, " (did you mean \"%s.%s\"?)", t->keys[i].key, key);
        return true;
    }
    return false;
}

static void unknown_key(struct key_reader *r, const struct yamldoc_node *key, const struct key_layer *layers,
                        size_t n_layers) {
    char q[YAMLDOC_QUOTE_MAX], hint[160] = "";
    struct suggest s;
    suggest_init(&s, key->text, strlen(key->text));
    for (size_t l = 0; l < n_layers; l++) {
        if (find_inside(layers[l].table, key->text, hint, sizeof hint)) break;
        for (size_t i = 0; i < layers[l].table->n; i++) suggest_offer(&s, layers[l].table->keys[i].key);
    }
    if (!*hint) (void)suggest_hint(s.best, hint, sizeof hint);
    keys_bad(r, key, "unknown key %s%s", yamldoc_quote(key->text, q), hint);
}

static void missing_keys(struct key_reader *r, const struct yamldoc_node *map, const struct key_layer *layer) {
    for (size_t i = 0; i < layer->table->n; i++) {
        const struct key *f = &layer->table->keys[i];
        if (!f->required) continue;
        const struct yamldoc_node *n = yamldoc_get(map, f->key);
        if (!n)
            keys_bad(r, map, "required key \"%s\" is missing", f->key);
        else if (n->type == YAMLDOC_NULL)
            keys_bad(r, n, "required key \"%s\" has no value", f->key);
    }
}

void keys_read(struct key_reader *r, const struct yamldoc_node *map, const struct key_layer *layers, size_t n_layers) {
    for (size_t i = 0; i < map->n; i++) {
        const struct key *f = NULL;
        size_t l = 0;
        for (; l < n_layers && !f; l++) f = find(layers[l].table, map->keys[i]->text);
        if (!f)
            unknown_key(r, map->keys[i], layers, n_layers);
        else if (map->items[i]->type != YAMLDOC_NULL)
            f->read(r, map->items[i], f, (char *)layers[l - 1].base + f->offset);
    }
    for (size_t l = 0; l < n_layers; l++) missing_keys(r, map, &layers[l]);
}

int key_word_index(const char *const *words, const char *s) {
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], s) == 0) return i;
    return -1;
}

const char *key_nearest(const char *const *words, const char *s) {
    size_t n = 0;
    while (words[n]) n++;
    return suggest_nearest(s, words, n);
}

/* ---- readers ---- */

static void store_string(struct key_reader *r, const char *s, void *slot) {
    char *copy = strdup(s);
    if (!copy) {
        r->nomem = r->bad = true;
        return;
    }
    *(char **)slot = copy;
}

void key_text(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct err e;
    const char *s;
    int code = yamldoc_string(r->doc, n, &s, &e);
    if (code < 0)
        keys_report(r, f->key, code, &e);
    else
        store_string(r, s, slot);
}

void key_string(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    if (n->type == YAMLDOC_SCALAR && !*n->text)
        keys_bad(r, n, "%s: must not be empty", f->key);
    else
        key_text(r, n, f, slot);
}

void key_strings(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct err e;
    int code = yamldoc_list(r->doc, n, &e);
    if (code < 0) {
        keys_report(r, f->key, code, &e);
        return;
    }
    char **v = NULL;
    for (size_t i = 0; i < n->n; i++) {
        const char *s;
        char q[YAMLDOC_QUOTE_MAX];
        code = yamldoc_string(r->doc, n->items[i], &s, &e);
        if (code < 0) {
            keys_report(r, f->key, code, &e);
        } else if (!*s) {
            keys_bad(r, n->items[i], "%s: an entry must not be empty", f->key);
        } else if (strv_has(v, s)) {
            keys_bad(r, n->items[i], "%s: %s is listed twice", f->key, yamldoc_quote(s, q));
        } else if (strv_push_take(&v, strdup(s)) < 0) {
            r->nomem = r->bad = true;
            break;
        }
    }
    *(char ***)slot = v;
}

void key_u64(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct err e;
    int code = yamldoc_int(r->doc, n, f->min, f->max, slot, &e);
    if (code < 0) keys_report(r, f->key, code, &e);
}

void key_u32(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct err e;
    uint64_t v = 0;
    int code = yamldoc_int(r->doc, n, f->min, f->max < UINT32_MAX ? f->max : UINT32_MAX, &v, &e);
    if (code < 0)
        keys_report(r, f->key, code, &e);
    else
        *(uint32_t *)slot = (uint32_t)v;
}

void key_bool(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct err e;
    int code = yamldoc_bool(r->doc, n, slot, &e);
    if (code < 0) keys_report(r, f->key, code, &e);
}

void key_size(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct err e;
    int code = yamldoc_size(r->doc, n, f->min, f->max, slot, &e);
    if (code < 0) keys_report(r, f->key, code, &e);
}

void key_duration(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct err e;
    int code = yamldoc_duration(r->doc, n, (nsec_t)f->min, (nsec_t)f->max, slot, &e);
    if (code < 0) keys_report(r, f->key, code, &e);
}

void key_seconds(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct err e;
    int code = yamldoc_seconds(r->doc, n, (nsec_t)f->min, (nsec_t)f->max, slot, &e);
    if (code < 0) keys_report(r, f->key, code, &e);
}

void key_word(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    int i = n->type == YAMLDOC_SCALAR ? key_word_index(f->words, n->text) : -1;
    if (i >= 0) {
        *(unsigned *)slot = (unsigned)i;
        return;
    }
    char all[256] = "", hint[96], q[YAMLDOC_QUOTE_MAX];
    for (size_t w = 0, o = 0; f->words[w] && o < sizeof all; w++)
        o += (size_t)snprintf(all + o, sizeof all - o, "%s%s", w ? ", " : "", f->words[w]);
    (void)suggest_hint(n->type == YAMLDOC_SCALAR ? key_nearest(f->words, n->text) : NULL, hint, sizeof hint);
    keys_bad(r, n, "%s: expected one of %s, got %s%s", f->key, all, yamldoc_show(n, q), hint);
}

void key_map(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct err e;
    int code = yamldoc_map(r->doc, n, &e);
    if (code < 0) {
        keys_report(r, f->key, code, &e);
        return;
    }
    const struct key_layer layer = {.table = f->sub, .base = slot};
    keys_read(r, n, &layer, 1);
}

void key_ignore(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    (void)r;
    (void)n;
    (void)f;
    (void)slot;
}
