/* reaper.h — the dead and the left-behind: one place that waits for processes which are no plugin's leader.
 *
 * A leader's death is its child's business (child_end.c); everything else that becomes our child was left behind by a
 * plugin. If its generation is over it is killed; if its generation lives it is left alone; if it is nobody's it is a
 * stray. Works on the supervisor's children through their public functions. */
#ifndef HOOKCAST_DAEMON_REAPER_H
#define HOOKCAST_DAEMON_REAPER_H

#include <jansson.h>

#include "daemon/supervisor.h"

/* SIGCHLD: look after every leader that ended and reap every adopted process that did. Returns how many of the latter.
 */
size_t reaper_collect(const struct supervisor *s);

/* Kill what belongs to generations that are over. Returns how many were found alive (they are dying now). */
size_t reaper_bury(const struct supervisor *s);

/* The strays: [{"pid","name"}]; new reference, NULL when out of memory. */
json_t *reaper_strays(const struct supervisor *s);

/* At the very end: everything that still is our child. */
void reaper_kill_all(void);

#endif
