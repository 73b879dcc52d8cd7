"""Promise 29: it never spins, and idle it sleeps."""

import contextlib
import os
import re
import resource
import signal
import socket

from faults import SCALE, nothing_for, pad, script, size, strace, work_in
from harness import wait_for


def test_an_idle_daemon_wakes_at_most_once_a_second(hc):
    """Healthy plugins of both kinds, publishers connected, nothing to do."""
    hc.puppet("native")
    tapes = [hc.recorder(f"tape{i}") for i in range(5)]
    hc.start()
    conns = [hc.connect() for _ in range(10)]
    for conn in conns:
        assert conn.alive()
    hc.publish_many(200)
    for tape in tapes:
        tape.wait_events(200)
    nothing_for(hc, 0.6)  # recover_after, and whatever a busy moment leaves to look after
    seconds = size(2, 60)
    cpu, wakes = work_in(hc, seconds)
    print(f"{wakes} wake-ups and {cpu:.2f} s of CPU in {seconds} s")
    assert wakes <= seconds + 1 and cpu <= 0.02 * seconds * SCALE, (cpu, wakes)
    for conn in conns:
        conn.close()


def test_an_idle_daemon_returns_from_its_wait_at_most_once_a_second(hc):
    """The same by strace: how often epoll_wait came back."""
    hc.puppet("native")
    hc.start()
    assert hc.publisher.alive()
    nothing_for(hc, 0.6)
    seconds = size(1.5, 60)
    with strace(hc, "-e", "trace=epoll_wait,epoll_pwait,epoll_pwait2,poll,ppoll,select") as out:
        nothing_for(hc, seconds)
    returns = re.findall(r"= \d+", out.read_text())
    assert len(returns) <= seconds + 1, out.read_text()[-2000:]


def test_at_the_descriptor_limit_with_children_in_every_trouble_it_does_not_spin(hc):
    """Dead, at end of file, stopped, wedged, and nobody else can connect: less than 5 % of a core."""
    hc.allow_errors()
    hc.configure(stop_timeout="1s", plugin_defaults={"slow_after": "200ms", "restart": {"max_restarts": 1}})
    asleep, wedged = hc.recorder("asleep"), hc.shell("wedged", "exec sleep 600")
    mute, deaf = script(hc, "mute", "closes.py", env={"FDS": "1,2"}), script(hc, "deaf", "closes.py", env={"FDS": "0,1,2"})
    hc.shell("dead", "sleep 0.2; exit 3", ready=False)
    hc.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    for plugin in (mute, deaf):
        (plugin.dir / "close").touch()
        wait_for((plugin.dir / "closed").exists)
    hc.plugins["dead"].wait_state("unavailable")
    old = hc.publisher
    assert old.alive()
    pid, crowd = asleep.pid(), []
    os.kill(pid, signal.SIGSTOP)
    try:
        hc.publish_many(500, payload=pad(300))
        for plugin in (asleep, wedged):
            plugin.wait_state("degraded", "slow")
        for _ in range(100):
            sock = socket.socket(socket.AF_UNIX)
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect(str(hc.runtime / "events.sock"))
            crowd.append(sock)
        wait_for(lambda: hc.log(msg="cannot accept"), what="it to run out")
        wait_for(lambda: hc.rows()["deaf"]["state"] != "ready", 5, "the deaf one to be noticed")
        nothing_for(hc, 0.5)
        seconds = size(1.5, 20)
        cpu, wakes = work_in(hc, seconds)
        print(f"{wakes} wake-ups and {cpu:.2f} s of CPU in {seconds} s at the limit")
        assert cpu <= 0.05 * seconds * SCALE, (cpu, wakes)
        assert old.alive()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        for sock in crowd:
            sock.close()
