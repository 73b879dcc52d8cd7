"""`hookcastctl mcp` as the official TypeScript clients see it: 1.x (legacy), 2.x in both eras."""

import json
import subprocess
from pathlib import Path

import pytest

from harness import wait_for

CLIENT = Path(__file__).with_name("client.mjs")
OLD, NEW = "@modelcontextprotocol/sdk", "@modelcontextprotocol/client"


class Client:
    def __init__(self, modules, server, package, mode):
        self.process = subprocess.Popen(
            ["node", str(CLIENT), str(modules), package, mode, *server],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.hello = self.read()

    def read(self):
        line = self.process.stdout.readline()
        assert line, "the client ended"
        return json.loads(line)

    def step(self, method, **params):
        self.process.stdin.write(json.dumps({"do": method, "with": params}) + "\n")
        self.process.stdin.flush()
        return self.read()

    def do(self, method, **params):
        answer = self.step(method, **params)
        assert "result" in answer, answer
        return answer["result"]

    def end(self):
        self.process.stdin.close()
        return self.process.wait(30)


@pytest.fixture(params=[(OLD, "legacy", ""), (NEW, "legacy", "2025-11-25"), (NEW, "auto", "2026-07-28"),
                        (NEW, "2026-07-28", "2026-07-28")], ids=lambda p: f"{p[0].rsplit('/', 1)[1]}-{p[1]}")
def client(request, modules, server):
    package, mode, revision = request.param
    client = Client(modules, server, package, mode)
    assert client.hello["ready"] == revision
    assert client.hello["server"]["name"] == "hookcastctl"
    yield client
    client.process.kill()
    client.process.wait()


def test_it_lists_calls_reads_and_ends(client, hc):
    tools = client.do("listTools")["tools"]
    assert [t["name"] for t in tools] == ["web.on_end", "web.on_start"]
    for i, hook in enumerate(["on_start", "on_end"], 1):
        result = client.do("callTool", name="web." + hook, arguments={"path": "/", "n": i})
        assert result["structuredContent"]["seq"] == i  # the client has checked it against the output schema
    assert [e["method"] for e in hc.plugins["tape"].wait_events(2)] == ["on_start", "on_end"]
    assert [r["name"] for r in client.do("listResources")["resources"]] == ["plugins", "kinds"]
    assert client.do("listResourceTemplates")["resourceTemplates"] == []
    [content] = client.do("readResource", uri="hookcast://plugins")["contents"]
    assert json.loads(content["text"])["plugins"][0]["name"] == "tape"
    assert client.end() == 0


def test_what_is_wrong_reaches_the_caller(client):
    result = client.do("callTool", name="web.on_start", arguments={"path": 5})
    assert result["isError"] and "/path" in result["content"][0]["text"]
    for name in ("web.on_secret", "web.nope"):
        answer = client.step("callTool", name=name, arguments={})
        assert answer["code"] == -32602 and "Unknown tool" in answer["error"]
    assert "code" in client.step("readResource", uri="hookcast://nope")


def test_the_daemon_may_be_away_and_come_back(client, hc):
    assert len(client.do("listTools")["tools"]) == 2
    hc.stop()
    answer = client.step("readResource", uri="hookcast://plugins")
    assert answer["code"] == -32603 and "is hookcastd running" in answer["error"]
    assert client.do("callTool", name="web.on_start", arguments={"path": "/"})["isError"]
    hc.start()
    assert not client.do("callTool", name="web.on_start", arguments={"path": "/"})["isError"]
    wait_for(lambda: hc.plugins["tape"].events(), 5, "the event")


def test_a_modern_client_may_listen(modules, server):
    client = Client(modules, server, NEW, "2026-07-28")
    assert client.do("listen", toolsListChanged=True) == {}
    assert len(client.do("listTools")["tools"]) == 2
    assert client.end() == 0
