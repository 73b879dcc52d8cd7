"""harness.py — a real hookcastd with real plugins in a temporary directory.

A Site is one such directory: hookspecs, plugins, configuration, runtime dir and the daemon's log (JSON, one record a
line). It is a context manager; leaving it stops the daemon and checks what every test owes: exit 0 in time, nothing of
ours left running, no sanitizer report, no log record of level `error` that the test did not announce.

Nothing here sleeps to let things happen: wait_for() polls a condition that must come true.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from client import Conn, Refused

REPO = Path(__file__).resolve().parents[2]
BUILD = REPO / os.environ.get("HOOKCAST_BUILD", "build")
ASAN = "asan" in BUILD.name
SCALE = float(os.environ.get("HOOKCAST_TEST_SCALE", "4" if ASAN else "1"))
HOOKCASTD = BUILD / "hookcastd"
HOOKCASTCTL = BUILD / "hookcastctl"
PLUGINS = REPO / "tests" / "plugins"
PYTHON = "/usr/bin/python3"

KIND = "lifecycle_listener"
HOOKS = ["on_request_started", "on_request_finished", "on_request_failed"]
STARTED, FINISHED, FAILED = HOOKS
EVENT = "io.hookcast/event"
NATIVE_REVISION = "2026-07-28"

DEFAULTS = {
    "startup_grace": "3s",
    "stop_timeout": "8s",
    "plugin_defaults": {
        "recover_after": "500ms",
        "restart": {
            "backoff_initial": "20ms",
            "backoff_max": "100ms",
            "max_restarts": 3,
            "window": "1min",
            "retry_unavailable": "1h",
        },
    },
}

LIVE = []  # sites not yet closed: conftest prints their logs when a test fails


def wait_for(predicate, timeout=5.0, what=None, interval=0.01):
    """The first true value of predicate(); an AssertionError that shows the last false one after `timeout` seconds."""
    deadline = time.monotonic() + timeout * SCALE
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout * SCALE:.1f} s for {what or predicate}: last value {value!r}")
        time.sleep(interval)


def merge(base, over):
    """A deep copy of dict `base` with `over` laid on top; a value of None removes the key."""
    out = {k: merge(v, {}) if isinstance(v, dict) else v for k, v in base.items()}
    for key, value in over.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merge(out[key], value)
        else:
            out[key] = value
    return out


PLAIN = re.compile(r"^[A-Za-z/][A-Za-z0-9_./-]*$")
AMBIGUOUS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"}


def yaml_scalar(value):
    if isinstance(value, str) and PLAIN.match(value) and value.lower() not in AMBIGUOUS:
        return value
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    return json.dumps(value)


def yaml(value, indent=0):
    """Block-style YAML of dicts, lists and scalars, as people write it."""
    pad, out = "  " * indent, []
    if isinstance(value, dict):
        for key, item in value.items():
            nested = isinstance(item, (dict, list)) and item
            out.append(f"{pad}{yaml_scalar(key)}:" + (f"\n{yaml(item, indent + 1)}" if nested else f" {yaml_scalar(item)}"))
    else:
        for item in value:
            if isinstance(item, (dict, list)) and item:
                out.append(f"{pad}- " + yaml(item, indent + 1).lstrip())
            else:
                out.append(f"{pad}- {yaml_scalar(item)}")
    return "\n".join(out)


def write_yaml(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else yaml(value) + "\n")
    return path


class Plugin:
    """One plugin directory of a site, and what its process has recorded in it."""

    def __init__(self, site, name, directory, record="wire.ndjson"):
        self.site, self.name, self.dir = site, name, directory
        self.record = directory / record
        self._bytes, self._offset = b"", 0

    def lines(self):
        """Every complete line the child has read so far, as raw bytes without the newline, all generations."""
        if self.record.exists():
            with open(self.record, "rb") as f:
                f.seek(self._offset)
                more = f.read()
            self._offset += len(more)
            self._bytes += more
        return self._bytes.split(b"\n")[:-1]

    def messages(self):
        return [json.loads(line) for line in self.lines()]

    def events(self):
        return [m for m in self.messages() if EVENT in m.get("params", {}).get("_meta", {})]

    def event_lines(self):
        return [line for line in self.lines() if b'"io.hookcast/event"' in line]

    def seqs(self):
        return [m["params"]["_meta"][EVENT]["seq"] for m in self.events()]

    def notices(self):
        return [m["params"] for m in self.messages() if m.get("method") == "notifications/hooks/dropped"]

    def requests(self, method):
        return [m for m in self.messages() if m.get("method") == method]

    def wait_events(self, n, timeout=10.0):
        """Wait until the child has recorded at least n events, and return them."""
        def enough():
            self.lines()
            return self._bytes.count(b'"io.hookcast/event"') >= n and self._bytes.endswith(b"\n")
        wait_for(enough, timeout, f"{n} events at {self.name}, has {len(self.event_lines())}")
        return self.events()

    def row(self):
        return self.site.call("plugin.get", {"name": self.name})

    def pid(self):
        return self.row()["pid"]

    def wait_row(self, predicate, what, timeout=5.0):
        last = {}
        def check():
            last.update(self.row())
            return predicate(last) and dict(last)
        try:
            return wait_for(check, timeout, what)
        except AssertionError as e:
            raise AssertionError(f"{e}; row: {last}") from None

    def wait_state(self, state, *reasons, timeout=5.0):
        want = sorted(reasons)
        return self.wait_row(lambda r: r["state"] == state and sorted(r["reasons"]) == want,
                             f"{self.name} to be {state} {want}", timeout)


class Site:
    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="hc", dir="/tmp"))
        os.chmod(self.dir, 0o755)
        self.runtime, self.specs, self.plugin_dir = self.dir / "run", self.dir / "specs", self.dir / "plugins"
        self.config_file, self.log_file = self.dir / "hookcastd.yaml", self.dir / "log"
        self.specs.mkdir()
        self.plugin_dir.mkdir()
        self.config = merge(DEFAULTS, {})
        self.json_log = True  # a test that starts the daemon with another --log-format says so
        self.process = None
        self.plugins = {}
        self.awaited = []
        self.allowed = []
        self._control = self._publisher = None
        self._log, self._log_offset, self._log_rest = [], 0, b""
        LIVE.append(self)

    # -- what lies in the directory ------------------------------------------------------------------------------

    def kind(self, kind=KIND, hooks=HOOKS, version="1.0.0", under=None, name=None):
        """Write a hookspec. A hook is a name (broadcast_notify) or a dict with the hookspec's own keys."""
        rows = [{"name": h, "dispatch": "broadcast_notify"} if isinstance(h, str) else h for h in hooks]
        path = (under or self.specs) / (name or f"{kind}/v{version.split('.')[0]}.yaml")
        return write_yaml(path, {"kind": kind, "kind_api_version": version, "hooks": rows})

    def manifest(self, name, command, kind=KIND, **over):
        base = {
            "schema_version": "1",
            "name": name,
            "kind": kind,
            "kind_api_version": "1",
            "core_version": ">=0.1,<2",
            "runtime": "mcp_stdio",
            "command": command,
            "env": {"HC_SITE": str(self.dir)},
            "startup_timeout_sec": 5,
            "teardown_timeout_sec": 2,
        }
        return merge(base, over)

    def plugin(self, name, command, *, under=None, ready=True, record="wire.ndjson", **over):
        """Write a plugin; `over` are manifest keys. With ready=True start() waits until its state is `ready`."""
        directory = (under or self.plugin_dir) / name
        write_yaml(directory / "plugin.yaml", self.manifest(name, command, **over))
        plugin = self.plugins[name] = Plugin(self, name, directory, record)
        if ready:
            self.awaited.append(plugin)
        return plugin

    def recorder(self, name, **over):
        """A jsonrpc plugin at full speed: every byte it is sent lands in its record."""
        over["hookcast"] = merge({"protocol": "jsonrpc"}, over.get("hookcast", {}))
        return self.plugin(name, ["sh", "-c", "exec cat >> wire.ndjson"], **over)

    def shell(self, name, script, **over):
        """A jsonrpc plugin that is a line of shell."""
        over["hookcast"] = merge({"protocol": "jsonrpc"}, over.get("hookcast", {}))
        return self.plugin(name, ["sh", "-c", script], **over)

    def puppet(self, name, act=None, script="puppet.py", **over):
        """A native plugin that records, and misbehaves as `act` (see tests/plugins/puppet.py) and its events say."""
        env = {"HC_SITE": str(self.dir), "ACT": json.dumps(act or {})}
        over["env"] = merge(env, over.get("env", {}))
        return self.plugin(name, [PYTHON, "-S", "-E", str(PLUGINS / script)], **over)

    def configure(self, **over):
        self.config = merge(self.config, over)

    # -- the daemon ----------------------------------------------------------------------------------------------

    def arguments(self):
        return ["--runtime-dir", str(self.runtime), "--hookspec-dir", str(self.specs),
                "--plugin-dir", str(self.plugin_dir), "--log-format", "json", "--log-level", "debug"]

    @staticmethod
    def environment(**over):
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8",
               "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0",
               "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99"}
        return merge(env, over)

    @staticmethod
    def preloading(library, **over):
        """The environment for a daemon with a library before all others; AddressSanitizer need not be that, then."""
        env = Site.environment(LD_PRELOAD=str(library), **over)
        return merge(env, {"ASAN_OPTIONS": env["ASAN_OPTIONS"] + ":verify_asan_link_order=0"})

    def start(self, *, arguments=None, config=True, wait=True, env=None, preexec=None, **popen):
        """Start hookcastd; wait until the control socket answers and every plugin declared ready=True is ready."""
        assert HOOKCASTD.exists(), f"{HOOKCASTD} is not built: run make"
        if not any(self.specs.rglob("*.yaml")):
            self.kind()
        argv = [str(HOOKCASTD)] + (self.arguments() if arguments is None else arguments)
        if config:
            write_yaml(self.config_file, self.config)
            argv += ["--config", str(self.config_file)]
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=env or self.environment(), preexec_fn=preexec, **popen)
        if wait:
            self.wait_up()
            for plugin in self.awaited:
                plugin.wait_state("ready", timeout=15)
        return self

    def wait_up(self):
        def up():
            if self.process.poll() is not None:
                raise AssertionError(f"hookcastd exited {self.process.returncode} at start:\n{self.log_tail()}")
            try:
                self._control = Conn(self.runtime / "control.sock", timeout=10 * SCALE)
            except OSError:
                return False
            self._control.result("daemon.status")
            return True
        wait_for(up, 15, "the daemon to answer on its control socket")

    @property
    def pid(self):
        return self.process.pid

    def call(self, method, params=None):
        """A control request's result; Refused when it was refused."""
        return self._control.result(method, params)

    def rows(self):
        return {row["name"]: row for row in self.call("plugin.list")["plugins"]}

    def connect(self):
        return Conn(self.runtime / "events.sock", timeout=10 * SCALE)

    def control(self):
        return Conn(self.runtime / "control.sock", timeout=10 * SCALE)

    @property
    def publisher(self):
        if self._publisher is None:
            self._publisher = self.connect()
        return self._publisher

    def publish(self, hook=STARTED, payload=None, **params):
        """Publish one event and return the answer's result."""
        return self.publisher.notify(hook, {} if payload is None else payload, **params)

    def publish_many(self, n, hook=STARTED, payload=None, conn=None):
        """Publish n events without ids, payload(i) each, and wait until the daemon has read them all."""
        conn = conn or self.publisher
        before = conn.result("stats")["accepted"]
        for start in range(0, n, 200):
            conn.send(b"".join(
                conn.encode_notify(hook, payload(i) if payload else {"i": i}) for i in range(start, min(n, start + 200))))
        stats = conn.result("stats")
        assert stats["accepted"] - before == n, stats
        return n

    def flood(self, reader, publishers=80, each=500):
        """What `reader` loses when so many publishers have sent so many events of 256 bytes before the first is read.

        A list, of one try or up to three until nothing is lost: nobody can be sure that it gets a processor in time."""
        conns = [self.connect() for _ in range(publishers)]
        lines = b"".join(conns[0].encode_notify(STARTED, {"pad": "x" * 220}) for _ in range(each))
        lost = []
        while len(lost) < 3 and lost[-1:] != [0]:
            before = reader.row()["dropped"]
            os.kill(self.pid, signal.SIGSTOP)
            for conn in conns:
                conn.send(lines)
            os.kill(self.pid, signal.SIGCONT)
            for conn in conns:
                assert conn.result("flush", {"timeout_ms": 10000})["pending"] == []
            lost.append(reader.row()["dropped"] - before)
        for conn in conns:
            conn.close()
        return lost

    def flush(self, timeout_ms=5000):
        return self.publisher.result("flush", {"timeout_ms": timeout_ms})

    def ctl(self, *args, input=None, timeout=20, env=None):
        return subprocess.run([str(HOOKCASTCTL), "--runtime-dir", str(self.runtime), *args], input=input,
                              capture_output=True, text=True, timeout=timeout * SCALE, env=env or self.environment())

    # -- its log -------------------------------------------------------------------------------------------------

    def log(self, **match):
        """Records so far whose fields match: a string by regular expression search, anything else by equality."""
        if self.log_file.exists():
            with open(self.log_file, "rb") as f:
                f.seek(self._log_offset)
                more = f.read()
            self._log_offset += len(more)
            *lines, self._log_rest = (self._log_rest + more).split(b"\n")
            for line in lines:
                try:
                    record = json.loads(line)
                except ValueError:
                    record = None
                self._log.append(record if isinstance(record, dict) else {"raw": line.decode("utf-8", "replace")})

        def hit(record):
            for key, want in match.items():
                have = record.get(key)
                if isinstance(want, str) and (have is None or not re.search(want, str(have))):
                    return False
                if not isinstance(want, str) and have != want:
                    return False
            return True
        return [r for r in self._log if hit(r)]

    def wait_log(self, timeout=5.0, **match):
        return wait_for(lambda: self.log(**match), timeout, f"a log record with {match}")[0]

    def log_text(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_tail(self, lines=60):
        return "\n".join(line[:600] for line in self.log_text().splitlines()[-lines:])

    def allow_errors(self, *patterns):
        """Announce records of level error: those whose JSON matches one of the patterns (none given: any)."""
        self.allowed += [re.compile(p) for p in (patterns or (".",))]

    # -- its processes -------------------------------------------------------------------------------------------

    def processes(self):
        """pids of everything started below this site's plugin directories (by cwd, or by the marker in env:)."""
        found, marker = [], f"HC_SITE={self.dir}".encode()
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or (self.process and int(entry) == self.process.pid):
                continue
            try:
                cwd = os.readlink(f"/proc/{entry}/cwd")
                environ = Path(f"/proc/{entry}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if marker in environ or cwd.startswith(f"{self.dir}/"):
                found.append(int(entry))
        return found

    def proc_status(self, field, pid=None):
        """A number from /proc/PID/status, e.g. VmRSS in KiB."""
        text = Path(f"/proc/{pid or self.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+)", text, re.M).group(1))

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    # -- the end -------------------------------------------------------------------------------------------------

    def stop(self, within=12.0):
        """SIGTERM; the exit must be 0, in time, and leave nothing behind."""
        for conn in (self._control, self._publisher):
            if conn:
                conn.close()
        self._control = self._publisher = None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(within * SCALE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"hookcastd was still running {within * SCALE:.0f} s after SIGTERM") from None
        assert code == 0, f"hookcastd exited {code}"
        wait_for(lambda: not self.processes(), 1, f"the plugins to be gone: {self.processes()}")

    def kill(self):
        """SIGKILL the daemon, as a crash would."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self._control = self._publisher = None

    def check_log(self):
        text = self.log_text()
        assert not re.search(r"AddressSanitizer|LeakSanitizer|runtime error:", text), self.log_tail()
        if not self.json_log:
            return
        bad = []
        for record in self.log():
            text = json.dumps(record)
            if "raw" in record or (record.get("level") == "error" and not any(p.search(text) for p in self.allowed)):
                bad.append(text)
        assert not bad, "unexpected in the log:\n" + "\n".join(bad[:40])

    def close(self, failed=False):
        try:
            if self.process and not failed:
                self.stop()
            if not failed:
                self.check_log()
        finally:
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            for pid in self.processes():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if self in LIVE:
                LIVE.remove(self)
            if not os.environ.get("HOOKCAST_TEST_KEEP"):
                shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close(failed=kind is not None)


def run_daemon(*args, timeout=10, **over):
    """Run hookcastd to its end: for what must refuse to start."""
    assert HOOKCASTD.exists(), f"{HOOKCASTD} is not built: run make"
    return subprocess.run([str(HOOKCASTD), *map(str, args)], capture_output=True, text=True, timeout=timeout * SCALE,
                          stdin=subprocess.DEVNULL, env=Site.environment(**over))


def account(row):
    """Both sides of DESIGN §6's equation for one plugin row."""
    return row["accepted"] + row["redelivered"], row["delivered"] + row["dropped"] + row["queued_events"]


def assert_accounts(rows):
    for row in rows:
        left, right = account(row)
        assert left == right, f"accepted + redelivered = {left}, delivered + dropped + queued = {right}: {row}"


def walk_stream(messages, total):
    """Check one plugin's stream of every event 1..total: what did not come is told exactly where it was missing.

    Returns (received, dropped). For a plugin that hears every event, so that count = last - first + 1."""
    expected, received, dropped = 1, 0, 0
    for m in messages:
        params = m.get("params", {})
        if EVENT in params.get("_meta", {}):
            seq = params["_meta"][EVENT]["seq"]
            assert seq == expected, f"event {seq} came where {expected} was due"
            expected, received = seq + 1, received + 1
        elif m.get("method") == "notifications/hooks/dropped":
            first, last = params["first_seq"], params["last_seq"]
            assert first == expected, f"a gap from {first} where {expected} was due"
            assert params["count"] == last - first + 1, params
            expected, dropped = last + 1, dropped + params["count"]
    assert expected == total + 1, f"the stream ends before {expected} of {total}"
    return received, dropped


__all__ = ["Site", "Plugin", "Conn", "Refused", "run_daemon", "wait_for", "walk_stream", "account", "assert_accounts", "yaml",
           "write_yaml", "merge", "REPO", "HOOKCASTD", "HOOKCASTCTL", "ASAN", "SCALE", "PLUGINS", "PYTHON", "KIND", "HOOKS",
           "STARTED", "FINISHED", "FAILED", "EVENT", "NATIVE_REVISION"]
