"""mcp, the protocol: eras, metadata, methods, what is no message, batches."""

import json
import subprocess

import pytest
from mcpclient import CLIENT, LEGACY, META, MODERN, PREFIX, REVISIONS, SPEC, answering, jsonschema, validator

# -- the schemas the messages are held against -----------------------------------------------------------------------


@pytest.mark.parametrize("revision", REVISIONS)
def test_messages_are_held_against_the_published_schemas(revision):
    if not jsonschema:
        pytest.skip("python3-jsonschema is not installed: messages are not validated")
    if not (SPEC / revision / "schema.json").exists():
        pytest.skip(f"{SPEC / revision}/schema.json is absent: messages are not validated")
    with pytest.raises(jsonschema.ValidationError):
        validator(revision)({"tools": [{"name": 1}]}, "ListToolsResult")


# -- how it begins ---------------------------------------------------------------------------------------------------


def test_discover_says_who_and_what(serve):
    server = serve(MODERN)
    result = server.ask("server/discover")
    assert result["supportedVersions"] == REVISIONS
    assert result["capabilities"]["tools"] == {"listChanged": False}
    assert result["capabilities"]["resources"] == {"listChanged": False, "subscribe": False}
    assert result["ttlMs"] > 0 and result["cacheScope"] == "public"


@pytest.mark.parametrize("revision", LEGACY)
def test_initialize_agrees_to_each_legacy_revision(serve, revision):
    server = serve(revision)
    result = server.ask("initialize", protocolVersion=revision, **CLIENT)
    assert result["protocolVersion"] == revision
    assert result["serverInfo"]["name"] == "hookcastctl"
    assert server.ask("ping") == {}


@pytest.mark.parametrize("revision", [MODERN, "1999-01-01", "", "x" * 5000])
def test_initialize_with_another_revision_offers_the_newest_legacy_one(serve, revision):
    server = serve()
    server.conforms = validator("2025-11-25")
    assert server.ask("initialize", protocolVersion=revision, **CLIENT)["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize("params", [{}, {"protocolVersion": 5}, {"protocolVersion": None}])
def test_initialize_without_a_version_is_refused(serve, params):
    server = serve()
    assert server.refused("initialize", **params)["code"] == -32602
    assert server.refused("tools/list")["code"] == -32602


def test_a_ping_may_come_before_initialize(serve):
    server = serve()
    assert server.exchange(server.request("ping"))["result"] == {}


def test_both_eras_over_one_pair_of_streams(serve, daemon):
    daemon(answering())
    server = serve("2024-11-05")
    assert "outputSchema" not in server.ask("tools/list")["tools"][0]
    server.start(MODERN)
    assert "outputSchema" in server.ask("tools/list")["tools"][0]
    server.revision, server.conforms = "2024-11-05", validator("2024-11-05")
    assert "outputSchema" not in server.ask("tools/list")["tools"][0]


def test_the_end_of_standard_input_is_the_end(serve):
    assert serve().end() == 0
    assert serve(MODERN).end() == 0
    server = serve("2025-11-25")
    assert server.end() == 0
    assert server.process.stderr.read() == b""


def test_a_last_line_without_newline_is_served(binary, rundir):
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    done = subprocess.run([str(binary), "--runtime-dir", str(rundir), "mcp"], input=line.encode(), capture_output=True)
    assert (done.returncode, json.loads(done.stdout)["result"]) == (0, {})


def test_a_client_that_stops_reading_ends_it(serve):
    server = serve()
    server.process.stdout.close()
    server.raw(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}))
    assert server.process.wait(20) == 0


def test_it_takes_no_arguments(ctl):
    assert ctl("mcp", "x").returncode == 64
    assert ctl("mcp", "--json").returncode == 64
    assert "standard input" in ctl("mcp", "--help").stdout


# -- metadata of modern requests -------------------------------------------------------------------------------------


def with_meta(server, method, meta):
    return {**server.request(method), "params": {"_meta": meta}}


@pytest.mark.parametrize("missing", ["protocolVersion", "clientCapabilities"])
@pytest.mark.parametrize("method", ["server/discover", "tools/list", "no/such"])
def test_required_metadata_must_be_there(serve, missing, method):
    server = serve(MODERN)
    error = server.error(with_meta(server, method, {k: v for k, v in META.items() if k != PREFIX + missing}))
    assert error["code"] == -32602
    assert missing in error["message"]


@pytest.mark.parametrize(
    "change", [{"protocolVersion": 1}, {"clientCapabilities": []}, {"clientCapabilities": None}, {"clientInfo": "me"}]
)
def test_metadata_of_the_wrong_type_is_refused(serve, change):
    server = serve(MODERN)
    meta = {**META, **{PREFIX + k: v for k, v in change.items()}}
    assert server.error(with_meta(server, "server/discover", meta))["code"] == -32602


@pytest.mark.parametrize("method", ["server/discover", "tools/list", "tools/call", "resources/read"])
def test_without_metadata_and_handshake_nothing_is_served(serve, method):
    server = serve()
    error = server.refused(method)
    assert error["code"] == -32602
    assert "protocolVersion" in error["message"] and "initialize" in error["message"]


@pytest.mark.parametrize("version", ["1900-01-01", "", "2026-07-29", "DRAFT-2027"])
def test_a_version_not_served_is_told_which_are(serve, version):
    server = serve(MODERN)
    message = with_meta(server, "tools/list", {**META, PREFIX + "protocolVersion": version})
    answer = server.exchange(message)
    server.conforms(answer, "UnsupportedProtocolVersionError")
    assert answer["id"] == message["id"]
    assert answer["error"]["code"] == -32022
    assert answer["error"]["data"] == {"supported": REVISIONS, "requested": version}


@pytest.mark.parametrize("version", LEGACY)
def test_a_legacy_version_in_metadata_is_told_the_modern_one(serve, version):
    server = serve(MODERN)
    error = server.error(with_meta(server, "server/discover", {**META, PREFIX + "protocolVersion": version}))
    assert error["code"] == -32022
    assert error["data"] == {"supported": [MODERN], "requested": version}


def test_other_metadata_does_not_make_a_request_modern(serve, daemon):
    daemon(answering())
    server = serve("2025-06-18")
    assert server.ask("tools/list", _meta={"progressToken": 1, "com.example/x": {}})["tools"]


# -- methods ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["no/such", "", "prompts/list", "logging/setLevel", "notifications/initialized"])
def test_an_unknown_method_is_not_found(server, method):
    assert server.refused(method)["code"] == -32601


def test_methods_belong_to_their_era(serve):
    modern = serve(MODERN)
    assert modern.refused("ping")["code"] == -32601
    assert modern.refused("initialize", protocolVersion="2025-11-25", **CLIENT)["code"] == -32601
    legacy = serve("2025-11-25")
    assert legacy.refused("server/discover")["code"] == -32601
    assert legacy.refused("subscriptions/listen", notifications={})["code"] == -32601


def test_notifications_and_responses_are_not_answered(server):
    server.notify("notifications/initialized")
    server.notify("notifications/cancelled", requestId=1)
    server.notify("no/such", _meta=5)
    server.notify("tools/call", name="web.on_start", arguments={})
    server.raw('{"jsonrpc":"2.0","id":7,"result":{}}')
    server.raw('{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"x"}}')
    server.raw("")
    server.raw("  \t")
    assert server.ask("tools/list")["tools"]
    assert server.end() == 0


@pytest.mark.parametrize("method", ["tools/list", "resources/list", "resources/templates/list"])
def test_a_cursor_that_was_never_given_out_is_invalid(server, method):
    assert server.refused(method, cursor="x")["code"] == -32602
    assert "nextCursor" not in server.ask(method)


def test_a_subscription_is_acknowledged_and_stays_open(serve, daemon):
    daemon(answering())
    server = serve(MODERN)
    request = server.request("subscriptions/listen", notifications={"toolsListChanged": True})
    server.conforms(request, "SubscriptionsListenRequest")
    note = server.exchange(request)
    server.conforms(note, "SubscriptionsAcknowledgedNotification")
    assert note["params"] == {"_meta": {PREFIX + "subscriptionId": request["id"]}, "notifications": {}}
    server.notify("notifications/cancelled", requestId=request["id"])
    assert server.ask("tools/list")["tools"]
    assert server.refused("subscriptions/listen")["code"] == -32602


@pytest.mark.parametrize("id", [0, -5, 12345678901234567890123, "x", "", "\u2028\"\\", "1"])
def test_an_id_comes_back_as_it_was(serve, id):
    server = serve()
    assert server.exchange({"jsonrpc": "2.0", "id": id, "method": "ping"})["id"] == id


# -- what is no message ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", -32700),
        (b"nope", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"}}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"p\xff"}', -32700),
        (b"\xef\xbb\xbf{}", -32700),
        (b"1", -32600),
        (b'"x"', -32600),
        (b"null", -32600),
        (b"{}", -32600),
        (b"[]", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32600),
    ],
)
@pytest.mark.parametrize("revision", [None, MODERN, "2025-11-25"])
def test_a_bad_message_is_answered_without_an_id(serve, revision, line, code):
    server = serve(revision)
    server.raw(line)
    answer = server.read()
    validator(revision or MODERN)(answer, "JSONRPCErrorResponse")
    assert "id" not in answer
    assert answer["error"]["code"] == code
    assert server.exchange({"jsonrpc": "2.0", "id": 5, "method": "no/such"})["id"] == 5


@pytest.mark.parametrize("revision", ["2025-06-18", "2024-11-05"])
def test_older_revisions_get_the_null_of_json_rpc(serve, revision):
    server = serve(revision)
    server.raw("{")
    answer = server.read()
    assert (answer["id"], answer["error"]["code"]) == (None, -32700)


@pytest.mark.parametrize(
    "change",
    [
        {"jsonrpc": "1.0"},
        {"jsonrpc": 2.0},
        {"method": 5},
        {"method": None},
        {"params": []},
        {"params": "x"},
        {"params": None},
    ],
)
def test_a_bad_request_is_answered_with_its_id(server, change):
    assert server.error({**server.request("tools/list"), **change})["code"] == -32600


def test_what_cannot_be_taken_literally_is_refused(server):
    server.raw('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}')
    assert server.read()["error"]["code"] == -32600
    server.raw('{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"x":%s%s}}' % ("[" * 200, "]" * 200))
    answer = server.read()
    assert (answer["id"], answer["error"]["code"]) == (2, -32600)


# -- batches ---------------------------------------------------------------------------------------------------------


def test_a_batch_is_served_where_there_are_batches(serve, daemon):
    daemon(answering())
    server = serve("2025-03-26")
    tools, ping = server.request("tools/list"), server.request("ping")
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    server.conforms([tools, note, ping], "JSONRPCBatchRequest")
    answers = server.exchange([tools, note, ping])
    server.conforms(answers, "JSONRPCBatchResponse")
    assert [a["id"] for a in answers] == [tools["id"], ping["id"]]
    assert answers[1]["result"] == {}


def test_a_batch_of_notifications_is_not_answered(serve):
    server = serve("2025-03-26")
    server.raw(json.dumps([{"jsonrpc": "2.0", "method": "notifications/cancelled"}]))
    assert server.ask("ping") == {}


def test_what_is_wrong_in_a_batch_is_answered_one_by_one(serve):
    server = serve("2025-03-26")
    first = server.request("initialize", protocolVersion="2025-03-26", **CLIENT)
    answers = server.exchange([first, 1, "x", [], {}, server.request("ping"), server.request("no/such")])
    assert [a.get("error", {}).get("code") for a in answers] == [-32600] * 5 + [None, -32601]
    assert server.exchange([])["error"]["code"] == -32600
    server.raw('[{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}]')
    assert server.read()["error"]["code"] == -32600


@pytest.mark.parametrize("revision", [MODERN, "2025-11-25", "2025-06-18", "2024-11-05"])
def test_a_batch_is_refused_elsewhere(serve, revision):
    server = serve(revision)
    assert server.exchange([server.request("tools/list")])["error"]["code"] == -32600
