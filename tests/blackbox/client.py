"""client.py — newline-delimited JSON-RPC 2.0 over a Unix socket, for both of the daemon's sockets."""

import json
import select
import socket
import time


class Refused(Exception):
    """An error answer."""

    def __init__(self, error):
        super().__init__(json.dumps(error))
        self.code, self.message, self.data = error["code"], error["message"], error.get("data")

    @property
    def reason(self):
        return (self.data or {}).get("reason")


class Conn:
    def __init__(self, path, timeout=10.0):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.timeout = timeout
        self.sock.settimeout(timeout)
        try:
            self.sock.connect(str(path))
        except OSError:
            self.sock.close()
            raise
        self._buffer = b""
        self._id = 0

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def send(self, data):
        self.sock.settimeout(self.timeout)
        self.sock.sendall(data)

    def line(self, text):
        """Send one line; bytes go as they are."""
        self.send((text if isinstance(text, bytes) else text.encode()) + b"\n")

    def raw_answer(self, timeout=None):
        """The next line, without its newline; b"" at end of file. TimeoutError when none comes."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise TimeoutError(f"no answer; have {self._buffer[:200]!r}")
            try:
                more = self.sock.recv(1 << 16)
            except ConnectionResetError:
                more = b""
            if not more:
                return b""
            self._buffer += more
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line

    def answer(self, timeout=None):
        line = self.raw_answer(timeout)
        assert line, "the daemon closed the connection"
        message = json.loads(line)
        assert message.get("jsonrpc") == "2.0", message
        assert ("result" in message) != ("error" in message), message
        assert set(message) <= {"jsonrpc", "id", "result", "error"} and "id" in message, message
        if "error" in message:
            error = message["error"]
            assert isinstance(error["code"], int) and isinstance(error["message"], str) and error["message"], message
            assert set(error) <= {"code", "message", "data"}, message
        return message

    def at_end(self, timeout=None):
        """True when the daemon has closed; what it still had to say is thrown away."""
        try:
            while self.raw_answer(timeout):
                pass
        except TimeoutError:
            return False
        return True

    def next_id(self):
        self._id += 1
        return self._id

    def request(self, method, params=None, id=None):
        """Send a request and return its id; the answer is the caller's to read."""
        message = {"jsonrpc": "2.0", "id": self.next_id() if id is None else id, "method": method}
        if params is not None:
            message["params"] = params
        self.line(json.dumps(message))
        return message["id"]

    def call(self, method, params=None):
        """Send a request and return the whole answer."""
        wanted = self.request(method, params)
        message = self.answer()
        assert message["id"] == wanted, f"answer to {wanted} expected: {message}"
        return message

    def result(self, method, params=None):
        message = self.call(method, params)
        if "error" in message:
            raise Refused(message["error"])
        return message["result"]

    def error(self, method, params=None):
        message = self.call(method, params)
        assert "error" in message, f"{method} was not refused: {message}"
        return Refused(message["error"])

    def notify(self, hook, payload, kind="lifecycle_listener", **params):
        return self.result("notify", {"kind": kind, "hook": hook, "payload": payload, **params})

    @staticmethod
    def encode_notify(hook, payload, kind="lifecycle_listener", id=None, **params):
        """One line of `notify`; a payload of type str is JSON text and is spliced as it is."""
        text = payload if isinstance(payload, str) else json.dumps(payload, separators=(",", ":"))
        extra = "".join(f",{json.dumps(k)}:{v if isinstance(v, str) else json.dumps(v)}" for k, v in params.items())
        head = '{"jsonrpc":"2.0",' + (f'"id":{json.dumps(id)},' if id is not None else "")
        return (head + f'"method":"notify","params":{{"kind":"{kind}","hook":"{hook}","payload":{text}{extra}}}}}\n').encode()

    def notify_text(self, hook, text, **params):
        """Publish a payload given as JSON text, byte for byte; `params` given as str are JSON text, too."""
        wanted = self.next_id()
        self.send(self.encode_notify(hook, text, id=wanted, **params))
        message = self.answer()
        assert message["id"] == wanted, message
        if "error" in message:
            raise Refused(message["error"])
        return message["result"]

    def alive(self):
        """The connection still answers, and the very next thing it says is this answer."""
        assert self.result("ping") == {}
        return True
