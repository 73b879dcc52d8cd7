"""MCP with what others wrote, installed by name with npm into build/npm: clients of hookcastctl mcp, servers as plugins.

Only for those who ask (make check-npm): it needs npm and the network. `modules` is where the packages are, `hc` a site
with a real daemon, `server` the command line of hookcastctl mcp for it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "blackbox"))

import harness  # noqa: E402

NPM = harness.REPO / "build" / "npm"
PACKAGES = ["@modelcontextprotocol/inspector", "@modelcontextprotocol/sdk@1", "@modelcontextprotocol/client@2",
            "@modelcontextprotocol/server@2", "@modelcontextprotocol/server-everything", "@modelcontextprotocol/server-memory",
            "@modelcontextprotocol/server-filesystem"]
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://example.org/request.json",
    "type": "object",
    "required": ["path"],
    "properties": {"path": {"type": "string"}, "n": {"type": "integer"}},
}


def why_not():
    if os.environ.get("CI") == "true":
        return "CI: nothing is installed from the network"
    if os.environ.get("HOOKCAST_NPM") != "1":
        return "not asked for: make check-npm"
    if not shutil.which("npm") or not shutil.which("node"):
        return "npm and node are not installed"
    return None


def pytest_collection_modifyitems(items):
    reason = why_not()
    for item in items:
        if reason and Path(__file__).parent in Path(item.fspath).parents:
            item.add_marker(pytest.mark.skip(reason=reason))


def installed(package):
    name = "@" + package.split("@")[1]
    return (NPM / "node_modules" / name / "package.json").exists()


@pytest.fixture(scope="session")
def modules():
    if not all(map(installed, PACKAGES)):
        NPM.mkdir(parents=True, exist_ok=True)
        (NPM / "package.json").write_text('{"private": true}\n')
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES],
            cwd=NPM, capture_output=True, text=True, timeout=600,
        )
        if done.returncode:
            pytest.skip(f"npm could not install the packages: {done.stderr.strip()[-300:]}")
    return NPM


def version(modules, name):
    return json.loads((modules / "node_modules" / name / "package.json").read_text())["version"]


def pytest_terminal_summary(terminalreporter):
    """What was tested against: the versions are whatever npm found that day."""
    if not why_not():
        names = ["@" + p.split("@")[1] for p in PACKAGES if installed(p)]
        terminalreporter.write_line("npm: " + ", ".join(f"{n.split('/')[1]} {version(NPM, n)}" for n in names))


@pytest.fixture
def hc():
    with harness.Site() as site:
        site.kind("web", [
            {"name": "on_start", "dispatch": "broadcast_notify", "description": "A request began.", "mcp_exposed": True,
             "input_schema": "request.json"},
            {"name": "on_end", "dispatch": "broadcast_notify", "mcp_exposed": True, "input_schema": "request.json"},
            {"name": "on_secret", "dispatch": "broadcast_notify"},
        ])
        (site.specs / "web" / "request.json").write_text(json.dumps(SCHEMA))
        site.recorder("tape", kind="web")
        yield site.start()


@pytest.fixture
def server(hc):
    return [str(harness.HOOKCASTCTL), "mcp", "--runtime-dir", str(hc.runtime)]
