/* router_private.h — the inside of the router, for its own files: router (events and subscribers), router_memory. */
#ifndef HOOKCAST_FANOUT_ROUTER_PRIVATE_H
#define HOOKCAST_FANOUT_ROUTER_PRIVATE_H

#include "fanout/router.h"
#include "rpc/wire.h"

enum {
    RUN_LEN = 12,
};

/* Events of one kind's native form that are encoded and not offered yet: consecutive messages of one block. Offered
 * together they cost each subscriber as much as one. */
struct batch {
    struct topics_kind *kind;
    struct block *block; /* held; NULL: there are none */
    uint32_t first, count;
    uint64_t hooks; /* which of the first TOPICS_MASK */
    bool others;    /* and one beyond these */
};

struct router {
    struct topics *topics;
    struct memory memory;
    struct router_sink sink;
    struct subscriber **all, **active; /* active: whose queue may hold blocks; room for all */
    size_t n_active;
    size_t n, cap;
    uint64_t seq, given_up;
    size_t turn; /* the subscriber that was last looked at for copying out */
    struct batch batch;
    uint64_t settled; /* batches, ever */
    char run[RUN_LEN + 1];
    struct buf head;
    struct clock_stamp stamp;
    nsec_t wall; /* the last event's, and whose it was */
    uid_t uid;
    pid_t pid;
    struct wire_origin origin; /* in words */
    char scratch[QUEUE_WRITE_MAX];
};

/* router.c */
/* Let every queue that may hold a block find out what its child has read. */
void router_block_wanted(struct router *r);

/* router_memory.c */
bool router_over(const struct router *r, size_t more); /* would `more` bytes be over the limit? */
/* Until `more` bytes fit, as far as can be. */
void router_make_room(struct router *r, size_t more);

#endif
