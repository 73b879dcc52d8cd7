"""DESIGN §7: children are watched, restarted with backoff, given up — and never anybody else's problem."""

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from harness import ASAN, EVENT, SCALE, STARTED, wait_for


# -- a crash -------------------------------------------------------------------------------------------------------


def test_a_crash_is_a_restart_then_degraded_then_ready_and_events_go_on(hc):
    hc.allow_errors("mortal")
    plugin, other = hc.puppet("mortal"), hc.recorder("other")
    hc.start()
    old = plugin.pid()
    hc.publish(payload={"do": [["exit", 3]]})
    row = plugin.wait_row(lambda r: r["restarts"] == 1 and r["pid"], "a restart")
    assert row["pid"] != old and row["state"] == "degraded" and row["reasons"] == ["crashed"]
    assert re.search(r"\b3\b", row["last_error"])
    last = hc.publish(payload={"after": 1})["seq"]
    plugin.wait_events(2)
    assert plugin.seqs()[-1] == last
    plugin.wait_state("ready")
    assert plugin.row()["last_error"] is None or isinstance(plugin.row()["last_error"], str)
    other.wait_events(last)


def test_events_published_while_it_is_down_are_delivered_after_the_restart(hc):
    hc.allow_errors("mortal")
    gate = hc.dir / "gate"
    gate.touch()
    plugin = hc.puppet("mortal", {"setup": str(gate)})
    hc.start()
    gate.unlink()
    os.kill(plugin.pid(), signal.SIGKILL)
    plugin.wait_state("degraded", "crashed")
    answers = [hc.publish(payload={"i": i}) for i in range(50)]
    assert all(a["queued"] == 1 and a["failed_total"] == 0 for a in answers)
    assert plugin.row()["queued_events"] >= 50 and not plugin.events()
    gate.touch()
    assert [m["params"]["i"] for m in plugin.wait_events(50)] == list(range(50))


@pytest.mark.parametrize("number, name", [(signal.SIGKILL, "KILL|9"), (signal.SIGSEGV, "SEGV|11|Segmentation"),
                                          (signal.SIGTERM, "TERM|15")])
def test_a_signal_is_named_and_noticed_at_once(hc, number, name):
    hc.allow_errors("mortal")
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "10s"}})
    plugin = hc.recorder("mortal")
    hc.start()
    pid, began = plugin.pid(), time.monotonic()
    os.kill(pid, number)
    row = plugin.wait_row(lambda r: r["state"] == "degraded", "its death to be noticed", timeout=2)
    assert time.monotonic() - began < 0.3 * SCALE, "within 100 ms, and some for the test"
    assert row["reasons"] == ["crashed"] and row["pid"] is None and re.search(name, row["last_error"]), row
    record = hc.wait_log(plugin="^mortal$", state="^degraded$")
    assert "crashed" in str(record["reason"])


def test_exit_0_without_being_asked_is_a_crash_under_policy_always(hc):
    hc.allow_errors("quitter")
    plugin = hc.puppet("quitter")
    hc.start()
    hc.publish(payload={"do": [["exit", 0]]})
    assert plugin.wait_row(lambda r: r["restarts"] == 1, "a restart")["reasons"] == ["crashed"]
    plugin.wait_state("ready", timeout=8)


@pytest.mark.parametrize("policy, code, restarted", [("never", 1, False), ("on-failure", 1, True), ("on-failure", 0, False)])
def test_restart_policies(hc, policy, code, restarted):
    hc.allow_errors("mortal")
    plugin = hc.puppet("mortal", hookcast={"restart": {"policy": policy}})
    hc.start()
    old = plugin.pid()
    hc.publish(payload={"do": [["exit", code]]})
    if restarted:
        plugin.wait_row(lambda r: r["pid"] not in (None, old), "a restart")
    else:
        row = plugin.wait_row(lambda r: r["pid"] is None and r["state"] in ("unavailable", "stopped"), "its end")
        assert row["restarts"] == 0


# -- giving up -----------------------------------------------------------------------------------------------------


def test_one_that_always_exits_at_once_is_given_up_with_its_last_words(hc):
    hc.allow_errors("doomed")
    plugin = hc.shell("doomed", "echo x >> starts.txt; echo 'cannot open database' >&2; exit 3", ready=False)
    other = hc.recorder("other")
    began = time.monotonic()
    hc.start()
    row = plugin.wait_state("unavailable", timeout=8)
    assert re.search(r"\b3\b", row["last_error"]) and "cannot open database" in row["last_error"]
    assert row["pid"] is None
    assert (plugin.dir / "starts.txt").read_text().count("x") == 4, "max_restarts is 3"
    assert time.monotonic() - began >= 0.8 * (0.02 + 0.04 + 0.08), "there is a backoff"
    answer = hc.publish()
    assert answer["queued"] == 1 and [f["plugin"] for f in answer["failed"]] == ["doomed"]
    other.wait_events(1)
    assert hc.log(plugin="^doomed$", state="^unavailable$")


def test_one_given_up_is_tried_again_every_retry_unavailable(hc):
    hc.allow_errors("doomed")
    flag = hc.dir / "healed"
    plugin = hc.shell("doomed", f"[ -e {flag} ] || exit 1; exec cat >> wire.ndjson", ready=False,
                      hookcast={"restart": {"max_restarts": 1, "retry_unavailable": "300ms"}})
    hc.start()
    plugin.wait_state("unavailable")
    flag.touch()
    plugin.wait_row(lambda r: r["state"] in ("ready", "degraded"), "it to be tried again")
    hc.publish()
    plugin.wait_events(1)


def exec_failures(hc):
    directory = hc.plugin_dir / "bad"
    directory.mkdir()
    (directory / "plain.txt").write_text("#!/bin/sh\nexit 0\n")
    script = directory / "lost-interpreter"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    (directory / "folder").mkdir()


@pytest.mark.parametrize("command, path, words", [
    ("./no-such-program", "no-such-program", "No such file|ENOENT"),
    ("/nowhere/at/all", "/nowhere/at/all", "No such file|ENOENT"),
    ("no-such-word-on-the-path", "no-such-word-on-the-path", "No such file|ENOENT|not found"),
    ("./plain.txt", "plain.txt", "Permission denied|EACCES"),
    ("./folder", "folder", "Permission denied|EACCES|directory"),
    ("./lost-interpreter", "lost-interpreter", "No such file|ENOENT"),
])
def test_a_failed_exec_is_told_with_path_and_errno(hc, command, path, words):
    hc.allow_errors("bad")
    exec_failures(hc)
    plugin = hc.plugin("bad", [command], ready=False, hookcast={"protocol": "jsonrpc", "restart": {"max_restarts": 1}})
    hc.recorder("good")
    hc.start()
    row = plugin.wait_state("unavailable")
    assert path in row["last_error"] and re.search(words, row["last_error"]), row["last_error"]
    assert hc.publish()["queued"] == 1


def test_exit_127_is_told_apart_from_a_failed_exec(hc):
    hc.allow_errors("bad")
    plugin = hc.shell("bad", "exit 127", ready=False, hookcast={"restart": {"max_restarts": 1}})
    hc.start()
    error = plugin.wait_state("unavailable")["last_error"]
    assert "127" in error and not re.search("No such file|ENOENT|exec failed", error), error


def test_a_child_that_fails_its_exec_leaves_nothing_behind(hc):
    hc.allow_errors("bad")
    hc.plugin("bad", ["./nothing"], ready=False,
              hookcast={"protocol": "jsonrpc", "restart": {"max_restarts": 20, "backoff_max": "20ms"}})
    hc.recorder("good")
    hc.start()
    hc.publish()
    before = hc.fds()
    hc.plugins["bad"].wait_state("unavailable", timeout=8)
    assert hc.fds() <= before
    assert not zombies(hc.pid)


def zombies(parent):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if fields[0] == "Z" and int(fields[1]) == parent:
                found.append(int(entry))
    return found


def test_100_restarts_leave_no_descriptor_no_zombie_and_one_generation_at_a_time(hc):
    hc.allow_errors("mortal")
    hc.configure(plugin_defaults={"restart": {"max_restarts": 100000, "backoff_initial": "1ms", "backoff_max": "1ms"}})
    plugin = hc.recorder("mortal")
    hc.start()
    before, memory = hc.fds(), None
    for round in range(100):
        pid = plugin.wait_row(lambda r: r["pid"], "a process")["pid"]
        assert len(hc.processes()) <= 1
        os.kill(pid, signal.SIGKILL)
        plugin.wait_row(lambda r: r["restarts"] > round, "a restart")
        if round == 20:
            memory = hc.proc_status("VmRSS")
    plugin.wait_row(lambda r: r["pid"], "a process")
    wait_for(lambda: hc.fds() <= before, 3, "descriptors to be back")
    wait_for(lambda: not zombies(hc.pid), 2, "no zombies")
    if not ASAN:
        assert hc.proc_status("VmRSS") - memory < 512, "KiB for 80 restarts"


# -- a failing one -------------------------------------------------------------------------------------------------


def test_one_that_fails_every_time_is_failing_and_one_failure_is_not(hc):
    hc.configure(plugin_defaults={"failure_threshold": 4, "failure_window": "1s", "recover_after": "200ms"})
    plugin = hc.puppet("clumsy", {"fail": {STARTED: "boom"}})
    hc.start()
    hc.publish()
    assert plugin.wait_row(lambda r: r["failures"] == 1, "a failure")["state"] == "ready"
    for _ in range(5):
        hc.publish()
    plugin.wait_state("degraded", "failing", timeout=1)
    assert hc.publish()["queued"] == 1, "degraded still receives"
    plugin.wait_state("ready", timeout=4)


def test_failures_below_half_of_the_deliveries_do_not_set_failing(hc):
    hc.configure(plugin_defaults={"failure_threshold": 4, "failure_window": "1min"})
    plugin = hc.puppet("clumsy")
    hc.start()
    hc.publish_many(40)
    plugin.wait_events(40)
    for _ in range(8):
        hc.publish(payload={"do": [["fail", "boom"]]})
    row = plugin.wait_row(lambda r: r["failures"] == 8, "8 failures")
    assert row["state"] == "ready" and row["reasons"] == []


def test_at_most_10_failure_lines_a_second_and_the_rest_is_counted(hc):
    plugin = hc.puppet("clumsy", {"fail": {STARTED: "boom"}})
    hc.start()
    began = time.monotonic()
    hc.publish_many(200)
    plugin.wait_row(lambda r: r["failures"] == 200, "200 failures")
    lines = hc.log(plugin="^clumsy$", error="^boom$", level="^warning$")
    assert 10 <= len(lines) <= 10 * (time.monotonic() - began + 1.5)

    def accounted():
        hc.publish()
        plugin.wait_events(1)
        failures = plugin.row()["failures"]
        lines = hc.log(plugin="^clumsy$", error="^boom$")
        told = len(lines) + sum(int(r.get("suppressed", 0)) for r in lines)
        return told == failures and told > 200
    wait_for(accounted, 5, "lines and suppressed to add up to the failures", interval=0.15)


# -- the wedged, the loud, the fertile -----------------------------------------------------------------------------


def test_a_wedged_plugin_changes_nothing_for_others_and_its_stop_is_bounded(hc):
    hc.configure(stop_timeout="3s", plugin_defaults={"slow_after": "200ms"})
    wedged = hc.shell("wedged", "trap '' TERM; while :; do sleep 600; done", teardown_timeout_sec=1)
    other = hc.recorder("other")
    hc.start()
    hc.publish_many(1000, payload=lambda i: {"i": i, "pad": "x" * 500})
    other.wait_events(1000)
    wedged.wait_state("degraded", "slow")
    began = time.monotonic()
    hc.stop(within=5)
    assert time.monotonic() - began < 4 * SCALE


def test_a_grandchild_does_not_survive_its_plugin(hc):
    hc.allow_errors("parent")
    plugin = hc.puppet("parent")
    hc.start()
    hc.publish(payload={"do": [["grandchild"]]})
    path = plugin.dir / "grandchild.pid"
    wait_for(path.exists, what="the grandchild")
    grandchild = int(path.read_text())
    assert os.path.exists(f"/proc/{grandchild}")
    os.kill(plugin.pid(), signal.SIGKILL)
    plugin.wait_row(lambda r: r["restarts"] == 1 and r["pid"], "a restart")
    wait_for(lambda: not os.path.exists(f"/proc/{grandchild}"), 3, "the grandchild to be gone")


def test_a_death_is_noticed_although_a_grandchild_holds_the_pipes(hc):
    hc.allow_errors("parent")
    plugin = hc.puppet("parent")
    hc.start()
    hc.publish(payload={"do": [["grandchild"], ["exit", 1]]})
    plugin.wait_row(lambda r: r["restarts"] == 1 and r["pid"], "a restart", timeout=3)
    hc.publish(payload={"again": 1})
    plugin.wait_events(2)
    wait_for(lambda: len(hc.processes()) == 1, 3, "one process to be left")


def test_children_die_with_a_killed_daemon(hc):
    plugin = hc.shell("sleeper", "exec sleep 600")
    hc.start()
    pid = plugin.pid()
    hc.kill()
    wait_for(lambda: not os.path.exists(f"/proc/{pid}") or "Z" in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][:3],
             2, "the child to die with the daemon")


def test_a_plugin_that_closes_its_stdin_spins_nobody(hc):
    hc.allow_errors("deaf")
    plugin, other = hc.puppet("deaf"), hc.recorder("other")
    hc.start()
    hc.publish(payload={"do": [["close", 0], ["touch", "closed"]]})
    wait_for((plugin.dir / "closed").exists)
    busy = hc.cpu_seconds()
    for i in range(50):
        hc.publish(payload={"i": i})
    assert [m["params"].get("i") for m in other.wait_events(51)][1:] == list(range(50))
    assert hc.cpu_seconds() - busy < 0.3 * SCALE


def test_an_idle_daemon_does_nothing(hc):
    hc.recorder("a")
    hc.puppet("b")
    hc.start()
    hc.publish()
    hc.plugins["b"].wait_events(1)
    before = hc.cpu_seconds()
    with pytest.raises(TimeoutError):
        hc.publisher.raw_answer(1.0)  # a second in which nothing is asked
    assert hc.cpu_seconds() - before <= 0.02 * SCALE


def test_state_changes_are_one_line_each_with_the_figures(hc):
    hc.allow_errors("mortal")
    plugin = hc.puppet("mortal")
    hc.start()
    hc.publish(payload={"do": [["exit", 3]]})
    plugin.wait_row(lambda r: r["restarts"] == 1, "a restart")
    plugin.wait_state("ready")
    states = wait_for(lambda: (lambda s: len(s) >= 3 and s)([r["state"] for r in hc.log(plugin="^mortal$") if "state" in r]))
    assert states == ["starting", "ready", "degraded", "ready"] or states == ["ready", "degraded", "ready"], states
    degraded = hc.log(plugin="^mortal$", state="^degraded$")
    assert len(degraded) == 1
    assert {"reason", "pid", "queued", "dropped"} <= set(degraded[0]), json.dumps(degraded[0])


def test_events_of_the_successor_carry_the_same_run(hc):
    hc.allow_errors("mortal")
    plugin = hc.puppet("mortal")
    hc.start()
    hc.publish(payload={"do": [["exit", 3]]})
    plugin.wait_row(lambda r: r["restarts"] == 1 and r["pid"], "a restart")
    hc.publish()
    events = plugin.wait_events(2)
    assert len({m["params"]["_meta"][EVENT]["run"] for m in events}) == 1
    assert len(plugin.requests("hooks/setup")) == 2
