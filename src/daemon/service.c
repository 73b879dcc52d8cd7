#include "daemon/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/cleanup.h"

/* One datagram, as sd_notify(3) describes it. Not by libsystemd: its sd_notify() waits when the manager does not read,
 * and the loop waits for nobody. What cannot be said now is not said. */
static void notify(const char *text) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    if (!n || n >= sizeof sa.sun_path || (path[0] != '/' && path[0] != '@')) return;
    memcpy(sa.sun_path, path, n);
    if (path[0] == '@') sa.sun_path[0] = '\0'; /* the abstract namespace: no terminating NUL */
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] == '/'));
    cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return;
    ssize_t r;
    do r = sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&sa, len);
    while (r < 0 && errno == EINTR);
}

static void notify_status(const char *what, const char *status) {
    char text[512];
    (void)snprintf(text, sizeof text, "%sSTATUS=%s", what, status);
    notify(text);
}

void service_ready(const char *status) { notify_status("READY=1\n", status); }
void service_stopping(const char *status) { notify_status("STOPPING=1\n", status); }
void service_alive(void) { notify("WATCHDOG=1"); }

void service_reloading(nsec_t now) {
    char text[80];
    (void)snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, (int64_t)(now / NSEC_PER_USEC));
    notify(text);
}

nsec_t service_watchdog_interval(void) {
    uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) <= 0) return 0;
    return (nsec_t)usec * NSEC_PER_USEC / 3; /* well within the half that systemd asks for */
}
