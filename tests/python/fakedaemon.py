"""The daemon's two faces, for tests: the end of a plugin's pipes, and an events socket."""

import json
import os
import queue
import re
import resource
import socket
import subprocess
import threading
import time

from conftest import PLUGINS

TIMEOUT = 15.0
HOOKS = ["on_request_started", "on_request_finished", "on_request_failed"]
EXTENSION = "io.hookcast/hooks"


def request_meta(hooks=HOOKS, version="2026-07-28"):
    """The `_meta` of every modern request."""
    return {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "hookcastd", "version": "0.1.0"},
        "io.modelcontextprotocol/clientCapabilities": {
            "extensions": {EXTENSION: {"kind": "lifecycle_listener", "kind_api_version": "1.0.0", "hooks": hooks}}
        },
    }


class PluginProcess:
    """One `python3 -m hookcast.plugin` and the daemon's ends of its pipes."""

    def __init__(self, spec, cwd, options=(), env=None, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 file_limit=None):
        clean = {"PATH": "/usr/bin:/bin", "HOME": "/", "LANG": "C.UTF-8", "PYTHONPATH": PLUGINS}
        clean["PYTHONDONTWRITEBYTECODE"] = "1"
        clean.update(env or {})

        def limit():
            if file_limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-m", "hookcast.plugin", *options, spec],
            cwd=cwd, env=clean, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE,
            preexec_fn=limit if file_limit is not None else None,
        )
        self._messages = queue.Queue()
        self._stderr = []
        self._heard = threading.Condition()
        self._threads = [
            threading.Thread(target=self._read_stdout, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._ids = 0
        self.seq = 0

    def _read_stdout(self):
        for line in self.process.stdout or ():
            self._messages.put(line)
        self._messages.put(None)

    def _read_stderr(self):
        for line in self.process.stderr:
            with self._heard:
                self._stderr.append(line.decode("utf-8").rstrip("\n"))
                self._heard.notify_all()

    # --- writing ---

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def notify(self, method, params):
        self.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode() + b"\n")

    def event_line(self, hook, payload, metadata=None, **meta):
        self.seq += 1
        event = {
            "kind": "lifecycle_listener", "run": "abcdefghijkl", "seq": self.seq,
            "time": "2026-11-23T18:30:00.123456Z", "uid": 1000, "pid": 4242,
        }
        if metadata is not None:
            event["metadata"] = metadata
        params = {"_meta": {"io.hookcast/event": event, **meta}, **payload}
        return json.dumps({"jsonrpc": "2.0", "method": hook, "params": params}).encode() + b"\n"

    def event(self, hook, payload, metadata=None, **meta):
        """Deliver an event; returns its seq."""
        self.write(self.event_line(hook, payload, metadata, **meta))
        return self.seq

    # --- reading ---

    def next_line(self):
        """The next raw line of stdout, None at its end."""
        return self._messages.get(timeout=TIMEOUT)

    def next(self):
        """The next message."""
        line = self.next_line()
        assert line is not None, "the plugin ended: " + "\n".join(self._stderr)
        return json.loads(line)

    def call(self, method, params=None, meta=True):
        """Send a request; returns (its whole answer, the notifications that came before it)."""
        self._ids += 1
        params = dict(params or {})
        if meta:
            params["_meta"] = request_meta() if meta is True else meta
        number = f"h{self._ids}"
        line = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self.write(json.dumps(line).encode() + b"\n")
        before = []
        while True:
            message = self.next()
            if message.get("id") == number:
                return message, before
            before.append(message)

    def setup(self, config=None, name="subject", discover=True):
        """Handshake and setup; returns the answer to hooks/setup."""
        if discover:
            answer, _ = self.call("server/discover")
            assert "result" in answer, answer
        params = {
            "plugin": name, "kind": "lifecycle_listener", "hooks": HOOKS, "config": config or {}, "run": "abcdefghijkl",
        }
        return self.call("hooks/setup", params)[0]

    def ready(self, config=None, name="subject"):
        """setup() that must succeed; returns self."""
        answer = self.setup(config, name)
        assert "result" in answer, answer
        return self

    def settle(self):
        """Wait until everything written was handled; returns the notifications that came of it."""
        return self.call("hooks/health")[1]

    def failures(self):
        """settle(), as [(hook, seq, message)…]."""
        return [
            (m["params"]["hook"], m["params"].get("seq"), m["params"]["error"]["message"])
            for m in self.settle()
            if m.get("method") == "notifications/hooks/failed"
        ]

    def stderr(self):
        with self._heard:
            return list(self._stderr)

    def wait_stderr(self, pattern):
        """Wait for a line on stderr that matches; returns the match."""
        deadline = time.monotonic() + TIMEOUT
        seen = 0
        with self._heard:
            while True:
                for line in self._stderr[seen:]:
                    match = re.search(pattern, line)
                    if match:
                        return match
                seen = len(self._stderr)
                left = deadline - time.monotonic()
                assert left > 0 and self._heard.wait(left), f"no {pattern!r} in {self._stderr}"

    # --- the end ---

    def end(self):
        """Close stdin and wait; returns the exit status."""
        self.process.stdin.close()
        return self.wait()

    def wait(self):
        status = self.process.wait(TIMEOUT)
        for thread in self._threads:
            thread.join(TIMEOUT)
        return status

    def kill(self):
        """End what this test started, however it stands."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(TIMEOUT)
        for thread in self._threads:
            thread.join(TIMEOUT)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    pass


class EventsServer:
    """A fake events.sock. `reading`: whether it reads. Answers flush and stats like the daemon."""

    def __init__(self, path, reading=True, refuse=None, chatty=False, mute=False):
        self.path = path
        self.lines = queue.Queue()
        self.connections = queue.Queue()
        self.reading = threading.Event()
        if reading:
            self.reading.set()
        self._refuse, self._chatty, self._mute = refuse, chatty, mute
        self._open = []
        self._lock = threading.Lock()
        self._closed = False
        self.rejected = 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if os.path.exists(path):
            os.unlink(path)  # what a killed daemon leaves behind
        self._listener.bind(path)
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._refuse:
                connection.sendall(self._refuse)
                connection.close()
                self.connections.put(None)
                continue
            with self._lock:
                self._open.append(connection)
            self.connections.put(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        unfinished = b""
        accepted = 0
        try:
            while True:
                self.reading.wait()
                chunk = connection.recv(65536)
                if not chunk:
                    return
                *lines, unfinished = (unfinished + chunk).split(b"\n")
                for line in lines:
                    message = json.loads(line)
                    if message["method"] == "notify":
                        accepted += 1
                    self.lines.put(message)
                    if self._chatty:
                        connection.sendall(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"x"}}\n' * 20)
                    if "id" in message and not self._mute:
                        results = {
                            "flush": {"run": "abcdefghijkl", "seq": accepted, "pending": []},
                            "stats": {"accepted": accepted, "rejected": self.rejected, "last_error": None},
                        }
                        answer = {"jsonrpc": "2.0", "id": message["id"], "result": results[message["method"]]}
                        connection.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            return

    def next(self):
        """The next message that was read."""
        return self.lines.get(timeout=TIMEOUT)

    def close(self):
        """Like a daemon that is killed: everything closed, the socket file left."""
        if self._closed:
            return
        self._closed = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(TIMEOUT)
        self.reading.set()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                connection.close()
