"""The systems that bench/run compares: how each is started, published to and heard.

A contender is prepared once (its helpers compiled, what is missing fetched; Skip says why it cannot be), and for every
run started with N subscribers, each a process of its own that counts (tally.h). `pid` is the process in the middle,
whose CPU time and memory are measured.
"""
import glob
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import lab

# The queues are larger than any run: nobody is to lose anything because a subscriber had no core for a while.
HOOKCASTD = """\
startup_grace: 30s
limits: {event_max_size: 16MiB, backlog_max_size: 16GiB}
plugin_defaults: {queue_max_events: 1000000000, queue_max_size: 16GiB, slow_after: 1h}
"""


class Contender:
    """rates: deliveries a second with 1, 4, 16 and 64 subscribers, roughly; they decide how many events a run has."""

    title, rates, version, sources = "", (), "", ("publish.c", "sink.c")
    lazy = False  # starts its children with the first event

    def __init__(self, bench):
        self.bench = bench
        for source in self.sources:
            bench.compile(source)
        self.prepare()

    def prepare(self):
        pass

    def start(self, run, n):
        """Start the middle and the subscribers, in run.dir. Sets run.pid."""
        raise NotImplementedError

    def publisher(self, run):
        """The command that publishes, without what is common to all publishers; its options, and where to."""
        return [self.bench.helper("publish"), "-p"], str(run.dir / "in.sock")


class Hookcastd(Contender):
    title, rates = "**hookcastd**", (700e3, 2.4e6, 5e6, 6e6)

    def prepare(self):
        self.version = lab.version(str(self.bench.lab.built), "--version")

    def start(self, run, n):
        commands = {name: [*run.sink, "-N", name] for name in run.names}
        run.own(lab.Hookcast(self.bench.lab, run.dir, HOOKCASTD, commands).process)

    def publisher(self, run):
        return [self.bench.helper("publish")], str(run.dir / "run" / "events.sock")


class Loop(Contender):
    """bench/copyloop.c in one of its modes; its copies are called copy-0 and so on."""

    mode, sources = "", ("publish.c", "sink.c", "copyloop.c")

    def start(self, run, n):
        run.names = [f"copy-{i}" for i in range(n)]
        run.own(run.spawn([self.bench.helper("copyloop"), "-n", str(n), "-m", self.mode, "-t", str(lab.LIMIT),
                           str(run.dir / "in.sock"), *run.sink], ready="ready"))


class Copy(Loop):
    title, mode, rates = "copy loop", "lines", (4e6, 9e6, 12e6, 12e6)


class Splice(Loop):
    title, mode, rates = "splice and tee", "splice", (5e6, 15e6, 15e6, 12e6)


class Each(Loop):
    title, mode, rates = "one write per event and child", "each", (700e3, 1e6, 1.2e6, 1e6)


class Asyncio(Contender):
    title, rates = "Python asyncio script", (39e3, 74e3, 117e3, 109e3)

    def prepare(self):
        self.version = "Python " + sys.version.split()[0]

    def start(self, run, n):
        run.names = [f"child-{i}" for i in range(n)]
        run.own(run.spawn([sys.executable, str(lab.BENCH / "peers" / "asyncio_loop.py"), str(n),
                           str(run.dir / "in.sock"), *run.sink], ready="ready"))


class Omprog(Contender):
    title, rates, lazy = "rsyslog omprog, a queue per child", (333e3, 608e3, 781e3, 302e3), True
    queue = ('queue.type="LinkedList" queue.size="1000000" queue.timeoutEnqueue="60000" '
             'queue.dequeueBatchSize="1024"')

    def prepare(self):
        self.binary = lab.program("rsyslogd", "rsyslog")
        self.version = "rsyslog " + lab.version(self.binary, "-v")

    def start(self, run, n):
        actions = [f'binary="{" ".join([*run.sink, "-N", name])}" {self.queue}' for name in run.names]
        process, _ = lab.rsyslog(run.dir, self.binary, actions,
                                 'main_queue(queue.type="LinkedList" queue.size="1000000")')
        run.own(process)


class Broker(Contender):
    """A server that subscribers connect to. client: the program in bench/peers that can do both."""

    client, program, package, version_flag = "", "", "", "--version"

    def prepare(self):
        self.binary = lab.program(self.program, self.package)
        self.version = f"{self.program} {lab.version(self.binary, self.version_flag)}"
        self.bench.compile(f"peers/{self.client}.c")

    def serve(self, run):
        """Start the server; returns where it is."""
        raise NotImplementedError

    def start(self, run, n):
        run.where = self.serve(run)
        for name in run.names:
            run.spawn([self.bench.helper(self.client), "sub", *run.options, "-N", name, run.where])

    def publisher(self, run):
        return [self.bench.helper(self.client), "pub"], run.where


class Redis(Broker):
    title, rates = "Redis pub/sub", (757e3, 1.3e6, 2.3e6, 2.6e6)
    client, program, package = "redis", "redis-server", "redis-server"

    def serve(self, run):
        sock = run.dir / "redis.sock"
        run.own(run.spawn([self.binary, "--port", "0", "--unixsocket", str(sock), "--save", "", "--appendonly", "no",
                           "--client-output-buffer-limit", "pubsub 0 0 0", "--dir", str(run.dir)]))
        run.listening(str(sock))
        return str(sock)


class Nats(Broker):
    title, rates = "NATS", (803e3, 1.5e6, 1.5e6, 1.9e6)
    client, program, package, version_flag = "nats", "nats-server", "nats-server", "-v"

    def serve(self, run):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        conf = run.dir / "nats.conf"
        conf.write_text(f'listen: "127.0.0.1:{port}"\nmax_pending: 2147483647\nwrite_deadline: "60s"\n')
        run.own(run.spawn([self.binary, "-c", str(conf)]))
        run.listening(port)
        return str(port)


class Mosquitto(Broker):
    title, rates = "Mosquitto (MQTT, QoS 0)", (100e3, 160e3, 200e3, 200e3)
    client, program, package, version_flag = "mqtt", "mosquitto", "mosquitto", "-h"

    def serve(self, run):
        sock, conf = run.dir / "mqtt.sock", run.dir / "mosquitto.conf"
        conf.write_text(f"listener 0 {sock}\nallow_anonymous true\npersistence false\nlog_type error\n"
                        "max_queued_messages 0\n" + ("user root\n" if os.geteuid() == 0 else ""))
        run.own(run.spawn([self.binary, "-c", str(conf)]))
        run.listening(str(sock))
        return str(sock)


class Dbus(Broker):
    title, rates = "dbus-broker (signals)", (117e3, 241e3, 232e3, 336e3)
    client, program, package = "dbus", "dbus-broker", "dbus-broker"

    def prepare(self):
        super().prepare()
        self.bench.compile("peers/dbus_launch.c", "-lsystemd")

    def serve(self, run):
        sock = str(run.dir / "bus.sock")
        line = []
        run.spawn([self.bench.helper("dbus_launch"), self.binary, sock], ready="ready", line=line)
        run.pid = int(line[0].split()[1])
        return sock


class Zeromq(Contender):
    title, rates = "ZeroMQ XPUB, no drop", (1.2e6, 1.5e6, 1.3e6, 830e3)

    def prepare(self):
        flags = ["-lzmq"]
        if not Path("/usr/include/zmq.h").exists():
            lab.fetch("libzmq5")
            lab.fetch("libzmq3-dev", closure=False)
            there = glob.glob(str(lab.PEERS / "usr/lib/*/libzmq.so"))
            if not there:
                raise lab.Skip("libzmq3-dev has no libzmq.so")
            folder = str(Path(there[0]).parent)
            flags = [f"-I{lab.PEERS}/usr/include", f"-L{folder}", f"-Wl,-rpath-link,{folder}", "-lzmq"]
        self.bench.compile("peers/zeromq.c", *flags)
        header = next(p for p in (Path("/usr/include/zmq.h"), lab.PEERS / "usr/include/zmq.h") if p.exists())
        self.version = "libzmq " + ".".join(re.findall(r"#define ZMQ_VERSION_[A-Z]+ (\d+)", header.read_text())[:3])

    def start(self, run, n):
        endpoint = f"ipc://{run.dir}/zmq"
        line = []
        hub = run.spawn([self.bench.helper("zeromq"), "hub", str(n), str(run.dir / "in.sock"), endpoint], ready="")
        for name in run.names:
            run.spawn([self.bench.helper("zeromq"), "sub", *run.options, "-N", name, endpoint])
        run.said(hub, "ready", line)
        run.own(hub)


CONTENDERS = {"hookcastd": Hookcastd, "copy": Copy, "splice": Splice, "each": Each, "redis": Redis, "nats": Nats,
              "zeromq": Zeromq, "omprog": Omprog, "mosquitto": Mosquitto, "dbus": Dbus, "asyncio": Asyncio}


class Run:
    """One start of one contender: its directory, its processes, its sinks."""

    def __init__(self, scratch, n, marks):
        self.dir = scratch
        self.reports = lab.Reports(scratch)
        self.options = self.reports.options(marks)
        self.sink = []
        self.names = [f"s{i}" for i in range(n)]
        self.processes, self.pid, self.where = [], None, ""

    def own(self, process):
        """This is the process in the middle."""
        if process not in self.processes:
            self.processes.append(process)
        self.pid = process.pid

    def spawn(self, argv, ready=None, line=None):
        """Start a process; with `ready`, its stdout is kept, and it is waited until it has said so."""
        with open(self.dir / "log", "ab") as log:
            p = subprocess.Popen(argv, env=lab.environment(), stdin=subprocess.DEVNULL, stderr=log, cwd=self.dir,
                                 stdout=log if ready is None else subprocess.PIPE)
        self.processes.append(p)
        if ready:
            self.said(p, ready, line)
        return p

    def said(self, process, word, line=None):
        ready, _, _ = lab.select.select([process.stdout], [], [], 20)
        text = process.stdout.readline().decode() if ready else ""
        if not text.startswith(word):
            raise lab.Trouble(f"{Path(process.args[0]).name} does not start: {lab.tail(self.dir / 'log')}")
        if line is not None:
            line.append(text)

    def listening(self, where):
        def there():
            with socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET) as s:
                return s.connect_ex(where if isinstance(where, str) else ("127.0.0.1", where)) == 0
        lab.until(f"the server at {where} ({lab.tail(self.dir / 'log')})", there)

    def alive(self):
        return all(p.poll() is None for p in self.processes)

    def close(self):
        for p in reversed(self.processes):
            p.kill()
        for p in self.processes:
            p.wait()
            if p.stdout:
                p.stdout.close()
        self.reports.close()
        shutil.rmtree(self.dir, ignore_errors=True)
