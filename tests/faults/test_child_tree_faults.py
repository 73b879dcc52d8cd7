"""RELIABILITY §3, cases 13-17: a child's own children, one that will not go, and one that takes all it can get."""

import os
import re
import signal
import time

import pytest

from faults import ROOT_ONLY, SCALE, descendants, is_running, pad, script, size, spare_user
from harness import wait_for


@pytest.mark.parametrize("how", ["stop", "restart", "kill", "give up", "reload without it", "shutdown"])
def test_a_grandchild_in_a_session_of_its_own_does_not_outlive_its_plugin(hc, how):
    """Case 13: gone after stop, restart, crash, giving up, removal and shutdown."""
    hc.allow_errors("parent")
    if how == "give up":
        hc.configure(plugin_defaults={"restart": {"max_restarts": 0}})
    parent = hc.shell("parent", "setsid sh -c 'setsid sleep 600 & exec sleep 600' & exec cat >> wire.ndjson")
    hc.start()
    leader = parent.pid()
    left = set(wait_for(lambda: len(descendants(hc)) == 3 and descendants(hc), what="its descendants")) - {leader}
    began = time.monotonic()
    if how in ("stop", "restart"):
        hc.call(f"plugin.{how}", {"name": "parent"})
    elif how == "reload without it":
        (parent.dir / "plugin.yaml").unlink()
        hc.call("daemon.reload")
    elif how == "shutdown":
        hc.stop()
    else:
        os.kill(leader, signal.SIGKILL)
    wait_for(lambda: not [p for p in left if is_running(p)], 3, "its descendants' end")
    assert time.monotonic() - began < 3.5 * SCALE


def test_one_that_ignores_sigterm_and_end_of_file_is_killed_at_the_deadline(hc):
    """Case 14: teardown_timeout, SIGTERM, 5 s, SIGKILL."""
    stubborn = hc.shell("stubborn", "trap 'echo TERM >> end' TERM; trap '' HUP INT; sh -c 'trap \"\" TERM; sleep 600' & "
                                    "while :; do read -r l; sleep 0.05; done", teardown_timeout_sec=1)
    hc.start()
    began = time.monotonic()
    assert hc.call("plugin.stop", {"name": "stubborn"})["pid"] is None
    assert 5.9 < time.monotonic() - began < 8 + 5 * SCALE
    assert (stubborn.dir / "end").read_text() == "TERM\n"
    assert descendants(hc) == []


def test_a_restart_of_one_that_ignores_everything_never_runs_two_of_it(hc):
    """Case 14 with promise 9: the successor starts when the old one is gone, not before."""
    stubborn = hc.shell("stubborn", "trap '' TERM; while :; do sleep 0.05; done", teardown_timeout_sec=1)
    hc.configure(stop_timeout="2s")
    hc.start()
    old = stubborn.pid()
    began = time.monotonic()
    with hc.control() as control:
        control.request("plugin.restart", {"name": "stubborn"})
        while not control._buffer and is_running(old):
            if time.monotonic() - began > 1.5 and stubborn.row()["pid"] == old:
                os.kill(old, signal.SIGKILL)  # SIGTERM was no use; the daemon's own SIGKILL would come at 6 s
            row = stubborn.row()
            assert row["pid"] in (old, None) or not is_running(old), "two generations at once"
            nothing = control.sock.gettimeout()
            try:
                control.raw_answer(0.05)
                break
            except TimeoutError:
                control.sock.settimeout(nothing)
        stubborn.wait_row(lambda r: r["pid"] not in (None, old), "its successor", timeout=9)
    assert not is_running(old)


@ROOT_ONLY
@pytest.mark.parametrize("leaves", ["", "1"], ids=["in its group", "each in a session of its own"])
def test_a_fork_bomb_is_contained_by_nproc_and_ended_whole(hc, leaves):
    """Case 15: rlimit nproc (with a user of its own); others exact; everything killed."""
    hc.allow_errors("bomb")
    user = spare_user()
    bomb = script(hc, "bomb", "bomb.py", env={"LEAVES": leaves}, teardown_timeout_sec=1,
                  hookcast={"user": user.pw_name, "rlimits": {"nproc": size(40, 400)}})
    room = bomb.dir / "room"
    room.mkdir()
    os.chown(room, user.pw_uid, user.pw_gid)
    other = hc.recorder("other")
    hc.start()
    wait_for((room / "full").exists, 10, "the bomb to have reached its limit")
    hc.publish_many(2000, payload=pad(100))
    other.wait_events(2000, timeout=20)
    assert other.seqs() == list(range(1, 2001))
    assert len(descendants(hc)) <= size(40, 400) + 1
    began = time.monotonic()
    assert hc.call("plugin.stop", {"name": "bomb"})["state"] == "stopped"
    wait_for(lambda: descendants(hc) == [other.pid()], 6, "nothing of it to be left")
    assert time.monotonic() - began < (1 + 5 + 2) * SCALE


def test_one_that_allocates_without_end_dies_by_its_limit_and_the_reason_says_memory(hc):
    """Case 16: rlimit `as`; the others do not notice."""
    hc.allow_errors("glutton")
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "10s", "backoff_max": "10s"}})
    glutton = hc.shell("glutton", "read -r l; exec tail /dev/zero", hookcast={"rlimits": {"as": "64MiB"}})
    other = hc.recorder("other")
    hc.start()
    hc.publish()
    row = glutton.wait_row(lambda r: r["pid"] is None, "its end", timeout=20)
    assert re.search("memory", row["last_error"]), row["last_error"]
    hc.publish()
    other.wait_events(2)


def test_the_reason_names_the_memory_limit_that_struck(hc):
    """Case 16 with issue 4: "the reason names the limit that struck": one that dies without a word, too."""
    hc.allow_errors("glutton")
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "10s", "backoff_max": "10s"}})
    glutton = hc.shell("glutton", "read -r l; exec tail /dev/zero 2>/dev/null", hookcast={"rlimits": {"as": "64MiB"}})
    hc.start()
    hc.publish()
    row = glutton.wait_row(lambda r: r["pid"] is None, "its end", timeout=20)
    assert re.search(r"rlimit|\bas\b|limit", row["last_error"]), row["last_error"]


def test_a_cpu_loop_is_ended_by_its_limit_and_the_reason_names_it(hc):
    """Case 17: rlimit cpu; others exact."""
    hc.allow_errors("spinner")
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "10s", "backoff_max": "10s"}})
    spinner = hc.shell("spinner", "read -r l; while :; do :; done", hookcast={"rlimits": {"cpu": 1}})
    other = hc.recorder("other")
    hc.start()
    hc.publish_many(2000)
    other.wait_events(2000, timeout=20)
    assert other.seqs() == list(range(1, 2001))
    row = spinner.wait_row(lambda r: r["pid"] is None, "its end", timeout=20)
    assert re.search(r"XCPU|cpu", row["last_error"]), f"which limit? {row['last_error']}"


def test_a_cpu_loop_without_a_limit_delays_nobody(hc):
    """Case 17: not limited: others exact all the same."""
    hc.shell("spinner", "while :; do :; done", teardown_timeout_sec=1)
    hc.configure(stop_timeout="2s")
    other = hc.recorder("other")
    hc.start()
    hc.publish_many(3000)
    other.wait_events(3000, timeout=20)
    assert other.seqs() == list(range(1, 3001))


def test_a_file_grown_beyond_its_limit_ends_the_plugin_by_name(hc):
    """Case 17's sibling: rlimit fsize: SIGXFSZ is named."""
    hc.allow_errors("writer")
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "10s", "backoff_max": "10s"}})
    writer = hc.shell("writer", "read -r l; exec cat /dev/zero > big", hookcast={"rlimits": {"fsize": "1MiB"}})
    hc.start()
    hc.publish()
    row = writer.wait_row(lambda r: r["pid"] is None, "its end")
    assert re.search("XFSZ|fsize", row["last_error"]), row["last_error"]
