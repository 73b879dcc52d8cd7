"""faults.py — what the fault cases share: sizes, stopwatches, strace, other users, a fake service manager.

Sizes are scaled to what fits in a test run; HOOKCAST_FAULTS_FULL=1 takes those of the cases themselves.
"""

import contextlib
import ctypes
import datetime
import functools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness import ASAN, PLUGINS, PYTHON, SCALE, wait_for

FULL = os.environ.get("HOOKCAST_FAULTS_FULL") == "1"
HERE = Path(__file__).resolve().parent
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NO_ADDRESS_LIMIT = pytest.mark.skipif(ASAN, reason="AddressSanitizer maps terabytes: RLIMIT_AS says nothing under it")
OWN_MAPPINGS = pytest.mark.skipif(ASAN, reason="AddressSanitizer ends when a mapping of its own fails")
# For a daemon that ends while it is traced: LeakSanitizer traces it itself, then, and cannot.
TRACED = {"ASAN_OPTIONS": "detect_leaks=0:exitcode=99:abort_on_error=0"}


def size(scaled, full):
    return full if FULL else scaled


def pad(n):
    return lambda i: {"i": i, "pad": "x" * n}


def script(hc, name, file, env=None, **over):
    """A plugin that runs tests/faults/plugins/FILE; jsonrpc unless `over` says otherwise."""
    over["hookcast"] = dict({"protocol": "jsonrpc"}, **over.get("hookcast", {}))
    env = dict({"HC_SITE": str(hc.dir), "WIRE": str(PLUGINS)}, **(env or {}))
    return hc.plugin(name, [PYTHON, "-S", "-E", str(HERE / "plugins" / file)], env=env, **over)


def says(hc, name, data, stream=1, **over):
    """A jsonrpc plugin that first writes `data` (bytes) to its stdout or stderr and then records what it hears."""
    plugin = hc.shell(name, f"cat say.bin >&{stream}; exec cat >> wire.ndjson", **over)
    (plugin.dir / "say.bin").write_bytes(data)
    return plugin


MARK = '{"jsonrpc":"2.0","method":"notifications/hooks/failed","params":{"hook":"on_x","seq":1,"error":{"message":"%s"}}}\n'


def mark(text):
    """A line that is understood: it shows in the log as a failed event with this message."""
    return (MARK % text).encode()


# -- time and work -----------------------------------------------------------------------------------------------------


def nothing_for(hc, seconds):
    """Let the daemon alone for so long."""
    with pytest.raises(TimeoutError):
        hc.publisher.raw_answer(seconds)


def work_in(hc, seconds):
    """(CPU seconds, wake-ups) of the daemon while nobody asks it for anything."""
    cpu, wakes = hc.cpu_seconds(), hc.proc_status("voluntary_ctxt_switches")
    nothing_for(hc, seconds)
    return hc.cpu_seconds() - cpu, hc.proc_status("voluntary_ctxt_switches") - wakes


def logged_at(record):
    return datetime.datetime.fromisoformat(record["time"]).timestamp()


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def descendants(hc):
    """What lives of the daemon's plugins, zombies left out."""
    return [p for p in hc.processes() if is_running(p)]


def zombies(parent):
    """The children of this process that are dead and not reaped."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
            if fields[0] == "Z" and int(fields[1]) == parent:
                found.append(int(entry))
    return found


def heard(plugin, seq):
    """Has it read this event? For one killed at any moment: a line may begin with the torn one of an earlier life."""
    return any(b'"seq":%d,' % seq in line or b'"seq":%d}' % seq in line for line in plugin.event_lines())


def told(records):
    """How many things these records stand for, with those a rate limit held back."""
    return len(records) + sum(int(r.get("suppressed", 0)) for r in records)


@contextlib.contextmanager
def stopped(*pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:  # one that is busy on another core goes on for a moment
        wait_for(lambda pid=pid: Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T", what="the stop")
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


# -- strace ------------------------------------------------------------------------------------------------------------


@functools.cache
def why_no_strace():
    if not shutil.which("strace"):
        return "strace is not installed"
    probe = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, text=True)
    return None if probe.returncode == 0 else f"strace cannot trace here: {probe.stderr.strip()[:80]}"


def need_strace():
    if why_no_strace():
        pytest.skip(why_no_strace())


@contextlib.contextmanager
def strace(hc, *options):
    """strace beside the running daemon (not its children); yields the file it writes."""
    need_strace()
    out = hc.dir / f"strace.{time.monotonic_ns()}"
    tracer = subprocess.Popen(["strace", "-qq", "-ttt", "-o", str(out), "-p", str(hc.pid), *options],
                              stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: hc.proc_status("TracerPid") or tracer.poll() is not None, 10, "strace to attach")
        assert tracer.poll() is None, tracer.stderr.read()
        yield out
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
        tracer.stderr.close()


# -- other users, other worlds -----------------------------------------------------------------------------------------


def spare_user(*names):
    """A system user nobody uses for anything, so that limits per uid are this test's alone."""
    for name in names or ("games", "news", "lp"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.skip("needs a spare system user such as games")


def become(user):
    """A preexec_fn: drop from root to this user."""
    def drop():
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
            os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    return drop


def give_site(hc, user):
    """The whole site belongs to this user, as when he had made it."""
    if os.geteuid() == 0:
        for path in [hc.dir, *hc.dir.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid)


CLONE_NEWNS, MS_REC, MS_PRIVATE, MS_BIND, MS_REMOUNT, MS_RDONLY = 0x20000, 16384, 1 << 18, 4096, 32, 1


def libc():
    return ctypes.CDLL(None, use_errno=True)


def own_mounts(*mounts):
    """A preexec_fn: a mount namespace of its own with these mounts, each (source, target, type, flags) in bytes."""
    lib = libc()

    def enter():
        steps = [(None, b"/", None, MS_REC | MS_PRIVATE), *mounts]
        if lib.unshare(CLONE_NEWNS) or any(lib.mount(s, t, kind, flags, None) for s, t, kind, flags in steps):
            raise OSError(ctypes.get_errno(), "mounts")
    return enter


# -- a service manager -------------------------------------------------------------------------------------------------


class Manager:
    """The receiving end of NOTIFY_SOCKET."""

    def __init__(self, directory):
        self.path = str(directory / "notify.sock")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        os.chmod(self.path, 0o777)
        self.messages = []

    def read(self):
        """Everything that was said so far, a dict each, with the moment it was read under "at"."""
        with contextlib.suppress(BlockingIOError):
            while True:
                text = self.sock.recv(65536, socket.MSG_DONTWAIT).decode()
                message = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
                message["at"] = time.monotonic()
                self.messages.append(message)
        return self.messages

    def having(self, key, value=None):
        return [m for m in self.read() if key in m and (value is None or m[key] == value)]

    def wait(self, key, value=None, n=1, timeout=5):
        return wait_for(lambda: (lambda got: len(got) >= n and got)(self.having(key, value)), timeout, f"{n} × {key}={value}")

    def close(self):
        self.sock.close()


@contextlib.contextmanager
def manager(hc):
    m = Manager(hc.dir)
    try:
        yield m
    finally:
        m.close()


__all__ = ["FULL", "HERE", "NO_ADDRESS_LIMIT", "ROOT_ONLY", "SCALE", "size", "pad", "script", "says", "mark", "nothing_for", "work_in",
           "logged_at", "is_running", "descendants", "zombies", "heard", "told", "stopped", "need_strace", "strace", "TRACED",
           "OWN_MAPPINGS", "spare_user", "become",
           "give_site", "own_mounts", "MS_BIND", "MS_REMOUNT", "MS_RDONLY", "Manager", "manager"]
