"""One non-blocking connection to the daemon's events socket.

Not thread-safe: the Registry holds its lock around every call. Nothing here
waits, and only `open` raises. A line goes out whole or not at all, unless the
kernel took a part of it: the rest is then kept as the tail, which goes out
before anything else does. At most one line is ever pending.
"""

import json
import socket

_FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
ANSWER_MAX = 1 << 20  # a longer line from the daemon is none of ours: hang up

SENT, FULL, LOST = "sent", "full", "lost"


class Connection:
    """Owns the socket. `lost` is a reason once the peer is gone; then only `close` is left."""

    def __init__(self, path):
        """Connect at once or raise OSError (also when the daemon's backlog is full)."""
        self.lost = None
        self._tail = b""
        self._unread = b""
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            self._sock.connect(path)
        except BaseException:
            self._sock.close()
            raise

    @property
    def has_tail(self):
        """Whether a line is still half sent."""
        return bool(self._tail)

    def fileno(self):
        """The socket's fd, for poll(2); -1 once closed."""
        return self._sock.fileno()

    def send(self, line):
        """Send a whole line after what is pending.

        SENT: the kernel has it, or has a part and the rest is the tail now.
        FULL: nothing of it was taken. LOST: the peer is gone (see `lost`).
        """
        pushed = self.push_tail()
        if pushed is not SENT:
            return pushed
        count = self._write(line)
        if count is None:
            return LOST
        if count == 0:
            return FULL
        self._tail = memoryview(line)[count:] if count < len(line) else b""
        return SENT

    def push_tail(self):
        """Send on what is pending: SENT when nothing is left, else FULL or LOST."""
        while self._tail:
            count = self._write(self._tail)
            if count is None:
                return LOST
            if count == 0:
                return FULL
            self._tail = self._tail[count:]
        return SENT

    def _write(self, data):
        """Bytes taken, 0 when the socket is full, None when the peer is gone."""
        if self.lost is not None:
            return None
        try:
            return self._sock.send(data, _FLAGS)
        except BlockingIOError:
            return 0
        except OSError as error:
            reason = error.strerror or str(error)
            said = [line for line in self.receive() if "error" in line]
            if said:
                reason = f"{reason}; the daemon said: {_message(said[-1])}"
            self.lost = reason
            return None

    def receive(self):
        """The messages that have arrived, [] when none. At EOF sets `lost`."""
        messages = []
        while self.lost is None:
            try:
                chunk = self._sock.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError as error:
                self.lost = error.strerror or str(error)
                break
            if not chunk:
                self.lost = "the daemon closed the connection"
                break
            lines = (self._unread + chunk).split(b"\n")
            self._unread = lines.pop()
            if len(self._unread) > ANSWER_MAX:
                self.lost = "the daemon sent an endless line"
            messages.extend(filter(None, map(_parse, lines)))
        return messages

    def close(self):
        """Close the socket; harmless when repeated. A tail is lost."""
        self._tail = b""
        self.lost = self.lost or "closed"
        self._sock.close()


def _parse(line):
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _message(answer):
    error = answer.get("error")
    return error.get("message") if isinstance(error, dict) else error
