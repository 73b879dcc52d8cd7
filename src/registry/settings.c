#include "registry/settings.h"

#include "base/cleanup.h"
#include "base/units.h"
#include "registry/keytable.h"

static const char *const overflow_words[] = {[OVERFLOW_DROP_OLDEST] = "drop_oldest",
                                             [OVERFLOW_DROP_NEWEST] = "drop_newest",
                                             [OVERFLOW_RESTART] = "restart",
                                             NULL};
static const char *const policy_words[] = {
    [RESTART_ALWAYS] = "always", [RESTART_ON_FAILURE] = "on-failure", [RESTART_NEVER] = "never", NULL};
_Static_assert(ARRAY_LEN(overflow_words) == OVERFLOWS + 1, "a word per overflow policy");
_Static_assert(ARRAY_LEN(policy_words) == RESTART_POLICIES + 1, "a word per restart policy");

const char *settings_overflow_name(enum settings_overflow o) { return overflow_words[o]; }
const char *settings_policy_name(enum settings_policy p) { return policy_words[p]; }

#define MSEC NSEC_PER_MSEC
#define SEC NSEC_PER_SEC
#define YEAR (365 * 24 * 3600 * SEC)

struct settings settings_default(void) {
    return (struct settings){
        .queue_max_events = 65536,
        .queue_max_size = 16u << 20,
        .overflow = OVERFLOW_DROP_OLDEST,
        .slow_after = 1 * SEC,
        .recover_after = 10 * SEC,
        .failure_window = 60 * SEC,
        .failure_threshold = 5,
        .restart = {.policy = RESTART_ALWAYS,
                    .backoff_initial = 100 * MSEC,
                    .backoff_max = 30 * SEC,
                    .max_restarts = 10,
                    .window = 600 * SEC,
                    .retry_unavailable = 300 * SEC},
        .health = {.interval = 30 * SEC, .timeout = 5 * SEC, .failures = 3},
    };
}

#define AT(member) offsetof(struct settings, member)
#define COUNT(name, member, lo, hi) \
    { .key = name, .read = key_u32, .offset = AT(member), .min = lo, .max = hi }
#define TIME(name, member, lo, hi) \
    { .key = name, .read = key_duration, .offset = AT(member), .min = (uint64_t)(lo), .max = (uint64_t)(hi) }

/* Slots of the maps inside are offsets in struct settings too, so `restart` and `health` themselves have offset 0. */
static const struct key restart_keys[] = {
    {.key = "policy", .read = key_word, .offset = AT(restart.policy), .words = policy_words},
    TIME("backoff_initial", restart.backoff_initial, 1 * MSEC, YEAR),
    TIME("backoff_max", restart.backoff_max, 1 * MSEC, YEAR),
    COUNT("max_restarts", restart.max_restarts, 0, 1000000),
    TIME("window", restart.window, 1 * MSEC, YEAR),
    TIME("retry_unavailable", restart.retry_unavailable, 10 * MSEC, YEAR),
};
static const struct key_table restart_table = {restart_keys, ARRAY_LEN(restart_keys)};

static const struct key health_keys[] = {
    TIME("interval", health.interval, 10 * MSEC, YEAR),
    TIME("timeout", health.timeout, 1 * MSEC, YEAR),
    COUNT("failures", health.failures, 1, 1000000),
};
static const struct key_table health_table = {health_keys, ARRAY_LEN(health_keys)};

static const struct key all_keys[] = {
    {.key = "queue_max_events", .read = key_u64, .offset = AT(queue_max_events), .min = 1, .max = UINT32_MAX},
    {.key = "queue_max_size", .read = key_size, .offset = AT(queue_max_size), .min = 1, .max = 1ull << 40},
    {.key = "overflow", .read = key_word, .offset = AT(overflow), .words = overflow_words},
    TIME("slow_after", slow_after, 1 * MSEC, YEAR),
    TIME("recover_after", recover_after, 0, YEAR),
    TIME("failure_window", failure_window, 1 * MSEC, YEAR),
    COUNT("failure_threshold", failure_threshold, 1, 1000000),
    {.key = "restart", .read = key_map, .sub = &restart_table},
    {.key = "health", .read = key_map, .sub = &health_table},
};
const struct key_table settings_table = {all_keys, ARRAY_LEN(all_keys)};

bool settings_equal(const struct settings *a, const struct settings *b) {
    return a->queue_max_events == b->queue_max_events && a->queue_max_size == b->queue_max_size &&
           a->overflow == b->overflow && a->slow_after == b->slow_after && a->recover_after == b->recover_after &&
           a->failure_window == b->failure_window && a->failure_threshold == b->failure_threshold &&
           a->restart.policy == b->restart.policy && a->restart.backoff_initial == b->restart.backoff_initial &&
           a->restart.backoff_max == b->restart.backoff_max && a->restart.max_restarts == b->restart.max_restarts &&
           a->restart.window == b->restart.window && a->restart.retry_unavailable == b->restart.retry_unavailable &&
           a->health.interval == b->health.interval && a->health.timeout == b->health.timeout &&
           a->health.failures == b->health.failures;
}
