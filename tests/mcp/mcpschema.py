"""mcpschema.py — what the daemon wrote, held against MCP's own schemas.

They are read where they lie: a folder `mcp-schema` with schema.json by revision, beside the repository in `shared`, or
where MCP_SCHEMAS says. Core messages validate as their type, by method; those of the extension as JSON-RPC of that
revision, and as their type in docs/extension-hooks.schema.json where that is."""

import functools
import json
import os
from pathlib import Path

import pytest

from harness import REPO
from mcpkit import CALL, CANCELLED, DISCOVER, HEALTH, INITIALIZE, INITIALIZED, LIST, LISTEN, MODERN, SETUP, TEARDOWN

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMAS = Path(os.environ.get("MCP_SCHEMAS", REPO.parent / "shared" / "mcp-schema"))
OWN = REPO / "docs" / "extension-hooks.schema.json"

TYPES = {INITIALIZE: "InitializeRequest", INITIALIZED: "InitializedNotification", "ping": "PingRequest",
         LIST: "ListToolsRequest", CALL: "CallToolRequest", DISCOVER: "DiscoverRequest", LISTEN: "SubscriptionsListenRequest",
         CANCELLED: "CancelledNotification"}
OWN_TYPES = {SETUP: "SetupRequest", HEALTH: "HealthRequest", TEARDOWN: "TeardownRequest",
             "notifications/hooks/dropped": "DroppedNotification", DISCOVER: "DiscoverRequest",
             INITIALIZE: "InitializeRequest", INITIALIZED: "InitializedNotification"}


def why_not():
    if not jsonschema:
        return "python3-jsonschema is not installed"
    return None if SCHEMAS.is_dir() else f"no MCP schemas in {SCHEMAS}"


needs_schemas = pytest.mark.skipif(bool(why_not()), reason=str(why_not()))


def hold(message, schema, *names):
    """The message against any of these types, those that the schema has."""
    key = "$defs" if "$defs" in schema else "definitions"
    present = [n for n in names if n in schema[key]]
    assert present, f"the schema has none of {names}"
    kind = jsonschema.validators.validator_for(schema)
    kind({**schema, "anyOf": [{"$ref": f"#/{key}/{n}"} for n in present]}).validate(message)


@functools.lru_cache(None)
def core(revision):
    return json.loads((SCHEMAS / revision / "schema.json").read_text())


def check(message, revision):
    """One message that was written to a server of this revision."""
    method = message.get("method")
    schema = core(MODERN if method == DISCOVER else revision)  # the probe is of the modern era, whoever it reaches
    if method is None and "result" in message:
        hold(message["result"], schema, "EmptyResult")
        hold(message, schema, "JSONRPCResultResponse", "JSONRPCResponse")
    elif method is None:
        hold(message, schema, "JSONRPCErrorResponse", "JSONRPCError")
    else:
        hold(message, schema, "JSONRPCMessage")
        hold(message, schema, "JSONRPCRequest" if "id" in message else "JSONRPCNotification")
    if method in TYPES:
        hold(message, schema, TYPES[method])
        hold(message, schema, "ClientRequest" if "id" in message else "ClientNotification")
    if not OWN.exists():
        return
    event = method not in TYPES and method is not None and "id" not in message
    if method in OWN_TYPES or event:
        hold(message, json.loads(OWN.read_text()), OWN_TYPES.get(method, "EventNotification"))
