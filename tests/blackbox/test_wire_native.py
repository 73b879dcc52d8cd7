"""DESIGN §5: the wire to a native plugin of the modern era — handshake, events, what it may say back."""

import json
import os
import re
import time

import pytest

from harness import EVENT, FAILED, FINISHED, HOOKS, KIND, NATIVE_REVISION, STARTED, wait_for

META = "io.modelcontextprotocol/"


def check_request_meta(message):
    """What every request to a modern server carries."""
    meta = message["params"]["_meta"]
    assert meta[META + "protocolVersion"] == NATIVE_REVISION
    assert isinstance(meta[META + "clientInfo"]["name"], str) and isinstance(meta[META + "clientInfo"]["version"], str)
    extension = meta[META + "clientCapabilities"]["extensions"]["io.hookcast/hooks"]
    assert set(extension) == {"kind", "kind_api_version", "hooks"}
    assert extension["kind"] == KIND and extension["kind_api_version"].split(".")[0] == "1"
    assert set(extension["hooks"]) <= set(HOOKS)
    return meta


# -- handshake -----------------------------------------------------------------------------------------------------


def test_the_handshake_is_discover_then_setup_and_nothing_else(hc):
    plugin = hc.puppet("one", config={"level": 3, "name": "x", "deep": {"a": [1, None, True]}})
    hc.start()
    discover, setup, *rest = plugin.messages()
    assert rest == []
    assert set(discover) == {"jsonrpc", "id", "method", "params"} and discover["jsonrpc"] == "2.0"
    assert discover["method"] == "server/discover" and set(discover["params"]) == {"_meta"}
    check_request_meta(discover)
    assert set(setup) == {"jsonrpc", "id", "method", "params"} and setup["method"] == "hooks/setup"
    check_request_meta(setup)
    params = setup["params"]
    assert set(params) == {"_meta", "plugin", "kind", "hooks", "config", "run"}
    assert params["plugin"] == "one" and params["kind"] == KIND and sorted(params["hooks"]) == sorted(HOOKS)
    assert params["config"] == {"level": 3, "name": "x", "deep": {"a": [1, None, True]}}
    assert isinstance(discover["id"], str) and isinstance(setup["id"], str) and discover["id"] != setup["id"]
    assert params["run"] == hc.publish()["run"] and re.fullmatch(r"[A-Za-z0-9]{12}", params["run"])
    assert plugin.row()["protocol"] == NATIVE_REVISION


def test_without_a_config_setup_gets_an_empty_one(hc):
    plugin = hc.puppet("one")
    hc.start()
    assert plugin.requests("hooks/setup")[0]["params"]["config"] == {}


def test_the_plugins_advertised_hooks_are_what_it_hears(hc):
    plugin = hc.puppet("one", {"advertise": [FINISHED]})
    hc.start()
    assert plugin.requests("hooks/setup")[0]["params"]["hooks"] == [FINISHED] and plugin.row()["hooks"] == [FINISHED]
    assert [hc.publish(h)["queued"] for h in HOOKS] == [0, 1, 0]
    assert [m["method"] for m in plugin.wait_events(1)] == [FINISHED]


def test_the_manifests_hooks_go_before_the_advertised_ones(hc):
    plugin = hc.puppet("one", {"advertise": [STARTED, FINISHED]}, hookcast={"hooks": [STARTED]})
    hc.start()
    assert plugin.requests("hooks/setup")[0]["params"]["hooks"] == [STARTED]
    assert [hc.publish(h)["queued"] for h in HOOKS] == [1, 0, 0]


def test_an_advertised_hook_the_kind_lacks_is_logged_with_the_nearest(hc):
    hc.allow_errors("on_request_fnished")
    plugin = hc.puppet("one", {"advertise": [STARTED, "on_request_fnished"]})
    hc.start()
    assert hc.log(plugin="one")
    wait_for(lambda: [r for r in hc.log(plugin="^one$") if "on_request_fnished" in json.dumps(r) and FINISHED in json.dumps(r)],
             what="did you mean on_request_finished")
    assert plugin.row()["hooks"] == [STARTED]


def test_a_banner_before_the_answer_costs_only_itself(hc):
    plugin = hc.puppet("one", {"banner": "Welcome to FastThing 2.0!\n\n  * docs: http://x\n"})
    hc.start()
    hc.publish()
    plugin.wait_events(1)
    assert [r for r in hc.log(plugin="^one$") if "Welcome to FastThing" in json.dumps(r)]


def test_every_answer_given_twice_changes_nothing(hc):
    plugin = hc.puppet("one", {"double": True})
    hc.start()
    hc.publish()
    plugin.wait_events(1)
    assert [m.get("method") for m in plugin.messages()] == ["server/discover", "hooks/setup", STARTED]
    assert plugin.row()["state"] == "ready"


def test_setup_refused_is_unavailable_in_the_plugins_words(hc):
    hc.allow_errors("one")
    plugin = hc.puppet("one", {"setup": "error"}, ready=False)
    hc.start()
    assert "no database today" in plugin.wait_state("unavailable")["last_error"]
    plugin.wait_row(lambda r: r["pid"] is None and r["state"] == "unavailable", "its process to be gone")


def test_setup_unanswered_is_unavailable_at_the_startup_timeout_and_the_child_is_gone(hc):
    hc.allow_errors("one")
    plugin = hc.puppet("one", {"setup": "silent"}, startup_timeout_sec=1, ready=False)
    other = hc.puppet("other")
    hc.configure(startup_grace="100ms")
    began = time.monotonic()
    hc.start()
    hc.publish()
    other.wait_events(1)
    row = plugin.wait_state("unavailable", timeout=4)
    assert time.monotonic() - began >= 0.9, "before its time"
    assert row["last_error"]
    wait_for(lambda: len(hc.processes()) == 1, 2, "only `other` to be left")


def test_a_plugin_that_is_not_ready_yet_is_told_as_failed_and_hears_from_then_on(hc):
    gate = hc.dir / "gate"
    plugin = hc.puppet("late", {"setup": str(gate)}, ready=False)
    hc.configure(startup_grace="50ms")
    hc.start()
    plugin.wait_state("starting")
    answer = hc.publish(payload={"i": 1})
    assert answer["queued"] == 0 and answer["failed_total"] == 1
    assert [f["plugin"] for f in answer["failed"]] == ["late"] and answer["failed"][0]["error"]
    gate.touch()
    plugin.wait_state("ready")
    assert hc.publish(payload={"i": 2})["queued"] == 1
    assert [m["params"]["i"] for m in plugin.wait_events(1)] == [2]


# -- events --------------------------------------------------------------------------------------------------------


def test_an_event_has_exactly_the_shape_of_the_contract(hc):
    plugin = hc.puppet("one")
    hc.start()
    before = time.time()
    answer = hc.publish(FINISHED, {"request_id": "r1", "duration_ms": 12}, metadata={"actor": "u1", "n": [1, {"a": None}]})
    message = plugin.wait_events(1)[0]
    assert set(message) == {"jsonrpc", "method", "params"}
    assert message["jsonrpc"] == "2.0" and message["method"] == FINISHED
    assert list(message["params"]) == ["_meta", "request_id", "duration_ms"]
    assert set(message["params"]["_meta"]) == {EVENT}
    event = message["params"]["_meta"][EVENT]
    assert set(event) == {"kind", "run", "seq", "time", "uid", "pid", "metadata"}
    assert event["kind"] == KIND and event["run"] == answer["run"] and event["seq"] == answer["seq"] == 1
    assert event["uid"] == os.getuid() and event["pid"] == os.getpid()
    assert event["metadata"] == {"actor": "u1", "n": [1, {"a": None}]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event["time"])
    stamped = time.strptime(event["time"][:19], "%Y-%m-%dT%H:%M:%S")
    assert abs(before - (time.mktime(stamped) - time.timezone)) < 10


def test_without_metadata_there_is_no_such_key(hc):
    plugin = hc.puppet("one")
    hc.start()
    hc.publish()
    assert set(plugin.wait_events(1)[0]["params"]["_meta"][EVENT]) == {"kind", "run", "seq", "time", "uid", "pid"}


TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_trace_context_goes_to_meta_under_its_own_names(hc):
    plugin = hc.puppet("one")
    hc.start()
    hc.publish(metadata={"traceparent": TRACEPARENT, "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
                         "baggage": "userId=alice,isProduction=false", "actor": "u1"})
    meta = plugin.wait_events(1)[0]["params"]["_meta"]
    assert meta["traceparent"] == TRACEPARENT and meta["tracestate"] == "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
    assert meta["baggage"] == "userId=alice,isProduction=false"
    assert meta[EVENT]["metadata"] == {"actor": "u1"}


@pytest.mark.parametrize("metadata", [
    {"traceparent": "garbage"},
    {"traceparent": "00-00000000000000000000000000000000-b7ad6b7169203331-01"},
    {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"},
    {"traceparent": TRACEPARENT.upper()},
    {"traceparent": "ff" + TRACEPARENT[2:]},
    {"traceparent": TRACEPARENT + "-00"},
    {"traceparent": 5},
    {"traceparent": ["a"]},
    {"traceparent": TRACEPARENT, "tracestate": {"a": "b"}},
    {"traceparent": TRACEPARENT, "baggage": 7},
    {"traceparent": TRACEPARENT, "tracestate": "no equals sign"},
], ids=lambda m: json.dumps(m)[-60:])
def test_invalid_trace_context_is_dropped_and_the_event_goes_on(shared, metadata):
    hc, plugin = shared
    seen = len(plugin.event_lines())
    hc.publish(payload={"x": 1}, metadata=dict(metadata, actor="u1"))
    params = plugin.wait_events(seen + 1)[seen]["params"]
    assert params["x"] == 1
    invalid = list(metadata)[-1]
    assert invalid not in params["_meta"]
    assert params["_meta"][EVENT]["metadata"]["actor"] == "u1"


@pytest.fixture(scope="module")
def shared():
    from harness import Site
    with Site() as site:
        plugin = site.puppet("one")
        yield site.start(), plugin


PAYLOADS = [
    '{}',
    '{ }',
    '{"a":1}',
    '{"big":1e+2,"neg":-0.0,"long":12345678901234567890,"tiny":1E-7,"frac":1.10}',
    '{"n":123456789012345678901234567890.5,"e":1e400,"z":-0}',
    '{"esc":"\\u0041\\/\\n\\t\\"\\\\\\b\\f","slash":"/"}',
    '{"nul":"\\u0000","lone":"\\ud800","pair":"\\ud83d\\ude00","raw":"\U0001F600 \u00e9 \u2028"}',
    '{  "odd"  :  [ 1 ,\t2,  3 ]  ,"b" :{ } }',
    '{"z":1,"a":2,"M":{"z":1,"a":2},"_":3}',
    '{"\\u0061":"escaped key","":"empty key","__proto__":1,"meta":2," _meta":3}',
    '{"true":true,"null":null,"list":[[],{},[{}]]}',
    '{"method":"ping","jsonrpc":"1.0","id":7,"params":{"_meta":1}}',
    '{"text":"' + "x" * 70000 + '"}',
]


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: p[:30])
def test_payload_bytes_are_identical_at_the_child(shared, payload):
    hc, plugin = shared
    seen = len(plugin.event_lines())
    hc.publisher.notify_text(STARTED, payload)
    plugin.wait_events(seen + 1)
    line = plugin.event_lines()[seen]
    inner = payload.encode()[1:-1].strip(b" ")
    assert inner in line
    if inner:  # nothing but the two closing braces follows the payload's last byte
        assert re.fullmatch(rb"\s*\}\s*\}\s*", line[line.rindex(inner) + len(inner):])
    message = json.loads(line)
    del message["params"]["_meta"]
    assert message["params"] == json.loads(payload)


def test_metadata_values_keep_their_meaning(shared):
    hc, plugin = shared
    seen = len(plugin.event_lines())
    hc.publisher.notify_text(STARTED, "{}", metadata='{"long":12345678901234567890,"e":1e+2,"s":"\\u0000\\ud800"}')
    line = (plugin.wait_events(seen + 1), plugin.event_lines()[seen])[1]
    assert b"12345678901234567890" in line and b"1e+2" in line and b"\\u0000\\ud800" in line


def test_one_hooks_events_and_anothers_stay_in_one_order(shared):
    hc, plugin = shared
    seen = len(plugin.event_lines())
    for i in range(60):
        hc.publish(HOOKS[i % 3], {"i": i})
    events = plugin.wait_events(seen + 60)[seen:]
    assert [m["params"]["i"] for m in events] == list(range(60))
    assert [m["method"] for m in events] == [HOOKS[i % 3] for i in range(60)]
    seqs = [m["params"]["_meta"][EVENT]["seq"] for m in events]
    assert seqs == list(range(seqs[0], seqs[0] + 60))


# -- what the plugin says back -------------------------------------------------------------------------------------


def test_a_failed_event_is_one_warning_with_the_seed_pages_fields_and_no_change_of_state(hc):
    plugin = hc.puppet("one")
    other = hc.puppet("other")
    hc.start()
    seq = hc.publish(FAILED, {"do": [["fail", "disk is full"]]})["seq"]
    record = hc.wait_log(level="^warning$", plugin="^one$", error="disk is full")
    assert record["hook"] == FAILED and record["seq"] == seq
    row = plugin.wait_row(lambda r: r["failures"] == 1, "a failure to be counted")
    assert row["state"] == "ready" and row["reasons"] == []
    other.wait_events(1)


def test_teardown_is_asked_before_stdin_is_closed(hc):
    plugin = hc.puppet("one")
    hc.start()
    hc.publish()
    hc.stop()
    teardown = plugin.messages()[-1]
    assert teardown["method"] == "hooks/teardown" and "id" in teardown
    check_request_meta(teardown)


def test_a_health_probe_is_a_request_with_meta_and_any_answer_is_life(hc):
    hc.configure(plugin_defaults={"health": {"interval": "100ms", "timeout": "300ms", "failures": 2}})
    fine = hc.puppet("fine")
    erring = hc.puppet("erring", {"health": "error"})
    hc.start()
    for plugin in (fine, erring):
        wait_for(lambda: len(plugin.requests("hooks/health")) >= 3, 5, "three probes")
        check_request_meta(plugin.requests("hooks/health")[0])
        assert plugin.row()["state"] == "ready"


def test_a_probe_never_answered_or_answered_degraded_is_unhealthy_and_events_go_on(hc):
    hc.configure(plugin_defaults={"health": {"interval": "100ms", "timeout": "100ms", "failures": 2}})
    silent = hc.puppet("silent", {"health": "silent"}, ready=False)
    ill = hc.puppet("ill", {"health": "degraded"}, ready=False)
    hc.start()
    silent.wait_state("degraded", "unhealthy")
    assert "disk nearly full" in ill.wait_state("degraded", "unhealthy")["last_error"]
    assert hc.publish()["queued"] == 2
    silent.wait_events(1)
    ill.wait_events(1)


def test_a_modern_child_is_never_written_a_response(hc):
    plugin = hc.puppet("one")
    hc.start()
    request = '{"jsonrpc":"2.0","id":77,"method":"sampling/createMessage","params":{}}\n'
    hc.publish(payload={"do": [["print", request], ["print", '{"jsonrpc":"2.0","id":78,"method":"ping"}\n']]})
    hc.publish(payload={"do": [["touch", "done"]]})
    wait_for(lambda: (plugin.dir / "done").exists())
    hc.publish()
    plugin.wait_events(3)
    assert all("method" in m for m in plugin.messages())
    assert plugin.row()["state"] == "ready"
