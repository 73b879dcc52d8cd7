/* credentials.h — secrets of the service, passed on to a plugin by name (manifest: hookcast.credentials).
 *
 * systemd hands a service its credentials as files in $CREDENTIALS_DIRECTORY, readable by the service alone
 * (systemd.exec(5), LoadCredential=). A plugin gets copies of those that its manifest names, and of no others, in a
 * directory of its own below the runtime directory, for its own user only, while it runs; its CREDENTIALS_DIRECTORY
 * names that. The runtime directory must lie on a tmpfs, as /run does, for them never to reach a disk. */
#ifndef HOOKCAST_DAEMON_CREDENTIALS_H
#define HOOKCAST_DAEMON_CREDENTIALS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Copy `names` (NULL-terminated) for `plugin`, whose user is `uid` and `gid` ((uid_t)-1: ours); `path` gets the
 * directory. Whatever was there is removed first. Returns 0, or a negative code with `e` set and nothing left. */
int credentials_give(const char *runtime_dir, const char *plugin, char *const *names, uid_t uid, gid_t gid, char *path,
                     size_t cap, struct err *e);

/* Remove them; not having any is fine. */
void credentials_take_back(const char *runtime_dir, const char *plugin);

#endif
