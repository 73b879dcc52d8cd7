"""DESIGN §7 with MCP servers: the health probe of each protocol, and how each is stopped."""

import pytest

from harness import STARTED, wait_for
from mcpkit import (CALL, DISCOVER, GREETED, HEALTH, INITIALIZE, LEGACY, LIST, META, MODERN, REVISIONS, SETUP,
                    TEARDOWN)

OFTEN = {"interval": "30ms", "timeout": "5s", "failures": 2}
QUICK = {"interval": "30ms", "timeout": "30ms", "failures": 2}
NATIVE = {"native": "extensions"}


def greeting(revision, native=False):
    last = SETUP if native else LIST
    return [DISCOVER, last] if revision == MODERN else GREETED + [last]


# -- health --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_protocol_has_its_probe(mcp, revision):
    tools = mcp.tool_server({"revision": revision}, name="tools", hookcast={"health": OFTEN})
    native = mcp.server({"revision": revision, **NATIVE}, name="native", hookcast={"health": OFTEN})
    mcp.start()
    probe = DISCOVER if revision == MODERN else "ping"
    for server, method in ((tools, probe), (native, HEALTH)):
        begun = len(greeting(revision))
        wait_for(lambda server=server, begun=begun: len(server.wrote()) >= begun + 3, what="three probes")
        assert set(server.wrote()[begun:]) == {method}
        probes = server.messages()[begun:]
        assert len({m["id"] for m in probes}) == len(probes) and all(isinstance(m["id"], str) for m in probes)
        for m in probes:
            assert (META + "protocolVersion" in m["params"].get("_meta", {})) == (revision == MODERN)
        assert server.row()["state"] == "ready"


def test_an_error_is_life(mcp):
    refuse = {"error": {"code": -32601, "message": "what?"}}
    server = mcp.tool_server({"on": {"ping": refuse}}, hookcast={"health": OFTEN})
    mcp.start()
    wait_for(lambda: server.wrote().count("ping") >= 4, what="four probes")
    assert server.row()["state"] == "ready" and server.row()["last_error"] is None


@pytest.mark.parametrize("revision", [LEGACY[0], MODERN])
def test_an_unanswered_probe_is_unhealthy_and_one_answer_clears_it(mcp, revision):
    probe = DISCOVER if revision == MODERN else "ping"
    turns = [["usual"], ["hold"], ["usual"]] if revision == MODERN else [["hold"], ["usual"]]
    server = mcp.tool_server({"revision": revision, "on": {probe: turns}}, hookcast={"health": QUICK})
    mcp.start()
    row = server.wait_state("degraded", "unhealthy")
    assert "probe" in row["last_error"] and row["restarts"] == 0
    assert server.wrote()[len(greeting(revision)):] == [probe], "one is outstanding at a time"
    mcp.publish(payload={"n": 1})
    server.wait_calls(1)  # it still hears
    mcp.publish(payload={"do": ["usual", "release"]})
    server.wait_row(lambda r: "unhealthy" not in r["reasons"], "one answer to clear it")


def test_a_native_legacy_server_says_itself_how_it_is(mcp):
    bad = {"result": {"status": "degraded", "detail": "disk nearly full"}}
    server = mcp.server({"native": "experimental", "on": {HEALTH: [[bad], [bad], ["usual"]]}}, hookcast={"health": OFTEN})
    mcp.start()
    assert mcp.wait_log(plugin="srv", state="degraded", reason="unhealthy", error="disk nearly full")
    server.wait_state("ready")


def test_the_probe_goes_ahead_of_events_that_wait_for_answers(mcp):
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 1, "health": OFTEN})
    mcp.start()
    gate = mcp.dir / "gate"
    mcp.publish(payload={"do": ["hold", {"when": str(gate), "do": "release"}]})
    mcp.publish()
    server.wait_calls(1)
    begun = len(server.wrote())
    wait_for(lambda: len(server.wrote()) >= begun + 3, what="probes to go on")
    assert "unhealthy" not in server.row()["reasons"] and len(server.calls()) == 1
    gate.touch()
    server.wait_calls(2)


# -- the end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_tool_server_is_stopped_by_the_end_of_its_input(mcp, revision):
    server = mcp.tool_server({"revision": revision})
    mcp.start()
    mcp.publish()
    server.wait_calls(1)
    mcp.call("plugin.stop", {"name": "srv"})
    assert server.row()["state"] == "stopped" and server.ends() == ["eof"]
    assert server.wrote() == greeting(revision) + [CALL], "nothing is written at the end"


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_native_server_is_torn_down_first(mcp, revision):
    server = mcp.server({"revision": revision, **NATIVE})
    mcp.start()
    mcp.publish()
    server.wait_events(1)
    mcp.call("plugin.stop", {"name": "srv"})
    assert server.ends() == ["eof"]
    assert server.wrote() == greeting(revision, native=True) + [STARTED, TEARDOWN]
    last = server.messages()[-1]
    assert (META + "protocolVersion" in last["params"].get("_meta", {})) == (revision == MODERN)


@pytest.mark.parametrize("revision", [LEGACY[0], MODERN])
def test_stdin_closes_when_what_is_in_flight_was_answered(mcp, revision):
    server = mcp.tool_server({"revision": revision}, teardown_timeout_sec=60)
    mcp.start()
    gate = mcp.dir / "gate"
    mcp.publish(payload={"do": ["hold", {"when": str(gate), "do": [{"note": "answered"}, "release"]}]})
    server.wait_calls(1)
    control = mcp.control()
    control.request("plugin.stop", {"name": "srv"})
    server.wait_state("stopping")
    assert server.ends() == []
    gate.touch()
    assert "result" in control.answer()
    assert server.ends() == ["answered", "eof"] and server.row()["state"] == "stopped"
    control.close()


def test_calls_that_are_never_answered_do_not_hold_the_end(mcp):
    server = mcp.tool_server({}, teardown_timeout_sec=1)
    mcp.start()
    mcp.publish(payload={"do": "hold"})
    server.wait_calls(1)
    mcp.call("plugin.stop", {"name": "srv"})
    assert server.ends() == ["eof"] and server.row()["state"] == "stopped"


@pytest.mark.parametrize("revision", [LEGACY[0], MODERN])
def test_one_that_stays_is_sent_sigterm(mcp, revision):
    server = mcp.tool_server({"revision": revision, "linger": True}, teardown_timeout_sec=1)
    mcp.start()
    mcp.call("plugin.stop", {"name": "srv"})
    assert server.ends() == ["eof", "term"] and server.row()["state"] == "stopped"


def test_what_still_waits_at_the_stop_is_dropped_and_counted(mcp):
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 1})
    mcp.start()
    mcp.publish(payload={"do": [{"when": str(mcp.dir / "gate"), "do": "usual"}]})
    for _ in range(3):
        mcp.publish()
    server.wait_calls(1)
    (mcp.dir / "gate").touch()
    mcp.call("plugin.stop", {"name": "srv"})
    row = server.row()
    assert row["accepted"] == 4 == row["delivered"] + row["dropped"] and row["queued_events"] == 0
    assert row["delivered"] == len(server.calls())


def test_the_daemons_end_lets_queued_calls_be_answered(mcp):
    """SIGTERM: what is queued for running plugins is drained before they are stopped."""
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 1})
    mcp.start()
    for i in range(200):
        mcp.publish(payload={"i": i})
    mcp.site.stop()
    assert [c["params"]["arguments"]["i"] for c in server.calls()] == list(range(200)) and server.ends() == ["eof"]
    mcp.site.process = None


def test_a_refused_server_is_ended_too(mcp):
    mcp.allow_errors()
    refused = {"on": {INITIALIZE: {"error": {"code": 1, "message": "no"}}}, "linger": True}
    server = mcp.tool_server(refused, ready=False)
    mcp.start()
    server.wait_unavailable()
    server.wait_row(lambda r: r["pid"] is None, "its process to be gone")
    assert server.wrote() == [DISCOVER, INITIALIZE]
