/* sink.c — a plugin that only counts what it is sent.
 *
 *     sink [-c COUNT]... [-o REPORT] [-N NAME] [-t SECONDS] [-l DIR]
 *
 * A `protocol: jsonrpc` plugin: reads stdin in 64 KiB reads and counts lines and bytes. A line that is a notice of
 * dropped events is not an event: it and the events it stands for are counted apart. peers/tally.h says what the
 * options are and what it reports. It ends with its input, or by SIGALRM after -t seconds. */
#include "peers/tally.h"

enum { CHUNK = 64 * 1024 };

int main(int argc, char **argv) {
    static struct tally t;
    static char chunk[CHUNK];
    for (int c; (c = getopt(argc, argv, TALLY_OPTIONS)) != -1;)
        if (!tally_option(&t, c, optarg))
            die(64, "usage: sink [-c COUNT]... [-o REPORT] [-N NAME] [-t SECONDS] [-l DIR]", NULL);
    tally_ready(&t);
    for (;;) {
        ssize_t n = read(0, chunk, sizeof chunk);
        if (n < 0 && errno != EINTR) die(1, "stdin", strerror(errno));
        if (n == 0) break;
        if (n < 0)
            tally_answer(&t);
        else
            tally_lines(&t, chunk, (size_t)n);
    }
    tally_report(&t, "end");
    return 0;
}
