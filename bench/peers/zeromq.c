/* zeromq.c — a hub that hands lines to subscribers with ZeroMQ, and a subscriber.
 *
 *     zeromq hub N SOCKET ENDPOINT               N: subscribers to wait for
 *     zeromq sub [options of tally.h] ENDPOINT
 *
 * ZeroMQ is a library and has no server. The hub is what one would write with it: it reads lines from a Unix socket, as
 * copyloop does, and sends each as a message on an XPUB socket that waits rather than drops (ZMQ_XPUB_NODROP). When N
 * have subscribed it prints "ready". */
#include <zmq.h>

#include "tally.h"

enum { CHUNK = 64 * 1024 };

static _Noreturn void failed(const char *what) { die(1, what, zmq_strerror(zmq_errno())); }

static void serve(void *out, int fd) {
    static char chunk[CHUNK];
    size_t have = 0;
    for (ssize_t n; (n = read(fd, chunk + have, sizeof chunk - have)) > 0;) {
        have += (size_t)n;
        size_t at = 0;
        for (char *nl; (nl = memchr(chunk + at, '\n', have - at)) != NULL; at = (size_t)(nl - chunk) + 1)
            while (zmq_send(out, chunk + at, (size_t)(nl - chunk) - at, 0) < 0)
                if (zmq_errno() != EINTR) failed("send");
        have -= at;
        memmove(chunk, chunk + at, have);
    }
    (void)close(fd);
}

static _Noreturn void hub(void *context, unsigned subscribers, const char *socket_path, const char *endpoint) {
    void *out = zmq_socket(context, ZMQ_XPUB);
    int on = 1;
    if (!out || zmq_setsockopt(out, ZMQ_XPUB_NODROP, &on, sizeof on) < 0) failed("socket");
    if (zmq_setsockopt(out, ZMQ_XPUB_VERBOSE, &on, sizeof on) < 0 || zmq_bind(out, endpoint) < 0) failed(endpoint);
    int listening = listen_at(socket_path);
    for (char word[8]; subscribers; subscribers--)
        if (zmq_recv(out, word, sizeof word, 0) < 0) failed("waiting for subscribers");
    if (puts("ready") < 0 || fflush(stdout) < 0) die(1, "stdout", strerror(errno));
    for (;;) {
        int fd = accept(listening, NULL, NULL);
        if (fd < 0) die(1, "accept", strerror(errno));
        serve(out, fd);
    }
}

static _Noreturn void sub(void *context, struct tally *t, const char *endpoint) {
    void *in = zmq_socket(context, ZMQ_SUB);
    zmq_msg_t m;
    if (!in || zmq_setsockopt(in, ZMQ_SUBSCRIBE, "", 0) < 0 || zmq_connect(in, endpoint) < 0) failed(endpoint);
    tally_ready(t);
    (void)zmq_msg_init(&m);
    for (;;) {
        if (zmq_msg_recv(&m, in, 0) < 0) {
            if (zmq_errno() != EINTR) failed("receive");
            tally_answer(t);
            continue;
        }
        tally_read(t, zmq_msg_size(&m));
        tally_event(t, zmq_msg_data(&m), zmq_msg_size(&m));
        tally_marks(t);
    }
}

int main(int argc, char **argv) {
    static struct tally tally;
    void *context = zmq_ctx_new();
    if (argc == 5 && strcmp(argv[1], "hub") == 0) {
        (void)alarm(600);
        hub(context, (unsigned)number(argv[2], 1, 4096, "N"), argv[3], argv[4]);
    }
    if (argc < 3 || strcmp(argv[1], "sub") != 0)
        die(64, "usage: zeromq hub N SOCKET ENDPOINT | sub [OPTION]... ENDPOINT", NULL);
    optind = 2;
    for (int c; (c = getopt(argc, argv, TALLY_OPTIONS)) != -1;)
        if (!tally_option(&tally, c, optarg)) die(64, "a bad option", NULL);
    if (optind != argc - 1) die(64, "give one endpoint", NULL);
    sub(context, &tally, argv[optind]);
}
