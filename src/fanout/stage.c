#include "fanout/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fanout/block.h"

struct stage {
    int in, out;
    uint64_t serial;     /* of its block; 0: the stage is empty */
    uint32_t start, end; /* in the block's data */
};

struct stages {
    struct stage at[STAGES];
    unsigned next; /* the one that is filled next: the oldest */
    int null;      /* where pages go that nobody wants any more */
    bool broken;   /* tee(2) is not allowed here */
};

static int open_pipe(struct stage *t) {
    int fd[2];
    if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
    t->out = fd[0];
    t->in = fd[1];
    (void)fcntl(t->in, F_SETPIPE_SZ, STAGE_MAX); /* refused (pipe-user-pages-soft): shorter stretches */
    return fcntl(t->in, F_GETPIPE_SZ) < STAGE_LEAST ? -ENOSPC : 0;
}

struct stages *stages_new(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < STAGE_DESCRIPTORS) return NULL;
    struct stages *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    for (unsigned i = 0; i < STAGES; i++) s->at[i].in = s->at[i].out = -1;
    s->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    for (unsigned i = 0; i < STAGES; i++)
        if (s->null < 0 || open_pipe(&s->at[i]) < 0) return stages_free(s);
    return s;
}

static void close_fd(int fd) {
    if (fd >= 0) (void)close(fd);
}

struct stages *stages_free(struct stages *s) {
    if (!s) return NULL;
    for (unsigned i = 0; i < STAGES; i++) {
        close_fd(s->at[i].in);
        close_fd(s->at[i].out);
    }
    close_fd(s->null);
    free(s);
    return NULL;
}

/* Let its pages go. Returns false when that is not possible: then the stage is of no use. */
static bool empty(struct stages *s, struct stage *t) {
    for (uint32_t left = t->serial ? t->end - t->start : 0; left;) {
        ssize_t n = splice(t->out, NULL, s->null, NULL, left, SPLICE_F_NONBLOCK);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            s->broken = true;
            return false;
        }
        left -= (uint32_t)n;
    }
    t->serial = 0;
    return true;
}

void stages_forget(struct stages *s, uint64_t serial) {
    for (unsigned i = 0; s && i < STAGES; i++)
        if (s->at[i].serial == serial) (void)empty(s, &s->at[i]);
}

static ssize_t copy(int fd, const char *p, uint32_t len, size_t *triedp) {
    ssize_t n;
    *triedp = len;
    do n = write(fd, p, len);
    while (n < 0 && errno == EINTR);
    return n;
}

static struct stage *fill_next(struct stages *s, const struct block *b, uint32_t at, uint32_t len) {
    struct stage *t = &s->at[s->next];
    size_t tried;
    if (!empty(s, t)) return NULL;
    ssize_t n = copy(t->in, b->data + at, len < STAGE_MAX ? len : STAGE_MAX, &tried);
    if (n <= 0) return NULL;
    s->next = (s->next + 1) % STAGES;
    t->serial = b->serial;
    t->start = at;
    t->end = at + (uint32_t)n;
    return t;
}

static ssize_t give(struct stages *s, const struct stage *t, uint32_t len, int fd, size_t *triedp) {
    ssize_t n;
    *triedp = t->end - t->start < len ? t->end - t->start : len;
    do n = tee(t->out, fd, *triedp, SPLICE_F_NONBLOCK);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN && errno != EPIPE) s->broken = true; /* seccomp, say: copying always is possible */
    return n;
}

static struct stage *find(struct stages *s, const struct block *b, uint32_t at) {
    for (unsigned i = 0; i < STAGES; i++)
        if (s->at[i].serial == b->serial && s->at[i].start == at) return &s->at[i];
    return NULL;
}

/* Of `len` bytes from `at`, those before a stage can be of use: in the middle of one, up to its end; before one, of
 * which at least `least` bytes are wanted, up to its beginning. 0: no stage is near. */
static uint32_t on_the_way(const struct stages *s, const struct block *b, uint32_t at, uint32_t len, uint32_t least) {
    uint32_t way = 0;
    for (unsigned i = 0; i < STAGES; i++) {
        const struct stage *t = &s->at[i];
        if (t->serial != b->serial || t->end <= at) continue;
        uint32_t to = t->start < at ? t->end - at : t->start - at;
        if (to > len) to = len;
        if (t->start > at && len - to < least) continue;
        if (!way || to < way) way = to;
    }
    return way;
}

ssize_t stages_send(struct stages *s, const struct block *b, uint32_t at, uint32_t len, uint32_t least, bool fill,
                    int fd, size_t *triedp) {
    struct stage *t = NULL;
    uint32_t way = 0;
    if (!s->broken && !(t = find(s, b, at)) && !(way = on_the_way(s, b, at, len, least)) && fill)
        t = fill_next(s, b, at, len);
    if (t) {
        ssize_t n = give(s, t, len, fd, triedp);
        if (n >= 0 || !s->broken) return n;
    }
    return copy(fd, b->data + at, way ? way : len, triedp);
}
