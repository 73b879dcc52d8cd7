#include "ctl/validate.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/input.h"
#include "ctl/say.h"
#include "ctl/screen.h"
#include "json/text.h"
#include "rpc/line.h"
#include "schema/schema.h"

enum { DEPTH_MAX = 128, LINE_LONGEST = 64 * 1024 * 1024, READ_CHUNK = 64 * 1024 };

struct validate {
    struct schema *schema;
    struct schema_run *run;
    struct scan scan;
    struct buf text, errors; /* a file's bytes; one document's output */
    struct schema_map *maps;
    char **uris; /* owned, one per map */
    size_t n_maps;
    bool invalid, unreadable;
    int output_error; /* errno of a write to stdout that failed */
};

static int say_err(int code, const struct err *e) {
    char text[ERR_FORMAT_MAX];
    return say(code, "%s", err_format(e, text, sizeof text));
}

static void validate_deinit(struct validate *v) {
    v->schema = schema_free(v->schema);
    v->run = schema_run_free(v->run);
    scan_deinit(&v->scan);
    buf_deinit(&v->text);
    buf_deinit(&v->errors);
    for (size_t i = 0; v->uris && i < v->n_maps; i++) free(v->uris[i]);
    free(v->uris);
    free(v->maps);
}

/* ---- the schema ---- */

static int split_maps(struct validate *v, const struct options *o, struct err *e) {
    v->maps = calloc(o->n_schema_dirs + 1, sizeof *v->maps);
    v->uris = calloc(o->n_schema_dirs + 1, sizeof *v->uris);
    if (!v->maps || !v->uris) return err_sys(e, ENOMEM, "--schema-dir");
    for (size_t i = 0; i < o->n_schema_dirs; i++) {
        const char *text = o->schema_dirs[i], *eq = strchr(text, '=');
        v->uris[i] = strndup(text, (size_t)(eq - text));
        if (!v->uris[i]) return err_sys(e, ENOMEM, "--schema-dir");
        v->maps[i] = (struct schema_map){.uri = v->uris[i], .dir = eq + 1};
        v->n_maps++;
    }
    return 0;
}

/* What it refers to may lie beside or below it. */
static int read_schema(struct validate *v, const char *path, struct err *e) {
    int r = input_read(path, &v->text, e);
    if (r == 0) r = input_scan(&v->scan, path, 1, buf_data(&v->text), v->text.len, e);
    if (r != 0) return r < 0 ? r : -EINVAL;
    const char *slash = strrchr(path, '/');
    char root[PATH_MAX];
    (void)snprintf(root, sizeof root, "%.*s", slash ? (int)(slash - path) + (slash == path) : 1, slash ? path : ".");
    const struct schema_options o = {.root = root, .maps = v->maps, .n_maps = v->n_maps};
    return schema_compile_text(buf_data(&v->text), v->text.len, path, &o, &v->schema, e);
}

static int validate_init(struct validate *v, const struct options *o, const char *path, struct err *e) {
    *v = (struct validate){.text = BUF_INIT(0), .errors = BUF_INIT(0)};
    scan_init(&v->scan, DEPTH_MAX);
    v->run = schema_run_new();
    int r = v->run ? 0 : err_sys(e, ENOMEM, "%s", path);
    if (r == 0 && o) r = split_maps(v, o, e);
    return r == 0 ? read_schema(v, path, e) : r;
}

/* ---- one document ---- */

static int put_sentence(struct buf *out, const char *sentence) {
    buf_clear(out);
    int r = buf_puts(out, "[{\"instanceLocation\":\"\",\"keywordLocation\":\"\",\"error\":");
    if (r == 0) r = text_escape(out, sentence, strlen(sentence));
    return r < 0 ? r : buf_puts(out, "}]");
}

/* The line of what is not valid. `reason` tells what was not even decided. */
static int print_invalid(struct validate *v, const char *reason, const char *sentence) {
    int r = sentence ? put_sentence(&v->errors, sentence) : 0;
    if (r < 0) return r;
    (void)fputs("{\"valid\":false,\"errors\":", stdout);
    (void)fwrite(buf_data(&v->errors), 1, v->errors.len, stdout);
    if (reason) (void)fprintf(stdout, ",\"reason\":\"%s\"", reason);
    (void)fputs("}\n", stdout);
    return 0;
}

static int judge(struct validate *v) {
    int r = schema_validate(v->schema, v->run, &v->scan, scan_root(&v->scan), &v->errors);
    v->invalid = v->invalid || r > 0;
    switch (r) {
        case 0:
            (void)puts("{\"valid\":true,\"errors\":[]}");
            return 0;
        case SCHEMA_E_INVALID:
            return print_invalid(v, NULL, NULL);
        case SCHEMA_E_TOO_COMPLEX:
            return print_invalid(v, "too_complex", schema_why(v->run));
        case SCHEMA_E_NUMBER_RANGE:
            return print_invalid(v, "number_range", schema_why(v->run));
        default:
            return r;
    }
}

/* Returns 0 or -ENOMEM. */
static int document(struct validate *v, const char *name, unsigned line, const char *text, size_t len) {
    struct err e = {0};
    int r = input_scan(&v->scan, name, line, text, len, &e);
    if (r == 0) return judge(v);
    if (r == INPUT_E_DEPTH) {
        v->invalid = true;
        return print_invalid(v, "too_complex", e.text);
    }
    if (r != -EINVAL) return r;
    v->unreadable = true;
    (void)say_err(0, &e);
    return print_invalid(v, "unreadable", e.text);
}

/* ---- where they come from ---- */

static int each_file(struct validate *v, const char *const *paths, size_t n) {
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        struct err e = {0};
        r = input_read(paths[i], &v->text, &e);
        if (r == 0) {
            r = document(v, paths[i], 1, buf_data(&v->text), v->text.len);
        } else if (r != -ENOMEM) {
            v->unreadable = true;
            (void)say_err(0, &e);
            r = print_invalid(v, "unreadable", e.text);
        }
    }
    return r;
}

static bool is_blank(const char *p, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r') return false;
    return true;
}

static int one_line(struct validate *v, unsigned number, const char *p, size_t len) {
    return is_blank(p, len) ? 0 : document(v, "standard input", number, p, len);
}

static int whole_lines(struct validate *v, struct line *in, unsigned *numberp) {
    const char *p;
    size_t len;
    int r = 0;
    for (enum line_result l; r == 0 && (l = line_next(in, &p, &len)) != LINE_NONE;) {
        ++*numberp;
        if (l == LINE_WHOLE) {
            r = one_line(v, *numberp, p, len);
        } else {
            v->unreadable = true;
            (void)say(0, "standard input:%u: the line is too long", *numberp);
            r = print_invalid(v, "unreadable", "the line is too long");
        }
    }
    return r;
}

/* Verdicts are out before more is waited for. */
static int each_line(struct validate *v) {
    struct line in;
    line_init(&in, LINE_LONGEST);
    unsigned number = 0;
    buf_clear(&v->text);
    int r = buf_reserve(&v->text, READ_CHUNK);
    while (r == 0) {
        if (fflush(stdout) != 0) {
            v->output_error = errno;
            break;
        }
        ssize_t n = read(STDIN_FILENO, v->text.mem, READ_CHUNK);
        if (n == 0) break;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            r = -errno;
            break;
        }
        line_feed(&in, v->text.mem, (size_t)n);
        r = whole_lines(v, &in, &number);
    }
    const char *p;
    size_t len = r == 0 && !v->output_error ? line_tail(&in, &p) : 0;
    if (len) r = one_line(v, number + 1, p, len);
    line_deinit(&in);
    return r;
}

int validate_run(const struct options *o) {
    struct validate v;
    struct err e = {0};
    int code;
    if (validate_init(&v, o, o->args[0], &e) < 0) {
        code = say_err(EXIT_UNREADABLE, &e);
    } else {
        int r = o->from_stdin ? each_line(&v) : each_file(&v, o->args + 1, o->n_args - 1);
        code = v.unreadable ? EXIT_UNREADABLE : v.invalid ? EXIT_REFUSED : 0;
        if (r < 0) code = say(EXIT_IO, "%s: %s", o->from_stdin ? "standard input" : o->args[0], err_str(-r));
    }
    if (v.output_error && v.output_error != EPIPE) { /* told here: main() would not know why any more */
        code = say(EXIT_IO, "standard output: %s", err_str(v.output_error));
        clearerr(stdout);
    }
    validate_deinit(&v);
    return code;
}

static void print_clean(FILE *out, const char *text) {
    struct buf clean = BUF_INIT(0);
    if (screen_clean(&clean, text, strlen(text)) == 0) (void)fprintf(out, "%.*s\n", (int)clean.len, buf_data(&clean));
    buf_deinit(&clean);
}

/* As hookcastd --check does. */
static void print_problem(const struct err *e) {
    char text[ERR_FORMAT_MAX];
    print_clean(stderr, err_format(e, text, sizeof text));
}

static void print_good(const struct validate *v, const char *path) {
    const char *note;
    for (size_t i = 0; (note = schema_note(v->schema, i)); i++) {
        (void)fputs("note: ", stdout);
        print_clean(stdout, note);
    }
    (void)printf("ok: %s is a JSON Schema\n", path);
}

int validate_schema_alone(const char *path) {
    struct validate v;
    struct err e = {0};
    int r = validate_init(&v, NULL, path, &e);
    if (r < 0)
        print_problem(&e);
    else
        print_good(&v, path);
    validate_deinit(&v);
    return r < 0 ? EXIT_BAD_CONFIG : 0;
}
