/* service.h — being a systemd service: READY, STATUS, STOPPING and the watchdog (sd_notify(3)).
 *
 * Without NOTIFY_SOCKET every call does nothing. The only room that includes <systemd/sd-daemon.h>. */
#ifndef HOOKCAST_DAEMON_SERVICE_H
#define HOOKCAST_DAEMON_SERVICE_H

#include "base/clock.h"

void service_ready(const char *status);
void service_stopping(const char *status);
void service_reloading(nsec_t now); /* RELOADING=1 with MONOTONIC_USEC; service_ready() ends it */
/* How often service_alive() is due; 0: no watchdog. */
nsec_t service_watchdog_interval(void);
void service_alive(void);

#endif
