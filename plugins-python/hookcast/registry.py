"""The publisher's end of the events socket: `Registry`.

Publishing never waits and never raises for want of a daemon: an event that
cannot go out now is dropped and counted in `dropped`. That is all that can go
wrong with `publish`; also an event that cannot be encoded, or is too large,
is dropped, counted, and logged (once per hook), because publishing often
happens where another exception would hide the real one. `Registry(strict=True)`
raises TypeError or ValueError for these instead: for tests.

Events are sent without an id, so the daemon answers nothing; what it refused
(an unknown hook, a payload against its schema) is counted over there and seen
with `stats()`.

Safe to use from many threads, and across fork: a child opens its own
connection and counts from zero.
"""

import json
import logging
import os
import random
import select
import threading
import time

from .connection import FULL, LOST, SENT, Connection

_log = logging.getLogger("hookcast.publisher")

BACKOFF_FIRST = 0.1  # seconds without a try after a failed one, doubling …
BACKOFF_MAX = 5.0  # … to this
DRAIN_EVERY = 64  # events between two looks at what the daemon may have said
LINE_EXTRA = 65536  # a line may be so much longer than its payload's limit
_POLL_SLICE = 0.05  # how stale a waiting helper's view of the connection may get


def default_runtime_dir():
    """/run/hookcast for root and where there is no session, else the session's."""
    session = os.environ.get("XDG_RUNTIME_DIR")
    if os.geteuid() == 0 or not session:
        return "/run/hookcast"
    return os.path.join(session, "hookcast")


class Registry:
    """A connection to the daemon of one runtime-dir, opened when first needed and again when lost.

    default          like json.dumps': turns values that JSON has no form for into ones that it has
    max_event_size   larger events are dropped here (the daemon's own limit is 1 MiB unless configured)
    """

    def __init__(self, runtime_dir=None, *, default=None, max_event_size=1 << 20, strict=False):
        self.path = os.path.join(os.fspath(runtime_dir or default_runtime_dir()), "events.sock")
        self._encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=default).encode
        self._line_max = max_event_size + LINE_EXTRA
        self._strict = strict
        self._closed = False
        self._reset()

    def _reset(self):
        """The state of a fresh process."""
        self._pid = os.getpid()
        self._lock = threading.Lock()  # around everything below; never held while waiting
        self._ask_lock = threading.Lock()  # one request with an answer at a time
        self._asking = False
        self._connection = None
        self._connected_at = 0.0
        self._next_try = 0.0
        self._backoff = BACKOFF_FIRST
        self._away = False  # and it was logged
        self._dropped = 0
        self._dropped_before = 0  # this outage
        self._until_drain = DRAIN_EVERY
        self._finisher = None
        self._complained = set()
        self._last_id = 0

    def _check_fork(self):
        if self._pid != os.getpid():
            inherited = self._connection
            self._reset()
            if inherited is not None:
                inherited.close()  # this process' copy only; the parent keeps its connection

    # --- publishing ---

    @property
    def dropped(self):
        """Events that this process could not hand to a daemon."""
        self._check_fork()
        return self._dropped

    def publish(self, kind, hook, payload, metadata=None, kind_api_version=None):
        """Hand one event to the daemon, or drop it. Returns whether the kernel has it. Never waits."""
        self._check_fork()
        if self._connection is None and (self._closed or time.monotonic() < self._next_try):
            with self._lock:
                self._dropped += 1
            return False
        params = {"kind": kind, "hook": hook, "payload": payload}
        if metadata:
            params["metadata"] = metadata
        if kind_api_version is not None:
            params["kind_api_version"] = kind_api_version
        try:
            line = self._encode({"jsonrpc": "2.0", "method": "notify", "params": params}).encode("ascii") + b"\n"
            if len(line) > self._line_max:
                raise ValueError(f"the event has {len(line)} bytes, more than max_event_size allows")
        except (TypeError, ValueError, RecursionError) as error:
            return self._unfit(kind, hook, error)
        with self._lock:
            return self._offer(line)

    def _unfit(self, kind, hook, error):
        """An event that is the caller's mistake: see the top of the file."""
        with self._lock:
            self._dropped += 1
            first = len(self._complained) < 1000 and (kind, hook) not in self._complained
            if first:
                self._complained.add((kind, hook))
        if self._strict:
            raise error
        if first:
            _log.error("event %s.%s cannot be published: %s", kind, hook, error)
        return False

    def _offer(self, line):
        """Send or drop. Called with the lock held."""
        verdict = LOST
        for _ in range(2):  # a lost connection is replaced once, then this event goes to the new one
            connection = self._connect()
            if connection is None:
                break
            self._until_drain -= 1
            if self._until_drain <= 0 and not self._asking:
                self._until_drain = DRAIN_EVERY
                connection.receive()
            verdict = connection.send(line)
            if verdict is not LOST:
                break
            self._lose()
        if verdict is SENT:
            if connection.has_tail:
                self._finish_tail_later()
            return True
        self._dropped += 1
        return False

    def _connect(self):
        """The live connection, made if it is time to try; None when there is none. Lock held."""
        if self._connection is not None or self._closed:
            return self._connection
        now = time.monotonic()
        if now < self._next_try:
            return None
        try:
            self._connection = Connection(self.path)
        except OSError as error:
            self._later(now)
            if not self._away:
                self._away = True
                self._dropped_before = self._dropped
                _log.warning("no daemon at %s (%s): events are dropped until there is one", self.path, error)
            return None
        self._connected_at = now
        if self._away:
            self._away = False
            lost = self._dropped - self._dropped_before
            _log.info("connected to %s again, %d events were dropped", self.path, lost)
        return self._connection

    def _later(self, now):
        self._next_try = now + self._backoff * random.uniform(0.8, 1.2)
        self._backoff = min(self._backoff * 2, BACKOFF_MAX)

    def _lose(self):
        """Give up a connection whose peer is gone; its half-sent line is dropped. Lock held."""
        connection, self._connection = self._connection, None
        if connection.has_tail:
            self._dropped += 1
        now = time.monotonic()
        if now - self._connected_at >= 1.0:
            self._backoff = BACKOFF_FIRST  # it had worked: try again at once
        else:
            self._later(now)
        _log.info("the connection to %s was lost: %s", self.path, connection.lost)
        connection.close()

    # --- the tail ---

    def _finish_tail_later(self):
        """See that the rest of a half-sent line goes out even if no event follows. Lock held."""
        if self._finisher is None:
            self._finisher = threading.Thread(
                target=self._finish_tail, args=(self._connection,), name="hookcast-tail", daemon=True
            )
            try:
                self._finisher.start()
            except RuntimeError:  # no thread to be had: the next event, flush or close sends it on
                self._finisher = None

    def _finish_tail(self, connection):
        while True:
            _wait(connection, select.POLLOUT, _POLL_SLICE)
            with self._lock:
                if connection is self._connection and connection.push_tail() is LOST:
                    self._lose()
                if connection is not self._connection or not connection.has_tail:
                    self._finisher = None
                    if self._connection is not None and self._connection.has_tail:
                        self._finish_tail_later()
                    return

    # --- asking ---

    def flush(self, timeout=5.0):
        """Wait until every event published so far was delivered to its plugins or dropped.

        Returns the daemon's answer, {"run", "seq", "pending": [names of plugins
        that are still behind]}. Raises ConnectionError when there is no daemon
        and TimeoutError when it does not answer.
        """
        return self._ask("flush", {"timeout_ms": max(0, int(timeout * 1000))}, timeout + 1.0)

    def stats(self, timeout=5.0):
        """What the daemon counted on this connection, {"accepted", "rejected", "last_error"},
        and "dropped", this process' own count. Raises like `flush`."""
        answer = dict(self._ask("stats", None, timeout))
        answer["dropped"] = self._dropped
        return answer

    def _ask(self, method, params, timeout):
        self._check_fork()
        deadline = time.monotonic() + timeout
        if not self._ask_lock.acquire(timeout=max(0.0, timeout)):
            raise TimeoutError(f"{method}: another request is still waiting for its answer")
        try:
            self._asking = True
            with self._lock:
                self._last_id += 1
                number = self._last_id
            request = {"jsonrpc": "2.0", "id": number, "method": method}
            if params is not None:
                request["params"] = params
            connection = self._ask_send(self._encode(request).encode("ascii") + b"\n", method, deadline)
            return self._ask_answer(connection, number, method, deadline)
        finally:
            self._asking = False
            self._ask_lock.release()

    def _ask_send(self, line, method, deadline):
        """Send a request behind the events; returns the connection that took it."""
        while True:
            with self._lock:
                self._next_try = 0.0  # asked for by somebody who waits: do not sit out the backoff
                connection = self._connect()
                if connection is None:
                    raise ConnectionError(f"{method}: no daemon at {self.path}")
                verdict = connection.send(line)
                if verdict is LOST:
                    self._lose()
                elif connection.has_tail:
                    self._finish_tail_later()
            if verdict is SENT:
                return connection
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{method}: the daemon does not read")
            if verdict is FULL:
                _wait(connection, select.POLLOUT, min(left, _POLL_SLICE))

    def _ask_answer(self, connection, number, method, deadline):
        while True:
            with self._lock:
                if connection is not self._connection:
                    raise ConnectionError(f"{method}: the connection was lost: {connection.lost}")
                answers = [message for message in connection.receive() if message.get("id") == number]
                if connection.lost is not None and not answers:
                    reason = connection.lost
                    self._lose()
                    raise ConnectionError(f"{method}: {reason}")
            if answers:
                if "error" in answers[0]:
                    raise RuntimeError(f"{method}: {answers[0]['error'].get('message')}")
                return answers[0].get("result") or {}
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{method}: the daemon did not answer in time")
            _wait(connection, select.POLLIN, min(left, _POLL_SLICE))

    # --- the end ---

    def close(self, timeout=0.2):
        """Send a half-sent line's rest for at most `timeout` seconds, then hang up.

        Events published afterwards are dropped. Harmless when repeated.
        """
        self._check_fork()
        self._closed = True
        deadline = time.monotonic() + timeout
        while True:
            with self._lock:
                connection = self._connection
                if connection is None:
                    return
                verdict = connection.push_tail()
                left = deadline - time.monotonic()
                if verdict is not FULL or left <= 0:
                    if connection.has_tail:
                        self._dropped += 1
                    connection.receive()
                    self._connection = None
                    connection.close()
                    return
            _wait(connection, select.POLLOUT, min(left, _POLL_SLICE))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def _wait(connection, events, seconds):
    """Poll a connection that another thread may close meanwhile: never for long."""
    fd = connection.fileno()
    if fd < 0:
        return
    poller = select.poll()
    poller.register(fd, events)
    poller.poll(seconds * 1000)
