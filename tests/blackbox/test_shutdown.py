"""DESIGN §7: SIGTERM — stop accepting, read what was sent, drain, stop the plugins, exit 0; all in bounded time."""

import json
import os
import signal
import time

import pytest

from harness import KIND, SCALE, STARTED, wait_for


def test_what_is_queued_for_running_plugins_is_drained(hc):
    plugin = hc.shell("slow", "while read -r line; do echo \"$line\" >> wire.ndjson; done")
    hc.start()
    hc.publish_many(1500, payload=lambda i: {"i": i, "pad": "x" * 200})
    hc.stop()
    assert [m["params"]["i"] for m in plugin.events()] == list(range(1500))


def test_whole_lines_already_sent_are_accepted_although_nobody_had_read_them(hc):
    tape = hc.recorder("tape")
    hc.start()
    with hc.connect() as conn:
        assert conn.alive()
        os.kill(hc.pid, signal.SIGSTOP)
        conn.send(b"".join(conn.encode_notify(STARTED, {"i": i}) for i in range(300)) + b'{"jsonrpc":"2.0","meth')
        hc.process.send_signal(signal.SIGTERM)
        os.kill(hc.pid, signal.SIGCONT)
        assert hc.process.wait(10 * SCALE) == 0
    assert [m["params"]["i"] for m in tape.events()] == list(range(300))


def test_events_after_the_signal_are_refused_as_shutting_down_or_not_at_all_read(hc):
    hc.configure(stop_timeout="3s")
    hc.puppet("lingering", {"teardown": "silent", "ignore_term": True}, teardown_timeout_sec=2)
    hc.start()
    with hc.connect() as conn:
        assert conn.alive()
        hc.process.send_signal(signal.SIGTERM)
        wait_for(lambda: hc.plugins["lingering"].requests("hooks/teardown"), 5, "the stop to be under way")
        try:
            conn.request("notify", {"kind": KIND, "hook": STARTED, "payload": {}})
            line = conn.raw_answer()
        except (BrokenPipeError, ConnectionResetError):
            line = b""
        if line:
            message = json.loads(line)
            assert message["error"]["code"] == -32602 and message["error"]["data"]["reason"] == "shutting_down"
    assert hc.process.wait(8 * SCALE) == 0


def test_new_connections_are_not_taken_during_a_stop(hc):
    hc.configure(stop_timeout="3s")
    hc.puppet("lingering", {"teardown": "silent", "ignore_term": True}, teardown_timeout_sec=2)
    hc.start()
    hc.process.send_signal(signal.SIGTERM)
    wait_for(lambda: hc.plugins["lingering"].requests("hooks/teardown"), 5, "the stop to be under way")
    try:
        with hc.connect() as conn:
            conn.request("ping")
            line = conn.raw_answer(0.3)
        assert not line or "error" in json.loads(line)
    except (OSError, TimeoutError):
        pass
    assert hc.process.wait(8 * SCALE) == 0


def test_teardown_is_asked_then_stdin_closes_then_they_are_gone(hc):
    plugin = hc.puppet("native")
    hc.start()
    began = time.monotonic()
    hc.stop()
    assert plugin.messages()[-1]["method"] == "hooks/teardown"
    assert time.monotonic() - began < 1.5 * SCALE, "nobody waits out a timeout when all behave"


def test_a_jsonrpc_plugin_is_told_by_end_of_file(hc):
    plugin = hc.shell("polite", "trap 'echo TERM >> end.txt; exit' TERM; cat >> wire.ndjson; echo EOF >> end.txt")
    hc.start()
    hc.publish()
    hc.stop()
    assert (plugin.dir / "end.txt").read_text() == "EOF\n"
    assert len(plugin.events()) == 1


def test_one_that_ignores_teardown_and_eof_gets_sigterm(hc):
    plugin = hc.shell("stubborn", "trap 'echo TERM > end.txt; exit 0' TERM; while :; do sleep 0.05; done",
                      teardown_timeout_sec=1)
    hc.start()
    began = time.monotonic()
    hc.stop()
    assert (plugin.dir / "end.txt").read_text() == "TERM\n"
    assert 0.9 <= time.monotonic() - began < 3 * SCALE


@pytest.mark.parametrize("number", [1, 6])
def test_however_many_plugins_hang_the_shutdown_ends_within_stop_timeout(hc, number):
    hc.configure(stop_timeout="2s", plugin_defaults={"slow_after": "30s"})
    names = [f"hang{i}" for i in range(number)]
    for i, name in enumerate(names):
        hc.puppet(name, {"teardown": "silent", "ignore_term": True}, teardown_timeout_sec=15,
                  depends_on=names[i - 1:i] if i else [])
    stopped = hc.shell("stopped", "exec sleep 600", teardown_timeout_sec=15)
    hc.start()
    os.kill(stopped.pid(), signal.SIGSTOP)
    hc.publish_many(300, payload=lambda i: {"pad": "x" * 1000})
    began = time.monotonic()
    hc.stop(within=4)
    assert time.monotonic() - began < 2 + 1 * SCALE


def test_a_second_sigterm_changes_nothing(hc):
    plugin = hc.recorder("tape")
    hc.start()
    hc.publish_many(1000)
    for _ in range(5):
        hc.process.send_signal(signal.SIGTERM)
    assert hc.process.wait(10 * SCALE) == 0
    assert len(plugin.events()) == 1000


def test_sigterm_while_plugins_still_start(hc):
    hc.puppet("never", {"setup": "silent"}, ready=False, startup_timeout_sec=30)
    hc.puppet("gated", {"setup": str(hc.dir / "gate")}, ready=False, startup_timeout_sec=30)
    hc.start(wait=False)
    wait_for(lambda: hc.plugins["never"].requests("hooks/setup"), 10, "the setup request")
    hc.stop(within=9)


def test_sigterm_while_a_crashed_plugin_waits_for_its_restart(hc):
    hc.allow_errors("mortal")
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "30s", "backoff_max": "30s"}})
    plugin = hc.recorder("mortal")
    hc.start()
    os.kill(plugin.pid(), signal.SIGKILL)
    plugin.wait_state("degraded", "crashed")
    began = time.monotonic()
    hc.stop()
    assert time.monotonic() - began < 1.5 * SCALE


def test_nothing_is_restarted_during_a_stop(hc):
    hc.allow_errors("last")
    plugin = hc.shell("last", "echo x >> starts.txt; cat > /dev/null; exit 1")
    hc.start()
    hc.stop()
    assert (plugin.dir / "starts.txt").read_text() == "x\n"
    assert not hc.log(plugin="^last$", reason="crashed")


def test_a_flush_waiting_at_the_stop_does_not_hold_it_up(hc):
    hc.configure(stop_timeout="2s", plugin_defaults={"slow_after": "30s"})
    hc.shell("wedged", "exec sleep 600")
    hc.start()
    hc.publish_many(300, payload=lambda i: {"pad": "x" * 1000})
    with hc.connect() as conn:
        conn.request("flush", {"timeout_ms": 600000})
        assert conn.alive()
        hc.stop(within=4)
