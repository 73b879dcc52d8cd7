"""mcp, what it is for: tools, calls, resources, and a daemon that may be away."""

import json
import os
import subprocess

import pytest
from fakedaemon import CLOSE, accepting, refusal
from mcpclient import KINDS, META, MODERN, PATH, REVISIONS, answering, hook, jsonschema, kind, published, text

# -- tools -----------------------------------------------------------------------------------------------------------


def test_exposed_hooks_are_tools_in_a_stable_order(server):
    result = server.ask("tools/list")
    tools = {t["name"]: t for t in result["tools"]}
    assert list(tools) == ["audit.on_entry", "web.on_end", "web.on_start"]
    assert tools["web.on_start"]["inputSchema"] == PATH
    assert tools["web.on_start"]["description"] == "A request began."
    assert "on_end" in tools["web.on_end"]["description"]
    assert tools["web.on_end"]["inputSchema"] == {"type": "object"}
    assert ("outputSchema" in tools["web.on_end"]) == (server.revision >= "2025-06-18")
    if server.revision == MODERN:
        assert result["ttlMs"] >= 0 and result["cacheScope"] == "private"
    assert server.ask("tools/list") == result


def listed(serve, daemon, *kinds):
    daemon(answering(list(kinds)))
    return {t["name"]: t for t in serve(MODERN).ask("tools/list")["tools"]}


def test_without_exposed_hooks_there_are_no_tools(serve, daemon):
    assert listed(serve, daemon, kind("k", hook("h", exposed=False))) == {}


def test_tool_names_keep_the_rule_of_the_specification(serve, daemon):
    long = "h" * 126  # with "k." just 128
    assert list(listed(serve, daemon, kind("k", hook(long), hook(long + "x"), hook("a b"), hook("")))) == ["k.", "k." + long]


def test_the_newest_major_that_exposes_a_hook_is_the_tool(serve, daemon):
    kinds = [
        kind("k", hook("both", PATH), hook("old"), version="9.1.0"),
        kind("k", hook("both"), hook("old", exposed=False), version="10.0.0"),
    ]
    fake = daemon(answering(kinds))
    server = serve(MODERN)
    tools = {t["name"]: t for t in server.ask("tools/list")["tools"]}
    assert list(tools) == ["k.both", "k.old"]
    assert tools["k.both"]["inputSchema"] == {"type": "object"}
    server.call("k.both")
    server.call("k.old")
    assert [p["kind_api_version"] for p in published(fake)] == ["10.0.0", "9.1.0"]


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        (True, {"type": "object"}),
        (False, {"type": "object", "not": {}}),
        ({}, {"type": "object"}),
        ({"type": ["null", "object"]}, {"type": "object"}),
        ({"type": "string"}, {"type": "object", "not": {}}),
        ({"required": ["a"]}, {"type": "object", "required": ["a"]}),
        ({"$id": "https://example.org/a", "type": "object"}, {"type": "object"}),
        (
            {"$id": "https://example.org/a", "type": "object", "allOf": [{"$ref": "/a#b"}, {"$anchor": "b"}]},
            {"$id": "https://example.org/a", "type": "object", "allOf": [{"$ref": "/a#b"}, {"$anchor": "b"}]},
        ),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"minProperties": 1}}},
            {"$ref": "#/$defs/a", "$defs": {"a": {"minProperties": 1}}, "type": "object"},
        ),
    ],
)
def test_an_input_schema_is_always_an_objects(serve, daemon, schema, shown):
    assert listed(serve, daemon, kind("k", hook("h", schema)))["k.h"]["inputSchema"] == shown


@pytest.mark.parametrize("ref", ["other.json", "https://example.org/x", "#/$defs/none"])
def test_a_schema_that_refers_to_other_files_is_shown_loosely(serve, daemon, ref):
    schema = {"title": "T", "required": ["a"], "properties": {"a": {"$ref": ref}}}
    shown = listed(serve, daemon, kind("k", hook("h", schema)))["k.h"]["inputSchema"]
    assert "$ref" not in json.dumps(shown)
    assert (shown["type"], shown["title"], shown["required"]) == ("object", "T", ["a"])


# -- calls -----------------------------------------------------------------------------------------------------------


def test_a_call_publishes_one_event(serve, daemon):
    failed = [{"plugin": "tracer", "error": "unavailable"}]
    fake = daemon(answering(notify=accepting(queued=2, failed=failed)))
    for revision in REVISIONS:
        server = serve(revision)
        result = server.call("web.on_start", {"path": "/", "n": 1})
        assert result["isError"] is False
        assert text(result).startswith("Published web.on_start: run run123456789, seq 1, queued for 2 plugins.")
        assert "tracer: unavailable" in text(result)
        told = {"run": "run123456789", "seq": 1, "queued": 2, "failed": failed, "failed_total": 1}
        assert json.loads(result["content"][1]["text"]) == told
        assert result.get("structuredContent") == (told if revision >= "2025-06-18" else None)
        if revision == MODERN and jsonschema:
            tool = server.ask("tools/list")["tools"][-1]
            jsonschema.Draft202012Validator(tool["outputSchema"]).validate(told)
    events = published(fake)
    assert len(events) == len(REVISIONS)
    expected = {"kind": "web", "hook": "on_start", "kind_api_version": "1.0.0", "payload": {"path": "/", "n": 1}}
    assert all(e == expected for e in events)


def test_a_call_without_arguments_publishes_an_empty_payload(serve, daemon):
    fake = daemon(answering())
    serve("2025-11-25").call("web.on_end")
    assert published(fake)[0]["payload"] == {}


def test_arguments_are_passed_on_byte_for_byte(serve, daemon):
    fake = daemon(answering())
    server = serve("2025-11-25")
    arguments = '{ "b" : 1.10 ,"a":123456789012345678901234567890, "s":"\\u0041\\ud800" }'
    server.raw('{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"web.on_\\u0065nd","arguments":%s}}' % arguments)
    assert server.read()["result"]["isError"] is False
    assert b'"payload":' + arguments.encode() + b"}}" in fake.lines[-1]


def test_a_trace_context_becomes_metadata(serve, daemon):
    fake = daemon(answering())
    server = serve(MODERN)
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01", "baggage": 'a="b"'}
    server.call("web.on_end", {}, _meta={**META, **trace})
    server.call("web.on_end", {})
    assert published(fake)[0]["metadata"] == trace
    assert "metadata" not in published(fake)[1]


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_refused_event_is_a_tool_error(serve, daemon, revision):
    errors = [{"instanceLocation": "/path", "keywordLocation": "/properties/path/type", "error": "expected a string"}]
    refuse = refusal("invalid_payload", "the payload breaks its schema", errors=errors)
    daemon(answering(notify=lambda request, connection: refuse))
    result = serve(revision).call("web.on_start", {"path": 5})
    assert result["isError"] is True
    assert "structuredContent" not in result
    assert text(result) == (
        "web.on_start was refused: the payload breaks its schema [invalid_payload]\n"
        "payload/path: expected a string (/properties/path/type)"
    )


@pytest.mark.parametrize("name", ["web.on_secret", "web.on_ask", "web.nope", "web", "", "on_start", "web.on_start\0"])
def test_what_is_not_a_tool_cannot_be_called(serve, daemon, name):
    fake = daemon(answering())
    for revision in (MODERN, "2025-11-25"):
        error = serve(revision).refused("tools/call", name=name, arguments={})
        assert error["code"] == -32602
        assert error["message"].startswith("Unknown tool: ")
    assert published(fake) == []


def test_an_unknown_tool_names_the_nearest(server):
    assert 'did you mean "web.on_start"?' in server.refused("tools/call", name="web.on_stat")["message"]


@pytest.mark.parametrize(
    "params", [{}, {"name": 1}, {"name": "web.on_end", "arguments": []}, {"name": "web.on_end", "arguments": None}]
)
def test_a_malformed_call_is_an_error_of_the_protocol(server, params):
    assert server.refused("tools/call", **params)["code"] == -32602


# -- resources -------------------------------------------------------------------------------------------------------


def test_plugins_and_kinds_are_resources(serve, daemon):
    rows = [{"name": "tracer", "state": "ready", "uptime_s": 1.5}]
    fake = daemon(answering(plugins=rows))
    for revision in REVISIONS:
        server = serve(revision)
        resources = server.ask("resources/list")["resources"]
        assert [r["uri"] for r in resources] == ["hookcast://plugins", "hookcast://kinds"]
        read = {}
        for r in resources:
            [content] = server.ask("resources/read", uri=r["uri"])["contents"]
            assert (content["uri"], content["mimeType"]) == (r["uri"], "application/json")
            read[r["name"]] = json.loads(content["text"])
        assert read == {"plugins": {"plugins": rows}, "kinds": {"kinds": KINDS}}
        assert server.ask("resources/templates/list")["resourceTemplates"] == []
    assert fake.requests[-1]["params"] == {"schemas": True}


@pytest.mark.parametrize("uri", ["hookcast://nope", "hookcast://plugins/", "file:///etc/passwd", ""])
def test_a_resource_that_does_not_exist_is_an_error(server, uri):
    error = server.refused("resources/read", uri=uri)
    assert error["code"] == (-32602 if server.revision == MODERN else -32002)
    assert error["data"] == {"uri": uri}


def test_a_resource_without_uri_is_an_error(server):
    assert server.refused("resources/read")["code"] == -32602
    assert server.refused("resources/read", uri=7)["code"] == -32602


# -- a daemon that is not there --------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_daemon_may_be_away_and_come_back(serve, daemon, rundir, revision):
    server = serve(revision)

    def away():
        for error in (server.refused("tools/list"), server.refused("resources/read", uri="hookcast://plugins")):
            assert error["code"] == -32603
            assert "is hookcastd running" in error["message"] and "next request" in error["message"]
        result = server.call("web.on_start", {"path": "/"})
        assert result["isError"] is True and "no daemon" in text(result)
        assert len(server.ask("resources/list")["resources"]) == 2

    away()
    for _ in range(2):
        fake = daemon(answering())
        assert len(server.ask("tools/list")["tools"]) == 3
        assert server.call("web.on_start", {"path": "/"})["isError"] is False
        fake.close()
        for name in ("events", "control"):
            (rundir / f"{name}.sock").unlink()
        away()
    assert server.end() == 0


def test_a_daemon_that_hangs_up_is_an_error_and_no_event_is_sent_twice(serve, daemon):
    fake = daemon(answering(notify=lambda request, connection: CLOSE))
    server = serve(MODERN)
    result = server.call("web.on_end", {})
    assert result["isError"] is True
    assert "not known" in text(result)
    assert len(published(fake)) == 1
    assert len(server.ask("tools/list")["tools"]) == 3


def test_a_daemon_that_is_stuck_costs_one_request(serve, daemon):
    answer = answering()
    daemon(lambda request, connection: None if request["method"] == "plugin.list" else answer(request, connection))
    server = serve("2025-11-25", "--timeout", "0.2")
    assert "timed out" in server.refused("resources/read", uri="hookcast://plugins")["message"]
    assert len(server.ask("tools/list")["tools"]) == 3


def test_a_daemon_that_does_not_know_the_question_is_told_of(serve, daemon):
    daemon(lambda request, connection: refusal("invalid_params", 'unknown parameter "schemas"'))
    error = serve(MODERN).refused("tools/list")
    assert error["code"] == -32603
    assert 'unknown parameter "schemas"' in error["message"]


@pytest.mark.parametrize("result", [{}, {"kinds": 5}, {"kinds": [1, {"hooks": 2}, {"kind": "k", "hooks": [None]}]}])
def test_a_strange_answer_is_no_tools(serve, daemon, result):
    daemon(lambda request, connection: {"result": result})
    assert serve(MODERN).ask("tools/list")["tools"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_socket_that_may_not_be_used_says_who_may(binary, rundir, daemon):
    daemon(answering())
    rundir.chmod(0o755)
    (rundir / "control.sock").chmod(0o600)
    lines = b"".join(
        json.dumps({"jsonrpc": "2.0", "id": m, "method": m, "params": {"_meta": META, "uri": "hookcast://kinds"}}).encode()
        + b"\n"
        for m in ("tools/list", "resources/read", "server/discover")
    )
    try:
        done = subprocess.run(
            [str(binary), "--runtime-dir", str(rundir), "mcp"], input=lines, capture_output=True, user=65534, group=65534
        )
    except PermissionError:
        pytest.skip("another user may not run the binary where it lies")
    answers = {a["id"]: a for a in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0
    for method in ("tools/list", "resources/read"):
        assert answers[method]["error"]["code"] == -32603
        assert "only root or the daemon's user" in answers[method]["error"]["message"]
    assert "result" in answers["server/discover"]


# -- robustness ------------------------------------------------------------------------------------------------------


def test_a_large_call_goes_through(serve, daemon):
    fake = daemon(answering())
    server = serve(MODERN)
    assert server.call("web.on_end", {"blob": "x" * 900_000})["isError"] is False
    assert len(published(fake)[0]["payload"]["blob"]) == 900_000


def test_requests_written_at_once_are_answered_in_order(serve, daemon):
    daemon(answering())
    server = serve("2025-11-25")
    requests = [server.request("tools/call", name="web.on_end", arguments={"i": i}) for i in range(20)]
    server.raw("\n".join(map(json.dumps, requests)))
    assert [server.read()["id"] for _ in requests] == [r["id"] for r in requests]


def test_streams_that_do_not_block_are_waited_for(binary, rundir, daemon):
    daemon(answering(plugins=[{"name": "x" * 500_000}]))
    (in_read, in_write), (out_read, out_write) = os.pipe(), os.pipe()
    os.set_blocking(in_read, False)
    os.set_blocking(out_write, False)
    process = subprocess.Popen(
        [str(binary), "--runtime-dir", str(rundir), "mcp"], stdin=in_read, stdout=out_write, stderr=subprocess.PIPE
    )
    os.close(in_read)
    os.close(out_write)
    request = {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"_meta": META, "uri": "hookcast://plugins"}}
    with open(in_write, "wb") as stdin, open(out_read, "rb") as stdout:
        for _ in range(2):
            stdin.write(json.dumps(request).encode() + b"\n")
            stdin.flush()
            assert len(json.loads(stdout.readline())["result"]["contents"][0]["text"]) > 500_000
    assert (process.wait(20), process.stderr.read()) == (0, b"")
