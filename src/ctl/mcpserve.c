#include "ctl/mcpserve.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/mcpserve_message.h"
#include "ctl/say.h"
#include "rpc/line.h"

enum {
    LINE_LONGEST = 64 * 1024 * 1024, /* the daemon's own limit is lower, and says so */
    READ_CHUNK = 64 * 1024,
    OUT_KEEP = 1024 * 1024, /* bytes that the answers' buffer may keep */
};

struct serving {
    struct mcpserve server;
    struct line in;
    struct buf out;
    char chunk[READ_CHUNK];
};

/* The streams may have been made non-blocking by whoever else holds them. */
static void wait_until(int fd, short events) {
    struct pollfd p = {.fd = fd, .events = events};
    (void)poll(&p, 1, -1);
}

/* Returns 0, or -errno. */
static int write_out(struct buf *out) {
    while (out->len) {
        ssize_t n = write(STDOUT_FILENO, buf_data(out), out->len);
        if (n >= 0)
            buf_consume(out, (size_t)n);
        else if (errno == EAGAIN)
            wait_until(STDOUT_FILENO, POLLOUT);
        else if (errno != EINTR)
            return -errno;
    }
    if (out->cap > OUT_KEEP) buf_deinit(out);
    return 0;
}

/* Returns the bytes read, 0 at the end, or -errno. */
static ssize_t read_in(char *chunk, size_t cap) {
    for (;;) {
        ssize_t n = read(STDIN_FILENO, chunk, cap);
        if (n >= 0) return n;
        if (errno == EAGAIN)
            wait_until(STDIN_FILENO, POLLIN);
        else if (errno != EINTR)
            return -errno;
    }
}

static int take_lines(struct serving *s) {
    const char *line;
    size_t len;
    for (;;) {
        enum line_result r = line_next(&s->in, &line, &len);
        if (r == LINE_NONE) return 0;
        if (r == LINE_WHOLE)
            mcpserve_message(&s->server, line, len, &s->out);
        else
            mcpserve_too_long(&s->server, &s->out);
        int written = write_out(&s->out);
        if (written < 0) return written;
    }
}

/* The last line may lack its newline. */
static int take_tail(struct serving *s) {
    const char *line;
    size_t len = line_tail(&s->in, &line);
    if (len) mcpserve_message(&s->server, line, len, &s->out);
    return write_out(&s->out);
}

static int serve(struct serving *s) {
    for (;;) {
        ssize_t n = read_in(s->chunk, sizeof s->chunk);
        if (n < 0) return say(EXIT_IO, "standard input: %s", err_str((int)-n));
        if (n > 0) line_feed(&s->in, s->chunk, (size_t)n);
        int r = n > 0 ? take_lines(s) : take_tail(s);
        if (r == -EPIPE) return 0; /* a client that stopped reading is gone */
        if (r < 0) return say(EXIT_IO, "standard output: %s", err_str(-r));
        if (n == 0) return 0;
    }
}

int mcpserve_run(const struct options *o) {
    struct serving *s = calloc(1, sizeof *s);
    if (!s) return say(EXIT_IO, "out of memory");
    if (isatty(STDIN_FILENO)) (void)say(0, "an MCP client starts this command and talks to it; Ctrl-D ends it");
    mcpserve_init(&s->server, o);
    line_init(&s->in, LINE_LONGEST);
    s->out = BUF_INIT(0);
    int code = serve(s);
    mcpserve_deinit(&s->server);
    line_deinit(&s->in);
    buf_deinit(&s->out);
    free(s);
    return code;
}
