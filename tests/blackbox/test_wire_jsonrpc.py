"""DESIGN §5: `protocol: jsonrpc` — no handshake, the child just reads events."""

import json

from harness import EVENT, HOOKS, KIND, STARTED, wait_for


def test_events_are_all_that_is_ever_written(hc):
    plugin = hc.recorder("tape")
    hc.start()
    for i, hook in enumerate(HOOKS * 3):
        hc.publish(hook, {"i": i})
    plugin.wait_events(9)
    hc.stop()
    messages = plugin.messages()
    assert [m["method"] for m in messages] == HOOKS * 3
    assert [m["params"]["i"] for m in messages] == list(range(9))
    assert all(set(m) == {"jsonrpc", "method", "params"} for m in messages)


def test_its_row_says_jsonrpc_and_it_is_ready_without_a_word(hc):
    plugin = hc.recorder("tape")
    hc.start()
    row = plugin.row()
    assert row["protocol"] == "jsonrpc" and row["state"] == "ready" and sorted(row["hooks"]) == sorted(HOOKS)


def test_native_and_jsonrpc_plugins_are_sent_the_same_bytes(hc):
    tape, puppet = hc.recorder("tape"), hc.puppet("puppet")
    hc.start()
    hc.publisher.notify_text(STARTED, '{ "a" : 1.0 , "b":"\\u0041" }', metadata={"actor": "u1"})
    hc.publish(payload={"x": "y" * 5000})
    tape.wait_events(2)
    puppet.wait_events(2)
    assert tape.event_lines() == puppet.event_lines()
    assert tape.events()[0]["params"]["_meta"][EVENT]["kind"] == KIND


def test_an_event_published_before_it_ran_50_ms_is_told_as_failed_or_kept_but_never_lost_in_silence(hc):
    plugin = hc.recorder("tape", ready=False)
    hc.configure(startup_grace="1ms")
    hc.start()
    answer = hc.publish(payload={"first": True})
    plugin.wait_state("ready")
    assert answer["queued"] + answer["failed_total"] == 1
    hc.publish(payload={"second": True})
    events = plugin.wait_events(1 + answer["queued"])
    assert len(events) == 1 + answer["queued"] and events[-1]["params"]["second"]


def test_what_it_prints_is_parsed_if_it_is_jsonrpc_and_logged_otherwise(hc):
    failed = json.dumps({"jsonrpc": "2.0", "method": "notifications/hooks/failed",
                         "params": {"hook": STARTED, "seq": 1, "error": {"message": "could not save"}}})
    plugin = hc.shell("talker", f"read line; echo hello from talker; echo '{failed}'; exec cat >/dev/null")
    hc.start()
    hc.publish()
    hc.wait_log(level="^warning$", plugin="^talker$", error="could not save")
    wait_for(lambda: [r for r in hc.log(plugin="^talker$") if "hello from talker" in json.dumps(r)], what="the greeting")
    assert plugin.wait_row(lambda r: r["failures"] == 1, "a failure")["state"] == "ready"


def test_stderr_goes_to_the_log_line_by_line(hc):
    hc.shell("talker", "echo one >&2; printf 'two\\nthree\\n' >&2; exec cat >/dev/null")
    hc.start()
    for word in ("one", "two", "three"):
        record = hc.wait_log(plugin="^talker$", stream="^stderr$", msg=rf"\b{word}\b")
        assert record["level"] in ("info", "warning")


def test_one_that_closes_its_stdin_reads_nothing_and_hurts_nobody(hc):
    hc.allow_errors("deaf")
    hc.shell("deaf", "exec <&-; exec sleep 600", ready=False)
    tape = hc.recorder("tape")
    hc.configure(stop_timeout="3s")
    hc.start()
    hc.publish_many(500, payload=lambda i: {"i": i, "pad": "x" * 500})
    assert [m["params"]["i"] for m in tape.wait_events(500)] == list(range(500))


def test_one_that_closes_its_stdout_still_hears(hc):
    plugin = hc.shell("mute", "exec >&-; exec 2>&-; while read -r line; do echo \"$line\" >> wire.ndjson; done 2>/dev/null")
    hc.start()
    hc.publish_many(20)
    plugin.wait_events(20)
    before = hc.cpu_seconds()
    hc.publish()
    plugin.wait_events(21)
    assert plugin.row()["state"] == "ready" and hc.cpu_seconds() - before < 0.5
