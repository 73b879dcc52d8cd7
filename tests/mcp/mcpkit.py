"""mcpkit.py — MCP servers of tests/plugins/mcpserver.py in a site, and what was written to them."""

import json

from harness import PLUGINS, PYTHON, STARTED, assert_accounts, merge, wait_for

LEGACY = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
MODERN = "2026-07-28"
REVISIONS = [MODERN, *LEGACY]
META = "io.modelcontextprotocol/"
EXTENSION = "io.hookcast/hooks"
TOOL = {"tools": {STARTED: "record"}}  # hookcast: the hook is heard by this tool

DISCOVER, INITIALIZE, INITIALIZED = "server/discover", "initialize", "notifications/initialized"
LIST, CALL, LISTEN, CANCELLED = "tools/list", "tools/call", "subscriptions/listen", "notifications/cancelled"
SETUP, HEALTH, TEARDOWN = "hooks/setup", "hooks/health", "hooks/teardown"
GREETED = [DISCOVER, INITIALIZE, INITIALIZED]  # a legacy server that answered the probe with an error
AGAIN = [INITIALIZE, INITIALIZED]              # one whose era is remembered


def methods(messages):
    """What was written, in order: the methods, and "answer" for a response."""
    return [m.get("method", "answer") for m in messages]


class Server:
    """One MCP server of a site; the harness's Plugin and what mcpserver.py keeps beside it."""

    def __init__(self, site, name, act, **over):
        env = {"ACT": json.dumps(act), "HC_SITE": str(site.dir)}
        over["env"] = merge(env, over.get("env", {}))
        over.setdefault("startup_timeout_sec", 15)  # a third of it is the patience with the probe: never short by chance
        self.plugin = site.plugin(name, [PYTHON, "-S", "-E", str(PLUGINS / "mcpserver.py")], **over)

    def __getattr__(self, name):
        return getattr(self.plugin, name)

    def wrote(self):
        """Methods of all that was written to all its processes."""
        return methods(self.plugin.messages())

    def life(self, n):
        """Messages that its n-th process was written; [] while there is none."""
        path = self.plugin.dir / f"life-{n}.ndjson"
        return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []

    def lives(self):
        """pids of its processes, in order."""
        path = self.plugin.dir / "lives.txt"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def ends(self):
        path = self.plugin.dir / "ends.txt"
        return path.read_text().split() if path.exists() else []

    def calls(self):
        return self.plugin.requests(CALL)

    def wait_calls(self, n, timeout=10.0):
        wait_for(lambda: len(self.calls()) >= n, timeout, f"{n} calls at {self.name}, has {len(self.calls())}")
        return self.calls()

    def wait_wrote(self, wanted, timeout=5.0):
        """Wait until exactly these methods were written, all processes together."""
        wait_for(lambda: self.wrote() == wanted, timeout, f"{wanted} written to {self.name}, has {self.wrote()}")
        return self.plugin.messages()

    def wait_failures(self, n):
        return self.wait_row(lambda r: r["failures"] >= n, f"{n} failed events of {self.name}")

    def wait_unavailable(self):
        return self.wait_state("unavailable")["last_error"]


class World:
    """A site, a bystander beside its servers, and the accounts at the end."""

    def __init__(self, site):
        self.site = site
        self.bystander = site.recorder("bystander")

    def __getattr__(self, name):
        return getattr(self.site, name)

    def server(self, act=None, name="srv", **over):
        """A server, a legacy one with the tool `record` unless `act` says otherwise. Call start() when all are there."""
        return Server(self.site, name, act if act is not None else {"tools": ["record"]}, **over)

    def tool_server(self, act=None, name="srv", **over):
        """One whose tool `record` hears STARTED."""
        base = {"tools": ["record"]}
        acts = [dict(base, **a) for a in act] if isinstance(act, list) else dict(base, **(act or {}))
        over["hookcast"] = merge(TOOL, over.get("hookcast", {}))
        return self.server(acts, name, **over)

    def check(self):
        last = self.site.publish()["seq"]
        wait_for(lambda: len(self.bystander.event_lines()) == last, 10, f"{last} events at the bystander")
        assert self.bystander.seqs() == list(range(1, last + 1))
        row = self.bystander.row()
        assert row["state"] == "ready" and row["restarts"] == row["dropped"] == row["failures"] == 0, row
        assert_accounts(self.site.rows().values())
