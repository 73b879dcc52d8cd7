#include "ctl/options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/suggest.h"
#include "base/units.h"

enum { TIMEOUT_DEFAULT_S = 10 };

struct verb_row {
    const char *name, *synopsis, *summary;
    size_t args_min, args_max;
    const char *args; /* what is missing, or what there is at most */
};

static const struct verb_row verbs[VERBS] = {
    [VERB_NONE] = {.name = ""},
    [VERB_CHECK] = {.name = "check",
                    .synopsis = "check [FILE|DIR]",
                    .summary = "validate configuration, hookspecs and plugin manifests",
                    .args_max = 1,
                    .args = "at most one FILE or DIR"},
    [VERB_EMIT] = {.name = "emit",
                   .synopsis = "emit KIND HOOK [key=string | key:=json]... | --payload JSON | --stdin",
                   .summary = "publish an event, or a stream of them",
                   .args_min = 2,
                   .args_max = SIZE_MAX,
                   .args = "a KIND and a HOOK"},
    [VERB_KINDS] = {.name = "kinds",
                    .synopsis = "kinds [KIND]",
                    .summary = "show the kinds of plugin and their hooks",
                    .args_max = 1,
                    .args = "at most one KIND"},
    [VERB_LIST] = {.name = "list", .synopsis = "list", .summary = "show all plugins", .args = "no arguments"},
    [VERB_MCP] = {.name = "mcp",
                  .synopsis = "mcp",
                  .summary = "serve MCP on standard input and output: exposed hooks are tools",
                  .args = "no arguments"},
    [VERB_RELOAD] = {.name = "reload",
                     .synopsis = "reload",
                     .summary =
                         "read configuration, hookspecs and plugins again; refused as a whole if anything is wrong",
                     .args = "no arguments"},
    [VERB_RESTART] = {.name = "restart",
                      .synopsis = "restart NAME",
                      .summary = "end a plugin and start it again; its queue is kept",
                      .args_min = 1,
                      .args_max = 1,
                      .args = "a NAME"},
    [VERB_START] = {.name = "start",
                    .synopsis = "start NAME",
                    .summary = "start a plugin that was stopped or given up",
                    .args_min = 1,
                    .args_max = 1,
                    .args = "a NAME"},
    [VERB_STATUS] = {.name = "status",
                     .synopsis = "status [NAME]",
                     .summary = "show how the daemon, or one plugin, is doing",
                     .args_max = 1,
                     .args = "at most one NAME"},
    [VERB_STOP] = {.name = "stop",
                   .synopsis = "stop NAME",
                   .summary = "end a plugin; what is queued for it is dropped",
                   .args_min = 1,
                   .args_max = 1,
                   .args = "a NAME"},
    [VERB_VALIDATE] = {.name = "validate",
                       .synopsis = "validate SCHEMA.json [INSTANCE.json... | --stdin] [--schema-dir URI=DIR]...",
                       .summary = "hold JSON documents against a JSON Schema",
                       .args_min = 1,
                       .args_max = SIZE_MAX,
                       .args = "a SCHEMA.json"},
};

enum option_type { OPTION_FLAG, OPTION_STRING, OPTION_SECONDS, OPTION_LIST };

#define FOR(v) (1u << (v))
#define FOR_COMMANDS (FOR(VERB_RELOAD) | FOR(VERB_RESTART) | FOR(VERB_START) | FOR(VERB_STOP))
#define FOR_ASKING (FOR(VERB_EMIT) | FOR(VERB_KINDS) | FOR(VERB_LIST) | FOR(VERB_STATUS) | FOR_COMMANDS)
#define FOR_ALL (FOR_ASKING | FOR(VERB_CHECK) | FOR(VERB_MCP) | FOR(VERB_VALIDATE))

struct option_row {
    const char *name;
    enum option_type type;
    unsigned verbs; /* FOR(v) | ... */
    size_t offset;  /* of the slot in struct options */
    const char *help_arg, *help;
    size_t count; /* of a list: the offset of its length */
};

#define SLOT(field) .offset = offsetof(struct options, field)

static const struct option_row options[] = {
    {"--payload", OPTION_STRING, FOR(VERB_EMIT), SLOT(payload), "JSON", "the payload, a JSON object"},
    {"--stdin", OPTION_FLAG, FOR(VERB_EMIT) | FOR(VERB_VALIDATE), SLOT(from_stdin), "",
     "one payload (validate: document) a line from standard input"},
    {"--meta", OPTION_LIST, FOR(VERB_EMIT), SLOT(metas), "key=value",
     "metadata of the event (key:=json too); repeatable", offsetof(struct options, n_metas)},
    {"--wait", OPTION_FLAG, FOR(VERB_EMIT), SLOT(wait), "", "wait until it is delivered to every plugin"},
    {"--quiet", OPTION_FLAG, FOR(VERB_EMIT), SLOT(quiet), "", "print nothing but errors"},
    {"--schema-dir", OPTION_LIST, FOR(VERB_VALIDATE), SLOT(schema_dirs), "URI=DIR",
     "read what is referred to below URI from DIR; repeatable", offsetof(struct options, n_schema_dirs)},
    {"--timeout", OPTION_SECONDS, FOR_ASKING | FOR(VERB_MCP), SLOT(timeout), "SECONDS",
     "wait so long for an answer (default 10; for a command to a plugin 30)"},
    {"--runtime-dir", OPTION_STRING, FOR_ALL, SLOT(runtime_dir), "DIR", "where the daemon's sockets are"},
    {"--json", OPTION_FLAG, FOR_ASKING | FOR(VERB_VALIDATE), SLOT(json), "", "print results as JSON, one a line"},
    {"--help", OPTION_FLAG, FOR_ALL, SLOT(help), "", "show this help"},
    {"--version", OPTION_FLAG, FOR_ALL, SLOT(version), "", "show the version"},
};

static const struct option_row *find_option(const char *arg, size_t len) {
    if (len == 2 && memcmp(arg, "-h", 2) == 0) return find_option("--help", strlen("--help"));
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (strlen(options[i].name) == len && memcmp(options[i].name, arg, len) == 0) return &options[i];
    return NULL;
}

static int unknown_option(const char *arg, size_t len, struct err *e) {
    char hint[160];
    struct suggest s;
    suggest_init(&s, arg, len);
    for (size_t i = 0; i < ARRAY_LEN(options); i++) suggest_offer(&s, options[i].name);
    return err_set(e, -EINVAL, "unknown option \"%.*s\"%s", (int)(len < 64 ? len : 64), arg,
                   suggest_hint(s.best, hint, sizeof hint));
}

static int unknown_verb(const char *arg, struct err *e) {
    const char *names[VERBS];
    for (size_t i = 0; i < VERBS; i++) names[i] = verbs[i].name;
    char hint[160];
    return err_set(e, -EINVAL, "unknown command \"%.64s\"%s", arg,
                   suggest_hint(suggest_nearest(arg, names, VERBS), hint, sizeof hint));
}

/* "2.5" means seconds, "500ms" what it says. */
static int parse_seconds(const char *value, nsec_t *outp, struct err *e) {
    char text[64];
    size_t n = strlen(value);
    bool bare = n > 0 && isdigit((unsigned char)value[n - 1]);
    if (n + 2 > sizeof text || (size_t)snprintf(text, sizeof text, "%s%s", value, bare ? "s" : "") >= sizeof text)
        return err_set(e, -EINVAL, "--timeout: \"%.40s...\" is too long", value);
    nsec_t ns;
    struct err why = {0};
    if (units_parse_duration(text, &ns, &why) < 0) return err_set(e, -EINVAL, "--timeout: %s", why.text);
    if (ns <= 0 || ns > 24 * 3600 * NSEC_PER_SEC)
        return err_set(e, -EINVAL, "--timeout: \"%s\" is not between 1ms and 24h", value);
    *outp = ns;
    return 0;
}

static int set_option(struct options *o, const struct option_row *row, const char *value, struct err *e) {
    char *slot = (char *)o + row->offset;
    switch (row->type) {
        case OPTION_FLAG:
            *(bool *)slot = true;
            return 0;
        case OPTION_STRING:
            *(const char **)(void *)slot = value;
            return 0;
        case OPTION_SECONDS:
            o->timeout_given = true;
            return parse_seconds(value, (nsec_t *)(void *)slot, e);
        case OPTION_LIST:
            (*(const char ***)(void *)slot)[(*(size_t *)(void *)((char *)o + row->count))++] = value;
            return 0;
    }
    return 0;
}

/* One `--name`, `--name VALUE` or `--name=VALUE` at argv[*ip]; steps over the value. */
static int take_option(int argc, char **argv, int *ip, struct options *o, unsigned *seen, struct err *e) {
    const char *arg = argv[*ip];
    size_t len = strcspn(arg, "=");
    const struct option_row *row = find_option(arg, len);
    if (!row) return unknown_option(arg, len, e);
    const char *value = arg[len] == '=' ? arg + len + 1 : NULL;
    if (row->type == OPTION_FLAG) {
        if (value) return err_set(e, -EINVAL, "%s takes no value", row->name);
    } else if (!value) {
        if (*ip + 1 >= argc) return err_set(e, -EINVAL, "%s needs a value: %s %s", row->name, row->name, row->help_arg);
        value = argv[++*ip];
    }
    *seen |= 1u << (row - options);
    return set_option(o, row, value, e);
}

static int check_emit(const struct options *o, struct err *e) {
    int sources = (o->payload != NULL) + o->from_stdin + (o->n_args > 2);
    if (sources > 1)
        return err_set(e, -EINVAL, "give the payload once: as key=value arguments, by --payload or by --stdin");
    return 0;
}

static int check_validate(const struct options *o, struct err *e) {
    if (o->from_stdin && o->n_args > 1) return err_set(e, -EINVAL, "give the documents once: as files or by --stdin");
    for (size_t i = 0; i < o->n_schema_dirs; i++) {
        const char *eq = strchr(o->schema_dirs[i], '=');
        if (!eq || eq == o->schema_dirs[i] || !eq[1])
            return err_set(e, -EINVAL, "--schema-dir: \"%s\" is not URI=DIR", o->schema_dirs[i]);
    }
    return 0;
}

static int check_verb(const struct options *o, unsigned seen, struct err *e) {
    const struct verb_row *v = &verbs[o->verb];
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if ((seen & 1u << i) && !(options[i].verbs & FOR(o->verb)))
            return err_set(e, -EINVAL, "%s does not go with \"%s\"", options[i].name, v->name);
    if (o->help || o->version) return 0;
    if (o->n_args < v->args_min || o->n_args > v->args_max)
        return err_set(e, -EINVAL, "\"%s\" takes %s: hookcastctl %s", v->name, v->args, v->synopsis);
    if (o->verb == VERB_VALIDATE) return check_validate(o, e);
    return o->verb == VERB_EMIT ? check_emit(o, e) : 0;
}

static int take_word(struct options *o, const char *word, struct err *e) {
    if (o->verb != VERB_NONE) {
        o->args[o->n_args++] = word;
        return 0;
    }
    for (size_t i = VERB_NONE + 1; i < VERBS; i++)
        if (strcmp(verbs[i].name, word) == 0) o->verb = (enum verb)i;
    return o->verb == VERB_NONE ? unknown_verb(word, e) : 0;
}

static int parse(int argc, char **argv, struct options *o, struct err *e) {
    static_assert(ARRAY_LEN(options) <= 32, "`seen` has a bit per option");
    unsigned seen = 0;
    bool words_only = false;
    for (int i = 1; i < argc; i++) {
        int r;
        if (!words_only && strcmp(argv[i], "--") == 0) {
            words_only = true;
            continue;
        }
        if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0')
            r = take_option(argc, argv, &i, o, &seen, e);
        else
            r = take_word(o, argv[i], e);
        if (r < 0) return r;
    }
    if (o->verb != VERB_NONE) return check_verb(o, seen, e);
    if (o->help || o->version) return 0;
    return err_set(e, -EINVAL, "no command given");
}

int options_parse(int argc, char **argv, struct options *o, struct err *e) {
    struct options t = {.timeout = TIMEOUT_DEFAULT_S * NSEC_PER_SEC};
    size_t room = argc > 0 ? (size_t)argc : 1;
    t.metas = calloc(room, sizeof *t.metas);
    t.schema_dirs = calloc(room, sizeof *t.schema_dirs);
    t.args = calloc(room, sizeof *t.args);
    int r =
        t.metas && t.schema_dirs && t.args ? parse(argc, argv, &t, e) : err_sys(e, ENOMEM, "reading the command line");
    if (r < 0) {
        options_deinit(&t);
        return r;
    }
    *o = t;
    return 0;
}

void options_deinit(struct options *o) {
    free(o->metas);
    free(o->schema_dirs);
    free(o->args);
    o->metas = o->schema_dirs = o->args = NULL;
    o->n_metas = o->n_schema_dirs = o->n_args = 0;
}

int options_runtime_dir(const struct options *o, bool root, const char *xdg_runtime_dir, char *out, size_t cap,
                        struct err *e) {
    int n;
    if (o->runtime_dir && o->runtime_dir[0])
        n = snprintf(out, cap, "%s", o->runtime_dir);
    else if (o->runtime_dir)
        return err_set(e, -EINVAL, "--runtime-dir must not be empty");
    else if (root)
        n = snprintf(out, cap, "/run/hookcast");
    else if (xdg_runtime_dir && xdg_runtime_dir[0])
        n = snprintf(out, cap, "%s/hookcast", xdg_runtime_dir);
    else
        return err_set(e, -EINVAL,
                       "XDG_RUNTIME_DIR is not set: say with --runtime-dir DIR where the daemon's sockets are");
    if (n < 0 || (size_t)n >= cap) return err_set(e, -ENAMETOOLONG, "the runtime directory's name is too long");
    return 0;
}

static void help_options(enum verb verb, FILE *out) {
    (void)fputs("\nOptions:\n", out);
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const struct option_row *row = &options[i];
        if (verb == VERB_NONE ? !(row->verbs & ~(FOR(VERB_EMIT) | FOR(VERB_VALIDATE))) : !(row->verbs & FOR(verb)))
            continue;
        char left[40];
        (void)snprintf(left, sizeof left, "%s %s", row->name, row->help_arg);
        (void)fprintf(out, "  %-20s %s\n", left, row->help);
    }
}

void options_help(enum verb verb, FILE *out) {
    if (verb != VERB_NONE) {
        (void)fprintf(out, "usage: hookcastctl %s\n\n%s\n", verbs[verb].synopsis, verbs[verb].summary);
        help_options(verb, out);
        return;
    }
    (void)fputs("usage: hookcastctl [--runtime-dir DIR] [--json] COMMAND ...\n\nCommands:\n", out);
    for (size_t i = VERB_NONE + 1; i < VERBS; i++) (void)fprintf(out, "  %-20s %s\n", verbs[i].name, verbs[i].summary);
    help_options(VERB_NONE, out);
    (void)fputs(
        "\n\"hookcastctl COMMAND --help\" shows a command's own options; hookcastctl(1) has the rest.\n"
        "Exit codes: 0 fine, 1 refused, 64 usage, 69 no daemon, 75 timed out.\n",
        out);
}
