"""RELIABILITY §3, cases 61-63: system calls that fail, and a log that cannot be written."""

import contextlib
import fcntl
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import harness
from faults import (NO_ADDRESS_LIMIT, OWN_MAPPINGS, ROOT_ONLY, SCALE, TRACED, descendants, heard, own_mounts, pad, size, strace,
                    work_in, zombies)
from harness import HOOKCASTD, Refused, Site, assert_accounts, wait_for


def life(hc, *plugins, events=400, signals=True):
    """A day in its life, short: load, a crash, a reload, a restart by hand; everything exact."""
    before = hc.rows()
    start = hc.publish()["seq"]
    for i in range(4):
        hc.publish_many(events // 4, payload=pad(300))
        if i == 1 and signals:
            os.kill(plugins[0].wait_row(lambda r: r["pid"], "a process")["pid"], signal.SIGKILL)
        if i == 2:
            hc.call("daemon.reload")
    if signals:
        plugins[0].wait_row(lambda r: r["restarts"] > before[plugins[0].name]["restarts"] and r["pid"], "a restart", timeout=10)
    last = hc.publish()["seq"]
    for plugin in plugins[1:]:
        wait_for(lambda: plugin.seqs()[-1:] == [last], 15, f"{plugin.name} to have everything")
        seqs = plugin.seqs()
        assert seqs[seqs.index(start):] == list(range(start, last + 1))
    wait_for(lambda: heard(plugins[0], last), 10, "the successor to hear")
    assert_accounts(hc.rows().values())
    if signals:
        hc.call("plugin.restart", {"name": plugins[0].name})
        plugins[0].wait_state("ready", timeout=8)


# Not `write` while signals arrive: libev wakes itself through an eventfd, where the kernel never says EINTR.
WAITS = "read,writev,epoll_wait,epoll_pwait,epoll_pwait2,waitid,recvfrom,sendto,sendmsg,accept4,poll,ppoll"


@pytest.mark.parametrize("when", ["1+2", "2+3", "3+5"])
def test_interrupted_calls_change_nothing(hc, when):
    """Case 61: EINTR on every other read, wait, receive, send, waitid: through load, crash, reload, restart and stop."""
    hc.allow_errors("mortal")
    plugins = hc.recorder("mortal"), hc.puppet("native"), hc.recorder("tape")
    hc.start(env=hc.environment(**TRACED))
    assert hc.publisher.alive()
    with strace(hc, "-e", f"trace={WAITS}", "-e", f"inject={WAITS}:error=EINTR:when={when}") as out:
        life(hc, *plugins)
        hc.stop()
    assert out.read_text().count("(INJECTED)") > 20


@pytest.mark.parametrize("error, calls", [("EINTR", "write,writev,read,epoll_wait,recvfrom,sendto"),
                                          ("EAGAIN", "write,writev,recvfrom,sendto,accept4")])
def test_interrupted_writes_change_nothing(hc, error, calls):
    """Case 61: the same for write, and a spurious EAGAIN."""
    plugins = hc.recorder("mortal"), hc.puppet("native"), hc.recorder("tape")
    hc.start()
    assert hc.publisher.alive()
    with strace(hc, "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when=1+2") as out:
        life(hc, *plugins, signals=False)
        hc.kill()  # under strace to the end: detaching in the middle of an injected call is not the daemon's fault
    assert out.read_text().count("(INJECTED)") > 20


def test_a_log_record_survives_an_interrupted_call(hc):
    """Case 61: EINTR on poll or write for a record: it is written all the same (one record in two is not lost)."""
    hc.shell("chatty", "read -r l; seq 50 >&2; exec cat > /dev/null")
    hc.start()
    assert hc.publisher.alive()
    with strace(hc, "-e", "trace=poll,ppoll", "-e", "inject=poll,ppoll:error=EINTR:when=1+2"):
        hc.publish()
        hc.plugins["chatty"].wait_row(lambda r: r["queued_events"] == 0, "it to read")
        wait_for(lambda: "\"msg\":\"50\"" in hc.log_text() or "\"msg\":\"49\"" in hc.log_text(), 5, "its last lines")
    assert [r["msg"] for r in hc.log(stream="stderr")] == [str(i) for i in range(1, 51)]


def test_no_zombie_stays_after_an_interrupted_waitid(hc):
    """Case 61: EINTR when a dead child is reaped: no zombie is left, with no further death to wake the reaper."""
    hc.allow_errors("mortal")
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "20s", "backoff_max": "20s", "max_restarts": 100}})
    mortal = hc.shell("mortal", "sleep 600 & exec cat > /dev/null")
    hc.start()
    for when in ("1", "2", "3", "4", "1..2", "2..3"):
        pid = mortal.pid()
        with strace(hc, "-e", "trace=waitid", "-e", f"inject=waitid:error=EINTR:when={when}"):
            os.kill(pid, signal.SIGKILL)
            mortal.wait_row(lambda r: r["pid"] is None, "its death")
            wait_for(lambda: not os.path.exists(f"/proc/{pid}") and not zombies(hc.pid), 2, f"no zombie after EINTR at waitid #{when}")
        hc.call("plugin.restart", {"name": "mortal"})
        mortal.wait_state("ready")


@pytest.mark.parametrize("error, calls", [
    ("EAGAIN", "clone,clone3,fork,vfork"), ("ENOMEM", "clone,clone3,fork,vfork"), ("EMFILE", "pipe2"), ("ENFILE", "pipe2"),
    ("EMFILE", "pidfd_open"), ("ENOMEM", "pidfd_open"),
])
def test_a_spawn_that_fails_is_tried_again_and_leaks_nothing(hc, error, calls):
    """Case 61: fork, pipe2 or pidfd_open fails: a reason, a retry with backoff, no leak."""
    hc.allow_errors("mortal")
    hc.configure(plugin_defaults={"restart": {"max_restarts": 20}})
    mortal, other = hc.recorder("mortal"), hc.recorder("other")
    hc.start()
    assert hc.publisher.alive()
    before = hc.fds()
    with strace(hc, "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when=1..3") as out:
        os.kill(mortal.pid(), signal.SIGKILL)
        mortal.wait_row(lambda r: r["pid"] and r["restarts"] >= 3, "the fourth try", timeout=10)
        hc.publish()
        wait_for(lambda: out.read_text().count("(INJECTED)") == 3, what="three failures")
    last = hc.publish()["seq"]
    wait_for(lambda: heard(mortal, last) and heard(other, last))
    wait_for(lambda: hc.fds() <= before, what="no descriptor leaked")
    assert hc.log(plugin="^mortal$", msg="cannot start plugin")
    assert len(descendants(hc)) == 2


@NO_ADDRESS_LIMIT
@pytest.mark.parametrize("n", range(0, size(40, 400), size(6, 2)))
def test_memory_that_is_used_up_costs_at_most_what_was_asked(hc, n):
    """Case 61: a running daemon may take n × 32 KiB more and then nothing: it lives, recovers, the books balance.

    By RLIMIT_AS: an injected error of brk would be none the kernel ever gives."""
    hc.allow_errors()
    hc.configure(limits={"event_max_size": "2MiB"})
    tape, native = hc.recorder("tape"), hc.puppet("native")
    hc.start()
    assert hc.publisher.alive()
    resource.prlimit(hc.pid, resource.RLIMIT_AS, ((hc.proc_status("VmSize") + n * 32) * 1024, resource.RLIM_INFINITY))
    try:
        with hc.connect() as conn, contextlib.suppress(AssertionError, OSError):  # its own connection may be the price
            for i in range(12):
                conn.send(conn.encode_notify("on_request_started", {"i": i, "pad": "x" * 300000}))
            conn.result("stats")
        with hc.control() as control:
            for method in ("plugin.list", "daemon.reload", "daemon.status"):
                with contextlib.suppress(AssertionError, OSError, Refused):
                    control.result(method)
        pid = tape.pid() if n % 4 else None
    except Exception:  # neither were it a wonder if the row could not be made
        pid = None
    finally:
        assert hc.process.poll() is None, f"exited {hc.process.returncode}"
        resource.prlimit(hc.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    hc.wait_up()
    assert_accounts(hc.rows().values())
    if pid:
        os.kill(pid, signal.SIGKILL)
        tape.wait_row(lambda r: r["restarts"] and r["pid"], "a restart")
    with hc.connect() as conn:
        last = conn.notify("on_request_started", {})["seq"]
    for plugin in (tape, native):
        wait_for(lambda: heard(plugin, last), 10)


@OWN_MAPPINGS
@pytest.mark.parametrize("n", range(1, size(9, 120)))
def test_an_mmap_that_fails_costs_at_most_what_was_asked(hc, n):
    """Case 61: ENOMEM on the n-th mmap of a running daemon."""
    hc.allow_errors()
    hc.configure(limits={"event_max_size": "2MiB"})
    tape, native = hc.recorder("tape"), hc.puppet("native")
    hc.start()
    assert hc.publisher.alive()
    with strace(hc, "-e", "trace=mmap,mremap", "-e", f"inject=mmap,mremap:error=ENOMEM:when={n}..{n + 1}"):
        with hc.connect() as conn, contextlib.suppress(AssertionError, OSError):
            for i in range(12):
                conn.send(conn.encode_notify("on_request_started", {"i": i, "pad": "x" * 300000}))
            conn.result("stats")
        assert hc.process.poll() is None, f"exited {hc.process.returncode}"
    assert_accounts(hc.rows().values())
    last = hc.publish()["seq"]
    for plugin in (tape, native):
        wait_for(lambda: last in plugin.seqs(), 10)


@NO_ADDRESS_LIMIT
def test_too_little_memory_at_the_start_is_an_exit_not_a_crash(hc):
    """Case 61: from too little for the loader to enough: it runs, or exits with a code; no signal, no hang."""
    hc.kind()
    hc.recorder("tape")
    bad, ran = [], 0
    for kib in range(4000, 16000, size(400, 50)):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (kib * 1024, kib * 1024))
        with open(hc.log_file, "w+b") as log:
            try:
                run = subprocess.Popen([str(HOOKCASTD), *hc.arguments()], stdout=log, stderr=log, env=Site.environment(),
                                       preexec_fn=limit)
            except OSError:
                continue  # not even exec
            wait_for(lambda: run.poll() is not None or b'"msg":"ready"' in hc.log_file.read_bytes(), 10, f"a verdict with {kib} KiB")
            ran += run.poll() is None
            run.terminate()
            code = run.wait(10 * SCALE)
            text = hc.log_file.read_bytes()
            loader = not text or b"error while loading shared libraries" in text or b"cannot allocate" in text
            if code not in (0, 71, 73, 78) and not loader:
                bad.append((kib, code, text[-200:]))
    hc.log_file.unlink()
    assert ran and not bad, bad


# -- the log -------------------------------------------------------------------------------------------------------


def full_pipe():
    r, w = os.pipe()
    fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(w, b"x" * 4096)
    fcntl.fcntl(w, fcntl.F_SETFL, 0)  # blocking again, as the daemon inherits it
    return r, w


def start_with_stderr(hc, fd, **env):
    """Start the daemon with this descriptor as stderr, and wait without its log."""
    hc.json_log = False
    write = harness.write_yaml(hc.config_file, hc.config)
    hc.process = subprocess.Popen([str(HOOKCASTD), *hc.arguments(), "--config", str(write)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=fd, env=Site.environment(**env))
    hc.wait_up()
    for plugin in hc.awaited:
        plugin.wait_state("ready", timeout=10)


@pytest.mark.parametrize("what", ["a full pipe", "a pipe nobody reads any more", "a full socket", "/dev/full", "closed"])
def test_a_log_that_cannot_be_written_holds_up_nothing(hc, what):
    """Case 62: stderr full, gone, closed: the loop never blocks; what was lost is counted when it can be said again."""
    tape = hc.recorder("tape")
    noisy = hc.shell("noisy", "seq 20000 >&2; exec cat > /dev/null")
    hc.kind()
    keep = []
    if what == "a full pipe":
        r, fd = full_pipe()
    elif what == "a pipe nobody reads any more":
        r, fd = os.pipe()
        os.close(r)
        r = None
    elif what == "a full socket":
        a, b = socket.socketpair()
        a.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                a.send(b"x" * 4096)
        a.setblocking(True)
        keep, fd, r = [a, b], a.fileno(), b.fileno()
    elif what == "/dev/full":
        fd, r = os.open("/dev/full", os.O_WRONLY), None
    else:
        fd, r = None, None
    if what == "closed":
        hc.json_log = False
        hc.start(preexec=lambda: os.close(2))
    else:
        start_with_stderr(hc, fd)
    began = time.monotonic()
    total = hc.publish_many(3000)
    tape.wait_events(total)
    assert tape.seqs() == list(range(1, total + 1))
    assert time.monotonic() - began < 10 * SCALE
    assert noisy.row()["state"] == "ready"
    cpu, _ = work_in(hc, 0.5)
    assert cpu < 0.1 * SCALE
    if r is not None:  # room again: the next record says how many were lost
        os.set_blocking(r, False)
        with contextlib.suppress(BlockingIOError):
            while os.read(r, 1 << 16):
                pass
        hc.call("daemon.reload")
        text = wait_for(lambda: os.read(r, 1 << 16), 3, "a record")
        assert b'"suppressed":' in text, text
    hc.stop()
    for end in keep:
        end.close()
    if not keep and fd is not None:
        os.close(fd)


JOURNAL = b"/run/systemd/journal"


@ROOT_ONLY
@pytest.mark.parametrize("what", ["reads", "is blocked", "is gone", "was never there"])
def test_a_journal_that_does_not_take_records_holds_up_nothing(hc, what):
    """Case 63: the journal's socket gone or full; in a mount namespace with a journal of our own."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("cannot make a mount namespace here")
    home = hc.dir / "systemd"
    (home / "journal").mkdir(parents=True)
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if what != "was never there":
        journal.bind(str(home / "journal" / "socket"))
    os.makedirs("/run/systemd", exist_ok=True)
    mount = own_mounts((str(home).encode(), b"/run/systemd", None, 4096))
    hc.json_log = False
    tape = hc.recorder("tape")
    noisy = hc.shell("noisy", "seq 20000 >&2; exec cat > /dev/null") if what != "reads" else hc.recorder("noisy")
    arguments = [*hc.arguments()]
    arguments[arguments.index("json")] = "journald"
    got, over = [], threading.Event()

    def read():
        while not over.wait(0.002):
            with contextlib.suppress(BlockingIOError):
                while True:
                    got.append(journal.recv(1 << 18, socket.MSG_DONTWAIT))
    reader = threading.Thread(target=read)
    if what == "reads":  # a datagram socket holds ten
        reader.start()
    hc.start(arguments=arguments, preexec=mount)
    over.set()
    if what == "is gone":
        journal.close()
        (home / "journal" / "socket").unlink()
    began = time.monotonic()
    hc.publish_many(2000)
    if what == "reads":
        hc.call("daemon.reload")

        def ready():
            with contextlib.suppress(BlockingIOError):
                while True:
                    got.append(journal.recv(1 << 18, socket.MSG_DONTWAIT))
            return b"MESSAGE=reloaded" in b"".join(got)
        wait_for(ready, 5, "the journal to have it")
        assert b"PLUGIN=tape" in b"".join(got)
    tape.wait_events(2000)
    assert time.monotonic() - began < 10 * SCALE and noisy.row()["state"] == "ready"
    hc.stop()
    journal.close()
    if what == "was never there":
        assert "ready" in hc.log_text(), "without a journal stderr has it"
