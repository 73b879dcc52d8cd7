"""DESIGN §7: a control group (v2) per plugin where the service's subtree is delegated, and credentials.

The tests make a group of their own below the unified hierarchy, mark it as systemd marks a delegated one, and start the
daemon in it. Limits need a controller that this machine gives to the unified hierarchy; where it does not, they skip.
"""

import os
import signal
import time
from pathlib import Path

import pytest

from harness import STARTED, wait_for


def unified():
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ", 1)
        if after.split()[0] == "cgroup2":
            own = next((l[3:] for l in Path("/proc/self/cgroup").read_text().splitlines() if l.startswith("0::")), None)
            return Path(before.split()[4] + own) if own else None
    return None


@pytest.fixture
def group():
    """A delegated control group with whatever controllers there are; removed afterwards."""
    base = unified()
    if base is None:
        pytest.skip("there is no unified control group hierarchy")
    path = base / f"hookcast-test-{os.getpid()}-{time.monotonic_ns()}"
    try:
        path.mkdir()
        os.setxattr(path, "user.delegate", b"1")
    except OSError as why:
        if path.exists():
            path.rmdir()
        pytest.skip(f"no control group can be made and marked here: {why}")
    yield path
    (path / "cgroup.kill").write_text("1")
    for _ in range(500):
        below = [d for d in path.iterdir() if d.is_dir()]
        try:
            for d in below:
                d.rmdir()
            path.rmdir()
            return
        except OSError:
            time.sleep(0.01)


def enter(group):
    return lambda: (group / "cgroup.procs").write_text("0")


def groups(group):
    return sorted(d.name for d in group.iterdir() if d.is_dir())


def members(group, name):
    try:
        return [int(p) for p in (group / name / "cgroup.procs").read_text().split()]
    except OSError:  # it may go at any moment
        return []


def test_each_generation_of_a_plugin_lives_in_a_group_of_its_own(group, hc):
    plugin = hc.puppet("tracer")
    hc.start(preexec=enter(group))
    assert groups(group) == ["hookcastd.main", "tracer.1"]
    assert members(group, "hookcastd.main") == [hc.pid]
    assert plugin.pid() in members(group, "tracer.1")
    hc.call("plugin.restart", {"name": "tracer"})
    plugin.wait_state("ready")
    assert groups(group) == ["hookcastd.main", "tracer.2"]
    hc.call("plugin.stop", {"name": "tracer"})
    assert groups(group) == ["hookcastd.main"]


ESCAPE = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.environ.clear()
        os.execve("/bin/sleep", ["sleep", "300"], {})
    os._exit(0)
sys.stdin.read()
"""


def test_what_left_group_tree_and_environment_is_ended_with_the_plugin(group, hc):
    hc.shell("escape", f"exec /usr/bin/python3 -c '{ESCAPE}'")
    hc.start(preexec=enter(group))
    inside = wait_for(lambda: len(members(group, "escape.1")) == 2 and members(group, "escape.1"), what="the escape")
    hc.call("plugin.stop", {"name": "escape"})
    assert groups(group) == ["hookcastd.main"]
    assert hc.call("daemon.status")["strays"] == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in inside)


def test_a_crash_ends_everything_in_the_group_before_the_successor_starts(group, hc):
    plugin = hc.shell("escape", "setsid env -i sleep 300 & exec cat > /dev/null")
    hc.start(preexec=enter(group))
    left = [p for p in wait_for(lambda: len(members(group, "escape.1")) == 2 and members(group, "escape.1"))
            if p != plugin.pid()]
    os.kill(plugin.pid(), signal.SIGKILL)
    plugin.wait_row(lambda r: r["restarts"] == 1 and r["pid"], "the restart")
    assert left not in members(group, "escape.2") and not Path(f"/proc/{left[0]}").exists()
    wait_for(lambda: groups(group) == ["escape.2", "hookcastd.main"], what="only the new group")


def test_groups_left_by_a_killed_daemon_are_ended_and_removed(group, hc):
    hc.recorder("tape")
    old = group / "tape.7"
    old.mkdir()
    pid = os.fork()
    if pid == 0:
        (old / "cgroup.procs").write_text("0")
        os.execv("/bin/sleep", ["sleep", "300"])
    wait_for(lambda: members(group, "tape.7") == [pid], what="the process in the old group")
    hc.start(preexec=enter(group))
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    hc.flush()
    assert "tape.1" in groups(group)


def test_without_a_mark_no_group_is_touched(group, hc):
    os.removexattr(group, "user.delegate")
    if os.geteuid() != 0:
        pytest.skip("an unprivileged user's own group counts as delegated")
    plugin = hc.recorder("tape", hookcast={"cgroup": {"memory_max": "64MiB"}})
    hc.start(preexec=enter(group))
    assert groups(group) == []
    assert plugin.pid() in [int(p) for p in (group / "cgroup.procs").read_text().split()]
    said = hc.log(msg="without the limits of its control group", plugin="tape")
    assert len(said) == 1 and said[0]["level"] == "warning", said


def test_a_limit_whose_controller_is_not_delegated_is_told_and_costs_nothing_else(group, hc):
    if "memory" in (group / "cgroup.controllers").read_text().split():
        pytest.skip("the memory controller is delegated here")
    plugin = hc.recorder("tape", hookcast={"cgroup": {"memory_max": "64MiB"}})
    hc.start(preexec=enter(group))
    assert plugin.pid() in members(group, "tape.1")
    assert hc.log(msg="without the limits", plugin="tape", error="memory_max.*not delegated")
    hc.publish(STARTED, {"n": 1})
    wait_for(lambda: len(plugin.events()) == 1, what="the event")


def need(group, controller):
    if controller not in (group / "cgroup.controllers").read_text().split():
        pytest.skip(f"the {controller} controller is not in the unified hierarchy here")


def test_limits_of_the_manifest_are_set(group, hc):
    for controller in ("memory", "pids", "cpu"):
        need(group, controller)
    hc.recorder("tape", hookcast={"cgroup": {"memory_max": "64MiB", "pids_max": 16, "cpu_max": "50%"}})
    hc.start(preexec=enter(group))
    at = group / "tape.1"
    assert (at / "memory.max").read_text().strip() == str(64 << 20)
    assert (at / "pids.max").read_text().strip() == "16"
    assert (at / "cpu.max").read_text().split() == ["50000", "100000"]


def test_the_reason_names_the_memory_limit_that_struck(group, hc):
    need(group, "memory")
    plugin = hc.shell("hog", "sleep 0.3; exec /usr/bin/python3 -c 'b = bytearray(512 << 20); print(len(b))'",
                      hookcast={"cgroup": {"memory_max": "32MiB"}}, ready=False)
    hc.start(preexec=enter(group))
    plugin.wait_row(lambda r: "memory_max" in (r["last_error"] or ""), "the limit in words", timeout=10)


def test_the_reason_names_the_limit_of_processes_that_struck(group, hc):
    need(group, "pids")
    plugin = hc.shell("bomb", "for i in 1 2 3 4 5 6 7 8 9; do sleep 300 & done; exit 3",
                      hookcast={"cgroup": {"pids_max": 4}}, ready=False)
    hc.start(preexec=enter(group))
    plugin.wait_row(lambda r: "pids_max" in (r["last_error"] or ""), "the limit in words", timeout=10)


# -- credentials -----------------------------------------------------------------------------------------------------


@pytest.fixture
def secrets(hc):
    path = hc.dir / "secrets"
    path.mkdir(mode=0o700)
    (path / "token").write_text("s3cret")
    (path / "other").write_text("not for everybody")
    return path


def start_with(hc, secrets):
    hc.start(env=hc.environment(CREDENTIALS_DIRECTORY=str(secrets)))


def test_a_plugin_gets_the_credentials_its_manifest_names_and_no_others(hc, secrets):
    plugin = hc.shell("tape", 'ls "$CREDENTIALS_DIRECTORY" > names; cat "$CREDENTIALS_DIRECTORY/token" > token;'
                              ' stat -c %a "$CREDENTIALS_DIRECTORY" "$CREDENTIALS_DIRECTORY/token" > modes; exec cat > /dev/null',
                      hookcast={"credentials": ["token"]})
    without = hc.shell("without", 'echo "${CREDENTIALS_DIRECTORY-none}" > names; exec cat > /dev/null')
    start_with(hc, secrets)
    assert (plugin.dir / "names").read_text().split() == ["token"]
    assert (plugin.dir / "token").read_text() == "s3cret"
    assert (plugin.dir / "modes").read_text().split() == ["500", "400"]
    assert (without.dir / "names").read_text().strip() == "none"
    hc.call("plugin.stop", {"name": "tape"})
    assert list((hc.runtime / "credentials").iterdir()) == []


def test_a_credential_that_the_service_lacks_is_named_and_the_plugin_not_started(hc, secrets):
    hc.allow_errors("cannot start plugin")
    plugin = hc.recorder("tape", hookcast={"credentials": ["missing"]}, ready=False)
    start_with(hc, secrets)
    row = plugin.wait_row(lambda r: r["last_error"], "the reason")
    assert 'no credential "missing"' in row["last_error"] and "LoadCredential" in row["last_error"]
    assert list((hc.runtime / "credentials").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="user: needs root")
def test_credentials_belong_to_the_plugins_user(hc, secrets):
    plugin = hc.shell("tape", 'cat "$CREDENTIALS_DIRECTORY/token" >&2; echo >&2; exec cat > /dev/null',
                      hookcast={"credentials": ["token"], "user": "nobody"})
    start_with(hc, secrets)
    wait_for(lambda: hc.log(plugin="tape", stream="stderr", msg="s3cret"), what="the secret, read as nobody")
    assert plugin.row()["state"] == "ready"
