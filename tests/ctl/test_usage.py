"""Help, mistakes, and daemons that are not there."""

import os
import socket
import subprocess

import pytest
from fakedaemon import accepting


def test_help_and_version(ctl):
    done = ctl("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for verb in ("check", "emit", "kinds", "list", "status", "validate"):
        assert verb in done.stdout
    assert "--payload" in ctl("emit", "--help").stdout
    assert ctl("--version").stdout.startswith("hookcastctl ")


@pytest.mark.parametrize(
    "args, text",
    [
        ([], "no command"),
        (["lsit"], 'unknown command "lsit" (did you mean "list"?)'),
        (["frobnicate"], 'unknown command "frobnicate"'),
        (["list", "--josn"], 'did you mean "--json"?'),
        (["list", "x"], "no arguments"),
        (["emit", "k"], "a KIND and a HOOK"),
        (["emit", "k", "h", "word"], "neither key=string nor key:=json"),
        (["emit", "k", "h", "a:=nope"], "not JSON"),
        (["emit", "k", "h", "a=1", "--stdin"], "once"),
        (["list", "--timeout", "soon"], "--timeout"),
        (["check", "--json"], "--json does not go with"),
        (["validate"], "a SCHEMA.json"),
        (["validate", "s.json", "i.json", "--stdin"], "once"),
        (["validate", "s.json", "--schema-dir", "dir"], "not URI=DIR"),
        (["list", "--schema-dir", "a=b"], "--schema-dir does not go with"),
    ],
)
def test_mistakes_exit_64(ctl, args, text):
    done = ctl(*args)
    assert (done.returncode, done.stdout) == (64, "")
    assert text in done.stderr
    assert done.stderr.startswith("hookcastctl: ")


def test_a_hostile_argument_does_not_reach_the_terminal(ctl):
    assert "\x1b" not in ctl("\x1b[2J").stderr


def test_no_daemon_exits_69_and_names_the_socket(ctl, rundir):
    done = ctl("list")
    assert done.returncode == 69
    assert f"{rundir}/control.sock" in done.stderr
    assert "is hookcastd running" in done.stderr
    assert f"{rundir}/events.sock" in ctl("emit", "k", "h").stderr


def test_a_stale_socket_is_no_daemon(ctl, rundir):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(rundir / "control.sock"))
    done = ctl("list")
    assert done.returncode == 69
    assert "nobody listens" in done.stderr


def test_a_path_too_long_for_a_socket_is_told(ctl):
    done = ctl("list", "--runtime-dir", "/tmp/" + "x" * 120)
    assert done.returncode == 69
    assert "longer than" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_permission_denied_is_told_apart(daemon, ctl, rundir):
    daemon(accepting())
    rundir.chmod(0o755)
    (rundir / "control.sock").chmod(0o600)
    (rundir / "events.sock").chmod(0o660)
    done = ctl("list", user=65534, group=65534, extra_groups=[])
    assert done.returncode == 69
    assert "only root or the daemon's user may use the control socket" in done.stderr
    done = ctl("emit", "k", "h", user=65534, group=65534, extra_groups=[])
    assert done.returncode == 69
    assert "permission denied" in done.stderr
    assert "group" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_others_have_no_default_without_xdg_runtime_dir(ctl):
    done = ctl("list", runtime_dir=False, user=65534, env={"XDG_RUNTIME_DIR": ""})
    assert done.returncode == 64
    assert "XDG_RUNTIME_DIR" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_the_default_is_below_xdg_runtime_dir(ctl, rundir):
    done = ctl("list", runtime_dir=False, user=65534, env={"XDG_RUNTIME_DIR": str(rundir)})
    assert done.returncode == 69
    assert f"{rundir}/hookcast/control.sock" in done.stderr


def test_a_daemon_that_does_not_accept_times_out(ctl, rundir):
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(rundir / "control.sock"))
        listener.listen(0)
        first.connect(str(rundir / "control.sock"))
        done = ctl("list", "--timeout", "0.3")
        assert done.returncode == 75
        assert "timed out" in done.stderr


@pytest.mark.parametrize("pipe", [True, False])
def test_a_reader_that_goes_away_is_no_failure(daemon, binary, rundir, pipe):
    rows = [{"name": f"plugin-{i}", "state": "ready"} for i in range(3000)]
    daemon(lambda *_: {"result": {"plugins": rows}})
    if pipe:
        script = f"{binary} --runtime-dir {rundir} list | head -1; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", script], capture_output=True, check=False)
        assert done.stdout.startswith(b"NAME")
    else:
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [binary, "--runtime-dir", rundir, "list"], stdout=write, stderr=subprocess.PIPE, check=False
        )
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_full_disk_is_told(daemon, binary, rundir):
    daemon(lambda *_: {"result": {"plugins": []}})
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [binary, "--runtime-dir", rundir, "list"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 74
    assert b"No space left" in done.stderr


def test_a_closed_standard_output_is_told_and_reaches_no_daemon(daemon, binary, rundir):
    fake = daemon(lambda *_: {"result": {"plugins": []}})
    script = f"exec {binary} --runtime-dir {rundir} list <&- >&-"
    done = subprocess.run(["sh", "-c", script], stderr=subprocess.PIPE, check=False, timeout=10)
    assert done.returncode == 74
    assert b"standard output" in done.stderr
    assert fake.methods() == ["plugin.list"]
