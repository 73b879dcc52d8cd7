#include "ctl/client.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "ctl/say.h"
#include "rpc/line.h"

enum { READ_CHUNK = 64 * 1024, LINE_MAX_BYTES = 64 * 1024 * 1024 };

struct client {
    int fd; /* owned */
    struct buf out;
    struct line in;
    bool chunk_used; /* `in` has handed out all lines of `chunk`: it may be filled again */
    bool read_end, write_end;
    char chunk[READ_CHUNK];
};

static const char *const socket_names[] = {[CLIENT_EVENTS] = "events.sock", [CLIENT_CONTROL] = "control.sock"};

nsec_t client_now(void) {
    struct clock c = clock_system();
    return clock_mono(&c);
}

static int say_denied(const char *path, enum client_socket which, struct err *e) {
    if (which == CLIENT_CONTROL)
        return err_set(e, CLIENT_E_DENIED,
                       "%s: permission denied: only root or the daemon's user may use the control socket", path);
    struct stat st;
    const struct group *g = stat(path, &st) == 0 ? getgrgid(st.st_gid) : NULL;
    if (g)
        return err_set(e, CLIENT_E_DENIED, "%s: permission denied: publishing takes root or the group \"%s\"", path,
                       g->gr_name);
    return err_set(e, CLIENT_E_DENIED, "%s: permission denied: publishing takes root or the socket's group", path);
}

static int say_unreachable(int errnum, const char *path, enum client_socket which, struct err *e) {
    if (errnum == EAGAIN || errnum == EINPROGRESS)
        return err_set(e, CLIENT_E_TIMEOUT, "timed out: %s does not accept connections; is the daemon stuck?", path);
    if (errnum == EACCES || errnum == EPERM) return say_denied(path, which, e);
    const char *why = errnum == ENOENT || errnum == ENOTDIR ? "there is no such socket"
                      : errnum == ECONNREFUSED              ? "nobody listens there"
                                                            : err_str(errnum);
    char elsewhere[128] = "";
    char system_path[64];
    (void)snprintf(system_path, sizeof system_path, "/run/hookcast/%s", socket_names[which]);
    if (strcmp(path, system_path) != 0 && access(system_path, F_OK) == 0)
        (void)snprintf(elsewhere, sizeof elsewhere, " (there is a %s: try --runtime-dir /run/hookcast)", system_path);
    return err_set(e, CLIENT_E_ABSENT, "no daemon at %s: %s; is hookcastd running, and with this runtime directory?%s",
                   path, why, elsewhere);
}

static struct timeval to_timeval(nsec_t t) {
    nsec_t usec = t / NSEC_PER_USEC;
    return (struct timeval){.tv_sec = usec / 1000000, .tv_usec = usec % 1000000 + (usec == 0)};
}

int client_open(const char *runtime_dir, enum client_socket which, nsec_t timeout, struct client **cp, struct err *e) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int n = snprintf(addr.sun_path, sizeof addr.sun_path, "%s/%s", runtime_dir, socket_names[which]);
    if (n < 0 || (size_t)n >= sizeof addr.sun_path)
        return err_set(e, CLIENT_E_ABSENT, "%s/%s: longer than a socket's path can be (%zu bytes)", runtime_dir,
                       socket_names[which], sizeof addr.sun_path - 1);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return err_sys(e, errno, "creating a socket");
    /* A full backlog makes connect() wait: the send timeout bounds that, then the socket stops blocking. */
    struct timeval tv = to_timeval(timeout);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) < 0) return err_sys(e, errno, "setting a timeout");
    int r;
    do r = connect(fd, (const struct sockaddr *)&addr, sizeof addr);
    while (r < 0 && errno == EINTR);
    if (r < 0) return say_unreachable(errno, addr.sun_path, which, e);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return err_sys(e, errno, "fcntl");

    struct client *c = calloc(1, sizeof *c);
    if (!c) return err_sys(e, ENOMEM, "connecting");
    c->out = BUF_INIT(0);
    line_init(&c->in, LINE_MAX_BYTES);
    c->chunk_used = true;
    c->fd = take_fd(&fd);
    *cp = c;
    return 0;
}

struct client *client_free(struct client *c) {
    if (!c) return NULL;
    (void)close(c->fd);
    buf_deinit(&c->out);
    line_deinit(&c->in);
    free(c);
    return NULL;
}

struct buf *client_out(struct client *c) {
    return &c->out;
}

static int write_some(struct client *c, struct err *e) {
    ssize_t n = send(c->fd, buf_data(&c->out), c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
        buf_consume(&c->out, (size_t)n);
        return 0;
    }
    if (errno == EAGAIN || errno == EINTR) return 0;
    if (errno != EPIPE && errno != ECONNRESET) return err_sys(e, errno, "writing to the daemon");
    c->write_end = true; /* it may have told why before it closed: go on reading */
    buf_clear(&c->out);
    return 0;
}

static int read_some(struct client *c, struct err *e) {
    if (!c->chunk_used) return 0;
    ssize_t n = recv(c->fd, c->chunk, sizeof c->chunk, MSG_DONTWAIT);
    if (n > 0) {
        line_feed(&c->in, c->chunk, (size_t)n);
        c->chunk_used = false;
    } else if (n == 0 || errno == ECONNRESET) {
        c->read_end = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        return err_sys(e, errno, "reading from the daemon");
    }
    return 0;
}

int client_turn(struct client *c, int also_fd, nsec_t deadline, bool *also_readyp, struct err *e) {
    struct pollfd fds[2] = {{.fd = c->read_end ? -1 : c->fd, .events = POLLIN}, {.fd = also_fd, .events = POLLIN}};
    if (c->out.len && !c->write_end) fds[0].events |= POLLOUT;
    if (c->read_end && also_fd < 0) return 0;

    struct timespec left, *wait = NULL;
    if (deadline != CLIENT_NEVER) {
        nsec_t ns = deadline - client_now();
        if (ns < 0) ns = 0;
        left = (struct timespec){.tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC};
        wait = &left;
    }
    int n = ppoll(fds, 2, wait, NULL);
    if (n < 0) return errno == EINTR ? 0 : err_sys(e, errno, "waiting for the daemon");
    if (n == 0) return err_set(e, CLIENT_E_TIMEOUT, "timed out: no answer from the daemon; is it stuck?");
    int r = 0;
    if (fds[0].revents & POLLOUT) r = write_some(c, e);
    if (r == 0 && fds[0].revents & (POLLIN | POLLHUP | POLLERR)) r = read_some(c, e);
    if (r == 0 && also_readyp) *also_readyp = fds[1].revents != 0;
    return r;
}

int client_line(struct client *c, const char **linep, size_t *lenp, struct err *e) {
    *linep = NULL;
    enum line_result r = line_next(&c->in, linep, lenp);
    if (r == LINE_WHOLE) return 0;
    if (r == LINE_TOO_LONG) return err_set(e, CLIENT_E_BROKEN, "the daemon's answer has no end");
    c->chunk_used = true;
    *linep = NULL;
    if (!c->read_end) return 0;
    const char *rest;
    return err_set(e, CLIENT_E_CLOSED, "the daemon closed the connection %s",
                   line_tail(&c->in, &rest) ? "in the middle of an answer" : "without an answer");
}

int client_await(struct client *c, int64_t id, nsec_t deadline, struct answer *answerp, struct err *e) {
    for (;;) {
        const char *line;
        size_t len;
        int r = client_line(c, &line, &len, e);
        if (r == 0 && !line) r = client_turn(c, -1, deadline, NULL, e);
        if (r != 0) return r;
        if (!line && client_now() > deadline)
            return err_set(e, CLIENT_E_TIMEOUT, "timed out: no answer from the daemon; is it stuck?");
        if (!line) continue;
        struct answer a;
        r = answer_parse(line, len, &a, e);
        if (r == ANSWER_E_NONE) continue;
        if (r == ANSWER_E_BROKEN) return CLIENT_E_BROKEN;
        if (a.has_id && a.id != id) {
            answer_deinit(&a);
            return err_set(e, CLIENT_E_BROKEN, "the daemon answered another request than was asked");
        }
        *answerp = a;
        return 0;
    }
}

int client_call(struct client *c, const char *method, const char *params, nsec_t timeout, struct answer *answerp,
                struct err *e) {
    static const int64_t id = 1; /* one request at a time: its id need not be unlike earlier ones */
    int r = buf_putf(&c->out, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"method\":\"%s\"%s%s}\n", (long long)id, method,
                     params ? ",\"params\":" : "", params ? params : "");
    if (r < 0) return err_sys(e, -r, "asking the daemon");
    return client_await(c, id, client_now() + timeout, answerp, e);
}

int client_exit(int code) {
    switch (code) {
        case CLIENT_E_TIMEOUT:
            return EXIT_TIMED_OUT;
        case CLIENT_E_ABSENT:
        case CLIENT_E_DENIED:
        case CLIENT_E_CLOSED:
        case CLIENT_E_BROKEN:
            return EXIT_NO_DAEMON;
        default:
            return EXIT_IO;
    }
}
