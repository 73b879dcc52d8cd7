"""Where spans go: a file, or an OTLP/HTTP collector behind a bounded queue."""

import threading
import time
from collections import deque

from hookcast.appendfile import AppendFile
from hookcast.units import seconds

BATCH_MAX = 512
TRIES = 4
RETRY_FIRST = 0.5
RETRY_STATUS = frozenset({429, 502, 503, 504})
CLOSE_SECONDS = 3.0  # for what is still queued at teardown


class FileSink:
    """Appends one line per batch. OSError from `export` when it cannot; no line is ever torn."""

    def __init__(self, config, encoder, logger):
        self._encoder = encoder
        self._file = AppendFile(config["file"], logger)

    def export(self, spans):
        self._file.append(self._encoder.encode(spans) + b"\n")

    def close(self):
        self._file.close()


class PostSink:
    """Posts from a thread of its own. `export` only queues: it never waits and never fails.

    What the full queue cannot take, and what the collector does not take in
    TRIES attempts, is dropped, counted, and logged at most once per attempt
    to post.
    """

    def __init__(self, config, encoder, logger):
        from urllib.parse import urlsplit

        self._url = urlsplit(config["endpoint"])
        self._url.port  # ValueError now rather than later
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise ValueError(f"endpoint {config['endpoint']!r} is not an http(s) URL")
        self._headers = {"Content-Type": "application/json", **config.get("headers", {})}
        self._timeout = seconds(config.get("post_timeout", 5))
        self._interval = seconds(config.get("post_interval", 1))
        self._limit = config.get("max_queued_spans", 8192)
        self._encoder = encoder
        self._logger = logger
        self._queue = deque()
        self._refused = 0  # spans that the queue had no room for, not yet logged
        self._changed = threading.Condition()
        self._closing = None  # the time when to give up
        self._connection = None
        self._thread = threading.Thread(target=self._run, name="otlp-post", daemon=True)
        self._thread.start()

    def export(self, spans):
        with self._changed:
            room = self._limit - len(self._queue)
            self._queue.extend(spans[:room] if room < len(spans) else spans)
            self._refused += max(0, len(spans) - room)
            if len(self._queue) >= BATCH_MAX:
                self._changed.notify()

    def close(self):
        """Post what is queued for at most CLOSE_SECONDS, then stop."""
        with self._changed:
            self._closing = time.monotonic() + CLOSE_SECONDS
            self._changed.notify()
        self._thread.join(CLOSE_SECONDS + 0.5)
        if self._thread.is_alive():
            self._logger.warning("the collector is still being waited for; spans are lost")

    # --- the thread ---

    def _run(self):
        while True:
            with self._changed:
                if self._closing is None and len(self._queue) < BATCH_MAX:
                    self._changed.wait(self._interval)
                batch = [self._queue.popleft() for _ in range(min(BATCH_MAX, len(self._queue)))]
                refused, self._refused = self._refused, 0
                ending = self._closing is not None
            if refused:
                self._logger.warning("spans were dropped: the queue was full", extra={"count": refused})
            if batch:
                self._post(batch)
            elif ending:
                self._hang_up()
                return

    def _post(self, batch):
        body = self._encoder.encode(batch)
        wait = RETRY_FIRST
        for attempt in range(1, TRIES + 1):
            reason, again = self._try(body)
            if reason is None:
                return
            if not again or attempt == TRIES or not self._sleep(wait):
                break
            wait *= 2
        self._logger.warning(
            "spans were dropped: the collector did not take them", extra={"count": len(batch), "reason": reason}
        )

    def _try(self, body):
        """(None, _) when they were taken, else (why not, whether to try again)."""
        import http.client

        left = self._timeout
        if self._closing is not None:
            left = min(left, self._closing - time.monotonic())
            if left <= 0:
                return "the tracer is stopping", False
        try:
            if self._connection is None:
                kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
                self._connection = kind(self._url.hostname, self._url.port, timeout=left)
            path = self._url.path or "/v1/traces"
            if self._url.query:
                path += "?" + self._url.query
            self._connection.request("POST", path, body, self._headers)
            response = self._connection.getresponse()
            response.read(65536)
            if response.will_close or response.length:
                self._hang_up()
        except (OSError, ValueError, http.client.HTTPException) as error:
            self._hang_up()
            return f"{type(error).__name__}: {error}", True
        if 200 <= response.status < 300:
            return None, False
        return f"HTTP {response.status}", response.status in RETRY_STATUS

    def _sleep(self, wait):
        """Wait before the next attempt; False when the end comes first."""
        with self._changed:
            if self._closing is not None:
                return False
            self._changed.wait_for(lambda: self._closing is not None, wait)
            return self._closing is None

    def _hang_up(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None
