"""What a plugin's methods get as `ctx`.

`setup`, `teardown`, `health` and `flush` get the plugin's own context; every
event gets a small new one on top of it, so a handler that is still awaiting
something keeps seeing the metadata of *its* event.
"""

import re
import time as _time

_FRACTION = re.compile(r"\.([0-9]+)")


class PluginContext:
    """One per plugin, from setup to teardown. Owns the resources (see resources.py)."""

    metadata = {}

    def __init__(self, plugin, kind, hooks, config, run, logger, resources):
        self.plugin = plugin
        self.kind = kind
        self.hooks = hooks
        self.config = config
        self.run = run
        self.logger = logger
        self.resources = resources

    def __repr__(self):
        return f"<PluginContext plugin={self.plugin} kind={self.kind}>"


class EventContext:
    """One per event. Read-only; safe to keep after the handler returned."""

    __slots__ = ("_plugin", "_meta", "_event", "hook")

    def __init__(self, plugin, hook, meta):
        self._plugin = plugin
        self._meta = meta
        event = meta.get("io.hookcast/event")
        self._event = event if type(event) is dict else {}
        self.hook = hook

    @property
    def plugin(self):
        """The plugin's name, as in its manifest."""
        return self._plugin.plugin

    @property
    def config(self):
        return self._plugin.config

    @property
    def logger(self):
        return self._plugin.logger

    @property
    def resources(self):
        return self._plugin.resources

    @property
    def kind(self):
        return self._event.get("kind", self._plugin.kind)

    @property
    def run(self):
        """The daemon run that numbered this event; (run, seq) names it for ever."""
        return self._event.get("run", self._plugin.run)

    @property
    def seq(self):
        """The event's number within its run, or None when the host gave none."""
        return self._event.get("seq")

    @property
    def metadata(self):
        """What the publisher passed beside the payload; {} when nothing."""
        return self._event.get("metadata") or {}

    @property
    def uid(self):
        return self._event.get("uid")

    @property
    def pid(self):
        return self._event.get("pid")

    @property
    def time(self):
        """When the daemon accepted the event, RFC 3339 in UTC, or None."""
        return self._event.get("time")

    @property
    def time_ns(self):
        """`time` in nanoseconds since the epoch; the present when it is absent or unreadable."""
        return parse_time_ns(self._event.get("time")) or _time.time_ns()

    @property
    def traceparent(self):
        return self._meta.get("traceparent")

    @property
    def tracestate(self):
        return self._meta.get("tracestate")

    @property
    def baggage(self):
        return self._meta.get("baggage")

    def __repr__(self):
        return f"<EventContext hook={self.hook} run={self.run} seq={self.seq}>"


def parse_time_ns(text):
    """Nanoseconds since the epoch of an RFC 3339 time; None when it is none."""
    if not isinstance(text, str):
        return None
    from datetime import datetime, timezone

    fraction = _FRACTION.search(text)
    try:
        whole = datetime.fromisoformat(_FRACTION.sub("", text))
    except ValueError:
        return None
    if whole.tzinfo is None:
        whole = whole.replace(tzinfo=timezone.utc)
    nanoseconds = int((fraction[1] + "000000000")[:9]) if fraction else 0
    return int(whole.timestamp()) * 1_000_000_000 + nanoseconds
