"""RELIABILITY §3, cases 54-60: signals, reloads and ends of the daemon itself."""

import os
import select
import shutil
import signal
import socket
import threading
import time

import pytest

from faults import (ROOT_ONLY, SCALE, become, descendants, give_site, is_running, manager, size, spare_user, stopped)
from harness import Refused, Site, merge, run_daemon, wait_for, write_yaml


def notify_env(m, **over):
    return Site.environment(NOTIFY_SOCKET=m.path, **over)


# -- reload --------------------------------------------------------------------------------------------------------


def test_a_burst_of_sighup_under_load_is_coalesced_and_loses_nothing(hc):
    """Case 54: 1,000 SIGHUPs in a burst: 0 lost, same pids; every RELOADING is followed by a READY."""
    native, tape = hc.puppet("native"), hc.recorder("tape")
    with manager(hc) as m:
        over = threading.Event()

        def listen():
            while not over.is_set():
                select.select([m.sock], [], [], 0.05)
                m.read()
        reader = threading.Thread(target=listen)
        reader.start()
        hc.start(env=notify_env(m))
        pids = {n: r["pid"] for n, r in hc.rows().items()}

        def burst():
            for _ in range(1000):
                os.kill(hc.pid, signal.SIGHUP)
        thread = threading.Thread(target=burst)
        thread.start()
        total = 0
        while thread.is_alive() or total < size(5000, 100000):
            total += hc.publish_many(250)
        thread.join()
        for plugin in (native, tape):
            plugin.wait_events(total, timeout=20)
            assert plugin.seqs() == list(range(1, total + 1))
        assert {n: r["pid"] for n, r in hc.rows().items()} == pids
        over.set()
        reader.join()
        hc.call("daemon.reload")  # the burst is over, for this is answered behind it
        m.read()
        reloads = len(hc.log(msg="^reloaded$"))
        order = ["RELOADING" if "RELOADING" in x else "READY" for x in m.messages if "RELOADING" in x or "READY" in x]
        assert reloads > 1 and order[0] == "READY" and order[-2:] == ["RELOADING", "READY"], order
        if len(order) == 1 + 2 * reloads:  # a socket of ten datagrams loses some when its reader gets no CPU for a moment
            assert order[1:] == ["RELOADING", "READY"] * reloads


BROKEN = ["syntax error", "half-written", "unreadable directory", "two of one name", "schema error", "directory is a file",
          "binary rubbish", "dangling link"]


def spoil(hc, tape, what):
    if what == "syntax error":
        (tape.dir / "plugin.yaml").write_text("name: [unclosed\n")
    elif what == "half-written":
        text = (tape.dir / "plugin.yaml").read_text()
        (tape.dir / "plugin.yaml").write_text(text[:len(text) // 2])
    elif what == "unreadable directory":
        (hc.plugin_dir / "secret").mkdir(mode=0)
    elif what == "two of one name":
        shutil.copytree(tape.dir, hc.plugin_dir / "twin")
    elif what == "schema error":
        write_yaml(hc.specs / "bad/v1.yaml", {"kind": "bad", "kind_api_version": "1.0.0", "hooks": [
            {"name": "on_x", "dispatch": "broadcast_notify", "input_schema": "s.json"}]})
        (hc.specs / "bad/s.json").write_text('{"type": ')
    elif what == "directory is a file":
        hc.plugin_dir.rename(hc.dir / "away")
        hc.plugin_dir.write_text("x")
    elif what == "binary rubbish":
        (tape.dir / "plugin.yaml").write_bytes(bytes(range(256)) * 10)
    elif what == "dangling link":
        (tape.dir / "plugin.yaml").unlink()
        (tape.dir / "plugin.yaml").symlink_to("nowhere.yaml")


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_reload_changes_nothing_and_says_so(hc, what):
    """Case 55: the running set untouched, the error named, STATUS= says so; mended, it works."""
    hc.allow_errors()
    user = spare_user() if os.geteuid() == 0 else None
    tape, other = hc.recorder("tape"), hc.puppet("other")
    with manager(hc) as m:
        if user and what == "unreadable directory":  # root reads everything
            give_site(hc, user)
            hc.start(env=notify_env(m), preexec=become(user))
        else:
            hc.start(env=notify_env(m))
        hc.publish()
        tape.wait_events(1)
        other.wait_events(1)
        m.wait("READY", "1")
        before = {n: dict(r, uptime_s=0) for n, r in hc.rows().items()}
        spoil(hc, tape, what)
        with pytest.raises(Refused) as refused:
            hc.call("daemon.reload")
        assert refused.value.code == -32000 and all(str(hc.dir) in e for e in refused.value.data["errors"])
        assert hc.log(msg="reload refused", error=str(hc.dir))
        done = hc.ctl("reload")
        assert done.returncode == 1 and all(e in done.stderr for e in refused.value.data["errors"]), (done.returncode, done.stderr)
        assert {n: dict(r, uptime_s=0) for n, r in hc.rows().items()} == before
        said = m.wait("READY", "1", n=3)[-1]
        assert "fail" in said["STATUS"] or "refused" in said["STATUS"], said
        assert hc.publish()["queued"] == 2
        if what == "directory is a file":
            hc.plugin_dir.unlink()
            (hc.dir / "away").rename(hc.plugin_dir)


def test_a_reload_takes_away_or_renames_only_what_it_names(hc):
    """Case 56: removed and renamed manifests: the others keep pid and counters."""
    same, gone, old = hc.recorder("same"), hc.recorder("gone"), hc.recorder("old-name")
    hc.start()
    hc.publish_many(10)
    same.wait_events(10)
    before, row = hc.rows(), dict(same.row(), uptime_s=0)
    shutil.rmtree(gone.dir)
    write_yaml(old.dir / "plugin.yaml", merge(hc.manifest("new-name", ["sh", "-c", "exec cat >> wire.ndjson"]), {"hookcast": {"protocol": "jsonrpc"}}))
    hc.call("daemon.reload")
    wait_for(lambda: {n: r["state"] for n, r in hc.rows().items()} == {"same": "ready", "new-name": "ready"}, what="the new set")
    assert dict(same.row(), uptime_s=0) == row
    assert not is_running(before["gone"]["pid"]) and not is_running(before["old-name"]["pid"])
    assert hc.publish()["queued"] == 2


def test_a_dependency_cycle_introduced_by_a_reload_touches_only_its_members(hc):
    """Case 56: the cycle is named; everybody else runs on."""
    hc.allow_errors()
    same, a, b = hc.recorder("same"), hc.recorder("a"), hc.recorder("b", depends_on=["a"])
    hc.start()
    pid = same.pid()
    text = (a.dir / "plugin.yaml").read_text()
    (a.dir / "plugin.yaml").write_text(text + "depends_on: [b]\n")
    hc.call("daemon.reload")
    for plugin in (a, b):
        row = plugin.wait_state("unavailable")
        assert "cycle" in row["last_error"] and "a" in row["last_error"] and "b" in row["last_error"]
        plugin.wait_row(lambda r: r["pid"] is None, "its end")
    assert same.pid() == pid and hc.publish()["queued"] == 1
    (a.dir / "plugin.yaml").write_text(text)
    hc.call("daemon.reload")
    a.wait_state("ready")
    b.wait_state("ready")
    assert same.pid() == pid


def test_one_shown_as_unavailable_is_not_said_to_have_the_event_queued(hc):
    """Case 56 with DESIGN §8: while it is being ended it shows `unavailable`: then notify lists it as failed."""
    hc.allow_errors()
    a = hc.shell("a", "trap '' TERM; while :; do sleep 0.05; done", teardown_timeout_sec=1)
    hc.configure(stop_timeout="2s")
    hc.start()
    (a.dir / "plugin.yaml").write_text((a.dir / "plugin.yaml").read_text() + "depends_on: [nobody]\n")
    hc.call("daemon.reload")
    row = a.row()
    answer = hc.publish()
    shown = a.row()["state"]
    if row["state"] == shown == "unavailable":
        assert answer["queued"] == 0 and [f["plugin"] for f in answer["failed"]] == ["a"], answer


# -- the end -------------------------------------------------------------------------------------------------------


def test_sigterm_under_load_drains_says_stopping_and_leaves_nothing(hc):
    """Case 57: stops accepting, drains, exit 0, no descendants, STOPPING=1."""
    tape = hc.recorder("tape")
    hc.shell("parent", "setsid sleep 600 & exec cat > /dev/null")
    hc.shell("wedged", "exec sleep 600", teardown_timeout_sec=1)
    hc.configure(stop_timeout="4s")
    with manager(hc) as m:
        hc.start(env=notify_env(m))
        conn, stop = hc.connect(), threading.Event()
        sent = []

        def load():
            try:
                for i in range(10 ** 9):
                    if stop.is_set():
                        return
                    sent.append(conn.notify("on_request_started", {"i": i, "pad": "x" * 200})["seq"])
            except Exception:
                return
        thread = threading.Thread(target=load)
        thread.start()
        wait_for(lambda: len(sent) > 500, 10)
        began = time.monotonic()
        hc.stop(within=9)
        assert time.monotonic() - began < 9 * SCALE
        stop.set()
        thread.join()
        assert m.having("STOPPING", "1") and not [p for p in descendants(hc)]
        assert tape.seqs()[:len(sent)] == sent, "what was answered was delivered"


@pytest.mark.parametrize("when", ["at once", "handshake", "backoff", "reload"])
def test_sigterm_at_an_awkward_moment_is_a_clean_end(hc, when):
    """Case 58: during startup, backoff or a reload: the same."""
    hc.allow_errors()
    gate = hc.dir / "gate"
    if when == "reload":
        gate.touch()
    slow = hc.puppet("slow", {"setup": str(gate)} if when != "backoff" else {"exit_at_start": 1}, ready=when == "reload")
    hc.puppet("dependent", depends_on=["slow"], ready=False)
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "20s", "backoff_max": "20s"}})
    with manager(hc) as m:
        hc.start(env=notify_env(m), wait=when != "at once")
        if when == "at once":  # before it handles signals there is nothing to end cleanly
            wait_for(lambda: "starting" in hc.log_text(), 10)
        elif when == "handshake":
            wait_for(lambda: slow.requests("hooks/setup"))
        elif when == "backoff":
            slow.wait_row(lambda r: r["pid"] is None and r["last_error"], "its death")
        else:
            gate.unlink()
            for i in range(5):
                hc.puppet(f"new{i}", {"setup": str(gate)}, ready=False)
            write_yaml(slow.dir / "plugin.yaml", (slow.dir / "plugin.yaml").read_text() + "priority: 3\n")
            os.kill(hc.pid, signal.SIGHUP)
            wait_for(lambda: hc.log(msg="^reloaded$"))
        hc.stop(within=9)
        assert m.having("STOPPING", "1")


@pytest.mark.parametrize("moment", ["running", "startup", "reload"])
def test_several_that_are_wedged_together_do_not_exceed_the_time_for_the_whole_stop(hc, moment):
    """Cases 57 and 58, promise 19: silent, deaf, stopped, ignoring everything, one depending on the other: stop_timeout."""
    hc.allow_errors()
    seconds = 2
    hc.configure(stop_timeout=f"{seconds}s", startup_grace="30s")
    hold = moment == "startup"
    hc.puppet("silent", {"teardown": "silent", "ignore_term": True}, teardown_timeout_sec=30)
    hc.shell("deaf", "trap '' TERM HUP INT; while :; do sleep 0.05; done", teardown_timeout_sec=30, depends_on=["silent"])
    hc.shell("crowd", "trap '' TERM; setsid sleep 600 & sleep 600 & while :; do wait; done", teardown_timeout_sec=30, depends_on=["deaf"])
    hc.recorder("asleep", teardown_timeout_sec=30, depends_on=["crowd"])
    late = hc.puppet("late", {"setup": "silent", "ignore_term": True}, ready=False, startup_timeout_sec=60, depends_on=["asleep"])
    if not hold:
        shutil.move(late.dir, hc.dir / "late")
    with manager(hc) as m:
        hc.start(env=notify_env(m))
        frozen = hc.plugins["asleep"].pid()
        os.kill(frozen, signal.SIGSTOP)
        if moment != "startup":
            hc.publish_many(300, payload=lambda i: {"pad": "x" * 1000})
        if moment == "reload":
            shutil.move(hc.dir / "late", late.dir)
            os.kill(hc.pid, signal.SIGHUP)
        if moment != "running":
            wait_for(lambda: late.requests("hooks/setup"), what="the handshake that never ends")
        began = time.monotonic()
        hc.stop(within=seconds + 3)
        took = time.monotonic() - began
        assert took < seconds + 0.5 * SCALE, f"{took:.2f} s"
        assert m.having("STOPPING", "1")


def test_a_reload_asked_with_the_stop_does_not_undo_it(hc):
    """Case 58: SIGHUP and SIGTERM pending at once, in either order."""
    for i in range(4):
        hc.recorder(f"p{i}")
    hc.start()
    with stopped(hc.pid):
        for _ in range(3):
            os.kill(hc.pid, signal.SIGHUP)
            os.kill(hc.pid, signal.SIGTERM)
    assert hc.process.wait(10 * SCALE) == 0


def test_after_sigkill_no_child_lives_on_and_the_next_start_takes_over(hc):
    """Case 59: stale sockets replaced; children gone within 1 s."""
    hc.recorder("a")
    hc.puppet("b")
    hc.start()
    kids = descendants(hc)
    hc.kill()
    wait_for(lambda: not [p for p in kids if is_running(p)], 1, "the children to die with it")
    assert (hc.runtime / "events.sock").is_socket()
    hc.start()
    assert hc.publish()["queued"] == 2


def test_a_second_daemon_refuses_and_names_the_first(hc):
    """Case 60: exit 1, the pid; the first is unharmed, sockets and all."""
    tape = hc.recorder("tape")
    hc.start()
    inodes = [os.stat(hc.runtime / s).st_ino for s in ("events.sock", "control.sock")]
    for _ in range(3):
        second = run_daemon(*hc.arguments())
        assert second.returncode == 1 and str(hc.pid) in second.stderr, second.stderr
    assert [os.stat(hc.runtime / s).st_ino for s in ("events.sock", "control.sock")] == inodes
    hc.publish()
    tape.wait_events(1)


@pytest.mark.parametrize("name, what", [
    (name, what) for name in ("events.sock", "control.sock", "hookcastd.lock")
    for what in ("file", "link to a file", "link to nowhere", "directory", "fifo")
    if (name, what) != ("hookcastd.lock", "file")])  # an old lock file is an ordinary file: it is taken over
def test_something_foreign_in_the_place_of_a_socket_is_neither_followed_nor_deleted(hc, name, what):
    """Case 60: a foreign file or symlink at the socket's path (and the lock's)."""
    hc.runtime.mkdir()
    hc.kind()
    path, victim = hc.runtime / name, hc.dir / "victim"
    victim.write_text("precious")
    {"file": lambda: path.write_text("precious"), "link to a file": lambda: path.symlink_to(victim),
     "link to nowhere": lambda: path.symlink_to(hc.dir / "nowhere"), "directory": path.mkdir,
     "fifo": lambda: os.mkfifo(path)}[what]()
    done = run_daemon(*hc.arguments(), timeout=10)
    assert done.returncode == 73 and name in done.stderr, (done.returncode, done.stderr[-300:])
    assert os.path.lexists(path) and not os.path.lexists(hc.dir / "nowhere")
    assert victim.read_text() == "precious" and (what != "file" or path.read_text() == "precious")


@ROOT_ONLY
def test_a_lock_held_by_a_stranger_does_not_hurt(hc):
    """Case 60: a stale lock file with another's pid in it is not a daemon."""
    hc.runtime.mkdir()
    (hc.runtime / "hookcastd.lock").write_text("1\n")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(hc.runtime / "events.sock"))
    stale.close()
    hc.recorder("tape")
    hc.start()
    assert hc.publish()["queued"] == 1
