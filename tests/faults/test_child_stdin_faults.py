"""RELIABILITY §3, cases 1-6 and 29: a child that does not read, or closes what it should keep open."""

import fcntl
import os
import signal
import threading
import time

import pytest

from faults import SCALE, descendants, nothing_for, pad, script, size, stopped, strace, work_in
from harness import ASAN, PYTHON, STARTED, assert_accounts, wait_for, walk_stream

SMALL = {"queue_max_events": 200, "slow_after": "300ms", "recover_after": "700ms"}


def whole_others(*plugins, total):
    for plugin in plugins:
        plugin.wait_events(total, timeout=20)
        assert plugin.seqs() == list(range(1, total + 1)), plugin.name


def test_a_stopped_child_is_slow_others_are_exact_and_its_gap_is_told(hc):
    """Case 1: SIGSTOP under load."""
    hc.configure(plugin_defaults=SMALL)
    frozen, one = hc.recorder("frozen"), hc.recorder("one", hookcast={"queue_max_events": 100000})
    two = hc.puppet("two", hookcast={"queue_max_events": 100000})
    hc.start()
    began = time.monotonic()
    with stopped(frozen.pid()):
        hc.publish_many(2000, payload=pad(300))
        frozen.wait_state("degraded", "slow", timeout=3)
        assert time.monotonic() - began < (0.3 + 1) * SCALE + 0.5
        for _ in range(size(3, 60)):
            hc.publish_many(100, payload=pad(300))
            nothing_for(hc, size(0.1, 1))
        total = size(2300, 8000)
        whole_others(one, two, total=total)
        row = frozen.row()
        assert row["dropped"] > 0 and row["queued_events"] <= 200
        assert_accounts([row])
    frozen.wait_row(lambda r: r["queued_events"] == 0, "its queue to drain")
    wait_for(lambda: walked(frozen, total), 5, "the stream to be whole")
    received, dropped = walk_stream(frozen.messages(), total)
    row = frozen.row()
    assert dropped == row["dropped"] and received == row["delivered"] == total - dropped
    frozen.wait_state("ready", timeout=4)


def walked(plugin, total):
    try:
        return walk_stream(plugin.messages(), total)
    except AssertionError:
        return None


def test_what_is_known_of_a_slow_child_stays_true_until_it_is_clean_for_recover_after(hc):
    """Case 1: the reason is not cleared while it is behind, nor before recover_after."""
    hc.configure(plugin_defaults=SMALL)
    frozen = hc.recorder("frozen")
    hc.start()
    with stopped(frozen.pid()):
        hc.publish_many(1000, payload=pad(300))
        frozen.wait_state("degraded", "slow")
        nothing_for(hc, 1)
        assert frozen.row()["reasons"] == ["slow"]
    resumed = time.monotonic()
    frozen.wait_state("ready", timeout=4)
    assert time.monotonic() - resumed > 0.6, "cleared before recover_after"


def test_a_child_that_reads_a_byte_at_a_time_gets_whole_messages(hc):
    """Case 2: 1 byte/s (here: faster, for some seconds), then at full speed; no message is torn."""
    hc.configure(plugin_defaults=SMALL)
    slow = script(hc, "slow", "reads_a_byte.py", env={"PAUSE": size("0.01", "1")})
    other = hc.recorder("other", hookcast={"queue_max_events": 100000})
    hc.start()
    for _ in range(size(4, 60)):
        hc.publish_many(500, payload=pad(300))
        nothing_for(hc, size(0.2, 1))
    slow.wait_state("degraded", "slow")
    total = size(2000, 30000)
    whole_others(other, total=total)
    (slow.dir / "hurry").touch()
    wait_for(lambda: walked(slow, total), 10, "every line whole, every gap told")
    assert walk_stream(slow.messages(), total)[1] == slow.row()["dropped"] > 0


def test_a_child_that_never_reads_costs_its_own_limit_and_its_stop_is_bounded(hc):
    """Case 3: never reads stdin."""
    hc.configure(plugin_defaults={"slow_after": "300ms", "queue_max_size": "1MiB"})
    wedged = hc.shell("wedged", "exec sleep 600", teardown_timeout_sec=1)
    other = hc.recorder("other", hookcast={"queue_max_size": "16MiB"})
    hc.start()
    hc.publish_many(1000, payload=pad(400))
    before = hc.proc_status("VmRSS")
    for _ in range(size(5, 100)):
        hc.publish_many(5000, payload=pad(400))
        other.wait_row(lambda r: r["queued_events"] == 0, "the other to keep up", timeout=20)  # its share is not the wedged one's
    total = 1000 + size(5, 100) * 5000
    wedged.wait_state("degraded", "slow")
    whole_others(other, total=total)
    if not ASAN:
        assert hc.proc_status("VmRSS") - before < 9 * 1024, "KiB for a queue of 1 MiB"
    row = wedged.row()
    assert row["queued_bytes"] <= 1 << 20 and row["dropped"] > 0
    began = time.monotonic()
    assert hc.call("plugin.stop", {"name": "wedged"})["state"] == "stopped"
    assert time.monotonic() - began < 3 * SCALE, "it obeys SIGTERM, due after teardown_timeout_sec"


@pytest.mark.parametrize("child", ["", "1"], ids=["alone", "with a child"])
def test_a_child_that_closes_its_stdin_is_ended_with_its_group_and_restarted(hc, child):
    """Case 4: closes stdin and lives on: EPIPE, no spin, a reason, the group ended, restarted by policy."""
    hc.allow_errors("deaf")
    deaf = script(hc, "deaf", "closes.py", env={"FDS": "0", "CHILD": child})
    other = hc.recorder("other")
    hc.start()
    old = set(descendants(hc)) - {other.pid()}
    (deaf.dir / "close").touch()
    wait_for((deaf.dir / "closed").exists)
    (deaf.dir / "close").unlink()
    busy = hc.cpu_seconds()
    first = hc.publish()["seq"]
    row = deaf.wait_row(lambda r: r["restarts"] == 1 and r["pid"], "a restart")
    assert row["state"] == "degraded" and row["reasons"] == ["crashed"] and "stdin" in row["last_error"], row
    wait_for(lambda: not old & set(descendants(hc)), what="its old group to be gone")
    assert hc.cpu_seconds() - busy < 0.2 * SCALE
    last = hc.publish()["seq"]
    wait_for(lambda: last in deaf.seqs(), what="the successor to hear")
    assert first in deaf.seqs(), "what nobody had read came to the successor"
    assert deaf.seqs() == sorted(set(deaf.seqs()))
    whole_others(other, total=last)


@pytest.mark.parametrize("fds", ["1", "2", "1,2"])
def test_a_child_that_closes_its_outputs_hears_on_and_costs_nothing(hc, fds):
    """Cases 5 and 6: stdout or stderr closed: events go on, no spin on end of file."""
    mute = script(hc, "mute", "closes.py", env={"FDS": fds})
    hc.start()
    hc.publish()
    mute.wait_events(1)
    (mute.dir / "close").touch()
    wait_for((mute.dir / "closed").exists)
    hc.publish()
    mute.wait_events(2)
    cpu, wakes = work_in(hc, 1)
    assert cpu <= 0.02 * SCALE and wakes <= 3, (cpu, wakes)
    row = mute.row()
    assert row["state"] == "ready" and row["restarts"] == 0 and row["last_error"] is None


def test_a_native_child_without_stdout_is_unhealthy_and_hears_on(hc):
    """Case 5: the same for one that should answer probes."""
    mute = hc.puppet("mute", hookcast={"health": {"interval": "1s", "timeout": "100ms", "failures": 1}})
    hc.start()
    hc.publish(payload={"do": [["close", 1]]})
    mute.wait_events(1)
    hc.allow_errors("mute")  # whatever it does about it
    mute.wait_row(lambda r: "unhealthy" in r["reasons"] or r["restarts"], "it to be noticed", timeout=5)
    hc.publish()
    mute.wait_events(2)


@pytest.mark.parametrize("what", ["stopped", "never reads", "given up", "never restarted", "closed outputs",
                                  "failed its exec"])
def test_a_child_in_trouble_does_not_keep_the_daemon_awake(hc, what):
    """Promise 29: dead, EOF'd or stopped children cost at most one wake-up a second."""
    hc.allow_errors()
    hc.configure(plugin_defaults={"slow_after": "200ms", "restart": {"max_restarts": 1}}, stop_timeout="2s")
    sick = {"stopped": lambda: hc.recorder("sick"), "never reads": lambda: hc.shell("sick", "exec sleep 600"),
            "given up": lambda: hc.shell("sick", "sleep 0.2; exit 3", ready=False),
            "never restarted": lambda: hc.shell("sick", "sleep 0.2; exit 3", ready=False,
                                                hookcast={"restart": {"policy": "never"}}),
            "closed outputs": lambda: script(hc, "sick", "closes.py", env={"FDS": "1,2"}),
            "failed its exec": lambda: hc.plugin("sick", ["./nothing"], ready=False, hookcast={"protocol": "jsonrpc"})}[what]()
    hc.start()
    if what == "closed outputs":
        (sick.dir / "close").touch()
        wait_for((sick.dir / "closed").exists)
    elif what in ("given up", "never restarted", "failed its exec"):
        sick.wait_state("unavailable")
    pids = [sick.pid()] if what == "stopped" else []
    with stopped(*pids):
        hc.publish_many(500, payload=pad(300))
        if what in ("stopped", "never reads"):
            sick.wait_state("degraded", "slow")
        nothing_for(hc, 0.3)
        seconds = size(1, 30)
        cpu, wakes = work_in(hc, seconds)
        assert wakes <= seconds * SCALE + 2 and cpu <= 0.03 * SCALE, f"{wakes} wake-ups and {cpu:.2f} s of CPU in {seconds} s"


def test_a_child_killed_in_the_middle_of_a_write_costs_no_sigpipe(hc):
    """Case 4: the other end goes while the daemon writes, over and over."""
    hc.allow_errors("mortal")
    hc.configure(plugin_defaults={"restart": {"max_restarts": 1000, "backoff_initial": "1ms", "backoff_max": "1ms"}})
    mortal, other = hc.recorder("mortal"), hc.recorder("other")
    hc.start()
    for round in range(size(10, 200)):
        pid = mortal.wait_row(lambda r: r["pid"], "a process")["pid"]
        conn = hc.publisher
        conn.send(b"".join(conn.encode_notify("on_request_started", {"pad": "x" * 2000}) for _ in range(100)))
        os.kill(pid, signal.SIGKILL)
        mortal.wait_row(lambda r: r["restarts"] > round, "a restart")
    whole_others(other, total=size(10, 200) * 100)
    assert_accounts([mortal.row()])


UNHURRIED = "import os, time\nwhile os.read(0, 65536): time.sleep(0.025)"


def test_one_that_reads_on_is_not_left_behind_by_a_publisher_that_never_pauses(hc):
    """A full pipe that has room again when the next events come is never polled for; it becomes a larger one all the same.

    Else such a plugin would get one small pipe of events a turn, however many the turn brings. Turns are long here, so
    that room is made in them and not while the daemon waits; the publisher always has more."""
    hc.configure(plugin_defaults={"queue_max_size": "1GiB"}, limits={"backlog_max_size": "1GiB"})
    plugin = hc.plugin("reader", [PYTHON, "-c", UNHURRIED], hookcast={"protocol": "jsonrpc"})
    hc.start()
    flood = b"".join(hc.publisher.encode_notify(STARTED, {"pad": "x" * 900}) for _ in range(200))
    over = threading.Event()

    def publish():
        with hc.connect() as conn:
            while not over.is_set():
                conn.send(flood)

    publisher = threading.Thread(target=publish)
    with open(f"/proc/{plugin.pid()}/fd/0", "rb") as stdin, strace(
            hc, "-e", "trace=recvfrom", "-e", "inject=recvfrom:delay_exit=20000"):
        publisher.start()
        try:
            wait_for(lambda: fcntl.fcntl(stdin, fcntl.F_GETPIPE_SZ) > 65536, 10, "a larger pipe")
        finally:
            over.set()
            publisher.join()
    assert plugin.row()["dropped"] == 0


def test_one_that_never_reads_gets_no_larger_pipe(hc):
    """What finds a place in the last page of a full pipe is no sign that anything was read."""
    plugin = hc.shell("deaf", "exec sleep 1000", hookcast={"queue_max_events": 100}, teardown_timeout_sec=1)
    hc.start()
    for i in range(1500):
        hc.publish(payload={"pad": "x" * (i * 37 % 700)})
    assert plugin.row()["dropped"] > 500
    with open(f"/proc/{plugin.pid()}/fd/0", "rb") as stdin:
        assert fcntl.fcntl(stdin, fcntl.F_GETPIPE_SZ) <= 65536
    hc.call("plugin.stop", {"name": "deaf"})  # nothing is left to drain at the end
