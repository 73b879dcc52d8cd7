/* dbus_launch.c — dbus-broker without its launcher, which needs systemd: one listening socket, everybody may do all.
 *
 *     dbus_launch DBUS-BROKER SOCKET
 *
 * dbus-broker is told what to do over a socket pair, in D-Bus. This hands it a listening socket and a policy, prints
 * "ready PID" and stays; the broker dies with it. */
#include <fcntl.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <systemd/sd-bus.h>

#include "common.h"

#define BATCH_T "bta(btbs)a(btssssuutt)a(btssssuutt)"
#define POLICY_T "a(u(" BATCH_T "))a(buu(" BATCH_T "))a(ss)bs"

static void must(int r, const char *what) {
    if (r < 0) die(1, what, strerror(-r));
}

static pid_t start(const char *binary, int fd) {
    char number[16];
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) die(1, "fork", strerror(errno));
    if (pid) return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    (void)fcntl(fd, F_SETFD, 0);
    (void)snprintf(number, sizeof number, "%d", fd);
    (void)execl(binary, "dbus-broker", "--controller", number, "--machine-id", "0123456789abcdef0123456789abcdef",
                "--max-matches", "1000000", "--max-objects", "1000000", "--max-bytes", "4000000000", (char *)NULL);
    _exit(127);
}

/* For every user: may connect, own any name, send anything to and receive anything from anybody. */
static void put_policy(sd_bus_message *m) {
    must(sd_bus_message_open_container(m, 'v', "(" POLICY_T ")"), "policy");
    must(sd_bus_message_open_container(m, 'r', POLICY_T), "policy");
    must(sd_bus_message_open_container(m, 'a', "(u(" BATCH_T "))"), "policy");
    must(sd_bus_message_open_container(m, 'r', "u(" BATCH_T ")"), "policy");
    must(sd_bus_message_append(m, "u", UINT32_MAX), "policy");
    must(sd_bus_message_open_container(m, 'r', BATCH_T), "policy");
    must(sd_bus_message_append(m, BATCH_T, true, UINT64_C(1), 1, true, UINT64_C(1), true, "", 1, true, UINT64_C(1), "",
                               "", "", "", 0, 0, UINT64_C(0), UINT64_MAX, 1, true, UINT64_C(1), "", "", "", "", 0, 0,
                               UINT64_C(0), UINT64_MAX),
         "policy");
    for (int i = 0; i < 3; i++) must(sd_bus_message_close_container(m), "policy");
    must(sd_bus_message_append(m, "a(buu(" BATCH_T "))a(ss)bs", 0, 0, false, "session"), "policy");
    for (int i = 0; i < 2; i++) must(sd_bus_message_close_container(m), "policy");
}

int main(int argc, char **argv) {
    sd_bus *bus;
    sd_bus_message *m;
    int pair[2];
    if (argc != 3) die(64, "usage: dbus_launch DBUS-BROKER SOCKET", NULL);
    (void)alarm(600);
    int listening = listen_at(argv[2]);
    if (listen(listening, 256) < 0 || fcntl(listening, F_SETFL, O_NONBLOCK) < 0) die(1, argv[2], strerror(errno));
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        die(1, "socketpair", strerror(errno));
    pid_t pid = start(argv[1], pair[1]);
    (void)close(pair[1]);
    must(sd_bus_new(&bus), "sd_bus_new");
    must(sd_bus_set_fd(bus, pair[0], pair[0]), "sd_bus_set_fd");
    must(sd_bus_start(bus), "sd_bus_start");
    must(sd_bus_message_new_method_call(bus, &m, NULL, "/org/bus1/DBus/Broker", "org.bus1.DBus.Broker", "AddListener"),
         "AddListener");
    must(sd_bus_message_append(m, "oh", "/org/bus1/DBus/Listener/0", listening), "AddListener");
    put_policy(m);
    must(sd_bus_call(bus, m, 0, NULL, NULL), "AddListener");
    printf("ready %ld\n", (long)pid);
    (void)fflush(stdout);
    for (;;) {
        int r = sd_bus_process(bus, NULL);
        must(r, "dbus-broker");
        if (r == 0) must(sd_bus_wait(bus, UINT64_MAX), "wait");
    }
}
