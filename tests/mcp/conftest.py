"""The black-box suite's fixtures for the MCP host: `hc` is a fresh site, `mcp` one that has a bystander to be spared."""

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
BLACKBOX = HERE.parent / "blackbox"

sys.path.insert(0, str(HERE))
pytest.register_assert_rewrite("mcpkit")
spec = importlib.util.spec_from_file_location("blackbox_conftest", BLACKBOX / "conftest.py")
blackbox = importlib.util.module_from_spec(spec)
spec.loader.exec_module(blackbox)

hc = blackbox.hc
pytest_runtest_makereport = blackbox.pytest_runtest_makereport
pytest_report_header = blackbox.pytest_report_header

import mcpkit  # noqa: E402


@pytest.fixture
def mcp(hc):
    """A site with a bystander. Whatever its neighbours did, it must have heard every event, once, in order."""
    world = mcpkit.World(hc)
    yield world
    if hc.process:
        world.check()
