"""A client of `hookcastctl mcp` that holds every message, either way, against its type in MCP's published schemas.

`Server` is the process; `answering()` makes a fake daemon with kinds and plugins.
"""

import json
import os
import pathlib
import select
import subprocess

from fakedaemon import accepting

try:
    import jsonschema
except ImportError:
    jsonschema = None

SPEC = pathlib.Path(__file__).resolve().parents[3] / "shared" / "mcp-schema"
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


def text(result):
    return result["content"][0]["text"]


def published(fake):
    return [r["params"] for r in fake.requests if r["method"] == "notify"]
