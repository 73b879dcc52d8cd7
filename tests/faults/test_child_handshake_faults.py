"""RELIABILITY §3, cases 30, 33, 35, 36 and 40: the handshake and the probes of a child, done badly."""

import os
import re
import signal
import time

import pytest

from faults import SCALE, descendants, nothing_for, script
from harness import NATIVE_REVISION, wait_for


@pytest.mark.parametrize("banner", ["Welcome to SuperServer 3.0\n", "{\n", "[]\n", "null\n", "\x1b[1mhi\x1b[0m\r\n\r\n",
                                    '{"jsonrpc":"2.0","id":"h1","result":null}\n', '{"jsonrpc":"2.0","id":"h1"}\n',
                                    '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"up"}}\n'])
def test_a_banner_before_the_handshakes_answer_does_no_harm(hc, banner):
    """Case 30: a banner, even one that looks like a broken answer."""
    hc.allow_errors("noisy")
    noisy = hc.puppet("noisy", {"banner": banner}, ready=False)
    hc.start()
    if '"h1","result":null' in banner:  # that was its answer: it says nothing we can use
        noisy.wait_row(lambda r: r["state"] in ("ready", "unavailable"), "a verdict")
        return
    noisy.wait_state("ready")
    hc.publish()
    noisy.wait_events(1)


@pytest.mark.parametrize("supported, words", [(["1999-01-01"], "1999-01-01"), ([], "none"), (["2025-06-18x", 5], "2025-06-18x")])
def test_no_revision_in_common_is_unavailable_and_names_both_lists(hc, supported, words):
    """Case 33: -32022 with nothing mutual."""
    hc.allow_errors("old")
    import json
    old = script(hc, "old", "old_version.py", env={"SUPPORTED": json.dumps(supported)}, hookcast={"protocol": "mcp"}, ready=False)
    hc.start()
    row = old.wait_state("unavailable")
    assert words in row["last_error"] and NATIVE_REVISION in row["last_error"], row["last_error"]
    wait_for(lambda: not descendants(hc), what="its process to be gone")


def test_one_that_refuses_what_it_supports_is_asked_once_more_and_then_unavailable(hc):
    """Case 33 with DESIGN §5: -32022 that lists our own revision."""
    hc.allow_errors("odd")
    odd = script(hc, "odd", "old_version.py", env={"SUPPORTED": f'["{NATIVE_REVISION}"]'}, hookcast={"protocol": "mcp"}, ready=False)
    hc.start()
    odd.wait_state("unavailable")
    assert len(odd.requests("server/discover")) == 2


def test_setup_answered_too_late_is_unavailable_killed_and_the_answer_ignored(hc):
    """Case 35: the startup timeout ±0.5 s; the late answer changes nothing."""
    hc.allow_errors("late")
    gate = hc.dir / "gate"
    late = script(hc, "late", "talks_late.py", env={"SETUP": str(gate)}, hookcast={"protocol": "mcp"}, ready=False,
                  startup_timeout_sec=1, teardown_timeout_sec=1)
    other = hc.recorder("other")
    began = time.monotonic()
    hc.start()
    row = late.wait_state("unavailable")
    assert 0.9 < time.monotonic() - began < 1.5 + 0.5 * SCALE
    gate.touch()
    assert "hooks/setup" in row["last_error"] and re.search(r"timed? out", row["last_error"]), row["last_error"]
    wait_for(lambda: descendants(hc) == [other.pid()], 8, "it to be gone")
    answer = hc.publish()
    assert answer["queued"] == 1 and [f["plugin"] for f in answer["failed"]] == ["late"]
    assert late.row()["state"] == "unavailable"


def test_setup_answered_while_it_is_being_ended_does_not_make_it_ready(hc):
    """Case 35: the answer that comes between the timeout and its death."""
    hc.allow_errors("late")
    gate = hc.dir / "gate"
    late = hc.puppet("late", {"setup": str(gate), "ignore_term": True}, ready=False, startup_timeout_sec=1)
    hc.start()
    late.wait_state("unavailable")
    pid = late.pid()
    gate.touch()
    nothing_for(hc, 0.3)  # its answer comes a few milliseconds after that, and leaves no trace
    os.kill(pid, signal.SIGKILL)  # the daemon's own would come 5 s after SIGTERM
    row = late.wait_row(lambda r: r["pid"] is None, "its end", timeout=8)
    assert row["state"] == "unavailable" and row["restarts"] == 0 and not descendants(hc)
    states = [r["state"] for r in hc.log(plugin="^late$", msg="plugin state")]
    assert states == ["starting", "unavailable"], states


def test_a_probe_that_is_never_answered_is_unhealthy_after_three_and_one_answer_clears_it(hc):
    """Case 40: still receives events; one answer clears it."""
    gate = hc.dir / "gate"
    silent = script(hc, "silent", "talks_late.py", env={"HEALTH": str(gate)},
                    hookcast={"protocol": "mcp", "health": {"interval": "200ms", "timeout": "100ms", "failures": 3}})
    hc.start()
    began = time.monotonic()
    row = silent.wait_state("degraded", "unhealthy")
    assert 0.4 < time.monotonic() - began and "3" in row["last_error"]
    hc.publish()
    silent.wait_events(1)
    assert len(silent.requests("hooks/health")) == 1, "one outstanding at a time"
    gate.touch()
    row = silent.wait_state("ready")
    assert row["last_error"] is None and row["restarts"] == 0
    unhealthy = hc.log(plugin="^silent$", reason="unhealthy")
    assert len(unhealthy) == 1


def test_a_stopped_native_child_is_unhealthy_and_recovers_without_a_restart(hc):
    """Case 40: probes and SIGSTOP."""
    import os
    import signal
    plugin = hc.puppet("native", hookcast={"health": {"interval": "200ms", "timeout": "100ms", "failures": 3}})
    hc.start()
    pid = plugin.pid()
    os.kill(pid, signal.SIGSTOP)
    plugin.wait_state("degraded", "unhealthy")
    os.kill(pid, signal.SIGCONT)
    plugin.wait_state("ready")
    assert plugin.pid() == pid
