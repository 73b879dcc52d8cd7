#include "plugin/tally.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

void tally_add(struct tally *t, const struct death *d) { t->deaths[t->n++ % TALLY_MAX] = *d; }

const struct death *tally_last(const struct tally *t) { return t->n ? &t->deaths[(t->n - 1) % TALLY_MAX] : NULL; }

const char *death_words(const struct death *d, char *out, size_t cap) {
    switch (d->kind) {
        case DEATH_EXIT:
            (void)snprintf(out, cap, "exited with status %d", d->code);
            break;
        case DEATH_SIGNAL: {
            const char *name = sigabbrev_np(d->code);
            if (name)
                (void)snprintf(out, cap, "killed by SIG%s", name);
            else
                (void)snprintf(out, cap, "killed by signal %d", d->code);
            break;
        }
        case DEATH_EXEC:
            (void)snprintf(out, cap, "%s: %s", d->path, err_str(d->code));
            break;
    }
    return out;
}
