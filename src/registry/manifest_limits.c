/* `rlimits:` and `cgroup:`'s cpu_max. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/suggest.h"
#include "registry/manifest_read.h"

enum limit_unit { UNIT_COUNT, UNIT_BYTES, UNIT_SECONDS };

static const struct limit {
    const char *key;
    int resource;
    enum limit_unit unit;
} limits[] = {
    {"nofile", RLIMIT_NOFILE, UNIT_COUNT}, {"nproc", RLIMIT_NPROC, UNIT_COUNT},     {"as", RLIMIT_AS, UNIT_BYTES},
    {"core", RLIMIT_CORE, UNIT_BYTES},     {"cpu", RLIMIT_CPU, UNIT_SECONDS},       {"data", RLIMIT_DATA, UNIT_BYTES},
    {"fsize", RLIMIT_FSIZE, UNIT_BYTES},   {"memlock", RLIMIT_MEMLOCK, UNIT_BYTES}, {"stack", RLIMIT_STACK, UNIT_BYTES},
};

const char *manifest_rlimit_name(int resource) {
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        if (limits[i].resource == resource) return limits[i].key;
    return "";
}

static const struct limit *find_limit(const char *key) {
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        if (strcmp(limits[i].key, key) == 0) return &limits[i];
    return NULL;
}

static void unknown_limit(struct key_reader *r, const struct yamldoc_node *key) {
    char q[YAMLDOC_QUOTE_MAX], hint[64];
    struct suggest s;
    suggest_init(&s, key->text, strlen(key->text));
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) suggest_offer(&s, limits[i].key);
    keys_bad(r, key, "rlimits: unknown limit %s%s", yamldoc_quote(key->text, q),
             suggest_hint(s.best, hint, sizeof hint));
}

static int read_value(struct key_reader *r, const struct limit *l, const struct yamldoc_node *n, uint64_t *vp,
                      struct err *e) {
    if (n->type == YAMLDOC_SCALAR && strcmp(n->text, "unlimited") == 0) {
        *vp = RLIM_INFINITY;
        return 0;
    }
    const uint64_t max = (uint64_t)1 << 62;
    nsec_t ns;
    int code = 0;
    switch (l->unit) {
        case UNIT_COUNT:
            return yamldoc_int(r->doc, n, l->resource == RLIMIT_NOFILE ? 8 : 1, 1u << 30, vp, e);
        case UNIT_BYTES:
            return yamldoc_size(r->doc, n, 0, max, vp, e);
        case UNIT_SECONDS:
            if (yamldoc_int(r->doc, n, 1, 1u << 30, vp, NULL) == 0) return 0;
            code = yamldoc_duration(r->doc, n, NSEC_PER_SEC, (nsec_t)1000000000 * NSEC_PER_SEC, &ns, e);
            if (code == 0) *vp = (uint64_t)(ns / NSEC_PER_SEC);
            return code;
    }
    return -EINVAL;
}

void manifest_read_rlimits(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    (void)slot;
    struct manifest *m = manifest_of(r);
    struct err e;
    int code = yamldoc_map(r->doc, n, &e);
    if (code < 0) {
        keys_report(r, f->key, code, &e);
        return;
    }
    m->rlimits = calloc(n->n ? n->n : 1, sizeof *m->rlimits);
    if (!m->rlimits) {
        r->nomem = r->bad = true;
        return;
    }
    for (size_t i = 0; i < n->n; i++) {
        const struct limit *l = find_limit(n->keys[i]->text);
        uint64_t v = 0;
        if (!l)
            unknown_limit(r, n->keys[i]);
        else if ((code = read_value(r, l, n->items[i], &v, &e)) < 0)
            keys_report(r, l->key, code, &e);
        else
            m->rlimits[m->n_rlimits++] = (struct manifest_rlimit){.resource = l->resource, .value = v};
    }
}

/* "50%", "150%": of one CPU; fractions allowed. At least 1 % (the kernel's least), at most 1,024 CPUs. */
void manifest_read_cpu_max(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    char q[YAMLDOC_QUOTE_MAX];
    double v = 0;
    if (n->type == YAMLDOC_SCALAR && isdigit((unsigned char)n->text[0])) {
        size_t len = strspn(n->text, "0123456789.");
        char *end = NULL;
        v = strtod(n->text, &end);
        if (end != n->text + len || strcmp(end, "%") != 0) v = 0;
    }
    if (v < 1 || v > 102400)
        keys_bad(r, n, "%s: expected a percentage of one CPU such as 50%%, from 1%% to 102400%%, got %s", f->key,
                 yamldoc_show(n, q));
    else
        *(double *)slot = v / 100;
}
