"""talks_late.py — a native plugin whose answers come when it pleases.

SETUP, HEALTH: the file that must exist before it answers that request (checked every few ms, reading on meanwhile).
TWICE: every answer twice. STRAY: after each answer also answers nobody asked for, and a request of its own.
"""

import json
import os
import select
import sys

sys.path.insert(0, os.environ["WIRE"])
import wire  # noqa: E402

GATES = {"hooks/setup": os.environ.get("SETUP"), "hooks/health": os.environ.get("HEALTH")}
RESULTS = {"hooks/setup": {}, "hooks/health": {"status": "ok"}, "hooks/teardown": {"released": True}}


def answer(m):
    result = wire.discover_result({}) if m["method"] == "server/discover" else RESULTS[m["method"]]
    for _ in range(2 if os.environ.get("TWICE") else 1):
        wire.reply(m, result)
    if os.environ.get("STRAY"):
        wire.say({"jsonrpc": "2.0", "id": "h999", "result": {"resultType": "complete"}})
        wire.say({"jsonrpc": "2.0", "id": m["id"] + "0", "error": {"code": 1, "message": "stray"}})
        wire.say({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-06-18"}})
        wire.say({"jsonrpc": "2.0", "id": "mine", "method": "sampling/createMessage", "params": {}})


record = os.open("wire.ndjson", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
late, rest = [], b""
while True:
    for m in [m for m in late if os.path.exists(GATES[m["method"]])]:
        late.remove(m)
        answer(m)
    if not select.select([0], [], [], 0.005 if late else None)[0]:
        continue
    data = os.read(0, 65536)
    if not data:
        break
    os.write(record, data)
    *lines, rest = (rest + data).split(b"\n")
    for m in map(json.loads, lines):
        if "id" not in m or m["method"] not in {"server/discover", *RESULTS}:
            continue
        if GATES.get(m["method"]):
            late.append(m)
        else:
            answer(m)
