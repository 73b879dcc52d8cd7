"""DESIGN §5: what a server says unasked — requests, batches, notifications, floods — and what is written back."""

import pytest

from harness import STARTED, wait_for
from mcpkit import CALL, DISCOVER, GREETED, INITIALIZE, INITIALIZED, LEGACY, LIST, MODERN, SETUP, methods

legacy = pytest.mark.parametrize("revision", LEGACY)
ASKED = ["sampling/createMessage", "roots/list", "elicitation/create", "server/discover", "tools/list", "x"]


def ask(method, id, **params):
    return {"say": {"jsonrpc": "2.0", "id": id, "method": method, **({"params": params} if params else {})}}


def tell(method, **params):
    return {"say": {"jsonrpc": "2.0", "method": method, "params": params}}


def done(mcp, server, n):
    """Everything said before this event's call was read and, where it has to be, answered."""
    mcp.publish()
    return server.wait_calls(n)


def answers(server):
    return [m for m in server.messages() if "method" not in m]


# -- requests ------------------------------------------------------------------------------------------------------


@legacy
def test_a_legacy_servers_ping_is_answered(mcp, revision):
    server = mcp.tool_server({"revision": revision})
    mcp.start()
    mcp.publish(payload={"do": [ask("ping", 1), ask("ping", "one"), ask("ping", 'q"\u00e9'), ask("ping", 2**60), "usual"]})
    wait_for(lambda: len(answers(server)) == 4, what="four answers")
    assert answers(server) == [{"jsonrpc": "2.0", "id": i, "result": {}} for i in (1, "one", 'q"\u00e9', 2**60)]
    assert not mcp.log(plugin="srv", msg="ignored")


@legacy
def test_a_legacy_servers_other_requests_are_refused(mcp, revision):
    server = mcp.tool_server({"revision": revision})
    mcp.start()
    mcp.publish(payload={"do": [ask(m, i) for i, m in enumerate(ASKED)] + ["usual"]})
    wait_for(lambda: len(answers(server)) == len(ASKED), what="an answer to each")
    for i, answer in enumerate(answers(server)):
        assert answer["id"] == i and answer["error"]["code"] == -32601 and answer["error"]["message"]
    assert mcp.log(plugin="srv", msg="ignored", error="sampling/createMessage")
    done(mcp, server, 2)
    assert server.row()["state"] == "ready"


def test_a_native_legacy_servers_requests_are_answered_too(mcp):
    server = mcp.server({"native": "experimental"})
    mcp.start()
    mcp.publish(payload={"do": [ask("ping", 1), ask("roots/list", 2)]})
    wait_for(lambda: len(answers(server)) == 2, what="two answers")
    assert [a["id"] for a in answers(server)] == [1, 2] and answers(server)[0]["result"] == {}


@pytest.mark.parametrize("act", [{"tools": ["record"]}, {"native": "extensions"}], ids=["tools", "native"])
def test_nothing_is_ever_written_back_to_a_modern_server(mcp, act):
    server = mcp.tool_server({"revision": MODERN, **act}, ready=True)
    mcp.start()
    mcp.publish(payload={"do": [ask("ping", 1)] + [ask(m, i) for i, m in enumerate(ASKED, 2)] + ["usual"]})
    mcp.wait_log(plugin="srv", msg="ignored", error="must not send")
    mcp.publish(payload={"last": 1})
    server.wait_events(2)
    assert answers(server) == [] and server.row()["state"] == "ready"


def test_requests_before_the_handshake_is_over(mcp):
    """A ping before the answer to initialize is a legacy server's right; during the probe nobody knows yet what it is."""
    server = mcp.tool_server({"on": {DISCOVER: [ask("ping", "early"), "usual"], INITIALIZE: [ask("ping", "mid"), "usual"],
                                     LIST: [ask("ping", "late"), ask("roots/list", "r"), "usual"]}})
    mcp.start()
    wait_for(lambda: len(answers(server)) == 3, what="three answers")
    assert [a["id"] for a in answers(server)] == ["mid", "late", "r"]
    assert [m for m in server.wrote() if m != "answer"] == GREETED + [LIST]


def test_a_request_with_a_null_id_or_none_is_not_answered(mcp):
    server = mcp.tool_server()
    mcp.start()
    mcp.publish(payload={"do": [ask("ping", None), {"say": {"jsonrpc": "2.0", "method": "ping"}}, ask("ping", 5), "usual"]})
    wait_for(lambda: answers(server), what="an answer")
    done(mcp, server, 2)
    assert [a["id"] for a in answers(server)] == [5]


@pytest.mark.parametrize("revision", ["2025-11-25", "2024-11-05", MODERN])
def test_a_flood_of_pings_without_reading_is_bounded(mcp, revision):
    """What it does not read is not answered for ever: memory stays, and its neighbours hear everything meanwhile."""
    server = mcp.tool_server({"revision": revision})
    mcp.start()
    mcp.publish()
    server.wait_calls(1)
    before = mcp.proc_status("VmRSS")
    ping = {"jsonrpc": "2.0", "id": "p" * 50, "method": "ping"}
    gate = mcp.dir / "gate"
    mcp.publish(payload={"do": [{"say": ping, "times": 100_000}, {"note": "said"}, {"wait": str(gate)}, "usual"]})
    for i in range(50):
        mcp.publish()
    mcp.bystander.wait_events(52)
    wait_for(lambda: server.ends() == ["said"], 20, "all pings to be taken")
    assert mcp.proc_status("VmRSS") - before < 16 * 1024
    gate.touch()
    server.wait_calls(52)
    assert len(answers(server)) < 20_000 and (revision != MODERN or not answers(server))
    assert server.row()["state"] == "ready" or server.row()["reasons"] == ["slow"]


# -- batches -------------------------------------------------------------------------------------------------------


def test_a_batch_is_taken_apart_in_the_revision_that_has_them(mcp):
    server = mcp.tool_server({"revision": "2025-03-26"})
    mcp.start()
    batch = [{"jsonrpc": "2.0", "id": 1, "result": {"content": [], "isError": True}},
             {"jsonrpc": "2.0", "id": 2, "result": {"content": []}},
             {"jsonrpc": "2.0", "id": "p", "method": "ping"}, {"jsonrpc": "2.0", "method": "notifications/progress"}, 7]
    mcp.publish(payload={"do": "hold"})
    mcp.publish(payload={"do": [{"say": batch}]})
    row = server.wait_failures(1)
    wait_for(lambda: answers(server), what="the ping to be answered")
    assert answers(server) == [{"jsonrpc": "2.0", "id": "p", "result": {}}] and row["failures"] == 1
    assert mcp.log(plugin="srv", msg="event failed", seq=1)


@pytest.mark.parametrize("revision", ["2025-11-25", "2025-06-18", "2024-11-05", MODERN])
def test_a_batch_is_garbage_in_the_others(mcp, revision):
    server = mcp.tool_server({"revision": revision})
    mcp.start()
    batch = [{"jsonrpc": "2.0", "id": 1, "result": {"content": [], "isError": True}}, {"jsonrpc": "2.0", "id": 9, "method": "ping"}]
    mcp.publish(payload={"do": [{"say": batch}, "usual"]})
    mcp.wait_log(plugin="srv", msg="ignored", error="not JSON-RPC")
    done(mcp, server, 2)
    assert answers(server) == [] and server.row()["failures"] == 0


# -- notifications and the rest ------------------------------------------------------------------------------------


def test_known_notifications_are_taken_silently_and_unknown_ones_told(mcp):
    server = mcp.tool_server()
    mcp.start()
    mcp.publish(payload={"do": [tell("notifications/progress", progressToken=1, progress=1),
                                tell("notifications/resources/updated", uri="x:y"),
                                tell("notifications/resources/list_changed"), tell("notifications/prompts/list_changed"),
                                tell("notifications/cancelled", requestId=1), "usual"]})
    done(mcp, server, 2)
    assert not mcp.log(plugin="srv", msg="ignored")
    mcp.publish(payload={"do": [tell("notifications/surprise"), "usual"]})
    mcp.wait_log(plugin="srv", msg="ignored", error="notifications/surprise")
    assert server.row()["state"] == "ready" and server.row()["failures"] == 0


def test_log_messages_are_log_records(mcp):
    mcp.allow_errors("on fire")
    server = mcp.tool_server()
    mcp.start()
    levels = {"emergency": "error", "error": "error", "warning": "warning", "notice": "info", "info": "info", "debug": "debug"}
    mcp.publish(payload={"do": [tell("notifications/message", level=a, logger="db", data=f"on fire: {a}") for a in levels] +
                        [tell("notifications/message", level="info", data={"a": [1, "x\ny"]}), "usual"]})
    for said, level in levels.items():
        record = mcp.wait_log(plugin="srv", stream="mcp", msg=f"on fire: {said}$")
        assert record["level"] == level and record["logger"] == "db"
    assert '"a"' in mcp.wait_log(plugin="srv", stream="mcp", msg="^{")["msg"]


def test_answers_to_nothing_are_ignored_however_many(mcp):
    server = mcp.tool_server()
    mcp.start()
    alien = {"jsonrpc": "2.0", "id": 77, "result": {"content": [], "isError": True}}
    mcp.publish(payload={"do": [{"say": alien, "times": 100_000}, {"say": dict(alien, id="h2"), "times": 1000}, "usual"]})
    done(mcp, server, 2)
    wait_for(lambda: server.row()["queued_events"] == 0, what="it to be up to date")
    assert server.row()["failures"] == 0 and len(mcp.log(plugin="srv", msg="ignored")) < 20


def test_a_tool_server_cannot_report_failed_events_in_the_native_way(mcp):
    server = mcp.tool_server()
    mcp.start()
    mcp.publish(payload={"do": [tell("notifications/hooks/failed", hook=STARTED, seq=1, error={"message": "no"}), "usual"]})
    mcp.wait_log(plugin="srv", msg="ignored", error="hooks/failed")
    assert server.row()["failures"] == 0


@pytest.mark.parametrize("revision", [LEGACY[0], MODERN])
def test_a_native_server_of_either_era_reports_failed_events(mcp, revision):
    server = mcp.server({"revision": revision, "native": "extensions"})
    mcp.start()
    seq = mcp.publish(payload={"do": [{"fail": "disk full"}]})["seq"]
    record = mcp.wait_log(plugin="srv", msg="event failed", seq=seq)
    assert record["error"] == "disk full" and record["hook"] == STARTED and server.row()["failures"] == 1


def test_garbage_among_the_answers_costs_itself(mcp):
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 1})
    mcp.start()
    junk = ["not json\n", "\xff\xfe\n", "{\"a\":\n", "[]\n", "null\n", '{"jsonrpc":"1.0","id":1,"result":{}}\n',
            '{"jsonrpc":"2.0","id":1}\n', '{"jsonrpc":"2.0","id":[1],"result":{}}\n', "[" * 5000 + "\n", "\r\n", "\n"]
    mcp.publish(payload={"do": [{"say": j} for j in junk] + ["usual"]})
    done(mcp, server, 2)
    assert server.row()["failures"] == 0 and server.row()["state"] == "ready"


def test_stdout_closed_costs_the_answers_and_no_more(mcp):
    """RELIABILITY case 5: no spin; it is still given what its bound allows, and its neighbours hear all."""
    server = mcp.tool_server(hookcast={"tools_in_flight_max": 2})
    native = mcp.server({"revision": MODERN, "native": "extensions"}, name="native")
    mcp.start()
    mcp.publish(payload={"do": [{"close": 1}]})
    before = mcp.cpu_seconds()
    for i in range(200):
        mcp.publish(payload={"i": i, "do": "hold"})
    assert len(native.wait_events(201)) == 201 and len(server.wait_calls(2)) == 2
    assert server.row()["queued_events"] == 199 and mcp.cpu_seconds() - before < 1
    mcp.call("plugin.stop", {"name": "srv"})  # at the daemon's end it would be waited for
    assert native.row()["state"] == "ready"


def test_the_first_message_after_a_modern_probe_is_a_request_with_meta(mcp):
    tools = mcp.tool_server({"revision": MODERN}, name="tools")
    native = mcp.server({"revision": MODERN, "native": "extensions"}, name="native")
    mcp.start()
    for server, method in ((tools, LIST), (native, SETUP)):
        second = server.messages()[1]
        assert second["method"] == method and second["id"] and second["params"]["_meta"]
        assert INITIALIZED not in server.wrote()
    mcp.publish()
    assert methods(native.wait_events(1)) == [STARTED] and methods(tools.wait_calls(1)) == [CALL]
