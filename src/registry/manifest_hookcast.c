/* `hookcast:` — this daemon's own keys of a manifest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "registry/manifest_read.h"

static const char *const protocol_words[] = {[PROTOCOL_MCP] = "mcp", [PROTOCOL_JSONRPC] = "jsonrpc", NULL};
_Static_assert(ARRAY_LEN(protocol_words) == PROTOCOLS + 1, "a word per protocol");

static void read_hooks(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    struct manifest *m = manifest_of(r);
    m->hooks_given = true;
    m->hooks_line = n->line;
    m->hooks_col = n->col;
    key_strings(r, n, f, slot);
}

static void read_tools(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    (void)slot;
    struct manifest *m = manifest_of(r);
    struct err e;
    int code = yamldoc_map(r->doc, n, &e);
    if (code < 0) {
        keys_report(r, f->key, code, &e);
        return;
    }
    m->tools = calloc(n->n ? n->n : 1, sizeof *m->tools);
    if (!m->tools) {
        r->nomem = r->bad = true;
        return;
    }
    for (size_t i = 0; i < n->n; i++) {
        struct manifest_tool *t = &m->tools[m->n_tools++];
        const struct key entry = {.key = "tools"};
        if (n->items[i]->type == YAMLDOC_NULL)
            keys_bad(r, n->keys[i], "tools: a hook needs the name of a tool");
        else
            key_string(r, n->items[i], &entry, &t->tool);
        if (!(t->hook = strdup(n->keys[i]->text))) r->nomem = r->bad = true;
    }
}

/* Names of files in one directory. */
static void read_credentials(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    key_strings(r, n, f, slot);
    for (char **c = *(char ***)slot; c && *c; c++) {
        char q[YAMLDOC_QUOTE_MAX];
        if (strchr(*c, '/') || strcmp(*c, ".") == 0 || strcmp(*c, "..") == 0 || strlen(*c) > 255)
            keys_bad(r, n, "credentials: %s is not the name of a credential", yamldoc_quote(*c, q));
    }
}

#define AT(member) offsetof(struct manifest, member)

/* As in settings.c, offsets of the map inside count from struct manifest. */
static const struct key cgroup_keys[] = {
    {.key = "memory_max", .read = key_size, .offset = AT(cgroup.memory_max), .min = 4096, .max = 1ull << 50},
    {.key = "pids_max", .read = key_u64, .offset = AT(cgroup.pids_max), .min = 1, .max = 1u << 30},
    {.key = "cpu_max", .read = manifest_read_cpu_max, .offset = AT(cgroup.cpu_max)},
};
static const struct key_table cgroup_table = {cgroup_keys, ARRAY_LEN(cgroup_keys)};

static const struct key hookcast_keys[] = {
    {.key = "protocol", .read = key_word, .offset = AT(protocol), .words = protocol_words},
    {.key = "hooks", .read = read_hooks, .offset = AT(hooks)},
    {.key = "tools", .read = read_tools},
    {.key = "user", .read = key_string, .offset = AT(user)},
    {.key = "rlimits", .read = manifest_read_rlimits},
    {.key = "cgroup", .read = key_map, .sub = &cgroup_table},
    {.key = "credentials", .read = read_credentials, .offset = AT(credentials)},
    {.key = "tools_in_flight_max", .read = key_u32, .offset = AT(tools_in_flight_max), .min = 1, .max = 1000000},
};
const struct key_table manifest_hookcast_table = {hookcast_keys, ARRAY_LEN(hookcast_keys)};

/* RLIMIT_NPROC counts every process of the uid: without a user of its own a plugin would be limited by its neighbours.
 */
static void check_nproc(struct key_reader *r, const struct yamldoc_node *map) {
    const struct manifest *m = manifest_of(r);
    const struct yamldoc_node *rlimits = yamldoc_get(map, "rlimits");
    const struct yamldoc_node *nproc = rlimits ? yamldoc_get(rlimits, "nproc") : NULL;
    if (nproc && !m->user)
        keys_bad(r, nproc, "nproc: needs \"user\" beside it, since it counts the processes of a user, not of a plugin");
}

void manifest_read_hookcast(struct key_reader *r, const struct yamldoc_node *n, const struct key *f, void *slot) {
    (void)slot;
    struct manifest *m = manifest_of(r);
    struct err e;
    int code = yamldoc_map(r->doc, n, &e);
    if (code < 0) {
        keys_report(r, f->key, code, &e);
        return;
    }
    const struct key_layer layers[] = {{.table = &manifest_hookcast_table, .base = m},
                                       {.table = &settings_table, .base = &m->settings}};
    keys_read(r, n, layers, ARRAY_LEN(layers));
    check_nproc(r, n);
}
