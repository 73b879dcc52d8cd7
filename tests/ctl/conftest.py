import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from fakedaemon import FakeDaemon

pytest.register_assert_rewrite("mcpclient")

from mcpclient import REVISIONS, Server, answering  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = (ROOT / os.environ.get("HOOKCAST_BUILD", "build") / "hookcastctl").resolve()


@pytest.fixture
def rundir():
    """A short directory: a socket's path has room for 107 bytes only."""
    path = tempfile.mkdtemp(prefix="hc-", dir="/tmp")
    yield pathlib.Path(path)
    shutil.rmtree(path)


@pytest.fixture
def daemon(rundir):
    """Start a fake daemon: daemon(handler)."""
    started = []

    def start(handler, **options):
        started.append(FakeDaemon(rundir, handler, **options))
        return started[-1]

    yield start
    for fake in started:
        fake.close()


@pytest.fixture
def ctl(rundir):
    """Run hookcastctl to its end: ctl("emit", "k", "h") -> CompletedProcess with text output."""

    def run(*args, stdin="", env=None, runtime_dir=True, timeout=60, **options):
        where = ["--runtime-dir", str(rundir)] if runtime_dir else []
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [str(BINARY), *where, *args],
            input=data,
            capture_output=True,
            env={**os.environ, **(env or {})},
            timeout=timeout,
            check=False,
            **options,
        )
        done.stdout = done.stdout.decode(errors="surrogateescape")
        done.stderr = done.stderr.decode(errors="surrogateescape")
        return done

    return run


@pytest.fixture
def binary():
    return BINARY


@pytest.fixture
def serve(binary, rundir):
    """Start `mcp`: serve(revision or None, *options) -> Server. Each must end with 0 when its input does."""
    started = []

    def start(revision=None, *args):
        started.append(Server(binary, rundir, *args))
        return started[-1].start(revision) if revision else started[-1]

    yield start
    for server in started:
        try:
            server.process.communicate(timeout=20)  # closes its standard input
        except ValueError:
            server.process.wait(20)  # the test has closed it
        assert server.process.returncode == 0


@pytest.fixture(params=REVISIONS)
def server(request, serve, daemon):
    """One of every revision, with a daemon that accepts."""
    daemon(answering())
    return serve(request.param)
