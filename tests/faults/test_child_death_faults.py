"""RELIABILITY §3, cases 7-9 and 18-20: a child that dies, at once or later, or cannot be started (again)."""

import os
import re
import shutil
import signal
import time

import pytest

from faults import SCALE, logged_at, nothing_for, size
from harness import assert_accounts, merge, wait_for, write_yaml

ENDS = {
    "exit 0": (["exit", 0], r"^exited with status 0\b"),
    "exit 1": (["exit", 1], r"^exited with status 1\b"),
    "exit 127": (["exit", 127], r"^exited with status 127\b"),
    "SIGSEGV": (["kill", signal.SIGSEGV], r"\bSIGSEGV\b"),
    "SIGKILL": (["kill", signal.SIGKILL], r"\bSIGKILL\b"),
    "a real-time signal": (["kill", 40], r"\b(40|SIGRTMIN\+6|RTMIN\+6)\b"),
}


@pytest.mark.parametrize("end", ENDS)
def test_how_it_died_in_the_middle_of_an_event_is_told_exactly_and_at_once(hc, end):
    """Case 7: exact status in last_error; one state line within 100 ms."""
    hc.allow_errors("mortal")
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "10s", "backoff_max": "10s"}})
    mortal = hc.puppet("mortal")
    hc.start()
    published = time.time()
    hc.publish(payload={"do": [ENDS[end][0]]})
    row = mortal.wait_row(lambda r: r["pid"] is None, "its death")
    assert row["state"] == "degraded" and row["reasons"] == ["crashed"] and re.search(ENDS[end][1], row["last_error"]), row
    states = [r for r in hc.log(plugin="^mortal$", msg="plugin state") if r["state"] == "degraded"]
    assert len(states) == 1 and logged_at(states[0]) - published < 0.1 + 0.2 * SCALE
    assert_accounts([row])


def starts(plugin):
    path = plugin.dir / "starts"
    return [float(s) for s in path.read_text().split()] if path.exists() else []


def test_an_instant_crasher_costs_one_fork_per_backoff_and_is_then_given_up(hc):
    """Case 8: the delays double up to the maximum, ±20 %; max_restarts + 1 forks, then unavailable, then quiet."""
    hc.allow_errors("doomed")
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "100ms", "backoff_max": "400ms", "max_restarts": 5}})
    doomed = hc.shell("doomed", "date +%s.%N >> starts; exit 1", ready=False)
    hc.start()
    doomed.wait_state("unavailable", timeout=10)
    times = starts(doomed)
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert len(times) == 6
    nominal = (0.1, 0.2, 0.4, 0.4, 0.4)
    assert all(gap + 0.005 >= 0.8 * n for gap, n in zip(gaps, nominal)), gaps
    assert sum(gap <= 1.2 * n + 0.1 * SCALE for gap, n in zip(gaps, nominal)) >= 3, f"on a busy machine some are late: {gaps}"
    nothing_for(hc, 0.6)
    assert len(starts(doomed)) == 6 and doomed.row()["restarts"] == 5


def test_one_that_runs_for_a_while_each_time_is_never_given_up(hc):
    """Case 9: exits each time after more than recover_after, rarely enough for the window; the backoff starts anew."""
    hc.allow_errors("tired")
    hc.configure(plugin_defaults={"recover_after": "200ms", "restart": {"backoff_initial": "20ms", "backoff_max": "10s",
                                                                       "max_restarts": 3, "window": "700ms"}})
    tired = hc.shell("tired", "date +%s.%N >> starts; sleep 0.4; exit 1", ready=False)
    hc.start()
    rounds = size(8, 40)
    for restarts in range(1, rounds):
        row = tired.wait_row(lambda r: r["restarts"] >= restarts or r["state"] == "unavailable", "a restart")
        assert row["state"] != "unavailable", row
    times = starts(tired)
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert min(gaps[-3:]) < 0.8 * SCALE, f"the backoff did not start anew: {gaps}"  # else the last were 0.7, 1.0, 1.7 s
    assert abs(tired.row()["restarts"] - (len(starts(tired)) - 1)) <= 1


def test_more_deaths_than_allowed_in_the_window_are_too_many_however_long_it_ran(hc):
    """Case 9's other side, DESIGN §7: more than max_restarts in the window is given up."""
    hc.allow_errors("tired")
    hc.configure(plugin_defaults={"recover_after": "100ms", "restart": {"max_restarts": 3, "window": "1min"}})
    tired = hc.shell("tired", "date +%s.%N >> starts; sleep 0.2; exit 1", ready=False)
    hc.start()
    tired.wait_state("unavailable", timeout=8)
    assert len(starts(tired)) == 4


def test_a_child_that_removed_its_own_directory_cannot_be_restarted_and_the_reason_names_it(hc):
    """Case 18: ENOENT and the path in the reason; heals when the directory is back."""
    hc.allow_errors("homeless")
    homeless = hc.puppet("homeless")
    hc.start()
    away = hc.dir / "away"
    os.rename(homeless.dir, away)
    os.kill(homeless.pid(), signal.SIGKILL)
    row = homeless.wait_state("unavailable")
    assert str(homeless.dir) in row["last_error"] and "No such file" in row["last_error"], row["last_error"]
    assert row["last_error"].count("cannot") == 1, row["last_error"]
    os.rename(away, homeless.dir)
    hc.call("plugin.restart", {"name": "homeless"})
    homeless.wait_state("ready")


def test_a_child_that_changes_its_directory_is_restarted_in_the_right_one(hc):
    """Case 18: chdir is its own business."""
    hc.allow_errors("wanderer")
    wanderer = hc.shell("wanderer", "pwd >> where; cd /; exec sleep 600")
    hc.start()
    wait_for((wanderer.dir / "where").exists, what="it to have begun")
    os.kill(wanderer.pid(), signal.SIGKILL)
    wait_for(lambda: (wanderer.dir / "where").read_text().split() == [str(wanderer.dir)] * 2, what="the second start")


def test_a_binary_that_is_being_written_is_retried(hc):
    """Case 19: ETXTBSY: errno and path in the reason; started when the writer has finished."""
    hc.allow_errors("busy")
    hc.configure(plugin_defaults={"restart": {"max_restarts": 1000, "backoff_max": "50ms"}})
    busy = hc.plugin("busy", ["./prog"], ready=False, record="out", hookcast={"protocol": "jsonrpc"})
    shutil.copy("/bin/cat", busy.dir / "prog")
    with open(busy.dir / "prog", "r+b"):
        hc.start()
        row = busy.wait_state("degraded", "crashed")
        assert "prog" in row["last_error"] and re.search("[Tt]ext file busy|ETXTBSY", row["last_error"]), row["last_error"]
        assert hc.publish()["queued"] == 0
    busy.wait_state("ready")
    assert hc.publish()["queued"] == 1


BAD = {
    "missing": (None, "No such file"),
    "not executable": (b"#!/bin/sh\n", "Permission denied"),
    "lost interpreter": (b"#!/no/such/interpreter\n", "No such file"),
    "not a program": (b"\x00\x01\x02\x03", "[Ee]xec format error"),
    "a folder": ("dir", "Permission denied|directory"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_program_that_cannot_be_executed_is_told_from_one_that_exits(hc, what):
    """Case 19: errno and path in the reason, once; not "exited with status 127"."""
    hc.allow_errors("bad")
    bad = hc.plugin("bad", ["./prog"], ready=False, hookcast={"protocol": "jsonrpc", "restart": {"max_restarts": 1}})
    content, words = BAD[what]
    if content == "dir":
        (bad.dir / "prog").mkdir()
    elif content is not None:
        (bad.dir / "prog").write_bytes(content)
        (bad.dir / "prog").chmod(0o644 if what == "not executable" else 0o755)
    hc.start()
    error = bad.wait_state("unavailable")["last_error"]
    assert "./prog" in error and re.search(words, error) and "exited with" not in error, error
    assert error.count("cannot execute") == 1, error
    died = hc.log(plugin="^bad$", msg="plugin died")
    assert len(died) == 2


def test_a_manifest_changed_on_disk_is_applied_by_reload_and_not_by_a_crash(hc):
    """Case 20: `command` changed while it runs."""
    hc.allow_errors("tape")
    tape = hc.shell("tape", "echo old >> who; exec cat >> wire.ndjson")
    hc.start()
    new = merge(hc.manifest("tape", ["sh", "-c", "echo new >> who; exec cat >> wire.ndjson"]), {"hookcast": {"protocol": "jsonrpc"}})
    write_yaml(tape.dir / "plugin.yaml", new)
    pid = tape.pid()
    os.kill(pid, signal.SIGKILL)
    tape.wait_row(lambda r: r["restarts"] == 1 and r["pid"], "a restart")
    hc.publish()
    tape.wait_events(1)
    assert (tape.dir / "who").read_text() == "old\nold\n"
    hc.call("daemon.reload")
    tape.wait_row(lambda r: r["restarts"] == 2 and r["pid"], "another restart")
    hc.publish()
    tape.wait_events(2)
    assert (tape.dir / "who").read_text() == "old\nold\nnew\n"
