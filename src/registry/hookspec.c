#include "registry/hookspec.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/suggest.h"
#include "registry/jsonfile.h"
#include "registry/keytable.h"
#include "registry/paths.h"
#include "registry/strv.h"
#include "registry/version.h"
#include "registry/yamldoc.h"

static const char *const dispatch_words[] = {[DISPATCH_SINGLETON] = "singleton",
                                             [DISPATCH_BROADCAST_COLLECT] = "broadcast_collect",
                                             [DISPATCH_BROADCAST_NOTIFY] = "broadcast_notify",
                                             [DISPATCH_CHAIN] = "chain",
                                             [DISPATCH_CAPABILITY] = "capability",
                                             NULL};
_Static_assert(ARRAY_LEN(dispatch_words) == DISPATCHES + 1, "a word per dispatch class");

static const char default_template[] = "{kind}.{plugin}.{hook}";

const char *dispatch_name(enum dispatch d) { return dispatch_words[d]; }

bool hookspec_name_valid(const char *s) {
    if (!islower((unsigned char)*s)) return false;
    for (; *s; s++)
        if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '_') return false;
    return true;
}

/* ---- readers ---- */

/* What the readers below share; begins with the struct they are handed. */
struct spec_reader {
    struct key_reader keys;
    const char *root, *dir;
    struct hookspec *spec;
    bool format_assertion;
};

static void read_kind(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    key_string(r, n, f, slot);
    const char *s = *(char **)slot;
    char q[YAMLDOC_QUOTE_MAX];
    if (s && !hookspec_name_valid(s))
        keys_bad(r, n, "kind: %s must begin with a-z and hold only a-z, 0-9 and _", yamldoc_quote(s, q));
}

static void read_version(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct hookspec *spec = ((struct spec_reader *)r)->spec;
    cleanup_free char *text = NULL;
    key_string(r, n, f, &text);
    if (!text) return;
    char q[YAMLDOC_QUOTE_MAX];
    int code = version_major(text, &spec->major, slot);
    if (code == -ENOMEM)
        r->nomem = r->bad = true;
    else if (code < 0)
        keys_bad(r, n, "kind_api_version: expected a version such as 1.0.0, got %s", yamldoc_quote(text, q));
}

static void read_hook_name(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    key_string(r, n, f, slot);
    const char *s = *(char **)slot;
    char q[YAMLDOC_QUOTE_MAX];
    if (!s) return;
    if (!hookspec_name_valid(s))
        keys_bad(r, n, "name: %s must begin with a-z and hold only a-z, 0-9 and _", yamldoc_quote(s, q));
    else if (strcmp(s, "initialize") == 0 || strcmp(s, "ping") == 0)
        keys_bad(r, n, "name: \"%s\" is a method of MCP and cannot name a hook", s);
}

/* Placeholders: {kind}, {plugin}, {hook}, and no other brace. */
static void read_template(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    static const char *const known[] = {"kind", "plugin", "hook", NULL};
    key_string(r, n, f, slot);
    for (const char *p = *(char **)slot; p && (p = strpbrk(p, "{}")); p++) {
        size_t len = *p == '{' ? strcspn(p + 1, "{}") : 0;
        char word[32] = "", hint[64];
        if (len < sizeof word) memcpy(word, p + 1, len);
        if (*p == '{' && p[1 + len] == '}' && key_word_index(known, word) >= 0) {
            p += 1 + len;
            continue;
        }
        keys_bad(r, n, "mcp_tool_name_template: only {kind}, {plugin} and {hook} can be filled in%s",
                 suggest_hint(*word ? key_nearest(known, word) : NULL, hint, sizeof hint));
        return;
    }
}

/* Another hook of this spec that reads the same file; NULL when this is the first. */
static const struct hook *same_file(const struct hookspec *spec, const struct hook *h) {
    for (const struct hook *x = spec->hooks; x < h; x++)
        if (str_equal(x->schema_path, h->schema_path)) return x;
    return NULL;
}

static void read_schema(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    const struct spec_reader *sr = (const struct spec_reader *)r;
    struct hook *h = slot;
    cleanup_free char *rel = NULL;
    key_string(r, n, f, &rel);
    if (!rel) return;
    struct err e;
    int code = path_below(sr->root, sr->dir, rel, &h->schema_path, &e);
    if (code < 0) {
        if (code == -ENOMEM)
            r->nomem = r->bad = true;
        else
            keys_bad(r, n, "input_schema: %s", e.text);
        return;
    }
    const struct hook *first = same_file(sr->spec, h);
    if (first) { /* told already if it was bad */
        h->schema = json_incref(first->schema);
        return;
    }
    code = jsonfile_load(h->schema_path, &h->schema, &e);
    if (code < 0) {
        keys_report_file(r, n, f->key, code, &e);
    } else if (!json_is_object(h->schema) && !json_is_boolean(h->schema)) {
        r->bad = true;
        errs_addf(r->errs, h->schema_path, 1, 1, "a JSON Schema must be an object, true or false");
    }
}

#define AT(member) offsetof(struct hook, member)
static const struct key hook_keys[] = {
    {.key = "name", .read = read_hook_name, .offset = AT(name), .required = true},
    {.key = "dispatch", .read = key_word, .offset = AT(dispatch), .required = true, .words = dispatch_words},
    {.key = "description", .read = key_text, .offset = AT(description)},
    {.key = "input_schema", .read = read_schema},
    {.key = "mcp_exposed", .read = key_bool, .offset = AT(mcp_exposed)},
    {.key = "mcp_tool_name_template", .read = read_template, .offset = AT(tool_template)},
};
#undef AT
static const struct key_table hook_table = {hook_keys, ARRAY_LEN(hook_keys)};

static void read_hook(struct spec_reader *sr, const struct yamldoc_node *n) {
    struct hookspec *spec = sr->spec;
    struct hook *h = &spec->hooks[spec->n_hooks++];
    const struct key entry = {.key = "hooks", .sub = &hook_table};
    key_map(&sr->keys, n, &entry, h);
    if (!h->tool_template && !(h->tool_template = strdup(default_template))) sr->keys.nomem = sr->keys.bad = true;
    if (!h->name) return;
    int first = hookspec_find(spec, h->name, strlen(h->name));
    char q[YAMLDOC_QUOTE_MAX];
    if (&spec->hooks[first] != h)
        keys_bad(&sr->keys, n, "hooks: %s is defined twice (hooks %d and %zu of the list)", yamldoc_quote(h->name, q),
                 first + 1, spec->n_hooks);
}

static void read_hooks(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct spec_reader *sr = (struct spec_reader *)r;
    (void)slot;
    struct err e;
    int code = yamldoc_list(r->doc, n, &e);
    if (code < 0) {
        keys_report(r, f->key, code, &e);
        return;
    }
    if (n->n == 0) {
        keys_bad(r, n, "hooks: a kind needs at least one hook");
        return;
    }
    sr->spec->hooks = calloc(n->n, sizeof *sr->spec->hooks);
    if (!sr->spec->hooks) {
        r->nomem = r->bad = true;
        return;
    }
    for (size_t i = 0; i < n->n; i++) read_hook(sr, n->items[i]);
}

static void read_format_assertion(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    (void)slot;
    key_bool(r, n, f, &((struct spec_reader *)r)->format_assertion);
}

#define AT(member) offsetof(struct hookspec, member)
static const struct key spec_keys[] = {
    {.key = "kind", .read = read_kind, .offset = AT(kind), .required = true},
    {.key = "kind_api_version", .read = read_version, .offset = AT(version), .required = true},
    {.key = "description", .read = key_text, .offset = AT(description)},
    {.key = "format_assertion", .read = read_format_assertion},
    {.key = "hooks", .read = read_hooks, .required = true},
};
#undef AT
static const struct key_table spec_table = {spec_keys, ARRAY_LEN(spec_keys)};

/* ---- compiling ---- */

static int compile_schema(struct spec_reader *sr, struct hook *h, struct err *e) {
    const struct hook *first = same_file(sr->spec, h);
    if (first) {
        h->compiled = first->compiled;
        return 0;
    }
    const struct schema_options o = {.root = sr->root, .format_assertion = sr->format_assertion};
    struct schema **slot = &sr->spec->schemas[sr->spec->n_schemas];
    int code = jsonfile_compile(h->schema_path, &o, slot, e);
    if (code < 0) return code;
    h->compiled = *slot;
    sr->spec->n_schemas++;
    return 0;
}

/* format_assertion may stand behind the hooks, so this comes last. */
static void compile_schemas(struct spec_reader *sr) {
    struct hookspec *spec = sr->spec;
    if (!spec->n_hooks || sr->keys.nomem) return;
    spec->schemas = calloc(spec->n_hooks, sizeof *spec->schemas);
    if (!spec->schemas) {
        sr->keys.nomem = sr->keys.bad = true;
        return;
    }
    for (struct hook *h = spec->hooks; h < spec->hooks + spec->n_hooks; h++) {
        struct err e = {0};
        h->format_assertion = sr->format_assertion;
        int code = json_is_object(h->schema) || json_is_boolean(h->schema) ? compile_schema(sr, h, &e) : 0;
        if (code == -ENOMEM) {
            sr->keys.nomem = sr->keys.bad = true;
        } else if (code < 0) {
            sr->keys.bad = true;
            errs_add(sr->keys.errs, &e);
        }
    }
}

/* ---- the object ---- */

struct hookspec *hookspec_free(struct hookspec *h) {
    if (!h) return NULL;
    for (size_t i = 0; i < h->n_hooks; i++) {
        free(h->hooks[i].name);
        free(h->hooks[i].description);
        free(h->hooks[i].schema_path);
        free(h->hooks[i].tool_template);
        json_decref(h->hooks[i].schema);
    }
    for (size_t i = 0; i < h->n_schemas; i++) (void)schema_free(h->schemas[i]);
    free(h->schemas);
    free(h->hooks);
    free(h->kind);
    free(h->version);
    free(h->description);
    free(h->path);
    free(h);
    return NULL;
}

static struct hookspec *no_memory(struct hookspec *h, const char *path, struct errs *errs) {
    errs_addf(errs, path, 0, 0, "%s", err_str(ENOMEM));
    return hookspec_free(h);
}

static struct hookspec *read_document(const struct yamldoc *doc, const char *path, const char *root,
                                      struct errs *errs) {
    struct hookspec *h = calloc(1, sizeof *h);
    cleanup_free char *dir = path_dir(path);
    if (!h || !dir || !(h->path = strdup(path))) return no_memory(h, path, errs);
    struct spec_reader sr = {.keys = {.doc = doc, .errs = errs}, .root = root, .dir = dir, .spec = h};
    struct err e;
    if (yamldoc_map(doc, yamldoc_root(doc), &e) < 0) {
        errs_addf(errs, e.file, e.line, e.col, "a hookspec is a map of keys: %s", e.text);
        return hookspec_free(h);
    }
    const struct key_layer layer = {.table = &spec_table, .base = h};
    keys_read(&sr.keys, yamldoc_root(doc), &layer, 1);
    compile_schemas(&sr);
    if (sr.keys.nomem) return no_memory(h, path, errs);
    if (sr.keys.bad) return hookspec_free(h);
    return h;
}

struct hookspec *hookspec_load(const char *path, const char *root, struct errs *errs) {
    struct yamldoc *doc = NULL;
    struct err e;
    if (yamldoc_load(path, &doc, &e) < 0) {
        errs_add(errs, &e);
        return NULL;
    }
    struct hookspec *h = read_document(doc, path, root, errs);
    yamldoc_free(doc);
    return h;
}

int hookspec_find(const struct hookspec *h, const char *name, size_t len) {
    for (size_t i = 0; i < h->n_hooks; i++) {
        const char *s = h->hooks[i].name;
        if (s && strncmp(s, name, len) == 0 && s[len] == '\0') return (int)i;
    }
    return -1;
}

const char *hookspec_nearest(const struct hookspec *h, const char *name, size_t len) {
    struct suggest s;
    suggest_init(&s, name, len);
    for (size_t i = 0; i < h->n_hooks; i++) suggest_offer(&s, h->hooks[i].name);
    return s.best;
}

bool hookspec_equal(const struct hookspec *a, const struct hookspec *b) {
    if (strcmp(a->kind, b->kind) != 0 || strcmp(a->version, b->version) != 0 || a->n_hooks != b->n_hooks ||
        !str_equal(a->description, b->description))
        return false;
    for (size_t i = 0; i < a->n_hooks; i++) {
        const struct hook *x = &a->hooks[i], *y = &b->hooks[i];
        if (strcmp(x->name, y->name) != 0 || x->dispatch != y->dispatch || x->mcp_exposed != y->mcp_exposed ||
            x->format_assertion != y->format_assertion || strcmp(x->tool_template, y->tool_template) != 0 ||
            !str_equal(x->description, y->description) || !str_equal(x->schema_path, y->schema_path))
            return false;
        if (x->schema != y->schema && !json_equal(x->schema, y->schema)) return false;
    }
    return true;
}
