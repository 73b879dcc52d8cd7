/* settings.h — how one plugin is treated: the keys of `plugin_defaults`, overridable per plugin.
 *
 * A plain value, copied freely. settings_default() gives the contract's defaults; the configuration file's
 * `plugin_defaults` and then a manifest's `hookcast:` are laid over it through one table of keys. */
#ifndef HOOKCAST_REGISTRY_SETTINGS_H
#define HOOKCAST_REGISTRY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

enum settings_overflow { OVERFLOW_DROP_OLDEST, OVERFLOW_DROP_NEWEST, OVERFLOW_RESTART, OVERFLOWS };
enum settings_policy { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER, RESTART_POLICIES };

struct settings {
    uint64_t queue_max_events; /* >= 1 */
    uint64_t queue_max_size;   /* bytes */
    enum settings_overflow overflow;
    nsec_t slow_after, recover_after;
    nsec_t failure_window;
    uint32_t failure_threshold;
    struct {
        enum settings_policy policy;
        nsec_t backoff_initial, backoff_max;
        uint32_t max_restarts;
        nsec_t window, retry_unavailable;
    } restart;
    struct {
        nsec_t interval, timeout;
        uint32_t failures;
    } health;
};

struct settings settings_default(void);

/* The keys, for keys_read() into a struct settings: the whole of `plugin_defaults`, and a layer of `hookcast:`. Unset
 * keys keep what the struct held. Bounds: counts and times are positive, except recover_after and max_restarts, which
 * may be 0; no time is over a year; queue_max_size is at most 1 TiB. */
struct key_table;
extern const struct key_table settings_table;

bool settings_equal(const struct settings *a, const struct settings *b);

const char *settings_overflow_name(enum settings_overflow o);
const char *settings_policy_name(enum settings_policy p);

#endif
