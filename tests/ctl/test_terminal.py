"""On a terminal: colours when wanted, and never a plugin's escape sequences."""

import os
import pty
import select
import subprocess

import pytest
from test_show import DEGRADED, answering


def on_terminal(binary, rundir, *args, **env):
    """Everything that hookcastctl writes to a terminal."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [binary, "--runtime-dir", rundir, *args],
        stdin=child,
        stdout=child,
        stderr=child,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", **env},
    )
    os.close(child)
    seen = b""
    while select.select([parent], [], [], 10)[0]:
        try:
            chunk = os.read(parent, 65536)
        except OSError:  # EIO: the last writer is gone
            break
        if not chunk:
            break
        seen += chunk
    os.close(parent)
    process.wait(10)
    return seen.decode()


def test_states_are_coloured(daemon, binary, rundir):
    daemon(answering())
    text = on_terminal(binary, rundir, "list")
    assert "\x1b[32mready\x1b[0m" in text
    assert "\x1b[33mdegraded\x1b[0m" in text


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}])
def test_colours_can_be_declined(daemon, binary, rundir, env):
    daemon(answering())
    assert "\x1b" not in on_terminal(binary, rundir, "list", **env)


def test_a_pipe_gets_no_colours(daemon, ctl):
    daemon(answering())
    assert "\x1b" not in ctl("list", env={"TERM": "xterm"}).stdout


@pytest.mark.parametrize("args", [["list"], ["status"], ["status", "tracer"], ["kinds"]])
def test_what_plugins_say_stays_harmless(daemon, binary, rundir, args):
    evil = {**DEGRADED, "hooks": ["\x1b[2J"], "reasons": ["\x9b2J", "\u202e"], "kind": "\x1b]0;x\x07"}
    daemon(answering(rows=[evil]))
    text = on_terminal(binary, rundir, *args, NO_COLOR="1")
    assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert text
