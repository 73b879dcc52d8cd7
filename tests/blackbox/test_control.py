"""DESIGN §9: the control socket."""

import json
import multiprocessing
import os
import re

import pytest

from harness import FINISHED, HOOKS, KIND, NATIVE_REVISION, Conn, SCALE, STARTED, wait_for

ROW = {"name", "kind", "hooks", "state", "reasons", "last_error", "pid", "protocol", "uptime_s", "restarts",
       "queued_events", "queued_bytes", "accepted", "delivered", "redelivered", "dropped", "failures", "since",
       "lag_s", "last_exit", "last_stderr"}
COUNTERS = ("restarts", "queued_events", "queued_bytes", "accepted", "delivered", "redelivered", "dropped", "failures")
STATES = {"starting", "ready", "degraded", "unavailable", "stopping", "stopped"}
REASONS = {"crashed", "slow", "failing", "unhealthy"}


def check_row(row):
    assert set(row) == ROW
    assert row["state"] in STATES and set(row["reasons"]) <= REASONS
    assert bool(row["reasons"]) == (row["state"] == "degraded")
    assert all(isinstance(row[c], int) and row[c] >= 0 for c in COUNTERS)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", row["since"])
    assert row["last_error"] is None or isinstance(row["last_error"], str)
    assert row["uptime_s"] is None or row["uptime_s"] >= 0
    assert row["lag_s"] >= 0


def test_plugin_list_has_a_row_per_plugin_with_the_contracts_fields(hc):
    hc.allow_errors("far")
    hc.puppet("native")
    hc.recorder("tape", hookcast={"hooks": [FINISHED]})
    hc.plugin("far", ["cat"], runtime="mcp_http", ready=False)
    hc.start()
    result = hc.call("plugin.list")
    assert set(result) == {"plugins"}
    rows = {r["name"]: r for r in result["plugins"]}
    assert set(rows) == {"native", "tape", "far"}
    for row in rows.values():
        check_row(row)
        assert row["kind"] == KIND
    assert rows["native"]["protocol"] == NATIVE_REVISION and rows["tape"]["protocol"] == "jsonrpc"
    assert rows["far"]["protocol"] is None and rows["far"]["pid"] is None and rows["far"]["state"] == "unavailable"
    assert rows["tape"]["hooks"] == [FINISHED]
    assert rows["native"]["pid"] in hc.processes() and rows["native"]["last_error"] is None


def test_plugin_get_is_one_row_and_follows_what_happens(hc):
    plugin = hc.recorder("tape")
    hc.start()
    first = plugin.row()
    check_row(first)
    hc.publish()
    hc.publish(FINISHED)
    plugin.wait_events(2)
    row = plugin.wait_row(lambda r: r["delivered"] == 2, "two deliveries")
    assert row["accepted"] == 2 and row["since"] == first["since"] and row["pid"] == first["pid"]


def test_an_unknown_plugin_is_told_the_nearest(hc):
    hc.recorder("metrics-exporter")
    hc.start()
    with hc.control() as control:
        refused = control.error("plugin.get", {"name": "metrics-exporte"})
        assert refused.code == -32602 and refused.reason == "unknown_plugin" and "metrics-exporter" in refused.message
        assert control.error("plugin.get", {"name": "zzz"}).reason == "unknown_plugin"
        assert control.result("plugin.get", {"name": "metrics-exporter"})["name"] == "metrics-exporter"


@pytest.mark.parametrize("method, params", [
    ("plugin.get", None), ("plugin.get", {}), ("plugin.get", {"name": 5}), ("plugin.get", ["a"]),
    ("plugin.get", {"name": "a", "x": 1}),
    ("plugin.list", {"x": 1}), ("kind.list", {"x": 1}), ("daemon.status", {"x": 1}),
], ids=lambda v: json.dumps(v) if not isinstance(v, str) else v)
def test_wrong_params_are_invalid_params(hc_shared, method, params):
    with hc_shared.control() as control:
        refused = control.error(method, params)
        assert refused.code == -32602 and refused.reason == "invalid_params", refused
        assert isinstance(control.result("daemon.status"), dict)


@pytest.fixture(scope="module")
def hc_shared():
    from harness import Site
    with Site() as site:
        site.recorder("a")
        yield site.start()


def test_kind_list_names_every_kind_with_its_hooks(hc):
    hc.kind()
    hc.kind("sink", ["on_entry", {"name": "on_ask", "dispatch": "chain"}], "2.1.0")
    hc.start()
    result = hc.call("kind.list")
    assert set(result) == {"kinds"}
    kinds = {k["kind"]: k for k in result["kinds"]}
    assert set(kinds) == {KIND, "sink"}
    assert kinds["sink"]["kind_api_version"] == "2.1.0"
    assert [h["name"] for h in kinds[KIND]["hooks"]] == HOOKS
    assert {h["name"]: h["dispatch"] for h in kinds["sink"]["hooks"]} == {"on_entry": "broadcast_notify", "on_ask": "chain"}


def test_kind_list_has_the_schemas_for_those_who_ask(hc):
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    (hc.specs / "sink").mkdir()
    (hc.specs / "sink" / "entry.json").write_text(json.dumps(schema))
    hc.kind("sink", [{"name": "on_entry", "dispatch": "broadcast_notify", "input_schema": "entry.json"}, "on_any"])
    hc.start()

    def hooks(params):
        return {h["name"]: h for h in hc.call("kind.list", params)["kinds"][0]["hooks"]}

    assert hooks({"schemas": True})["on_entry"]["schema"] == schema
    assert hooks({"schemas": True})["on_any"]["schema"] is None
    assert "schema" not in hooks({"schemas": False})["on_entry"]
    assert "schema" not in hooks(None)["on_entry"]
    with hc.control() as control:
        assert control.error("kind.list", {"schemas": 1}).reason == "invalid_params"


def test_daemon_status_is_an_object_that_knows_its_pid_and_run(hc):
    hc.start()
    text = json.dumps(hc.call("daemon.status"))
    assert re.search(rf"\b{hc.pid}\b", text) and hc.publish()["run"] in text


def test_unknown_methods_and_bad_lines_are_answered_and_the_connection_lives(hc_shared):
    with hc_shared.control() as control:
        assert control.error("plugin.lisp").code == -32601
        control.line("not json")
        assert control.answer()["error"]["code"] == -32700
        control.line('[{"jsonrpc":"2.0","id":1,"method":"daemon.status"}]')
        message = control.answer()
        assert message["id"] is None and message["error"]["code"] == -32600
        control.line('{"jsonrpc":"2.0","id":"\\u0041","method":"daemon.status"}')
        assert b'"\\u0041"' in control.raw_answer()
        control.line('{"jsonrpc":"2.0","method":"daemon.status"}')
        control.line("")
        assert "plugins" in control.result("plugin.list")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_another_user_is_closed_without_an_answer_and_it_is_logged(hc):
    hc.configure(sockets={"control": {"mode": "0666"}, "events": {"mode": "0666"}})
    hc.start()
    os.chmod(hc.runtime, 0o755)

    def as_nobody(out):
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        conn = Conn(hc.runtime / "control.sock", 5 * SCALE)
        try:
            conn.line('{"jsonrpc":"2.0","id":1,"method":"daemon.status"}')
        except OSError:
            pass
        control = conn.raw_answer()
        out.send((control, Conn(hc.runtime / "events.sock", 5 * SCALE).call("ping")["result"]))
    ours, theirs = multiprocessing.get_context("fork").Pipe()
    child = multiprocessing.get_context("fork").Process(target=as_nobody, args=(theirs,))
    child.start()
    assert ours.poll(10 * SCALE)
    assert ours.recv() == (b"", {})
    child.join()
    wait_for(lambda: [r for r in hc.log(level="warning|info|error") if "65534" in json.dumps(r)], what="the refusal in the log")
    assert hc.call("daemon.status") is not None


def test_many_control_clients_at_once_and_one_that_never_reads(hc):
    hc.recorder("a")
    hc.start()
    mute = hc.control()
    for _ in range(200):
        mute.line('{"jsonrpc":"2.0","id":1,"method":"plugin.list"}')
    clients = [hc.control() for _ in range(20)]
    for client in clients:
        client.request("plugin.list", id="x")
    for client in clients:
        assert client.answer()["result"]["plugins"][0]["name"] == "a"
        client.close()
    assert hc.publish(STARTED)["queued"] == 1
    mute.close()
