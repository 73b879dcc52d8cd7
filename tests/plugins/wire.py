"""wire.py — the least a native plugin needs: lines in, lines out, and a raw record of everything it was sent.

Standard library only, quick to start (`python3 -S -E plugin.py`). Every byte read from stdin goes to wire.ndjson in the
working directory before it is acted on, so that a test can compare bytes.
"""

import json
import os

REVISION = "2026-07-28"


def say(message):
    """Write one message (an object, or bytes as they are) to stdout."""
    data = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
    while data:
        data = data[os.write(1, data):]


def lines():
    """Lines from stdin, raw, recorded first. Ends at end of file."""
    record = os.open("wire.ndjson", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    rest = b""
    while True:
        data = os.read(0, 65536)
        if not data:
            return
        os.write(record, data)
        *whole, rest = (rest + data).split(b"\n")
        yield from whole


def discover_result(extension, versions=None, server="test-plugin"):
    """A DiscoverResult; `extension` are the settings of io.hookcast/hooks, None when it is not to be declared."""
    capabilities = {} if extension is None else {"extensions": {"io.hookcast/hooks": extension}}
    return {
        "resultType": "complete",
        "supportedVersions": versions or [REVISION],
        "capabilities": capabilities,
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": server, "version": "1.0"}},
    }


def reply(request, result):
    say({"jsonrpc": "2.0", "id": request["id"], "result": dict({"resultType": "complete"}, **result)})


def refuse(request, code, message, data=None):
    error = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    say({"jsonrpc": "2.0", "id": request["id"], "error": error})


def failed(hook, seq, message):
    say({"jsonrpc": "2.0", "method": "notifications/hooks/failed",
         "params": {"hook": hook, "seq": seq, "error": {"message": message}}})
