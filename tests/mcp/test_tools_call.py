"""DESIGN §5: an event as a call of a tool — its bytes, its answers, how many are in flight, what is counted."""

import os
import signal

import pytest

from harness import EVENT, FINISHED, STARTED, account, wait_for
from mcpkit import CALL, LEGACY, META, MODERN, REVISIONS, methods

both_eras = pytest.mark.parametrize("revision", [LEGACY[0], MODERN])


def books(row):
    return row["accepted"], row["delivered"], row["dropped"], row["queued_events"], row["failures"]


# -- what is written -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_event_is_a_call_of_the_tool(mcp, revision):
    server = mcp.tool_server({"revision": revision})
    mcp.start()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    said = mcp.publish(payload={"path": "/", "n": 1}, metadata={"actor": "u1", "traceparent": trace})
    call = server.wait_calls(1)[0]
    assert set(call) == {"jsonrpc", "id", "method", "params"} and call["jsonrpc"] == "2.0"
    assert call["id"] == said["seq"] and type(call["id"]) is int
    assert set(call["params"]) == {"name", "arguments", "_meta"} and call["params"]["name"] == "record"
    assert call["params"]["arguments"] == {"path": "/", "n": 1}
    meta = call["params"]["_meta"]
    event = meta.pop(EVENT)
    assert set(event) == {"kind", "hook", "run", "seq", "time", "uid", "pid", "metadata"}
    assert event["hook"] == STARTED and event["run"] == said["run"] and event["seq"] == said["seq"]
    assert event["metadata"] == {"actor": "u1"} and meta.pop("traceparent") == trace
    if revision == MODERN:
        assert meta.pop(META + "protocolVersion") == MODERN
        assert meta.pop(META + "clientInfo")["name"] == "hookcastd" and META + "clientCapabilities" in meta
        meta.pop(META + "clientCapabilities")
    assert meta == {}


@both_eras
@pytest.mark.parametrize("payload", ["{}", "{ }", '{"b":1.10,"a":1e400,"n":12345678901234567890123}',
                                     '{"t":"\\u0000 \\ud800 \\u00e9 é","/":"\\/"}', '{"deep":[[[{"x":null}]]]}'])
def test_arguments_are_the_payloads_bytes(mcp, revision, payload):
    server = mcp.tool_server({"revision": revision})
    mcp.start()
    mcp.publisher.notify_text(STARTED, payload)
    server.wait_calls(1)
    line = [x for x in server.event_lines()][0]
    assert b'"arguments":' + payload.encode() + b'},"id":1}' in line


def test_two_revisions_of_one_tool_each_get_their_own_form(mcp):
    servers = [mcp.tool_server({"revision": r}, name=f"s{i}") for i, r in enumerate(REVISIONS)]
    mcp.start()
    for i in range(5):
        mcp.publish(payload={"i": i})
    for server, revision in zip(servers, REVISIONS):
        calls = server.wait_calls(5)
        assert [c["id"] for c in calls] == [1, 2, 3, 4, 5]
        assert [c["params"]["arguments"]["i"] for c in calls] == [0, 1, 2, 3, 4]
        assert all((META + "protocolVersion" in c["params"]["_meta"]) == (revision == MODERN) for c in calls)


def test_native_and_tool_servers_hear_the_same_events_each_in_its_way(mcp):
    tool = mcp.tool_server(name="tool")
    natives = [mcp.server({"revision": r, "native": "experimental"}, name=f"n{i}") for i, r in enumerate(REVISIONS)]
    mcp.start()
    mcp.publish(payload={"i": 1})
    mcp.publish(FINISHED, payload={"i": 2})
    assert [c["id"] for c in tool.wait_calls(1)] == [1]
    for native in natives:
        first, second = native.wait_events(2)
        assert (first["method"], second["method"]) == (STARTED, FINISHED) and "id" not in first
        assert set(first["params"]["_meta"]) == {EVENT}


# -- answers -------------------------------------------------------------------------------------------------------


def result(**members):
    return {"result": {"content": [], **members}}


FAILURES = {
    "error": ({"error": {"code": -32602, "message": "no such column"}}, "no such column"),
    "isError": (result(isError=True, content=[{"type": "text", "text": "disk full"}]), "disk full"),
    "isError-image-first": (result(isError=True, content=[{"type": "image", "data": "", "mimeType": "x/y"},
                                                          {"type": "text", "text": "second"}]), "second"),
    "isError-silent": (result(isError=True), "failed, not why"),
    "null": ({"result": None}, "not an object"),
    "list": ({"result": []}, "not an object"),
}
MODERN_FAILURES = {
    "input_required": (result(resultType="input_required"), "input"),
    "unknown": (result(resultType="task_started"), "task_started"),
    "no-string": (result(resultType=7), "resultType"),
}
FINE = {"plain": result(), "structured": result(structuredContent={"x": 1}, isError=False),
        "no-content": {"result": {}}, "isError-text": result(isError="true")}


@both_eras
def test_every_kind_of_failure_is_counted_once_and_told(mcp, revision):
    cases = {**FAILURES, **(MODERN_FAILURES if revision == MODERN else {})}
    server = mcp.tool_server({"revision": revision}, hookcast={"failure_threshold": 1000})
    mcp.start()
    seqs = {mcp.publish(payload={"do": [answer]})["seq"]: name for name, (answer, _) in cases.items()}
    row = server.wait_failures(len(cases))
    assert books(row) == (len(cases), len(cases), 0, 0, len(cases)) and row["state"] == "ready"
    for seq, name in seqs.items():
        record = mcp.wait_log(plugin="srv", level="warning", seq=seq)
        assert record["hook"] == STARTED and cases[name][1] in record["error"], (name, record)


@both_eras
def test_what_is_no_failure_is_none(mcp, revision):
    server = mcp.tool_server({"revision": revision})
    mcp.start()
    for answer in FINE.values():
        mcp.publish(payload={"do": [answer]})
    mcp.publish(payload={"do": [{"error": {"code": 1, "message": "last"}}]})
    row = server.wait_failures(1)
    assert row["failures"] == 1 and not mcp.log(plugin="srv", msg="ignored")


def test_a_legacy_server_knows_no_result_types(mcp):
    """resultType came with 2026-07-28: in a result of an older revision it is any member."""
    server = mcp.tool_server({"revision": "2025-11-25"})
    mcp.start()
    mcp.publish(payload={"do": [result(resultType="whatever")]})
    mcp.publish(payload={"do": [{"error": {"code": 1, "message": "last"}}]})
    assert server.wait_failures(1)["failures"] == 1


@both_eras
def test_an_error_of_null_beside_a_result_is_no_error(mcp, revision):
    """Some libraries write both members always. By MCP's schemas it is a result; an error would be an object."""
    server = mcp.tool_server({"revision": revision})
    mcp.start()
    mcp.publish(payload={"do": {"say": {"jsonrpc": "2.0", "id": 1, "result": {"content": []}, "error": None}}})
    mcp.publish(payload={"do": [{"error": {"code": 1, "message": "last"}}]})
    mcp.wait_log(plugin="srv", msg="event failed", seq=2)
    assert server.row()["failures"] == 1


def test_answers_may_come_in_any_order(mcp):
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 4})
    mcp.start()
    for _ in range(3):
        mcp.publish(payload={"do": ["hold"]})
    mcp.publish(payload={"do": ["hold", "release_reversed"]})
    for _ in range(4):
        mcp.publish()  # there is room for all of these only if all four were taken for answered
    assert [c["id"] for c in server.wait_calls(8)] == list(range(1, 9))
    assert books(server.row()) == (8, 8, 0, 0, 0) and not mcp.log(msg="ignored")


def test_a_second_answer_is_ignored_and_makes_no_room(mcp):
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 2})
    mcp.start()
    gate = mcp.dir / "gate"
    mcp.publish(payload={"do": ["usual"] * 5})
    mcp.wait_log(plugin="srv", msg="ignored", error="nothing that was asked")
    mcp.publish(payload={"do": ["hold", {"when": str(gate), "do": "release"}]})
    mcp.publish(payload={"do": ["hold"]})
    mcp.publish()
    mcp.publish()
    server.wait_calls(3)
    wait_for(lambda: server.row()["queued_events"] == 2, what="two to wait")
    assert len(server.calls()) == 3
    gate.touch()
    server.wait_calls(5)
    assert books(server.row()) == (5, 5, 0, 0, 0)


@pytest.mark.parametrize("id", ["1", "h1", 2, 0, -1, 1.5, 10**30, None], ids=repr)
def test_an_answer_under_another_id_is_none(mcp, id):
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 1})
    mcp.start()
    message = {"jsonrpc": "2.0", "id": id, "result": {"content": [], "isError": True}}
    mcp.publish(payload={"do": [{"say": message}, "hold", {"when": str(mcp.dir / "gate"), "do": "release"}]})
    mcp.wait_log(plugin="srv", msg="ignored")
    mcp.publish()
    assert books(server.row()) == (2, 1, 0, 1, 0)
    (mcp.dir / "gate").touch()
    server.wait_calls(2)
    assert server.row()["failures"] == 0


def test_events_that_fail_again_and_again_make_it_failing(mcp):
    server = mcp.tool_server(hookcast={"failure_threshold": 3, "failure_window": "60s"})
    mcp.start()
    for _ in range(3):
        mcp.publish(payload={"do": [{"error": {"code": 1, "message": "no disk"}}]})
    row = server.wait_state("degraded", "failing")
    assert "no disk" in row["last_error"] and row["failures"] == 3
    for _ in range(4):
        mcp.publish()  # it still hears them; and now fewer than half fail
    server.wait_calls(7)
    assert server.row()["restarts"] == 0


# -- in flight -----------------------------------------------------------------------------------------------------


def hold_until(mcp, gate):
    return {"do": ["hold", {"when": str(mcp.dir / gate), "do": "release"}]}


@both_eras
def test_at_most_so_many_are_in_flight_and_the_others_wait(mcp, revision):
    server = mcp.tool_server({"revision": revision}, hookcast={"tools_in_flight_max": 3})
    mcp.start()
    mcp.publish(payload=hold_until(mcp, "gate"))
    for i in range(9):
        mcp.publish(payload={"i": i, "do": ["hold"]} if i < 2 else {"i": i})
    server.wait_calls(3)
    wait_for(lambda: server.row()["queued_events"] == 7, what="seven to wait")
    row = server.row()
    assert books(row) == (10, 3, 0, 7, 0) and row["queued_bytes"] > 0 and len(server.calls()) == 3
    pending = mcp.flush(timeout_ms=1)
    assert pending["pending"] == ["srv"]
    (mcp.dir / "gate").touch()
    assert [c["id"] for c in server.wait_calls(10)] == list(range(1, 11))
    assert books(server.row()) == (10, 10, 0, 0, 0) and mcp.flush()["pending"] == []


def test_each_answer_makes_room_for_one(mcp):
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 2})
    mcp.start()
    gates = [f"gate{i}" for i in range(6)]
    for gate in gates:  # its own answer only
        mcp.publish(payload={"do": [{"when": str(mcp.dir / gate), "do": "usual"}]})
    for i, gate in enumerate(gates[:4]):
        server.wait_calls(i + 2)
        assert wait_for(lambda i=i: server.row()["queued_events"] == 4 - i, what="one less to wait")
        assert len(server.calls()) == i + 2
        (mcp.dir / gate).touch()
    for gate in gates[4:]:
        (mcp.dir / gate).touch()
    server.wait_calls(6)
    assert books(server.row()) == (6, 6, 0, 0, 0)


def test_many_calls_go_through_a_narrow_door_in_order(mcp):
    servers = [mcp.tool_server(name=f"s{n}", hookcast={"tools_in_flight_max": n}) for n in (1, 7)]
    mcp.start()
    mcp.publish_many(2000)
    for server in servers:
        assert [c["id"] for c in server.wait_calls(2000, timeout=20)] == list(range(1, 2001))
        assert books(server.row()) == (2000, 2000, 0, 0, 0)


def test_waiting_for_answers_is_being_slow_and_ends_with_them(mcp):
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 1, "slow_after": "100ms", "recover_after": "100ms"})
    mcp.start()
    mcp.publish(payload=hold_until(mcp, "gate"))
    mcp.publish()
    row = server.wait_state("degraded", "slow")
    assert row["queued_events"] == 1 and "0.1 s" in row["last_error"] and row["restarts"] == 0
    (mcp.dir / "gate").touch()
    server.wait_calls(2)
    server.wait_state("ready")


def test_being_slow_is_noticed_in_a_quiet_daemon_too(mcp):
    """Nothing else happens: no start, no overflow, no full pipe has the supervisor looking about."""
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 1, "slow_after": "100ms", "recover_after": "100ms"})
    mcp.start()
    wait_for(lambda: all(r["uptime_s"] > 0.7 for r in mcp.rows().values()), what="the start to be past")
    mcp.publish(payload=hold_until(mcp, "gate"))
    mcp.publish()
    try:
        server.wait_row(lambda r: r["reasons"] == ["slow"], "it to be slow", timeout=2)
    finally:
        (mcp.dir / "gate").touch()


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest"])
def test_what_waits_too_long_runs_over_without_a_word_to_the_server(mcp, overflow):
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 1, "queue_max_events": 4, "overflow": overflow})
    mcp.start()
    mcp.publish(payload=hold_until(mcp, "gate"))
    server.wait_calls(1)
    for i in range(20):
        mcp.publish(payload={"i": i})
    row = server.wait_row(lambda r: "slow" in r["reasons"], "it to be slow")
    assert account(row)[0] == account(row)[1] and row["dropped"] >= 16 and row["queued_events"] <= 4
    (mcp.dir / "gate").touch()
    calls = server.wait_calls(1 + row["queued_events"])
    heard = [c["params"]["arguments"]["i"] for c in calls[1:]]
    assert heard == (list(range(20))[-len(heard):] if overflow == "drop_oldest" else list(range(len(heard))))
    assert "notifications/hooks/dropped" not in server.wrote()


def test_a_crash_with_calls_in_flight_frees_their_room_and_keeps_what_waits(mcp):
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 2})
    mcp.start()
    mcp.publish(payload={"do": ["hold"]})
    mcp.publish(payload={"do": ["hold", {"when": str(mcp.dir / "gate"), "do": {"exit": 9}}]})
    server.wait_calls(2)
    for i in range(5):
        mcp.publish(payload={"i": i})
    assert books(server.row()) == (7, 2, 0, 5, 0)
    (mcp.dir / "gate").touch()
    calls = server.wait_calls(7)
    assert [c["id"] for c in calls] == list(range(1, 8)), "what was read is not sent again, what waited is"
    assert [m["id"] for m in server.life(2) if m["method"] == CALL] == [3, 4, 5, 6, 7]
    row = server.row()
    assert books(row) == (7, 7, 0, 0, 0) and row["redelivered"] == 0 and row["restarts"] == 1


def test_calls_that_a_dead_server_had_not_read_go_to_the_next(mcp):
    server = mcp.tool_server()
    mcp.start()
    mcp.publish(payload={"do": {"wait": str(mcp.dir / "never")}})
    server.wait_calls(1)
    for i in range(50):
        mcp.publish(payload={"i": i})
    mcp.flush()
    assert books(server.row()) == (51, 51, 0, 0, 0)
    os.kill(server.pid(), signal.SIGKILL)
    assert [c["id"] for c in server.wait_calls(51)] == list(range(1, 52))
    row = server.row()
    assert row["redelivered"] == 50 and account(row) == (101, 101) and row["failures"] == 0
    assert len([m for m in server.life(2) if m["method"] == CALL]) == 50


def test_overflow_restart_begins_anew_without_what_was_in_flight(mcp):
    server = mcp.tool_server(teardown_timeout_sec=1, hookcast={"tools_in_flight_max": 1, "queue_max_events": 4,
                                                               "overflow": "restart"})
    mcp.start()
    mcp.publish(payload={"do": "hold"})
    server.wait_calls(1)
    for i in range(5):
        mcp.publish(payload={"i": i})
    wait_for(lambda: len(server.lives()) == 2, what="the next process")
    row = server.wait_row(lambda r: r["protocol"] and r["pid"] == server.lives()[1] and r["state"] != "starting", "it")
    assert account(row)[0] == account(row)[1] and row["dropped"] == 5
    mcp.publish(payload={"i": 99})
    assert server.wait_calls(2)[1]["params"]["arguments"] == {"i": 99}
    assert "notifications/hooks/dropped" not in server.wrote()


def test_a_large_event_is_one_call(mcp):
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 1})
    mcp.start()
    big = "x" * 900_000
    for i in range(3):
        mcp.publish(payload={"i": i, "big": big})
    calls = server.wait_calls(3)
    assert [len(c["params"]["arguments"]["big"]) for c in calls] == [900_000] * 3
    assert books(server.row()) == (3, 3, 0, 0, 0)


def test_the_bound_may_change_with_the_manifest(mcp):
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 1})
    mcp.start()
    manifest = server.dir / "plugin.yaml"
    manifest.write_text(manifest.read_text().replace("tools_in_flight_max: 1", "tools_in_flight_max: 3"))
    mcp.call("daemon.reload")
    wait_for(lambda: len(server.lives()) == 2, what="the changed one to be restarted")
    server.wait_state("ready")
    for _ in range(3):
        mcp.publish(payload={"do": ["hold"]})
    mcp.publish(payload={"do": [{"when": str(mcp.dir / "gate"), "do": ["usual", "release"]}]})
    server.wait_calls(3)
    wait_for(lambda: server.row()["queued_events"] == 1, what="one to wait")
    assert methods(server.life(2))[-3:] == [CALL] * 3
    mcp.call("plugin.restart", {"name": "srv"})  # nobody will answer these
    server.wait_calls(4)
    (mcp.dir / "gate").touch()
    assert server.row()["failures"] == 0, "a call that its process did not live to answer is no failed event"
