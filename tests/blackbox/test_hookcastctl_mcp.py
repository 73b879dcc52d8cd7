"""hookcastctl mcp with a real daemon: what it says is what the daemon does."""

import json
import os
import subprocess

import pytest

from harness import HOOKCASTCTL, KIND, STARTED, FINISHED, wait_for

SCHEMA = {"type": "object", "required": ["path"], "properties": {"path": {"type": "string"}}}
META = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}


class Server:
    def __init__(self, hc, **popen):
        self.process = subprocess.Popen([str(HOOKCASTCTL), "mcp", "--runtime-dir", str(hc.runtime)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, **popen)

    def ask(self, method, **params):
        line = json.dumps({"jsonrpc": "2.0", "id": method, "method": method, "params": {**META, **params}})
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def tools(self):
        return [t["name"] for t in self.ask("tools/list")["result"]["tools"]]

    def end(self):
        self.process.communicate(timeout=30)
        return self.process.returncode


def expose(hc, *exposed):
    hc.kind(hooks=[{"name": h, "dispatch": "broadcast_notify", "mcp_exposed": h in exposed, "input_schema": "s.json"}
                   for h in (STARTED, FINISHED)])
    (hc.specs / KIND / "s.json").write_text(json.dumps(SCHEMA))


def test_a_call_is_an_event_and_a_reload_shows_at_once(hc):
    expose(hc, STARTED)
    tape = hc.recorder("tape")
    hc.start()
    server = Server(hc)
    assert server.tools() == [f"{KIND}.{STARTED}"]
    told = server.ask("tools/call", name=f"{KIND}.{STARTED}", arguments={"path": "/"})["result"]["structuredContent"]
    [event] = tape.wait_events(1)
    assert event["params"]["path"] == "/"
    assert told == {"run": hc.call("daemon.status")["run"], "seq": 1, "queued": 1, "failed": [], "failed_total": 0}
    refused = server.ask("tools/call", name=f"{KIND}.{STARTED}", arguments={"path": 5})["result"]
    assert refused["isError"] and "/path" in refused["content"][0]["text"]
    assert server.ask("tools/call", name=f"{KIND}.{FINISHED}", arguments={"path": "/"})["error"]["code"] == -32602

    expose(hc, STARTED, FINISHED)
    hc.call("daemon.reload")
    assert server.tools() == [f"{KIND}.{FINISHED}", f"{KIND}.{STARTED}"]
    assert server.ask("tools/call", name=f"{KIND}.{FINISHED}", arguments={"path": "/"})["result"]["isError"] is False
    assert server.end() == 0


def test_the_daemon_may_be_killed_and_come_back(hc):
    expose(hc, STARTED)
    hc.start()
    server = Server(hc)
    hc.kill()
    assert "is hookcastd running" in server.ask("tools/list")["error"]["message"]
    hc.start()
    assert server.tools() == [f"{KIND}.{STARTED}"]
    contents = server.ask("resources/read", uri="hookcast://kinds")["result"]["contents"]
    assert json.loads(contents[0]["text"])["kinds"][0]["hooks"][0]["schema"] == SCHEMA
    assert server.end() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_another_user_is_told_who_may(hc):
    expose(hc, STARTED)
    hc.configure(sockets={"control": {"mode": "0666"}})
    hc.start()
    try:
        server = Server(hc, user=65534, group=65534, extra_groups=[])
    except PermissionError:
        pytest.skip("another user may not run the binary where it lies")
    for _ in range(2):
        error = server.ask("tools/list")["error"]
        assert error["code"] == -32603 and "only root or the daemon's user" in error["message"]
    assert server.end() == 0
    wait_for(lambda: "65534" in hc.log_text(), 5, "the refusal in the log")
