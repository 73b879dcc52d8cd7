"""The handshake: both eras of MCP, what is advertised, and what is refused."""

import json
import os

import pytest
from conftest import ROOT
from fakedaemon import EXTENSION, HOOKS, request_meta

SCHEMAS = os.path.normpath(os.path.join(ROOT, "..", "shared", "mcp-schema"))

LISTENER = """
    class Plugin:
        def setup(self, ctx): pass
        def teardown(self, ctx): pass
        def health(self, ctx): pass
        def flush(self, ctx): pass
        def on_dropped(self, ctx, count): pass
        def on_request_started(self, ctx): pass
        async def on_request_strated(self, ctx): pass
        def cleared(self, ctx): pass
        def helper(self, ctx): pass
        def _on_hidden(self, ctx): pass
        on_value = 3
        @property
        def on_property(self): raise RuntimeError("must not be looked at")
"""


def official(version, name):
    path = os.path.join(SCHEMAS, version, "schema.json")
    if not os.path.exists(path):
        print(f"skipped: no official schema at {path}")
        pytest.skip(f"no official schema at {path}")
    jsonschema = pytest.importorskip("jsonschema")
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    place = "$defs" if "$defs" in schema else "definitions"
    return jsonschema.validators.validator_for(schema)({**schema, "$ref": f"#/{place}/{name}"})


def test_discover_advertises_methods_that_are_or_look_like_hooks(host):
    plugin = host(LISTENER)
    answer, _ = plugin.call("server/discover", meta=request_meta(HOOKS + ["cleared"]))
    result = answer["result"]
    assert result["supportedVersions"] == ["2026-07-28"]
    assert result["resultType"] == "complete"
    advertised = result["capabilities"]["extensions"][EXTENSION]
    assert advertised == {"hooks": ["cleared", "on_request_started", "on_request_strated"]}


def test_notice_methods_are_hooks_where_the_kind_has_such_hooks(host):
    plugin = host(LISTENER)
    answer, _ = plugin.call("server/discover", meta=request_meta(["on_dropped", "setup"]))
    assert "on_dropped" in answer["result"]["capabilities"]["extensions"][EXTENSION]["hooks"]
    assert "setup" not in answer["result"]["capabilities"]["extensions"][EXTENSION]["hooks"]


def test_discover_and_setup_answers_match_the_official_schema(host):
    plugin = host(LISTENER)
    answer, _ = plugin.call("server/discover")
    official("2026-07-28", "DiscoverResultResponse").validate(answer)
    official("2026-07-28", "JSONRPCResultResponse").validate(plugin.setup())
    refused, _ = plugin.call("no/such")
    official("2026-07-28", "JSONRPCErrorResponse").validate(refused)


def test_a_foreign_version_is_refused_with_the_supported_ones(host):
    plugin = host(LISTENER)
    answer, _ = plugin.call("server/discover", meta=request_meta(version="2099-01-01"))
    assert answer["error"]["code"] == -32022
    assert answer["error"]["data"]["requested"] == "2099-01-01"
    assert answer["error"]["data"]["supported"][0] == "2026-07-28"
    official("2026-07-28", "UnsupportedProtocolVersionError").validate(answer)
    assert "result" in plugin.setup()  # and it still serves


@pytest.mark.parametrize("method", ["server/discover", "hooks/setup", "hooks/health", "hooks/teardown"])
def test_a_modern_request_without_meta_is_invalid(host, method):
    answer, _ = host(LISTENER).call(method, meta=None)
    assert answer["error"]["code"] == -32602
    assert "_meta" in answer["error"]["message"]


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"])
def test_initialize_agrees_on_legacy_versions(host, version):
    plugin = host(LISTENER)
    capabilities = {"experimental": {EXTENSION: {"kind": "k", "hooks": ["cleared"]}}}
    params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": {"name": "h", "version": "1"}}
    answer, _ = plugin.call("initialize", params, meta=None)
    official(version, "InitializeResult").validate(answer["result"])
    assert answer["result"]["protocolVersion"] == version
    for place in ("experimental", "extensions"):
        assert "cleared" in answer["result"]["capabilities"][place][EXTENSION]["hooks"]
    plugin.notify("notifications/initialized", {})
    assert plugin.call("ping", meta=None)[0]["result"] == {}
    answer, _ = plugin.call("hooks/setup", {"plugin": "p", "kind": "k", "hooks": [], "config": {}, "run": "r"}, meta=None)
    assert "result" in answer


def test_initialize_offers_its_newest_for_an_unknown_version(host):
    params = {"protocolVersion": "1999-01-01", "capabilities": {}, "clientInfo": {"name": "h", "version": "1"}}
    answer, _ = host(LISTENER).call("initialize", params, meta=None)
    assert answer["result"]["protocolVersion"] == "2025-11-25"


def test_unknown_requests_are_refused_and_unknown_notifications_ignored(host):
    plugin = host(LISTENER)
    for method in ("tools/list", "ping", "on_request_started"):
        assert plugin.call(method)[0]["error"]["code"] == -32601
    plugin.notify("notifications/cancelled", {"requestId": "h1"})
    plugin.notify("no_such_hook", {})
    assert "result" in plugin.setup()
    assert plugin.settle() == []


def test_lines_that_are_no_requests_are_answered_and_survived(host):
    plugin = host(LISTENER)
    plugin.write(b"no json\n")
    assert plugin.next()["error"]["code"] == -32700
    plugin.write(b"[]\n")
    assert plugin.next()["error"]["code"] == -32600
    plugin.write(b"\xff\xfe\n\n  \n")
    assert plugin.next()["error"]["code"] == -32700
    plugin.write(b'{"jsonrpc":"2.0","id":"x","result":{}}\n')
    assert "result" in plugin.setup()
