"""refuses_setup.py — answers hooks/setup with an error that is long: SHIFT letters, then four-byte characters."""

import json
import os
import sys

sys.path.insert(0, os.environ["WIRE"])
import wire  # noqa: E402

for line in wire.lines():
    m = json.loads(line)
    if m.get("method") == "server/discover":
        wire.reply(m, wire.discover_result({}))
    elif m.get("method") == "hooks/setup":
        wire.refuse(m, -32000, "x" * int(os.environ["SHIFT"]) + "\U0001f980" * 300)
