"""A daemon of few words: answers the lines hookcastctl sends the way a test wants.

`FakeDaemon(path, handler)` listens on events.sock and control.sock. For each request line it calls
`handler(request, connection)`; what that returns is sent: a dict (`{"result": ...}` or `{"error": ...}`, the id is
added), bytes (as they are), None (nothing), or CLOSE (hang up).
"""

import json
import pathlib
import socket
import threading

CLOSE = object()


def refusal(reason, message, **data):
    return {"error": {"code": -32602, "message": message, "data": {"reason": reason, **data}}}


class Connection:
    def __init__(self, daemon, name, sock):
        self.daemon, self.name, self.sock = daemon, name, sock
        self.seq = 0

    def serve(self):
        try:
            with self.sock, self.sock.makefile("rb") as lines:
                for line in lines:
                    if not self.answer(line):
                        return
        except OSError:
            pass  # the other side went away

    def answer(self, line):
        self.daemon.lines.append(line)
        try:
            request = json.loads(line)
        except ValueError:
            request = {"id": None, "method": None, "raw": line}
        else:
            self.daemon.requests.append(request)
        reply = self.daemon.handler(request, self)
        if reply is CLOSE:
            self.sock.shutdown(socket.SHUT_RDWR)
            return False
        if isinstance(reply, dict):
            reply = json.dumps({"jsonrpc": "2.0", "id": request.get("id"), **reply}).encode() + b"\n"
        if reply:
            self.sock.sendall(reply)
        return True

    def next_seq(self):
        self.seq += 1
        return self.seq


class FakeDaemon:
    def __init__(self, directory, handler, rcvbuf=None):
        self.dir = pathlib.Path(directory)
        self.handler = handler
        self.lines, self.requests = [], []
        self.sockets = []
        for name in ("events", "control"):
            sock = socket.socket(socket.AF_UNIX)
            if rcvbuf:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            sock.bind(str(self.dir / f"{name}.sock"))
            sock.listen(16)
            self.sockets.append(sock)
            threading.Thread(target=self.accept, args=(name, sock), daemon=True).start()

    def accept(self, name, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=Connection(self, name, sock).serve, daemon=True).start()

    def close(self):
        for sock in self.sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def methods(self):
        return [r["method"] for r in self.requests]


def accepting(queued=1, failed=(), pending=()):
    """Accept every event; numbers them per connection."""

    def handler(request, connection):
        if request["method"] == "notify":
            return {
                "result": {
                    "run": "run123456789",
                    "seq": connection.next_seq(),
                    "queued": queued,
                    "failed": list(failed),
                    "failed_total": len(failed),
                }
            }
        if request["method"] == "flush":
            return {"result": {"run": "run123456789", "seq": connection.seq, "pending": list(pending)}}
        return {"result": {}}

    return handler
