"""MCP servers that others wrote, as plugins of the daemon: by the official SDKs in both eras, and three published ones.

The payload of an event is the arguments of the tool, so a hook is made for the tool it is heard by."""

import json
from pathlib import Path

import pytest

from harness import EVENT, Site, assert_accounts, wait_for

SERVER = Path(__file__).with_name("server.mjs")
NEW, OLD = "@modelcontextprotocol/server", "@modelcontextprotocol/sdk"
MODERN, LEGACY = "2026-07-28", "2025-11-25"
OFTEN = {"health": {"interval": "100ms", "timeout": "30s"}}

TEXT = {"type": "string"}
ENTITY = {"type": "object", "required": ["name", "entityType", "observations"],
          "properties": {"name": TEXT, "entityType": TEXT, "observations": {"type": "array", "items": TEXT}}}
HOOKS = {
    "on_start": {"path": TEXT}, "on_end": {"path": TEXT},
    "on_entity": {"entities": {"type": "array", "items": ENTITY}},
    "on_report": {"path": TEXT, "content": TEXT},
    "echo": {"message": TEXT},
}


@pytest.fixture
def site(modules):
    with Site() as site:
        site.modules = modules
        for hook, properties in HOOKS.items():
            schema = {"type": "object", "required": list(properties) if hook != "echo" else [], "properties": properties}
            path = site.specs / "office" / f"{hook}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(schema))
        site.kind("office", [{"name": h, "dispatch": "broadcast_notify", "input_schema": f"{h}.json", "mcp_exposed": h == "echo",
                              "mcp_tool_name_template": "{hook}"} for h in HOOKS])
        site.bystander = site.recorder("bystander", kind="office")
        site.published = 0
        yield site
        assert len(site.bystander.wait_events(site.published)) == site.published
        assert_accounts(site.rows().values())


def plugin(site, command, name="srv", **over):
    """Like any plugin; node takes its time to start."""
    over.setdefault("hookcast", {}).update(OFTEN)
    return site.plugin(name, command, kind="office", startup_timeout_sec=60, teardown_timeout_sec=10, **over)


def made(site, package, mode, **over):
    return plugin(site, ["node", str(SERVER), str(site.modules), package, mode], **over)


def published_server(site, package, *args, **over):
    home = site.modules / "node_modules" / "@modelcontextprotocol" / package
    script = home / list(json.loads((home / "package.json").read_text())["bin"].values())[0]
    return plugin(site, ["node", str(script), *args], **over)


def publish(site, hook, payload):
    site.published += 1
    return site.publish(hook, payload, kind="office")


def heard(plugin, key):
    path = plugin.dir / "heard.ndjson"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [m for m in map(json.loads, lines) if key in m]


def wait_heard(plugin, key, n):
    return wait_for(lambda: len(heard(plugin, key)) >= n and heard(plugin, key), 20, f"{n} of {key}")


def delivered(plugin, n, failures=0):
    """All of them are in its pipe, and answered as far as an answer counts."""
    row = plugin.wait_row(lambda r: r["delivered"] == n and r["failures"] >= failures, f"{n} events, {failures} failed", 20)
    assert row["accepted"] == n and row["dropped"] == row["queued_events"] == 0 and row["failures"] == failures
    return row


def lives_on(site, plugin):
    """It answers health probes, is ready, has never been restarted, and ends in time when it is asked to."""
    wait_for(lambda: plugin.row()["uptime_s"] > 1, what="some probes")
    row = plugin.row()
    assert row["state"] == "ready" and row["restarts"] == 0 and row["pid"]
    site.call("plugin.stop", {"name": plugin.name})
    assert plugin.row()["state"] == "stopped"
    ended = site.log(msg="plugin ended", plugin=plugin.name)
    assert ended and "status 0" in ended[-1]["how"], ended


@pytest.mark.parametrize("mode, revision", [("native", MODERN), ("native-legacy", LEGACY)])
def test_a_native_plugin_by_sdk_2(site, mode, revision):
    srv = made(site, NEW, mode, config={"level": 3})
    site.start(wait=True)
    row = srv.wait_state("ready", timeout=30)
    assert row["protocol"] == revision and row["hooks"] == ["on_start", "on_end"]
    [setup] = wait_heard(srv, "request", 1)[:1]
    assert setup["request"] == "hooks/setup" and setup["params"]["config"] == {"level": 3}
    assert publish(site, "on_entity", {"entities": []})["queued"] == 1
    seq = publish(site, "on_start", {"path": "/a"})["seq"]
    publish(site, "on_end", {"path": "/b", "fail": "disk full"})
    first, second = wait_heard(srv, "event", 2)
    assert (first["event"], second["event"]) == ("on_start", "on_end")
    assert first["params"]["path"] == "/a" and first["params"]["_meta"][EVENT]["seq"] == seq
    delivered(srv, 2, failures=1)
    assert site.wait_log(plugin="srv", msg="event failed")["error"] == "disk full"
    wait_for(lambda: len([m for m in heard(srv, "request") if m["request"] == "hooks/health"]) >= 3, what="health probes")
    lives_on(site, srv)
    assert heard(srv, "request")[-1]["request"] == "hooks/teardown"


@pytest.mark.parametrize("package, revision", [(NEW, MODERN), (OLD, LEGACY)])
def test_a_tool_server_by_either_sdk(site, package, revision):
    srv = made(site, package, "tool", hookcast={"tools": {"on_start": "record", "on_end": "finish"}})
    site.start(wait=True)
    row = srv.wait_state("ready", timeout=30)
    assert row["protocol"] == revision and row["hooks"] == ["on_start"]
    assert site.log(plugin="srv", level="warning", msg="finish")
    publish(site, "on_start", {"path": "/a"})
    seq = publish(site, "on_start", {"path": "/b", "fail": "disk full"})["seq"]
    first = wait_heard(srv, "tool", 2)[0]
    assert first["params"]["path"] == "/a" and first["meta"][EVENT]["hook"] == "on_start"
    delivered(srv, 2, failures=1)
    record = site.wait_log(plugin="srv", msg="event failed", seq=seq)
    assert "disk full" in record["error"]
    publish(site, "on_start", {"path": "/c", "grow": True})  # it tells that its tools have changed
    srv.wait_row(lambda r: r["hooks"] == ["on_start", "on_end"], "the new tool to be heard by", 20)
    assert publish(site, "on_end", {"path": "/d"})["queued"] == 2
    assert [m["tool"] for m in wait_heard(srv, "tool", 4)][3] == "finish"
    delivered(srv, 4, failures=1)
    lives_on(site, srv)


def test_everything(site):
    srv = published_server(site, "server-everything")
    site.start(wait=True)
    row = srv.wait_state("ready", timeout=60)
    assert row["hooks"] == ["echo"] and row["protocol"] in (MODERN, LEGACY)
    for i in range(20):
        publish(site, "echo", {"message": f"hello {i}"})
    seq = publish(site, "echo", {})["seq"]
    delivered(srv, 21, failures=1)
    assert "message" in site.wait_log(plugin="srv", msg="event failed", seq=seq)["error"]
    lives_on(site, srv)


def test_memory_makes_an_entity_of_an_event(site):
    memory = site.dir / "memory.jsonl"
    srv = published_server(site, "server-memory", env={"MEMORY_FILE_PATH": str(memory)},
                           hookcast={"tools": {"on_entity": "create_entities"}})
    site.start(wait=True)
    srv.wait_state("ready", timeout=60)
    assert not site.log(plugin="srv", level="warning", msg="does not fit")
    publish(site, "on_entity", {"entities": [{"name": "r1", "entityType": "request", "observations": ["took 12 ms", "é"]}]})
    wait_for(lambda: memory.exists() and memory.read_text(), 20, "the file")
    entity = json.loads(memory.read_text().splitlines()[0])
    assert entity["name"] == "r1" and entity["observations"] == ["took 12 ms", "é"]
    delivered(srv, 1)
    lives_on(site, srv)


def test_filesystem_makes_a_file_of_an_event(site):
    reports = site.dir / "reports"
    reports.mkdir()
    srv = published_server(site, "server-filesystem", str(reports), hookcast={"tools": {"on_report": "write_file"}})
    site.start(wait=True)
    srv.wait_state("ready", timeout=60)
    for i in range(5):
        publish(site, "on_report", {"path": str(reports / f"{i}.txt"), "content": f"report {i}\n"})
    wait_for(lambda: len(list(reports.glob("*.txt"))) == 5, 20, "five files")
    delivered(srv, 5)
    assert (reports / "3.txt").read_text() == "report 3\n"
    seq = publish(site, "on_report", {"path": str(site.dir / "elsewhere.txt"), "content": "no"})["seq"]
    delivered(srv, 6, failures=1)
    assert "denied" in site.wait_log(plugin="srv", msg="event failed", seq=seq)["error"]
    assert not (site.dir / "elsewhere.txt").exists()
    lives_on(site, srv)


def test_all_of_them_beside_one_another(site):
    """One daemon, six servers of three makers: each hears what it has a tool for."""
    reports = site.dir / "reports"
    reports.mkdir()
    record = {"tools": {"on_start": "record"}}
    natives = [made(site, NEW, "native", name="native"), made(site, NEW, "native-legacy", name="older")]
    tools = [made(site, NEW, "tool", name="two", hookcast=dict(record)), made(site, OLD, "tool", name="one", hookcast=dict(record))]
    everything = published_server(site, "server-everything", name="everything")
    files = published_server(site, "server-filesystem", str(reports), name="files", hookcast={"tools": {"on_report": "write_file"}})
    site.start(wait=False)
    site.wait_up()
    for p in (*natives, *tools, everything, files):
        p.wait_state("ready", timeout=90)
    for i in range(50):
        publish(site, "on_start", {"path": f"/{i}"})
        publish(site, "echo", {"message": str(i)})
        publish(site, "on_report", {"path": str(reports / f"{i}.txt"), "content": str(i)})
    for p in natives:
        assert [m["params"]["path"] for m in wait_heard(p, "event", 50)] == [f"/{i}" for i in range(50)]
    for p in (*tools, everything, files):
        delivered(p, 50)
    wait_for(lambda: len(list(reports.glob("*.txt"))) == 50, 20, "fifty files")
