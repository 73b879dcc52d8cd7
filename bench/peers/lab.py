"""What bench/run and bench/isolation share: processes, the sinks' reports, building, fetching peers, tables.

Nothing is left behind: everything lives in one temporary directory, only processes started here are ended, by their id,
and every wait has a limit.
"""
import array
import glob
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BENCH = ROOT / "bench"
PEERS = ROOT / "build" / "bench" / "peers"  # what is fetched, unpacked; kept for the next time
KIND, HOOK = "lifecycle_listener", "on_request_started"
LIMIT = 120  # seconds after which every helper ends by itself
CFLAGS = ["-std=c17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"]

MANIFEST = """\
schema_version: "1"
name: %s
kind: %s
kind_api_version: "1"
core_version: ">=0.1,<2"
runtime: mcp_stdio
command: %s
teardown_timeout_sec: 1
hookcast: {protocol: jsonrpc, hooks: [%s]}
"""


class Trouble(Exception):
    pass


class Skip(Exception):
    """Something cannot be measured here; the reason."""


# --- processes -------------------------------------------------------------------------------------------------------

def cpu_ns(pid):
    """CPU time of a process and of nobody else, children excluded: its CPU clock, as clock_getcpuclockid() names it."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def peak_kib(pid):
    return int(re.search(r"^VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def end(process, grace=2):
    """End one process that was started here."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def tail(path, lines=5):
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def until(what, test, seconds=20, step=0.02):
    deadline = time.monotonic() + seconds
    while not test():
        if time.monotonic() > deadline:
            raise Trouble(f"{what}: not within {seconds} s")
        time.sleep(step)


class Reports:
    """A named pipe in which the sinks say what they have got (bench/peers/tally.h), and the directory for their lags."""

    def __init__(self, directory):
        self.path, self.lags = directory / "reports", directory / "lags"
        os.mkfifo(self.path)
        self.lags.mkdir()
        self.fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self.rest, self.seen = b"", {}

    def close(self):
        os.close(self.fd)

    def options(self, marks):
        return [word for m in marks for word in ("-c", str(m))] + [
            "-o", str(self.path), "-l", str(self.lags), "-t", str(LIMIT)]

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return
        *lines, self.rest = (self.rest + os.read(self.fd, 1 << 16)).split(b"\n")
        for line in lines:
            words = dict(word.split("=", 1) for word in line.decode().split())
            report = {k: v if k in ("name", "at") else int(v) for k, v in words.items()}
            self.seen[report["name"], report["at"]] = report

    def wait(self, names, at, seconds, alive=lambda: True):
        """Reports by name; of sinks that do not get there in time, none."""
        at, deadline = str(at), time.monotonic() + seconds
        while (missing := [n for n in names if (n, at) not in self.seen]) and time.monotonic() < deadline and alive():
            self.read(min(0.2, seconds))
        return {n: self.seen[n, at] for n in names if n not in missing}

    def ask(self, names):
        """What the sinks have got by now, whether or not it is what they wait for."""
        for n in names:
            self.seen.pop((n, "now"), None)
            os.kill(self.seen[n, "0"]["pid"], signal.SIGUSR1)
        return self.wait(names, "now", 3)

    def lag_ns(self, names):
        """The delays of all stamped events that came, sorted."""
        lags = array.array("q")
        for n in names:
            if (path := self.lags / n).exists():
                lags.frombytes(path.read_bytes())
        return sorted(lags)


def quantile(values, q):
    return values[min(len(values) - 1, int(q * len(values)))]


class Lab:
    """The temporary directory, the helpers in it, and the daemon."""

    def __init__(self, build):
        self.scratch = Path(tempfile.mkdtemp(prefix="hcbench"))
        self.built = Path(build) / "hookcastd"
        if not self.built.exists():
            raise Trouble(f"{self.built} is not there: run make")
        self.daemon = self.scratch / "hookcastd"  # a copy: nobody replaces it between two runs
        shutil.copy2(self.built, self.daemon)

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def helper(self, name):
        return str(self.scratch / name)

    def compile(self, source, *flags):
        source = BENCH / source
        r = subprocess.run([os.environ.get("CC", "cc"), *CFLAGS, "-o", self.helper(source.stem), str(source), *flags],
                           capture_output=True, text=True)
        if r.returncode:
            raise Trouble(f"{source.name}: {r.stderr.strip()}")


class Hookcast:
    """A running daemon; every plugin is a command. `config` is the daemon's configuration."""

    def __init__(self, lab, directory, config, commands):
        self.dir, self.socket = directory, directory / "run" / "events.sock"
        for name, command in commands.items():
            plugin = directory / "plugins" / name
            plugin.mkdir(parents=True)
            (plugin / "plugin.yaml").write_text(
                MANIFEST % (name, KIND, "[%s]" % ", ".join(f'"{word}"' for word in command), HOOK))
        (directory / "hookcastd.yaml").write_text(config)
        argv = [str(lab.daemon), "--config", str(directory / "hookcastd.yaml"), "--runtime-dir", str(directory / "run"),
                "--hookspec-dir", str(ROOT / "hookspecs"), "--plugin-dir", str(directory / "plugins"),
                "--log-format", "logfmt", "--log-level", "warning"]
        with open(directory / "log", "wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until("the events socket", lambda: self.socket.exists() or self.process.poll() is not None)


# --- peers -----------------------------------------------------------------------------------------------------------

def quiet(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, **more)


def library_path():
    return ":".join(glob.glob(str(PEERS / "usr/lib/*-linux-gnu*")))


def environment():
    return {**os.environ, "LD_LIBRARY_PATH": library_path()}


def fetch(package, closure=True):
    """Download a Debian package, with what it needs, and unpack it below build/: nothing is installed, and no service
    is started, as an installation would."""
    done = PEERS / "have" / package
    if done.exists():
        return
    if not shutil.which("apt-get"):
        raise Skip(f"{package} is not installed, and there is no apt-get")
    print(f"fetching {package} (unpacked below {PEERS.relative_to(ROOT)}, not installed)", file=sys.stderr)
    names = [package]
    plan = quiet("apt-get", "install", "-s", "--no-install-recommends", package)
    if plan.returncode and os.geteuid() == 0:
        quiet("apt-get", "update", timeout=120)
        plan = quiet("apt-get", "install", "-s", "--no-install-recommends", package)
    if plan.returncode:
        raise Skip(f"{package} is not installed, and apt-get has none: {plan.stderr.strip().splitlines()[-1]}")
    if closure:
        names += re.findall(r"^Inst (\S+)", plan.stdout, re.M)
    with tempfile.TemporaryDirectory(prefix="hcbench") as there:
        os.chmod(there, 0o755)
        got = quiet("apt-get", "download", *dict.fromkeys(names), cwd=there, timeout=300)
        if got.returncode:
            raise Skip(f"{package} cannot be downloaded: {got.stderr.strip().splitlines()[-1]}")
        done.parent.mkdir(parents=True, exist_ok=True)
        for deb in Path(there).glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(deb), str(PEERS)], check=True)
    done.touch()


def program(name, package):
    """The path of a program: the system's, else from its package."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    if found := shutil.which(name, path=path):
        return found
    fetch(package)
    for folder in ("usr/sbin", "usr/bin"):
        if (PEERS / folder / name).exists():
            return str(PEERS / folder / name)
    raise Skip(f"{package} has no {name}")


def version(*argv, pattern=r"\d+(\.\d+)*\S*"):
    r = quiet(*argv, env=environment())
    found = re.search(pattern, r.stdout + r.stderr)
    return found[0] if found else "?"


def rsyslog(directory, binary, actions, more=""):
    """Start an rsyslogd of our own: lines from a Unix socket, one omprog action per child. Returns it and the socket."""
    modules = glob.glob(str(Path(binary).parent.parent / "lib/*-linux-gnu*/rsyslog"))
    own = directory / "rsyslogd"  # a copy: a profile for the system's would keep it from our directory
    shutil.copy2(binary, own)
    sock, conf = directory / "in.sock", directory / "rsyslog.conf"
    conf.write_text(f"""\
global(workDirectory="{directory}")
module(load="imptcp")
module(load="omprog")
template(name="line" type="string" string="%rawmsg%\\n")
input(type="imptcp" path="{sock}" ruleset="fan" SupportOctetCountedFraming="off")
{more}
ruleset(name="fan") {{
""" + "\n".join(f'  action(type="omprog" template="line" {a})' for a in actions) + "\n}\n")
    with open(directory / "log", "wb") as log:
        process = subprocess.Popen(
            [str(own), "-n", "-C", "-f", str(conf), "-i", str(directory / "pid"), *(["-M", modules[0]] if modules else [])],
            env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    until("rsyslogd's socket", lambda: sock.exists() or process.poll() is not None)
    if process.poll() is not None:
        raise Trouble("rsyslogd does not start: " + tail(directory / "log"))
    return process, sock


# --- what is printed -------------------------------------------------------------------------------------------------

def machine():
    model = re.search(r"^model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(), re.M)
    uname = os.uname()
    return {"date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "machine": f"{os.cpu_count()} cores, {model[1] if model else uname.machine}, "
                       f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') >> 30} GiB",
            "kernel": f"{uname.sysname} {uname.release}",
            "compiler": quiet(os.environ.get("CC", "gcc"), "--version").stdout.splitlines()[0]}


def short(v):
    return f"{v / 1e6:.2f}M" if v >= 1e6 else f"{v / 1e3:.0f}k" if v >= 1e4 else f"{v:.0f}"


def table(head, rows, left=(0,)):
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]

    def line(cells):
        return "| " + " | ".join(c.ljust(w) if i in left else c.rjust(w)
                                 for i, (c, w) in enumerate(zip(cells, widths))) + " |"
    rule = "|" + "|".join("-" * (w + 2) if i in left else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])
