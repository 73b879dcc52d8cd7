"""RELIABILITY §3, cases 64-70: time, pids, crowds, limits, the runtime directory, the service manager."""

import contextlib
import fcntl
import os
import resource
import select
import shutil
import signal
import stat
import subprocess
import time

import pytest

from faults import (HERE, ROOT_ONLY, SCALE, TRACED, become, descendants, give_site, is_running, manager, need_strace, nothing_for,
                    own_mounts, pad, script, size, spare_user, stopped)
from harness import HOOKCASTD, Site, run_daemon, wait_for

YEAR = 365 * 24 * 3600


# -- time ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    """A library that moves the wall clock, and nothing else, by what a file says."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("needs a C compiler")
    out = tmp_path_factory.mktemp("shim") / "wallclock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(out), str(HERE / "plugins" / "wallclock.c"), "-ldl"], check=True)
    return out


@pytest.mark.parametrize("jump", [YEAR, -YEAR], ids=["a year ahead", "a year back"])
def test_a_jump_of_the_wall_clock_changes_only_the_time_in_the_log(hc, shim, jump):
    """Case 64: no restart, no timeout, no lag, no false give-up."""
    offset = hc.dir / "offset"
    offset.write_text("0")
    hc.allow_errors("mortal")
    quick = {"health": {"interval": "100ms", "timeout": "1s"}}
    native, tape, mortal = hc.puppet("native", hookcast=quick), hc.recorder("tape"), hc.recorder("mortal")
    hc.start(env=Site.preloading(shim, WALL_OFFSET=str(offset)))
    pids = {n: r["pid"] for n, r in hc.rows().items()}
    hc.publish_many(100)
    offset.write_text(str(jump))
    hc.publish_many(100)
    with hc.connect() as conn:
        assert conn.result("flush", {"timeout_ms": 1000})["pending"] == []
    probes = len(native.requests("hooks/health"))
    wait_for(lambda: len(native.requests("hooks/health")) > probes + 3, what="probes as before")
    rows = hc.rows()
    assert {n: r["pid"] for n, r in rows.items()} == pids and all(r["state"] == "ready" for r in rows.values())
    assert all(0 <= r["uptime_s"] < 60 for r in rows.values())
    os.kill(mortal.pid(), signal.SIGKILL)
    mortal.wait_row(lambda r: r["restarts"] == 1 and r["pid"], "a restart in its time")
    mortal.wait_state("ready")
    for plugin in (native, tape):
        plugin.wait_events(200)
        assert plugin.seqs()[:200] == list(range(1, 201))
    year = time.gmtime(time.time() + jump).tm_year
    assert hc.log()[-1]["time"].startswith(str(year)), "the shim works"


def test_a_daemon_that_slept_finds_nobody_slow_dead_or_unhealthy(hc):
    """Case 64: SIGSTOP of the daemon beyond every timeout, under load; pinged at once; no restart, no reason."""
    quick = {"health": {"interval": "1200ms", "timeout": "1s", "failures": 1}, "slow_after": "1s"}
    native, tape = hc.puppet("native", hookcast=quick), hc.recorder("tape", hookcast={"slow_after": "1s"})
    with manager(hc) as m:
        hc.start(env=Site.environment(NOTIFY_SOCKET=m.path, WATCHDOG_USEC="900000"))
        pids = {n: r["pid"] for n, r in hc.rows().items()}
        for _ in range(size(1, 3)):
            conn = hc.publisher
            seen = len(native.requests("hooks/health"))
            wait_for(lambda: len(native.requests("hooks/health")) > seen, what="a probe to be under way")
            with stopped(hc.pid):
                conn.send(b"".join(conn.encode_notify("on_request_started", {"pad": "x" * 100}) for _ in range(500)))
                asleep = time.monotonic()
                wait_for(lambda: time.monotonic() - asleep > size(1.5, 60), size(5, 70), interval=0.05)
                m.read()
            woke = time.monotonic()
            n = len(m.messages)
            wait_for(lambda: "WATCHDOG" in str(m.read()[n:]), 2, "the watchdog to be fed")
            assert time.monotonic() - woke < 0.3 * SCALE
            assert conn.alive()
        for plugin in (native, tape):
            plugin.wait_events(500 * size(1, 3))
        states = [r for r in hc.log(msg="plugin state") if r["state"] not in ("starting", "ready")]
        assert not states, states
        assert {n: r["pid"] for n, r in hc.rows().items()} == pids


def test_a_daemon_that_slept_during_a_handshake_takes_the_answer_that_came_in_time(hc):
    """Case 64: the answer lies in the pipe when the timer, too, has run out: no false give-up."""
    hc.allow_errors("native")
    gate = hc.dir / "gate"
    native = hc.puppet("native", {"setup": str(gate)}, ready=False, startup_timeout_sec=1)
    hc.start(wait=False)
    hc.wait_up()
    wait_for(lambda: native.requests("hooks/setup"), what="the setup request")
    with stopped(hc.pid):
        gate.touch()
        asleep = time.monotonic()
        wait_for(lambda: time.monotonic() - asleep > 1.5, 5, interval=0.05)
    row = native.wait_row(lambda r: r["state"] != "starting", "a verdict")
    assert row["state"] == "ready", row


def test_a_daemon_that_slept_takes_the_answer_to_its_probe_that_came_in_time(hc):
    """Case 64: the same for a probe: not unhealthy."""
    gate = hc.dir / "gate"
    native = script(hc, "native", "talks_late.py", env={"HEALTH": str(gate)},
                    hookcast={"protocol": "mcp", "health": {"interval": "100ms", "timeout": "1s", "failures": 1}})
    hc.start()
    wait_for(lambda: native.requests("hooks/health"), what="a probe to be under way")
    with stopped(hc.pid):
        gate.touch()
        asleep = time.monotonic()
        wait_for(lambda: time.monotonic() - asleep > 1.2, 5, interval=0.05)
    probes = len(native.requests("hooks/health"))
    wait_for(lambda: len(native.requests("hooks/health")) > probes, what="the next probe")
    assert not hc.log(msg="plugin state", reason="unhealthy")


# -- pids, crowds ----------------------------------------------------------------------------------------------------


@ROOT_ONLY
def test_with_pids_used_over_and_over_no_stranger_is_ever_signalled(hc):
    """Case 65: a pid namespace with few pids, churn, and a stranger at every corner: strace of every kill."""
    probe = ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", "echo 400 > /proc/sys/kernel/pid_max && cat /proc/sys/kernel/pid_max"]
    before = open("/proc/sys/kernel/pid_max").read()
    done = subprocess.run(probe, capture_output=True, text=True)
    if open("/proc/sys/kernel/pid_max").read() != before:
        open("/proc/sys/kernel/pid_max", "w").write(before)
        pytest.skip("kernel.pid_max is not per pid namespace here")
    if done.returncode or done.stdout.strip() != "400":
        pytest.skip(f"cannot make a pid namespace with few pids here: {done.stderr.strip()[:80]}")
    need_strace()
    hc.kind()
    for i in range(4):
        hc.shell(f"churn{i}", "sleep 0.03 & sleep 600 & setsid sleep 600 & sleep 0.02; exit 1",
                 hookcast={"restart": {"max_restarts": 1000000, "backoff_initial": "1ms", "backoff_max": "1ms"}})
    hc.json_log = False
    inner = hc.dir / "inner.py"
    shutil.copy(HERE / "plugins" / "strangers.py", inner)
    hc.config_file.write_text("{}\n")
    out = subprocess.run(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "/usr/bin/python3", "-S", "-E", str(inner),
                          str(hc.dir), str(size(3, 60)), str(HOOKCASTD), *hc.arguments()],
                         capture_output=True, text=True, timeout=size(60, 400), env=Site.environment(**TRACED))
    assert out.returncode == 0, out.stdout[-2000:] + out.stderr[-2000:]


def test_a_storm_of_deaths_is_reaped_and_told_within_a_second(hc):
    """Case 66: 500 children (here: fewer) killed in one instant."""
    n = size(80, 500)
    hc.allow_errors()
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "30s", "backoff_max": "30s"}}, startup_grace="30s")
    for i in range(n):
        hc.recorder(f"p{i:03}")
    other = hc.recorder("survivor")
    hc.start()
    pids = [r["pid"] for name, r in hc.rows().items() if name != "survivor"]
    before = hc.fds()
    began = time.monotonic()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)

    def settled():
        rows = hc.rows()
        return all(r["state"] == "degraded" and r["pid"] is None for name, r in rows.items() if name != "survivor")
    wait_for(settled, 10, "all to be degraded")
    assert time.monotonic() - began < 1 * SCALE + 0.5
    assert not [p for p in pids if os.path.exists(f"/proc/{p}")], "zombies"
    assert hc.fds() <= before - 3 * n, "stdin, stderr and pidfd of each; they had closed their stdout"
    hc.publish()
    other.wait_events(1)


@contextlib.contextmanager
def small_pipes(user):
    """Somebody holds so many pipes that each further one of the same ordinary user holds 8 KiB (pipe-user-pages-soft)."""
    soft = int(open("/proc/sys/fs/pipe-user-pages-soft").read())
    if soft == 0 or soft > 40000:
        pytest.skip("pipe-user-pages-soft is not limited as usual")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < soft // 16 * 2 + 100:
        pytest.skip(f"RLIMIT_NOFILE {hard} is too small to use up the soft limit")
    ready, done = os.pipe(), os.pipe()
    eater = os.fork()
    if eater == 0:
        with contextlib.suppress(BaseException):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            if user:
                become(user)()
            keep = [os.pipe() for _ in range(soft // 16)]
            os.write(ready[1], b"x")
            os.close(done[1])
            os.read(done[0], 1)
            assert keep
        os._exit(0)
    try:
        os.close(ready[1])
        assert os.read(ready[0], 1) == b"x"
        yield
    finally:
        for fd in (ready[0], done[0], done[1]):
            os.close(fd)
        os.waitpid(eater, 0)


def pipe_size(pid):
    with open(f"/proc/{pid}/fd/0", "rb") as stdin:
        return fcntl.fcntl(stdin, fcntl.F_GETPIPE_SZ)


def test_many_plugins_of_an_ordinary_user_with_small_pipes_lose_nothing(hc):
    """Case 67: beyond pipe-user-pages-soft pipes hold 8 KiB: everything works, also without the privilege."""
    user = spare_user() if os.geteuid() == 0 else None
    n = size(40, 500)
    with small_pipes(user):
        hc.configure(startup_grace="30s")
        tapes = [hc.recorder(f"p{i:03}") for i in range(n)]
        hc.kind()
        if user:
            give_site(hc, user)
        hc.start(preexec=become(user) if user else None)
        tested = tapes[-1].pid()
        hc.publish_many(300, payload=pad(3000))
        for tape in tapes:
            tape.wait_events(300, timeout=size(20, 120))
            assert tape.seqs() == list(range(1, 301)), tape.name
        assert pipe_size(tested) <= 8192, "the pipes are small, as the case wants"


def test_a_flood_goes_through_a_pipe_that_cannot_be_made_larger(hc):
    """Case 67: less is read of publishers at a time, so that who reads all the time loses nothing."""
    user = spare_user() if os.geteuid() == 0 else None
    reader = hc.shell("reader", "exec cat >/dev/null", hookcast={"queue_max_size": "4MiB"})
    hc.kind()
    if user:
        give_site(hc, user)
    hc.start(preexec=become(user) if user else None)
    with small_pipes(user):
        lost = hc.flood(reader)
        assert pipe_size(reader.pid()) <= 65536
        assert lost[-1] == 0, f"lost in each try, of 40,000 events: {lost}"


# -- limits and places -------------------------------------------------------------------------------------------------


def test_with_64_descriptors_plugins_beyond_them_say_so_and_the_rest_runs(hc):
    """Case 68: RLIMIT_NOFILE 64 and 20 plugins: the reason names the cause; nobody dies, nothing spins."""
    hc.allow_errors()
    for i in range(20):
        hc.recorder(f"p{i:02}", ready=False)
    hc.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    rows = wait_for(lambda: (lambda r: all(x["state"] != "starting" for x in r.values()) and r)(hc.rows()), 10, "verdicts")
    ready = [n for n, r in rows.items() if r["state"] == "ready"]
    rest = [r for r in rows.values() if r["state"] != "ready"]
    assert len(ready) >= 8 and rest and all("oo many open files" in r["last_error"] for r in rest), rest[:2]
    for name in ready[3:]:
        hc.call("plugin.stop", {"name": name})
    assert hc.publish()["queued"] >= 3


@ROOT_ONLY
@pytest.mark.parametrize("where", ["read-only", "missing group", "not a directory", "no permission", "path too long"])
def test_a_place_it_cannot_have_is_a_code_and_a_message(hc, where):
    """Case 68: read-only /run, a missing group and the like: EX_CANTCREAT (73) or EX_CONFIG and what to do."""
    hc.kind()
    hc.recorder("tape")
    preexec, arguments = None, hc.arguments()
    if where == "read-only":
        hc.runtime.mkdir()
        bind = str(hc.runtime).encode()
        preexec = own_mounts((bind, bind, None, 4096), (None, bind, None, 4096 | 32 | 1))
    elif where == "missing group":
        hc.config_file.write_text("sockets: {events: {group: no-such-group}}\n")
        arguments += ["--config", str(hc.config_file)]
    elif where == "not a directory":
        hc.runtime.write_text("x")
    elif where == "path too long":
        arguments[1] = str(hc.runtime / ("x" * 120))
        hc.runtime.mkdir()
    else:
        preexec = become(spare_user())
    done = subprocess.run([str(HOOKCASTD), *arguments], capture_output=True, text=True, timeout=20, preexec_fn=preexec,
                          env=Site.environment())
    assert done.returncode in (73, 78), (done.returncode, done.stderr)
    words = {"read-only": "Read-only", "missing group": "no-such-group", "not a directory": "run", "no permission": "ermission",
             "path too long": "long"}[where]
    assert words in done.stderr, done.stderr
    assert not descendants(hc)


def test_the_core_limit_of_the_daemon_is_not_the_plugins_business(hc):
    """Case 68: a plugin that dumps core is told as any other."""
    hc.allow_errors("dumper")
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "10s", "backoff_max": "10s"}})
    dumper = hc.shell("dumper", "read -r l; kill -ABRT $$", hookcast={"rlimits": {"core": "0"}})
    hc.start()
    hc.publish()
    row = dumper.wait_row(lambda r: r["pid"] is None, "its death")
    assert "SIGABRT" in row["last_error"]


@pytest.mark.parametrize("gone", [".", "events.sock", "control.sock", "hookcastd.lock"])
@pytest.mark.parametrize("asked", ["SIGHUP", "hookcastctl"])
def test_a_runtime_directory_that_vanished_is_reported_and_made_anew_by_a_reload(hc, gone, asked):
    """Case 69: deleted while running, whole or in part: an error in the log, everything there again, connections live on."""
    hc.allow_errors()
    tape = hc.recorder("tape")
    hc.start()
    old, pid = hc.connect(), tape.pid()
    assert old.alive()
    if gone == ".":
        shutil.rmtree(hc.runtime)
    else:
        (hc.runtime / gone).unlink()
    assert old.notify("on_request_started", {})["queued"] == 1, "whoever is connected is served on"
    if asked == "SIGHUP" or gone in (".", "control.sock"):  # nobody new can ask on the control socket
        os.kill(hc.pid, signal.SIGHUP)
    else:
        done = hc.ctl("reload")
        assert done.returncode == 0, done.stderr
    wait_for(lambda: hc.log(msg="^reloaded$"), what="the reload")
    said = [str(r) for r in hc.log(level="error")]
    missed = ("lock", "events.sock", "control.sock") if gone == "." else (gone.removeprefix("hookcastd."),)
    assert all(any(name in r for r in said) for name in missed), said
    for name in ("events.sock", "control.sock"):
        assert (hc.runtime / name).is_socket(), name
    with hc.connect() as conn, hc.control() as control:
        assert conn.notify("on_request_started", {})["queued"] == 1
        assert control.result("daemon.status")["pid"] == hc.pid
    assert old.notify("on_request_started", {})["queued"] == 1
    assert hc.call("daemon.status")["state"] == "running" and tape.pid() == pid, "the old connections live on"
    second = run_daemon(*hc.arguments())
    assert second.returncode == 1 and str(hc.pid) in second.stderr, (second.returncode, second.stderr)
    assert len(tape.wait_events(3)) == 3
    old.close()
    hc.call("daemon.reload")
    assert len(hc.log(msg="^reloaded$")) == 2 and len({r["time"] for r in hc.log(level="error")}) <= 3, "healed once"
    hc.stop()
    assert not is_running(pid) and not (hc.runtime / "events.sock").exists() and not (hc.runtime / "control.sock").exists()


def test_a_runtime_directory_that_vanished_is_healed_by_a_restart(hc):
    """Case 69: the other way."""
    hc.recorder("tape")
    hc.start()
    assert hc.publisher.alive()
    shutil.rmtree(hc.runtime)
    hc.stop()
    hc.start()
    assert hc.publish()["queued"] == 1


# -- the service manager -------------------------------------------------------------------------------------------------


def test_ready_is_said_once_and_not_before_events_are_read(hc):
    """Case 70: READY=1 once, when the plugins are up; also when a reload is asked for before that."""
    gate = hc.dir / "gate"
    slow = hc.puppet("slow", {"setup": str(gate)}, ready=False)
    hc.configure(startup_grace="30s")
    with manager(hc) as m:
        hc.start(env=Site.environment(NOTIFY_SOCKET=m.path), wait=False)
        hc.wait_up()
        wait_for(lambda: slow.requests("hooks/setup"))
        assert not m.having("READY")
        os.kill(hc.pid, signal.SIGHUP)
        wait_for(lambda: hc.log(msg="^reloaded$"))
        hc.call("daemon.status")
        early = m.having("READY")
        gate.touch()
        slow.wait_state("ready")
        m.wait("READY", "1")
        assert hc.publish()["queued"] == 1
        assert not early, f"READY=1 while {early} and no event was read"


def test_each_reload_is_a_pair_with_the_monotonic_time(hc):
    """Case 70: RELOADING=1 with MONOTONIC_USEC, then READY=1."""
    hc.recorder("tape")
    with manager(hc) as m:
        hc.start(env=Site.environment(NOTIFY_SOCKET=m.path))
        m.wait("READY", "1")
        for i in range(3):
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            hc.call("daemon.reload")
            said = m.wait("RELOADING", "1", n=i + 1)[-1]
            assert before <= int(said["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            m.wait("READY", "1", n=i + 2)
        hc.stop()
        assert len(m.having("STOPPING", "1")) == 1


def test_the_watchdog_is_fed_by_a_loop_that_turns_and_by_no_other(hc):
    """Case 70: at most half the interval apart; a wedged loop stops pinging."""
    hc.recorder("tape")
    with manager(hc) as m:
        hc.start(env=Site.environment(NOTIFY_SOCKET=m.path, WATCHDOG_USEC="600000"))
        end = time.monotonic() + 2
        while time.monotonic() < end:
            select.select([m.sock], [], [], 0.05)
            m.read()
        at = [x["at"] for x in m.having("WATCHDOG", "1")]
        assert len(at) >= 6 and all(b - a <= 0.3 + 0.1 * SCALE for a, b in zip(at, at[1:])), at
        with stopped(hc.pid):
            m.read()
            n = len(m.messages)
            asleep = time.monotonic()
            wait_for(lambda: time.monotonic() - asleep > 1, 3, interval=0.05)
            assert len(m.read()) == n
        m.wait("WATCHDOG", "1", n=len(at) + 1)


def test_the_watchdog_of_another_process_is_not_ours(hc):
    """Case 70: WATCHDOG_PID names somebody else."""
    hc.recorder("tape")
    with manager(hc) as m:
        hc.start(env=Site.environment(NOTIFY_SOCKET=m.path, WATCHDOG_USEC="100000", WATCHDOG_PID="1"))
        nothing_for(hc, 0.5)
        assert not m.having("WATCHDOG")


@pytest.mark.parametrize("what", ["gone", "never there", "full"])
def test_a_service_manager_that_does_not_listen_holds_up_nothing(hc, what):
    """Cases 61 and 70: NOTIFY_SOCKET broken or not read: the loop goes on."""
    tape = hc.recorder("tape")
    with manager(hc) as m:
        path = m.path if what != "never there" else str(hc.dir / "nobody")
        hc.start(env=Site.environment(NOTIFY_SOCKET=path, WATCHDOG_USEC="60000"))
        if what == "gone":
            m.close()
        for _ in range(20):
            hc.call("daemon.reload")
        nothing_for(hc, 0.4)
        for _ in range(5):
            hc.publish_many(50)
            hc.call("daemon.reload")
        tape.wait_events(250)
        hc.stop()


@pytest.mark.parametrize("clutter", ["events.sock", "control.sock"])
def test_a_socket_somebody_removed_is_not_somebody_elses_at_the_end(hc, clutter):
    """Case 69's sibling: at its end it does not remove what replaced its socket, unless it is one."""
    hc.recorder("tape")
    hc.start()
    (hc.runtime / clutter).unlink()
    (hc.runtime / clutter).write_text("mine")
    hc.stop()
    assert stat.S_ISREG(os.stat(hc.runtime / clutter).st_mode)
