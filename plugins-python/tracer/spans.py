"""Requests under way, and the spans they become.

A table of at most `limit` open spans, oldest first. Ended ones wait in a list
until `take_ended`. A finish without a start (it was dropped, or happened before
this process) still makes a span, from its duration; what never finishes is
closed with an error status after `timeout` seconds.
"""

import os
import re
import time

UNSET, OK, ERROR = 0, 1, 2

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


def parse_traceparent(text):
    """(trace id, parent span id, flags) of a W3C traceparent, or None when it is invalid."""
    match = _TRACEPARENT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    version, trace, parent, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest) or not trace.strip("0") or not parent.strip("0"):
        return None
    return trace, parent, int(flags, 16)


class Span:
    """One request. Plain data; times in nanoseconds since the epoch."""

    __slots__ = (
        "trace_id", "span_id", "parent_id", "flags", "trace_state", "name",
        "start", "end", "deadline", "status", "message", "attributes",
    )

    def __init__(self, ctx, name, start, deadline):
        parent = parse_traceparent(ctx.traceparent)
        if parent is not None:
            self.trace_id, self.parent_id, self.flags = parent
            self.trace_state = ctx.tracestate
        else:
            self.trace_id, self.parent_id, self.flags = os.urandom(16).hex(), None, 1
            self.trace_state = None
        self.span_id = os.urandom(8).hex()
        self.name = name
        self.start = start
        self.end = None
        self.deadline = deadline
        self.status = UNSET
        self.message = None
        self.attributes = {}


class SpanTable:
    """Not thread-safe; everything happens on the plugin's one thread."""

    def __init__(self, limit, timeout, now=time.monotonic):
        self._limit = limit
        self._timeout = timeout
        self._now = now
        self._open = {}  # request_id -> Span, in the order of their starts
        self._ended = []

    def __len__(self):
        return len(self._open)

    def start(self, ctx, request_id, path, actor):
        """Open a span. One of the same request that is still open is closed as unfinished."""
        self._abandon(request_id, "another request with this id was started")
        if len(self._open) >= self._limit:
            self._abandon(next(iter(self._open)), f"more than {self._limit} requests were under way")
        span = Span(ctx, path or "request", ctx.time_ns, self._now() + self._timeout)
        self._describe(span, ctx, request_id)
        if path is not None:
            span.attributes["url.path"] = path
        if actor is not None:
            span.attributes["enduser.id"] = actor
        self._open[request_id] = span

    def finish(self, ctx, request_id, duration_ms):
        """Close a request's span; without a start its duration tells when it began."""
        span = self._close(ctx, request_id, duration_ms)
        span.status = OK
        if duration_ms is not None:
            span.attributes["request.duration_ms"] = duration_ms

    def fail(self, ctx, request_id, code):
        """Close a request's span with an error status."""
        span = self._close(ctx, request_id, None)
        span.status, span.message = ERROR, code
        span.attributes["error.type"] = code

    def expire(self):
        """Close what is open for longer than the timeout."""
        now = self._now()
        for request_id in [key for key, span in self._open.items() if span.deadline <= now]:
            self._abandon(request_id, f"no end within {self._timeout:g} s")

    def end_all(self, reason):
        """Close everything as unfinished."""
        for request_id in list(self._open):
            self._abandon(request_id, reason)

    def take_ended(self):
        """The spans that ended since the last call; they are the caller's."""
        ended, self._ended = self._ended, []
        return ended

    @staticmethod
    def _describe(span, ctx, request_id):
        span.attributes["request.id"] = request_id
        if ctx.run is not None and ctx.seq is not None:
            span.attributes["hookcast.run"] = ctx.run
            span.attributes["hookcast.seq"] = ctx.seq

    def _close(self, ctx, request_id, duration_ms):
        span = self._open.pop(request_id, None)
        if span is None:
            end = ctx.time_ns
            lasted = int(duration_ms * 1_000_000) if _is_duration(duration_ms) else 0
            span = Span(ctx, "request", max(0, end - lasted), None)
            self._describe(span, ctx, request_id)
            span.attributes["hookcast.start_missing"] = True
        else:
            end = ctx.time_ns
        span.end = max(end, span.start)
        self._ended.append(span)
        return span

    def _abandon(self, request_id, reason):
        span = self._open.pop(request_id, None)
        if span is None:
            return
        span.end = max(time.time_ns(), span.start)
        span.status, span.message = ERROR, reason
        span.attributes["hookcast.unfinished"] = True
        self._ended.append(span)


def _is_duration(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15
