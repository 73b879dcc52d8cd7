/* queue.h — what one plugin has still to read.
 *
 *      sent                                own        pending
 *     [LOG][OWN][LOG ...|torn]            [OWN]      [LOG][GAP][LOG]...
 *      ^read             ^written
 *
 * A FIFO of runs in three stretches: `sent` (in the pipe as far as we know, its last message perhaps torn), `own` (the
 * daemon's messages that go in at the next message boundary) and `pending` (whole events and gaps, untouched). It never
 * owns event bytes: a run keeps its block mapped (see backlog.h). Two marks, read <= written, bound what may still be
 * in the pipe, so that a crash can rewind. A message is never torn apart: one partly written is completed before
 * anything else goes to that child.
 *
 * Not thread-safe. It must not outlive its backlogs; it never closes an fd, never reads a clock, never logs.
 *
 * Accounting, always: accepted + redelivered = delivered + dropped + events. No counter ever decreases. */
#ifndef HOOKCAST_FANOUT_QUEUE_H
#define HOOKCAST_FANOUT_QUEUE_H

#include <stdbool.h>

#include "fanout/runs.h"

/* Renders a gap notice into out (QUEUE_NOTICE_MAX bytes); returns its length, at least 1. NULL where the wire form has
 * none: then gaps are told by the counters alone. */
typedef uint32_t (*queue_notice_fn)(const struct gap *g, char *out);
enum { QUEUE_NOTICE_MAX = 256, QUEUE_WRITE_MAX = 192 * 1024 };

enum queue_overflow { QUEUE_DROP_OLDEST, QUEUE_DROP_NEWEST, QUEUE_RESTART };

struct queue_options {
    uint64_t max_events, max_size; /* events; bytes */
    enum queue_overflow overflow;
    queue_notice_fn notice;
    struct memory *memory; /* borrowed; outlives the queue */
    char *scratch;         /* borrowed; QUEUE_WRITE_MAX bytes that all queues may share */
    /* What is pending goes through a stage (stage.h) instead of being copied, when it is at least `stage_min` bytes of
     * one block that at least `stage_runs` runs touch (a busy reader has one or two). 0: never. */
    uint32_t stage_min, stage_runs;
};

struct queue_counters {
    uint64_t accepted, redelivered, delivered, dropped; /* ever */
    uint64_t events, bytes;                             /* queued now: not completely written */
};

enum {
    QUEUE_E_AGAIN = 1,   /* the pipe is full: poll for writing */
    QUEUE_E_BUDGET = 2,  /* the budget is used up: call again next turn */
    QUEUE_E_GONE = 3,    /* EPIPE: nobody reads any more; marks kept */
    QUEUE_E_DROPPED = 4, /* accepted, and something older was dropped for it */
    QUEUE_E_REFUSED = 5, /* not accepted (drop_newest, too large, no memory): told in a gap */
    QUEUE_E_RESTART = 6, /* over the limit and the policy is restart: the caller kills the child */
    QUEUE_E_EACH = 7,    /* not all at once */
};

struct queue;

struct queue *queue_new(const struct queue_options *o); /* NULL when out of memory */
struct queue *queue_free(struct queue *q);              /* NULL is fine; returns NULL */
void queue_configure(struct queue *q,
                     const struct queue_options *o); /* new limits; memory and scratch must be the same */

/* A new child reads at the other end of non-blocking `fd` (borrowed); the queue is new, or was detached by
 * queue_rewind() or queue_forget(). Marks start at 0; gated: only own messages go until queue_open(). */
void queue_attach(struct queue *q, int fd);
void queue_open(struct queue *q);
/* The same pipe by another descriptor, which may be a read end: it still can be asked what is unread. */
void queue_move(struct queue *q, int fd);
/* A condemned queue (restart policy) whose child need not be restarted after all: events are taken again. */
void queue_pardon(struct queue *q);
void queue_hold(struct queue *q); /* the gate again: a torn event is completed, own messages go, events wait */
/* True when nothing of ours or torn is left to write: the pipe may be closed at a message boundary. */
bool queue_at_rest(const struct queue *q);

/* For a child that answers each event (a tool server): at most `events` more may be begun from now on; then those
 * queued simply wait. queue_attach() sets no bound. */
void queue_allow(struct queue *q, uint64_t events);
void queue_allow_more(struct queue *q, uint64_t events); /* so many were answered */
/* ... and who is told which ones are completely in the pipe: `count` consecutive ones from `first` of the table. NULL:
 * nobody (the default). */
typedef void (*queue_sent_fn)(void *ctx, const struct message *first, uint32_t count);
void queue_on_sent(struct queue *q, queue_sent_fn sent, void *ctx);

/* Would so many events of so many bytes together get in now at the price of none? If not, see whether the pipe takes
 * something first. */
bool queue_has_room(const struct queue *q, uint32_t events, uint64_t bytes);

/* Append message `index` of `block`; an event's seq is larger than those offered before. Returns 0, QUEUE_E_DROPPED,
 * QUEUE_E_REFUSED (counted as accepted and dropped; also an event that is larger than the whole queue) or
 * QUEUE_E_RESTART (counted as accepted and dropped; with everything pending it is one gap now, no more events are
 * written, and until queue_attach() every further event joins the gap). Never fails for want of memory: then the event
 * is dropped and told. */
int queue_offer(struct queue *q, struct block *block, uint32_t index);

/* The same for `count` consecutive messages at once, with the same outcome, if none of them has a fate of its own: all
 * get in, perhaps at the price of older ones (QUEUE_E_DROPPED), or none does (QUEUE_E_REFUSED, QUEUE_E_RESTART).
 * QUEUE_E_EACH: nothing was done, and they are to be offered one by one. */
int queue_offer_run(struct queue *q, struct block *block, uint32_t first, uint32_t count);

/* An event this plugin hears could not even be encoded (no memory): counted as accepted and dropped, and told. */
void queue_miss(struct queue *q, uint64_t seq);

/* Put a message of the daemon's own at the next message boundary, before all events. Returns 0 or -ENOMEM. One put
 * while the queue is detached goes to the next child. */
int queue_own(struct queue *q, const char *bytes, size_t len);

/* Own messages not begun to be written. */
uint32_t queue_own_waiting(const struct queue *q);

/* Write what is pending, at most about `budget` bytes, to the attached fd. Returns 0 (caught up), QUEUE_E_AGAIN,
 * QUEUE_E_BUDGET, QUEUE_E_GONE, or a negative fatal code (-ENOMEM: nothing lost, try again later). Never blocks.
 * `lag`, when not NULL, is called for every run of events completed: `count` of them, the first accepted at `oldest`.
 */
typedef void (*queue_lag_fn)(void *ctx, uint64_t count, nsec_t oldest);
int queue_write(struct queue *q, size_t budget, queue_lag_fn lag, void *ctx);

/* Anything that could be written now? */
bool queue_wants_write(const struct queue *q);

/* Bytes written since queue_attach(). */
uint64_t queue_written(const struct queue *q);

/* Ask the pipe how much is still unread (FIONREAD) and advance the read mark accordingly. */
void queue_sync(struct queue *q);
/* `unread` bytes are still in the pipe (FIONREAD): move the read mark and let go of what lies before it. */
void queue_advance(struct queue *q, size_t unread);
/* Bytes between the marks, as far as known: what a crash could bring back at most. */
size_t queue_in_pipe(const struct queue *q);

/* The child is gone and `unread` bytes of what was written were never read, finally. Whole messages unread go back to
 * the head of the queue; one half-read too, unless it was already sent twice: then it is dropped and told. A notice not
 * wholly read becomes a gap again. Own messages are forgotten. After QUEUE_E_RESTART everything taken back is dropped
 * at once. The queue is detached. Returns 0, or -ENOMEM after falling back to queue_forget(). */
int queue_rewind(struct queue *q, size_t unread);
/* The child is gone and nobody knows what it read: nothing goes back; a torn event is dropped and told. Detached. */
void queue_forget(struct queue *q);

/* Drop everything still queued, counted, as one gap at its place. */
void queue_drop_all(struct queue *q);
/* Drop queued events whose hook `keep` (a pure function) does not want, each told where it stood. A torn one stays.
 * Without memory for it nothing is dropped. */
void queue_retain(struct queue *q, bool (*keep)(void *ctx, uint32_t hook), void *ctx);

/* Acceptance time of the oldest event not completely written; 0 when there is none. */
nsec_t queue_oldest(const struct queue *q);
/* Its seq; 0 when there is none. */
uint64_t queue_oldest_seq(const struct queue *q);
const struct queue_counters *queue_counters(const struct queue *q);
/* The overflow policy this queue was made with. */
enum queue_overflow queue_policy(const struct queue *q);

/* Memory is short (DESIGN §6); in this order, each on its own: */
/* give up redelivery of bytes already in the pipe; returns the events given up (of which some may have been read since
 * the last queue_sync()). */
uint64_t queue_give_up(struct queue *q);
/* Bytes of `block` that this queue still holds. */
size_t queue_holds(const struct queue *q, const struct block *block);
/* Copy these out, so that the block may go. Returns 0 or -ENOMEM. */
int queue_copy_out(struct queue *q, struct block *block);
/* Apply the overflow policy to one run: drop_oldest its first, drop_newest its last; restart: everything, as
 * queue_offer() does, and QUEUE_E_RESTART (once: the caller kills the child). Returns 0 when something was dropped,
 * QUEUE_E_REFUSED when there was nothing to drop. */
int queue_shed(struct queue *q);

#endif
