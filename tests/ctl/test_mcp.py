"""mcp: an MCP server over stdio, in both eras. Every message that goes either way is held against its type."""

import json
import os
import select
import subprocess

import pytest
from conftest import ROOT
from fakedaemon import CLOSE, accepting, refusal

try:
    import jsonschema
except ImportError:
    jsonschema = None

SPEC = ROOT.parent / "shared" / "mcp-schema"
MODERN = "2026-07-28"
LEGACY = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
REVISIONS = [MODERN, *LEGACY]
PREFIX = "io.modelcontextprotocol/"
META = {
    PREFIX + "protocolVersion": MODERN,
    PREFIX + "clientCapabilities": {},
    PREFIX + "clientInfo": {"name": "tests", "version": "1"},
}
CLIENT = {"capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
TYPES = {  # method -> (type of the request, type of the result)
    "initialize": ("InitializeRequest", "InitializeResult"),
    "ping": ("PingRequest", "EmptyResult"),
    "server/discover": ("DiscoverRequest", "DiscoverResult"),
    "tools/list": ("ListToolsRequest", "ListToolsResult"),
    "tools/call": ("CallToolRequest", "CallToolResult"),
    "resources/list": ("ListResourcesRequest", "ListResourcesResult"),
    "resources/templates/list": ("ListResourceTemplatesRequest", "ListResourceTemplatesResult"),
    "resources/read": ("ReadResourceRequest", "ReadResourceResult"),
    "subscriptions/listen": ("SubscriptionsListenRequest", None),
}

PATH = {"type": "object", "required": ["path"], "properties": {"path": {"type": "string"}}}


def hook(name, schema=None, exposed=True, dispatch="broadcast_notify", description=None):
    return {
        "name": name,
        "dispatch": dispatch,
        "description": description,
        "mcp_exposed": exposed,
        "input_schema": None if schema is None else f"specs/{name}.json",
        "schema": schema,
    }


def kind(name, *hooks, version="1.0.0"):
    return {"kind": name, "kind_api_version": version, "description": None, "path": "k.yaml", "hooks": list(hooks)}


KINDS = [
    kind(
        "web",
        hook("on_start", PATH, description="A request began."),
        hook("on_secret", exposed=False),
        hook("on_ask", dispatch="chain"),
        hook("on_end"),
    ),
    kind("audit", hook("on_entry", True)),
]


def answering(kinds=None, notify=None, plugins=()):
    """A daemon with these kinds; `notify` answers what is published."""
    accept = notify or accepting(queued=2)

    def handler(request, connection):
        if request["method"] == "kind.list":
            return {"result": {"kinds": KINDS if kinds is None else kinds}}
        if request["method"] == "plugin.list":
            return {"result": {"plugins": list(plugins)}}
        return accept(request, connection)

    return handler


def validator(revision):
    """conforms(value, type) for one revision of MCP; nothing is checked without the schemas."""
    file = SPEC / revision / "schema.json"
    if not jsonschema or not file.exists():
        return lambda value, name: None
    doc = json.loads(file.read_text())
    key = "$defs" if "$defs" in doc else "definitions"
    make = jsonschema.validators.validator_for(doc)

    def conforms(value, name):
        assert name in doc[key], f"{revision} has no {name}"
        make({"$schema": doc["$schema"], "$ref": f"#/{key}/{name}", key: doc[key]}).validate(value)

    return conforms


class Server:
    def __init__(self, binary, rundir, *args, stderr=subprocess.PIPE):
        self.process = subprocess.Popen(
            [str(binary), "--runtime-dir", str(rundir), "mcp", *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        self.buffer, self.id, self.revision, self.conforms = b"", 0, None, None

    def raw(self, line):
        data = line if isinstance(line, bytes) else line.encode()
        self.process.stdin.write(data + b"\n")
        self.process.stdin.flush()

    def read(self, timeout=20):
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.process.stdout], [], [], timeout)
            assert ready, "no answer in time"
            chunk = os.read(self.process.stdout.fileno(), 65536)
            assert chunk, f"the server ended: {self.process.stderr.read()}"
            self.buffer += chunk
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def exchange(self, message):
        self.raw(json.dumps(message))
        return self.read()

    def start(self, revision):
        """Speak this revision from here on; a legacy one is agreed on first."""
        self.revision, self.conforms = revision, validator(revision)
        if revision != MODERN:
            result = self.ask("initialize", protocolVersion=revision, **CLIENT)
            assert result["protocolVersion"] == revision
            self.notify("notifications/initialized")
        return self

    def request(self, method, **params):
        self.id += 1
        if self.revision == MODERN:
            params = {"_meta": META, **params}
        return {"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}

    def notify(self, method, **params):
        self.raw(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    def ask(self, method, **params):
        """The result of a good request."""
        request = self.request(method, **params)
        self.conforms(request, TYPES[method][0])
        answer = self.exchange(request)
        assert "result" in answer, answer
        assert (answer["jsonrpc"], answer["id"]) == ("2.0", self.id)
        self.conforms(answer["result"], TYPES[method][1])
        self.conforms(answer, "JSONRPCMessage")
        if self.revision == MODERN:
            assert answer["result"]["resultType"] == "complete"
            assert answer["result"]["_meta"][PREFIX + "serverInfo"]["name"] == "hookcastctl"
        else:
            assert not {"resultType", "ttlMs", "cacheScope"} & set(answer["result"])
        return answer["result"]

    def refused(self, method, **params):
        """The error of a request."""
        return self.error(self.request(method, **params))

    def error(self, message):
        answer = self.exchange(message)
        assert "error" in answer, answer
        assert answer.get("id") == message["id"]
        if self.conforms:
            new = self.revision in (MODERN, "2025-11-25")
            self.conforms(answer, "JSONRPCErrorResponse" if new else "JSONRPCError")
        return answer["error"]

    def call(self, name, arguments=None, **params):
        if arguments is not None:
            params["arguments"] = arguments
        return self.ask("tools/call", name=name, **params)

    def end(self):
        """Close standard input; the exit code."""
        self.process.stdin.close()
        code = self.process.wait(20)
        assert self.buffer + self.process.stdout.read() == b""
        return code


@pytest.fixture
def serve(binary, rundir):
    started = []

    def start(revision=None, *args):
        started.append(Server(binary, rundir, *args))
        return started[-1].start(revision) if revision else started[-1]

    yield start
    for server in started:
        try:
            server.process.communicate(timeout=20)  # closes its standard input
        except ValueError:
            server.process.wait(20)  # the test has closed it
        assert server.process.returncode == 0


@pytest.fixture(params=REVISIONS)
def server(request, serve, daemon):
    daemon(answering())
    return serve(request.param)


def text(result):
    return result["content"][0]["text"]


def published(fake):
    return [r["params"] for r in fake.requests if r["method"] == "notify"]


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
