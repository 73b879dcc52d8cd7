"""A whole life with a server of each revision, and every word the daemon wrote held against MCP's own schemas."""

import pytest

import mcpschema
from harness import EVENT, FINISHED, STARTED, wait_for
from mcpkit import (CALL, DISCOVER, GREETED, HEALTH, INITIALIZE, INITIALIZED, LIST, LISTEN, MODERN, REVISIONS, SETUP,
                    TEARDOWN)
from mcpschema import check, needs_schemas

OFTEN = {"interval": "30ms", "timeout": "5s"}


def requests_of(server):
    return [m["id"] for m in server.messages() if "method" in m and "id" in m]


def publish_all(mcp):
    """Events with everything that an event can have."""
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=1", "baggage": "k=v"}
    mcp.publish(payload={})
    mcp.publish(payload={"i": 1, "deep": {"a": [1.5, None, "é"]}}, metadata={"actor": "u1", "n": [1], **trace})
    mcp.publish(FINISHED, payload={"i": 2})


@needs_schemas
@pytest.mark.parametrize("revision", REVISIONS)
def test_a_tool_servers_life(mcp, revision):
    asks = [{"say": {"jsonrpc": "2.0", "id": i, "method": m}} for i, m in enumerate(["ping", "roots/list"], 900)]
    server = mcp.tool_server({"revision": revision, "tools": ["x", "record", "finish"], "page": 1, "listen": True},
                             hookcast={"health": OFTEN, "tools": {FINISHED: "finish"}})
    mcp.start()
    publish_all(mcp)
    mcp.publish(payload={"do": [*asks, {"error": {"code": 1, "message": "no"}}, {"tools": ["record", "finish"]}]})
    server.wait_failures(1)
    probe = DISCOVER if revision == MODERN else "ping"
    begun = server.wrote().count(probe)
    wait_for(lambda: server.wrote().count(probe) > begun + 1 and len(server.requests(LIST)) >= 4, what="probes and a reading")
    mcp.call("plugin.stop", {"name": "srv"})

    wrote = server.wrote()
    greeting = [DISCOVER, LIST, LISTEN] if revision == MODERN else GREETED + [LIST]
    assert wrote[:len(greeting)] == greeting
    assert [m["params"]["name"] for m in server.calls()] == ["record", "record", "finish", "record"]
    assert [m["id"] for m in server.calls()] == [1, 2, 3, 4]
    expected = {DISCOVER, LIST, CALL} | ({LISTEN} if revision == MODERN else {INITIALIZE, INITIALIZED, "ping", "answer"})
    assert set(wrote) == expected and wrote.count("answer") == (0 if revision == MODERN else 2)
    assert len(set(map(repr, requests_of(server)))) == len(requests_of(server)), "every id is used once"
    for message in server.messages():
        check(message, revision)
    assert server.ends() == ["eof"]


@needs_schemas
@pytest.mark.parametrize("revision", REVISIONS)
def test_a_native_servers_life(mcp, revision):
    """It falls behind, too, so that it is told of what was dropped."""
    gate = mcp.dir / "gate"
    server = mcp.server({"revision": revision, "native": "extensions" if revision == MODERN else "experimental"},
                        hookcast={"health": OFTEN, "queue_max_events": 3}, config={"level": 3})
    mcp.start()
    publish_all(mcp)
    server.wait_events(3)
    mcp.publish(payload={"do": [{"fail": "disk full"}, {"wait": str(gate)}]})
    server.wait_failures(1)
    big = "x" * 40_000  # the pipe takes one or two of these, the queue three
    for i in range(8):
        mcp.publish(payload={"i": i, "big": big})
    gate.touch()
    wait_for(lambda: server.notices(), what="a notice of what was dropped")
    begun = server.wrote().count(HEALTH)
    wait_for(lambda: server.wrote().count(HEALTH) > begun + 1, what="probes")
    mcp.call("plugin.stop", {"name": "srv"})

    wrote = server.wrote()
    assert wrote[:2] == [DISCOVER, SETUP] if revision == MODERN else wrote[:4] == GREETED + [SETUP]
    assert wrote[-1] == TEARDOWN and server.ends() == ["eof"]
    expected = {DISCOVER, SETUP, HEALTH, TEARDOWN, STARTED, FINISHED, "notifications/hooks/dropped"}
    assert set(wrote) == expected | (set() if revision == MODERN else {INITIALIZE, INITIALIZED})
    for message in server.messages():
        check(message, revision)
        if EVENT in message["params"].get("_meta", {}):
            assert "id" not in message
    ids = requests_of(server)
    assert len(set(ids)) == len(ids)


@needs_schemas
def test_the_check_itself_can_fail():
    """A schema that lets everything through would prove nothing."""
    good = {"jsonrpc": "2.0", "id": 1, "method": CALL, "params": {"name": "x", "arguments": {}}}
    for revision in REVISIONS:
        bad = [{**good, "params": {"arguments": {}}}, {**good, "id": None}]
        bad += [good] if revision == MODERN else []  # without _meta
        bad += [{"jsonrpc": "2.0", "id": 1, "error": {"code": "x", "message": "y"}}]
        for message in bad:
            with pytest.raises(mcpschema.jsonschema.ValidationError):
                check(message, revision)
