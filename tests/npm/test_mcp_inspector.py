"""`hookcastctl mcp` as the MCP Inspector's command line sees it."""

import json
import subprocess

import pytest


@pytest.fixture
def inspect(modules, server):
    """inspect("tools/list", ...) -> what it prints."""

    def run(method, *more):
        done = subprocess.run(
            [str(modules / "node_modules/.bin/mcp-inspector"), "--cli", *server, "--method", method, *more],
            capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    return run


def test_tools_are_listed(inspect):
    tools = inspect("tools/list")["tools"]
    assert [t["name"] for t in tools] == ["web.on_end", "web.on_start"]
    assert tools[1]["description"] == "A request began."
    assert tools[1]["inputSchema"]["required"] == ["path"]


def test_a_tool_publishes(inspect, hc):
    result = inspect("tools/call", "--tool-name", "web.on_start", "--tool-arg", "path=/x", "--tool-arg", "n=3")
    assert not result["isError"]
    assert (result["structuredContent"]["seq"], result["structuredContent"]["queued"]) == (1, 1)
    [event] = hc.plugins["tape"].wait_events(1)
    assert (event["params"]["path"], event["params"]["n"]) == ("/x", 3)


def test_a_refused_event_is_a_tool_error(inspect):
    result = inspect("tools/call", "--tool-name", "web.on_start", "--tool-arg", "n=3")
    assert result["isError"]
    assert "invalid_payload" in result["content"][0]["text"] and "path" in result["content"][0]["text"]


def test_resources_are_listed_and_read(inspect):
    assert [r["uri"] for r in inspect("resources/list")["resources"]] == ["hookcast://plugins", "hookcast://kinds"]
    [content] = inspect("resources/read", "--uri", "hookcast://plugins")["contents"]
    assert json.loads(content["text"])["plugins"][0]["name"] == "tape"
    [content] = inspect("resources/read", "--uri", "hookcast://kinds")["contents"]
    assert len(json.loads(content["text"])["kinds"][0]["hooks"]) == 3
