#include "daemon/service.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

void service_ready(const char *status) { (void)sd_notifyf(0, "READY=1\nSTATUS=%s", status); }
void service_stopping(const char *status) { (void)sd_notifyf(0, "STOPPING=1\nSTATUS=%s", status); }
void service_reloading(nsec_t now) {
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, (int64_t)(now / NSEC_PER_USEC));
}

void service_status(const char *status) { (void)sd_notifyf(0, "STATUS=%s", status); }
void service_alive(void) { (void)sd_notify(0, "WATCHDOG=1"); }

nsec_t service_watchdog_interval(void) {
    uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) <= 0) return 0;
    return (nsec_t)usec * NSEC_PER_USEC / 3; /* well within the half that systemd asks for */
}
