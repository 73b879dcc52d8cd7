"""The wire to the daemon: newline-delimited JSON over what were fds 0 and 1.

`take()` moves the two pipes out of the way before any plugin code runs: fd 0
becomes /dev/null and fd 1 a copy of stderr. A `print`, an `os.write(1, …)`, a
library's printf or a child process can then neither corrupt what the daemon
reads nor swallow events; what they print ends up in the daemon's log.
"""

import fcntl
import json
import os
import sys
import threading

READ_SIZE = 65536  # one pipe's capacity: what is read ahead is lost in a crash, so not more


class Stdio:
    """Owns the two private fds. `send` may be called from any thread."""

    def __init__(self, in_fd, out_fd):
        self.in_fd = in_fd
        self.out_fd = out_fd
        self.gone = False  # the daemon closed its end; nothing more can be said
        self._lock = threading.Lock()

    def send(self, message):
        """Write one message whole. Sets `gone` instead of raising when nobody reads."""
        data = json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"
        with self._lock:
            if self.gone:
                return
            view = memoryview(data)
            try:
                while view:
                    view = view[os.write(self.out_fd, view):]
            except OSError:
                self.gone = True

    def close(self):
        """Close both ends; harmless when repeated."""
        with self._lock:
            self.gone = True
            for fd in (self.in_fd, self.out_fd):
                if fd >= 0:
                    os.close(fd)
            self.in_fd = self.out_fd = -1


def take():
    """Move fds 0 and 1 to private numbers (not inherited by children) and return their owner."""
    in_fd = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
    out_fd = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    sys.stdout.flush()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    if null != 0:
        os.close(null)
    os.dup2(2, 1)
    # New objects: the old ones remember whether the old files could seek.
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.__stdout__ = open(
        1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
    return Stdio(in_fd, out_fd)


class LineSplitter:
    """Turns chunks of bytes into whole lines; keeps at most one unfinished line."""

    def __init__(self):
        self._parts = []

    def feed(self, chunk):
        """The lines that `chunk` completes, without their newlines, blank ones left out."""
        if b"\n" not in chunk:
            self._parts.append(chunk)
            return []
        lines = chunk.split(b"\n")
        if self._parts:
            self._parts.append(lines[0])
            lines[0] = b"".join(self._parts)
            self._parts.clear()
        rest = lines.pop()
        if rest:
            self._parts.append(rest)
        return [line for line in lines if line and not line.isspace()]

    @property
    def pending(self):
        """Bytes of the line that is still unfinished."""
        return sum(map(len, self._parts))


def _long_int(digits):
    """Integers past Python's digit limit: legal JSON, kept as a double like the daemon does."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


_decode = json.JSONDecoder().decode
_decode_long = json.JSONDecoder(parse_int=_long_int).decode


def decode(line):
    """The JSON value of one line. Raises ValueError when it is none."""
    text = line.decode("utf-8")
    try:
        return _decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _decode_long(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
