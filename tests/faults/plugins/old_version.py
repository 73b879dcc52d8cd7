"""old_version.py — refuses server/discover with -32022 and SUPPORTED (a JSON list) as what it supports."""

import json
import os
import sys

sys.path.insert(0, os.environ["WIRE"])
import wire  # noqa: E402

for line in wire.lines():
    m = json.loads(line)
    if m.get("method") == "server/discover":
        wire.refuse(m, -32022, "Unsupported protocol version", {"supported": json.loads(os.environ["SUPPORTED"]),
                                                                  "requested": wire.REVISION})
