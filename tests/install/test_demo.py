"""make demo's program: true, quick, and gone without a trace."""

import os
import signal
import subprocess
import time


def processes_below(directory):
    """Pids of processes whose command line or working directory is in `directory`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read()
            if bytes(directory) in words or os.readlink(f"/proc/{pid}/cwd").startswith(str(directory)):
                found.append(int(pid))
        except OSError:
            continue
    return found


def start(repo, tmp_path):
    tmp = tmp_path / "t"  # short: sockets lie in it
    tmp.mkdir()
    env = {**os.environ, "TMPDIR": str(tmp), "NO_COLOR": "1"}
    process = subprocess.Popen([repo / "demo" / "run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=env, cwd=tmp_path)
    return process, tmp


def test_demo_is_true_quick_and_leaves_nothing(repo, tmp_path):
    begin = time.monotonic()
    process, tmp = start(repo, tmp_path)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    assert time.monotonic() - begin < 30
    assert "All of this was so" in out and "not so" not in out + err
    assert out.count("   ok ") == 11
    assert list(tmp.iterdir()) == [] and processes_below(tmp) == []


def test_demo_that_is_interrupted_leaves_nothing(repo, tmp_path):
    process, tmp = start(repo, tmp_path)
    while "$ hookcastctl list" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert list(tmp.iterdir()) == [] and processes_below(tmp) == []
