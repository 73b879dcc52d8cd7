/* test_stage.c — what goes through stages is what stands in the block, for every reader, from wherever it is. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fanout/block.h"
#include "fanout/stage.h"
#include "fanout_suite.h"

enum { LEAST = 100, READERS = 3 };

static struct memory memory;
static struct stages *stages;
static int in[READERS], out[READERS];
static char text[1 << 20];

static struct block *new_block(void) {
    static unsigned filled;
    struct block *b = block_new(&memory, BLOCK_DATA, BLOCK_MESSAGES);
    ck_assert_ptr_nonnull(b);
    for (int i = 0; i < 200; i++) {
        char message[1000];
        memset(message, 'a' + (int)(filled++ % 26), sizeof message);
        (void)block_append(b, &(struct iovec){message, sizeof message}, 1, 0, filled, 1);
    }
    return b;
}

static void begin(void) {
    memory = (struct memory){.limit = SIZE_MAX, .stages = stages = stages_new()};
    ck_assert_ptr_nonnull(stages);
    for (int i = 0; i < READERS; i++) {
        int fd[2];
        ck_assert_int_eq(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
        out[i] = fd[0];
        in[i] = fd[1];
    }
}

static void end(void) {
    ck_assert_uint_eq(memory.used, 0);
    memory_deinit(&memory);
    stages = stages_free(stages);
    for (int i = 0; i < READERS; i++) (void)close(in[i]), (void)close(out[i]);
}

/* Sends, and reads it. Returns what was tried. */
static size_t sends(int i, struct block *b, uint32_t at, uint32_t len, bool fill) {
    size_t tried = 0;
    ssize_t n = stages_send(stages, b, at, len, LEAST, fill, in[i], &tried);
    ck_assert_int_gt(n, 0);
    ck_assert_uint_le((size_t)n, tried);
    ck_assert_int_eq(read(out[i], text, sizeof text), n);
    ck_assert_mem_eq(text, b->data + at, (size_t)n);
    return tried;
}

START_TEST(test_who_is_at_the_beginning_gets_all_of_it_others_what_brings_them_there) {
    begin();
    struct block *b = new_block();
    ck_assert_uint_eq(sends(0, b, 5000, 20000, true), 20000);  /* fills: [5000, 25000) */
    ck_assert_uint_eq(sends(1, b, 5000, 30000, true), 20000);  /* has more to come */
    ck_assert_uint_eq(sends(2, b, 5000, 7000, true), 7000);    /* may have no more */
    ck_assert_uint_eq(sends(2, b, 12000, 23000, true), 13000); /* in the middle: to its end */
    ck_assert_uint_eq(sends(2, b, 12000, 1000, true), 1000);
    ck_assert_uint_eq(sends(0, b, 1000, 24000, true), 4000); /* before it: to its beginning */
    ck_assert_uint_eq(sends(0, b, 1000, 4000 + LEAST - 1, false),
                      4000 + LEAST - 1);                       /* of which it may have too little */
    ck_assert_uint_eq(sends(1, b, 25000, 10000, true), 10000); /* the next: [25000, 35000) */
    ck_assert_uint_eq(sends(0, b, 25000, 50000, true), 10000);
    ck_assert_uint_eq(sends(0, b, 20000, 50000, true), 5000);
    (void)block_free(b);
    end();
}
END_TEST

START_TEST(test_who_may_not_fill_one_may_use_one) {
    begin();
    struct block *b = new_block();
    ck_assert_uint_eq(sends(0, b, 0, 10000, false), 10000);
    ck_assert_uint_eq(sends(1, b, 0, 20000, false), 20000); /* there is none */
    ck_assert_uint_eq(sends(0, b, 0, 10000, true), 10000);
    ck_assert_uint_eq(sends(1, b, 0, 50000, false), 10000);
    (void)block_free(b);
    end();
}
END_TEST

START_TEST(test_a_full_pipe_takes_a_part_or_nothing) {
    begin();
    struct block *b = new_block();
    size_t tried, got = 0;
    ck_assert_int_eq(fcntl(in[0], F_SETPIPE_SZ, 8192), 8192);
    ck_assert_int_eq(stages_send(stages, b, 0, 50000, LEAST, true, in[0], &tried), 8192);
    ck_assert_uint_eq(tried, 50000);
    ck_assert_int_eq(stages_send(stages, b, 0, 50000, LEAST, true, in[0], &tried), -1);
    ck_assert_int_eq(errno, EAGAIN);
    for (ssize_t n; (n = read(out[0], text + got, sizeof text - got)) > 0; got += (size_t)n) continue;
    ck_assert_uint_eq(got, 8192);
    ck_assert_mem_eq(text, b->data, got);
    ck_assert_uint_eq(sends(0, b, 8192, 60000, true), 50000 - 8192); /* and from there to the end of the stage */
    (void)block_free(b);
    end();
}
END_TEST

START_TEST(test_more_stretches_than_stages) {
    begin();
    struct block *b[4];
    for (int i = 0; i < 4; i++) b[i] = new_block();
    for (uint32_t round = 0; round < 5 * STAGES; round++)
        for (int i = 0; i < READERS; i++) {
            struct block *one = b[(round + (uint32_t)i / 2) % 4];
            uint32_t at = round * 1777 % 150000;
            size_t tried = sends(i, one, at, 40000, true);
            ck_assert_uint_le(tried, 40000);
        }
    for (int i = 0; i < 4; i++) (void)block_free(b[i]);
    end();
}
END_TEST

START_TEST(test_a_block_that_is_used_again_has_nothing_staged) {
    begin();
    struct block *b = new_block(), *was = b;
    (void)sends(0, b, 0, 30000, true);
    (void)block_free(b);
    b = new_block(); /* the same memory, other bytes */
    ck_assert_ptr_eq(b, was);
    ck_assert_uint_eq(sends(0, b, 0, 60000, true), 60000);
    (void)block_free(b);
    end();
}
END_TEST

START_TEST(test_what_was_given_stays_when_the_stage_and_the_block_have_gone) {
    begin();
    struct block *b = new_block();
    size_t tried;
    memcpy(text + sizeof text / 2, b->data, 30000);
    for (int i = 0; i < 2; i++) ck_assert_int_eq(stages_send(stages, b, 0, 30000, LEAST, true, in[i], &tried), 30000);
    (void)block_free(b);
    b = new_block();
    (void)sends(2, b, 0, 60000, true);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(read(out[i], text, sizeof text / 2), 30000);
        ck_assert_mem_eq(text, text + sizeof text / 2, 30000);
    }
    (void)block_free(b);
    end();
}
END_TEST

START_TEST(test_none_where_descriptors_are_few) {
    struct rlimit was, few = {100, 100};
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
    few.rlim_max = was.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    ck_assert_ptr_null(stages_new());
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
    stages_forget(NULL, 1); /* nothing is staged anywhere */
}
END_TEST

START_TEST(test_nobody_reads) {
    begin();
    struct block *b = new_block();
    size_t tried;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)close(out[0]);
    out[0] = -1;
    ck_assert_int_eq(stages_send(stages, b, 0, 30000, LEAST, true, in[0], &tried), -1);
    ck_assert_int_eq(errno, EPIPE);
    ck_assert_uint_eq(sends(1, b, 0, 50000, true), 30000); /* others are not concerned */
    (void)block_free(b);
    end();
}
END_TEST

START_TEST(test_where_tee_is_not_possible_everything_is_copied) {
    begin();
    struct block *b = new_block();
    int fd[2];
    size_t tried;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    ck_assert_int_eq(stages_send(stages, b, 0, 30000, LEAST, true, fd[0], &tried), 30000);
    ck_assert_int_eq(read(fd[1], text, sizeof text), 30000);
    ck_assert_mem_eq(text, b->data, 30000);
    ck_assert_uint_eq(sends(0, b, 0, 50000, true), 50000); /* not as far as the stage */
    (void)close(fd[0]);
    (void)close(fd[1]);
    (void)block_free(b);
    end();
}
END_TEST

RUN_SUITE("stage", test_who_is_at_the_beginning_gets_all_of_it_others_what_brings_them_there,
          test_who_may_not_fill_one_may_use_one, test_a_full_pipe_takes_a_part_or_nothing,
          test_more_stretches_than_stages, test_a_block_that_is_used_again_has_nothing_staged,
          test_what_was_given_stays_when_the_stage_and_the_block_have_gone, test_none_where_descriptors_are_few,
          test_nobody_reads, test_where_tee_is_not_possible_everything_is_copied)
