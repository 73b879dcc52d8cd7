"""Fixtures: a plugin hosted over pipes as the daemon would host it, and a fake events socket."""

import os
import sys
import textwrap

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PLUGINS = os.path.join(ROOT, "plugins-python")
sys.path[:0] = [HERE, PLUGINS]

from fakedaemon import EventsServer, PluginProcess  # noqa: E402


@pytest.fixture
def host(tmp_path):
    """host(source) writes a module `subject.py` with class `Plugin` and hosts it; host(dir=…, spec=…) a real one."""
    running = []

    def start(source=None, *, spec="subject:Plugin", dir=None, **kwargs):
        if source is not None:
            (tmp_path / "subject.py").write_text(textwrap.dedent(source), encoding="utf-8")
        process = PluginProcess(spec, cwd=dir or str(tmp_path), **kwargs)
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()


@pytest.fixture
def events_server(tmp_path):
    """events_server(**kwargs) starts a fake daemon in tmp_path; several may follow one another."""
    running = []

    def start(**kwargs):
        server = EventsServer(str(tmp_path / "events.sock"), **kwargs)
        running.append(server)
        return server

    yield start
    for server in running:
        server.close()
