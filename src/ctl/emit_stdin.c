#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/emit.h"
#include "ctl/say.h"
#include "rpc/line.h"

enum {
    WINDOW = 128,            /* requests under way; their answers stay well below what a daemon lets wait */
    OUT_ENOUGH = 256 * 1024, /* bytes waiting to be written before more input is read */
    LINE_LONGEST = 64 * 1024 * 1024,
    READ_CHUNK = 64 * 1024,
};

struct stream {
    struct emitter *m;
    struct line in;
    bool drained, end;       /* the chunk's lines are all taken; nothing more to read */
    bool tail_taken;         /* ... not even a last line without newline */
    uint64_t line;           /* of the line taken last, from 1 */
    int64_t first, next;     /* ids under way: first .. next-1 */
    uint64_t number[WINDOW]; /* [id % WINDOW] -> its line; 0: the closing ping */
    nsec_t since;            /* the last progress: an answer, or a request when none was under way */
    uint64_t events, refused;
    bool pinged;
    char chunk[READ_CHUNK];
};

static int64_t under_way(const struct stream *s) { return s->next - s->first; }

static void name_line(uint64_t number, char out[32]) { (void)snprintf(out, 32, "line %" PRIu64 ": ", number); }

static void refuse(struct stream *s, uint64_t number, const char *why) {
    s->refused++;
    (void)say(0, "line %" PRIu64 ": refused: %s", number, why);
}

static void remember(struct stream *s, uint64_t number) {
    if (under_way(s) == 0) s->since = client_now();
    s->number[s->next % WINDOW] = number;
    s->next++;
}

static bool is_blank(const char *p, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r') return false;
    return true;
}

/* The next line of the input in *linep, NULL when more has to be read first. The last one may lack its newline. */
static void next_line(struct stream *s, const char **linep, size_t *lenp) {
    for (;;) {
        enum line_result r = line_next(&s->in, linep, lenp);
        if (r == LINE_NONE) break;
        s->line++;
        if (r == LINE_WHOLE) return;
        s->events++;
        refuse(s, s->line, "the line is too long");
    }
    s->drained = true;
    *linep = NULL;
    if (!s->end || s->tail_taken) return;
    s->tail_taken = true;
    *lenp = line_tail(&s->in, linep);
    if (*lenp)
        s->line++;
    else
        *linep = NULL;
}

static bool may_send(const struct stream *s) {
    return under_way(s) < WINDOW && client_out(s->m->client)->len < OUT_ENOUGH;
}

/* Turn complete input lines into requests, as many as may be under way. Returns 0, or -ENOMEM. */
static int send_lines(struct stream *s) {
    while (may_send(s)) {
        const char *line;
        size_t len;
        next_line(s, &line, &len);
        if (!line) return 0;
        if (is_blank(line, len)) continue;
        s->events++;
        struct err e = {0};
        int r = emitter_put(s->m, client_out(s->m->client), s->next, line, len, &e);
        if (r == -EINVAL)
            refuse(s, s->line, e.text);
        else if (r < 0)
            return r;
        else
            remember(s, s->line);
    }
    return 0;
}

/* An answer that the daemon could not address is dropped when we are slow, so the last of them would be waited for in
 * vain: the answer to a ping behind it tells that it will not come. */
static int send_ping(struct stream *s) {
    s->pinged = true;
    if (under_way(s) == 0) return 0;
    int r =
        buf_putf(client_out(s->m->client), "{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",\"method\":\"ping\"}\n", s->next);
    if (r == 0) remember(s, 0);
    return r;
}

/* Answers come in the order of the requests; one without id belongs to the oldest, and those that were passed over will
 * not be answered any more. */
static int take_answer(struct stream *s, const struct answer *a, struct err *e) {
    int64_t id = a->has_id ? a->id : s->first;
    if (id < s->first || id >= s->next) {
        if (!a->has_id) answer_say_error(a->error, "");
        return err_set(e, CLIENT_E_BROKEN, "the daemon answered what was not asked");
    }
    for (; s->first < id; s->first++) refuse(s, s->number[s->first % WINDOW], "the daemon could not read the request");
    uint64_t number = s->number[s->first++ % WINDOW];
    s->since = client_now();
    if (number == 0) return 0;
    char what[32];
    name_line(number, what);
    if (emitter_report(s->m, a, what) != 0) s->refused++;
    return 0;
}

static int take_answers(struct stream *s, struct err *e) {
    for (;;) {
        const char *line;
        size_t len;
        int r = client_line(s->m->client, &line, &len, e);
        if (r != 0 || !line) return r;
        struct answer a;
        r = answer_parse(line, len, &a, e);
        if (r == ANSWER_E_NONE) continue;
        if (r == ANSWER_E_BROKEN) return CLIENT_E_BROKEN;
        r = take_answer(s, &a, e);
        answer_deinit(&a);
        if (r != 0) return r;
    }
}

static int read_input(struct stream *s, int fd, struct err *e) {
    ssize_t n = read(fd, s->chunk, sizeof s->chunk);
    if (n < 0) return errno == EINTR || errno == EAGAIN ? 0 : err_sys(e, errno, "reading standard input");
    s->end = n == 0;
    s->drained = false;
    line_feed(&s->in, s->chunk, (size_t)n);
    return 0;
}

/* One round: whatever the descriptors can do now, then answers. */
static int turn(struct stream *s, int fd, struct err *e) {
    bool more = s->drained && !s->end && may_send(s);
    nsec_t deadline = under_way(s) > 0 ? s->since + s->m->options->timeout : CLIENT_NEVER;
    bool ready = false;
    (void)fflush(stdout);
    int r = client_turn(s->m->client, more ? fd : -1, deadline, &ready, e);
    if (r == 0 && ready) r = read_input(s, fd, e);
    return r == 0 ? take_answers(s, e) : r;
}

static int run(struct stream *s, int fd, struct err *e) {
    for (;;) {
        int r = send_lines(s);
        if (r == 0 && s->end && s->tail_taken && may_send(s) && !s->pinged) r = send_ping(s);
        if (r < 0) return err_sys(e, -r, "publishing");
        if (s->pinged && under_way(s) == 0) return 0;
        r = turn(s, fd, e);
        if (r != 0) return r;
    }
}

static int sum_up(struct stream *s, int r, const struct err *e) {
    if (r != 0) {
        (void)say(0, "%s", e->text);
        while (s->first < s->next && s->number[s->first % WINDOW] == 0) s->first++;
        if (s->first < s->next)
            (void)say(0, "no answer for line %" PRIu64 " and what follows it; whether they were accepted is not known",
                      s->number[s->first % WINDOW]);
        return client_exit(r);
    }
    if (!s->refused) return 0;
    return say(EXIT_REFUSED, "%" PRIu64 " of %" PRIu64 " events refused", s->refused, s->events);
}

int emit_stream(struct emitter *m, int fd) {
    struct stream *s = calloc(1, sizeof *s);
    if (!s) return say(EXIT_IO, "out of memory");
    s->m = m;
    line_init(&s->in, LINE_LONGEST);
    s->drained = true;
    s->first = s->next = 1;
    struct err e = {0};
    int r = run(s, fd, &e);
    int code = sum_up(s, r, &e);
    line_deinit(&s->in);
    free(s);
    return code;
}
