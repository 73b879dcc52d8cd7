#include "fanout/topics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "rpc/wire.h"

static void topic_deinit(struct topic *t) {
    for (size_t i = 0; i < t->n_encodings; i++) encoding_deinit(&t->encodings[i]);
    free(t->encodings);
}

static void kind_deinit(struct topics_kind *k) {
    for (size_t i = 0; k->topics && i < k->spec->n_hooks; i++) topic_deinit(&k->topics[i]);
    free(k->topics);
    free(k->by_name);
    free(k->natives.v);
    k->log = backlog_free(k->log);
}

struct topics *topics_free(struct topics *t) {
    if (!t) return NULL;
    for (size_t i = 0; i < t->n; i++) kind_deinit(&t->kinds[i]);
    for (size_t i = 0; i < t->n_retired; i++) (void)backlog_free(t->retired[i]);
    free(t->retired);
    free(t->kinds);
    free(t);
    return NULL;
}

static int by_hook_name(const void *a, const void *b, void *ctx) {
    const struct hookspec *spec = ctx;
    return strcmp(spec->hooks[*(const uint32_t *)a].name, spec->hooks[*(const uint32_t *)b].name);
}

static int kind_init(struct topics_kind *k, const struct hookspec *spec, const char *run, struct memory *m,
                     void (*wanted)(void *), void *ctx) {
    k->spec = spec;
    k->kind_len = strlen(spec->kind);
    k->log = backlog_new(m, wanted, ctx);
    k->topics = calloc(spec->n_hooks + 1, sizeof *k->topics);
    k->by_name = calloc(spec->n_hooks + 1, sizeof *k->by_name);
    if (!k->log || !k->topics || !k->by_name) return -ENOMEM;
    for (uint32_t i = 0; i < spec->n_hooks; i++) {
        struct topic *t = &k->topics[i];
        *t = (struct topic){.spec = spec,
                            .hook = i,
                            .kind = k,
                            .name_len = strlen(spec->hooks[i].name),
                            .encodings = calloc(1, sizeof *t->encodings)};
        k->by_name[i] = i;
        if (!t->encodings) return -ENOMEM;
        t->n_encodings = 1;
        int r = encoding_init_native(&t->encodings[0], spec->kind, spec->hooks[i].name, run, k->log);
        if (r < 0) return r;
    }
    qsort_r(k->by_name, spec->n_hooks, sizeof *k->by_name, by_hook_name, (void *)(uintptr_t)spec);
    return 0;
}

struct topics *topics_new(const struct catalog *c, const char *run, struct memory *m, void (*wanted)(void *),
                          void *ctx) {
    struct topics *t = calloc(1, sizeof *t);
    if (t) t->kinds = calloc(c->n_specs + 1, sizeof *t->kinds);
    if (!t || !t->kinds) {
        free(t);
        return NULL;
    }
    t->run = run;
    t->memory = m;
    t->wanted = wanted;
    t->ctx = ctx;
    for (; t->n < c->n_specs; t->n++)
        if (kind_init(&t->kinds[t->n], c->specs[t->n], run, m, wanted, ctx) < 0) {
            t->n++;
            return topics_free(t);
        }
    return t;
}

static int compare(const char *name, size_t n, const char *key, size_t len) {
    int r = memcmp(name, key, n < len ? n : len); /* a key may hold NULs */
    return r ? r : (n > len) - (n < len);
}

/* The last (newest) entry of a kind. */
static const struct topics_kind *newest(const struct topics *t, const char *kind, size_t len) {
    size_t lo = 0, hi = t->n; /* kinds[0 .. lo) <= kind */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (compare(t->kinds[mid].spec->kind, t->kinds[mid].kind_len, kind, len) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    const struct topics_kind *k = lo ? &t->kinds[lo - 1] : NULL;
    return k && compare(k->spec->kind, k->kind_len, kind, len) == 0 ? k : NULL;
}

static int no_kind(const struct topics *t, const char *kind, size_t len, struct err *e) {
    struct suggest s;
    char hint[96];
    suggest_init(&s, kind, len);
    for (size_t i = 0; i < t->n; i++) suggest_offer(&s, t->kinds[i].spec->kind);
    int show = len > 64 ? 64 : (int)len;
    return err_set(e, TOPICS_E_KIND, "unknown kind \"%.*s\"%s", show, kind, suggest_hint(s.best, hint, sizeof hint));
}

static int no_hook(const struct topics_kind *k, const char *hook, size_t len, struct err *e) {
    struct suggest s;
    char hint[96];
    suggest_init(&s, hook, len);
    for (size_t i = 0; i < k->spec->n_hooks; i++) suggest_offer(&s, k->spec->hooks[i].name);
    int show = len > 64 ? 64 : (int)len;
    return err_set(e, TOPICS_E_HOOK, "kind \"%s\" has no hook \"%.*s\"%s", k->spec->kind, show, hook,
                   suggest_hint(s.best, hint, sizeof hint));
}

static struct topic *find_hook(const struct topics_kind *k, const char *hook, size_t len) {
    size_t lo = 0, hi = k->spec->n_hooks;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        struct topic *t = &k->topics[k->by_name[mid]];
        int c = compare(k->spec->hooks[t->hook].name, t->name_len, hook, len);
        if (c == 0) return t;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* The entry of k's kind whose major is nearest, of two the newer; `k` is the newest. */
static const struct topics_kind *nearest_major(const struct topics *t, const struct topics_kind *k, unsigned major) {
    const struct topics_kind *best = k;
    for (const char *kind = k->spec->kind; k >= t->kinds && strcmp(k->spec->kind, kind) == 0; k--) {
        unsigned m = k->spec->major, b = best->spec->major;
        if ((m > major ? m - major : major - m) < (b > major ? b - major : major - b)) best = k;
        if (k == t->kinds) break;
    }
    return best;
}

/* Events of one hook often follow each other. */
static bool is_last(const struct topics *t, const char *kind, size_t kind_len, int major, const char *hook,
                    size_t hook_len) {
    const struct topic *l = t->last.topic;
    return l && t->last.major == major && l->name_len == hook_len && l->kind->kind_len == kind_len &&
           memcmp(l->spec->hooks[l->hook].name, hook, hook_len) == 0 && memcmp(l->spec->kind, kind, kind_len) == 0;
}

int topics_find(struct topics *t, const char *kind, size_t kind_len, int major, const char *hook, size_t hook_len,
                struct topic **topicp, struct err *e) {
    if (is_last(t, kind, kind_len, major, hook, hook_len)) {
        *topicp = t->last.topic;
        return 0;
    }
    const struct topics_kind *k = newest(t, kind, kind_len);
    if (!k) return no_kind(t, kind, kind_len, e);
    if (major >= 0) k = nearest_major(t, k, (unsigned)major);
    if (major >= 0 && k->spec->major != (unsigned)major)
        return err_set(e, TOPICS_E_MAJOR, "kind \"%s\" is not served with kind_api_version %d; the nearest is %u",
                       k->spec->kind, major, k->spec->major);
    struct topic *found = find_hook(k, hook, hook_len);
    if (!found) return no_hook(k, hook, hook_len, e);
    *topicp = found;
    t->last.topic = found;
    t->last.major = major;
    return 0;
}

static struct topics_kind *kind_of(const struct topics *t, const struct hookspec *spec) {
    for (size_t i = 0; i < t->n; i++)
        if (t->kinds[i].spec == spec) return &t->kinds[i];
    return NULL;
}

/* The encoding of a topic for a tool (NULL: the native one), made when there is none yet. NULL: out of memory. */
static struct encoding *encoding_for(struct topics *ts, struct topic *t, const char *tool, const char *meta) {
    for (size_t i = 0; i < t->n_encodings; i++)
        if (encoding_is(&t->encodings[i], tool, meta)) return &t->encodings[i];
    struct encoding *p = reallocarray(t->encodings, t->n_encodings + 1, sizeof *p);
    if (!p) return NULL;
    t->encodings = p;
    struct encoding *e = &p[t->n_encodings];
    struct backlog *log = backlog_new(ts->memory, ts->wanted, ts->ctx);
    if (encoding_init_tool_take(e, t->spec->kind, t->spec->hooks[t->hook].name, ts->run, tool, meta, log) < 0) {
        encoding_deinit(e);
        return NULL;
    }
    t->n_encodings++;
    return e;
}

static int enter(struct topics *ts, struct topic *t, struct subscriber *s) {
    struct encoding *e = encoding_for(ts, t, s->tools ? s->tools[t->hook] : NULL, s->tool_meta);
    return e ? hearers_add(&e->hearers, s) : -ENOMEM;
}

int topics_enter(struct topics *t, struct subscriber *s) {
    topics_leave(t, s);
    struct topics_kind *k = kind_of(t, s->spec);
    if (k && !s->tools && hearers_add(&k->natives, s) < 0) return -ENOMEM;
    s->hooks = 0;
    for (size_t i = 0; k && i < k->spec->n_hooks && i < TOPICS_MASK; i++)
        if (s->hears[i]) s->hooks |= UINT64_C(1) << i;
    for (size_t i = 0; k && i < k->spec->n_hooks; i++)
        if (s->hears[i] && enter(t, &k->topics[i], s) < 0) {
            topics_leave(t, s);
            return -ENOMEM;
        }
    return 0;
}

void topics_leave(struct topics *t, struct subscriber *s) {
    struct topics_kind *k = kind_of(t, s->spec);
    if (k) hearers_remove(&k->natives, s);
    for (size_t i = 0; k && i < k->spec->n_hooks; i++) {
        struct topic *topic = &k->topics[i];
        for (size_t j = 0; j < topic->n_encodings; j++) hearers_remove(&topic->encodings[j].hearers, s);
    }
}

struct backlog *topics_log(const struct topics *t, const struct hookspec *spec) {
    const struct topics_kind *k = kind_of(t, spec);
    return k ? k->log : NULL;
}

static void trim_tools(const struct topics_kind *k) {
    for (size_t i = 0; i < k->spec->n_hooks; i++)
        for (size_t j = 1; j < k->topics[i].n_encodings; j++) backlog_trim(k->topics[i].encodings[j].log);
}

void topics_trim(struct topics *t) {
    for (size_t i = 0; i < t->n; i++) {
        backlog_trim(t->kinds[i].log);
        trim_tools(&t->kinds[i]);
    }
}

static struct topics_kind *kind_like(const struct topics *t, const struct hookspec *spec) {
    for (size_t i = 0; i < t->n; i++)
        if (t->kinds[i].spec->major == spec->major && strcmp(t->kinds[i].spec->kind, spec->kind) == 0)
            return &t->kinds[i];
    return NULL;
}

/* Room for all that may have to retire: what has, and every log of `from`. */
int topics_reserve(struct topics *t, const struct topics *from) {
    size_t n = from->n_retired + from->n;
    for (size_t i = 0; i < from->n; i++)
        for (size_t j = 0; j < from->kinds[i].spec->n_hooks; j++) n += from->kinds[i].topics[j].n_encodings;
    t->retired = calloc(n + 1, sizeof(*t->retired));
    return t->retired ? 0 : -ENOMEM;
}

static void retire(struct topics *t, struct backlog *log) {
    if (backlog_oldest(log))
        t->retired[t->n_retired++] = log;
    else
        (void)backlog_free(log);
}

/* The logs of tools: what is queued there is still read; whoever hears a hook by a tool enters a new one. */
static void retire_tools(struct topics *t, struct topics_kind *k) {
    for (size_t i = 0; i < k->spec->n_hooks; i++)
        for (size_t j = 1; j < k->topics[i].n_encodings; j++) {
            retire(t, k->topics[i].encodings[j].log);
            k->topics[i].encodings[j].log = NULL;
        }
}

void topics_inherit_take(struct topics *t, struct topics *from) {
    for (size_t i = 0; i < from->n_retired; i++) retire(t, from->retired[i]);
    from->n_retired = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct topics_kind *k = &t->kinds[i], *old = kind_like(from, k->spec);
        if (!old) continue;
        (void)backlog_free(k->log);
        k->log = old->log;
        old->log = NULL;
        for (size_t j = 0; j < k->spec->n_hooks; j++) k->topics[j].encodings[0].log = k->log;
    }
    for (size_t i = 0; i < from->n; i++) {
        retire_tools(t, &from->kinds[i]);
        if (from->kinds[i].log) retire(t, from->kinds[i].log);
        from->kinds[i].log = NULL;
    }
    (void)topics_free(from);
}
