"""`BroadcastNotifyDispatcher`: fire-and-forget events, as an application writes them."""

from collections.abc import Mapping


class BroadcastNotifyDispatcher:
    """Publishes through a Registry. Thread-safe; owns nothing.

    `kind_api_version` picks a major version of the kinds; without it the
    daemon takes the newest one it has.
    """

    def __init__(self, registry, kind_api_version=None):
        self._publish = registry.publish
        self._kind_api_version = kind_api_version

    def dispatch(self, kind, hook, ctx=None, /, **payload):
        """Notify every plugin that hears `kind`.`hook`; returns nothing, waits for nothing.

        `ctx` is None, a mapping, or an object with a mapping in `.metadata`: it
        becomes the event's metadata (`traceparent`, `tracestate` and `baggage`
        in it travel on as trace context). Losses are counted in
        `Registry.dropped`, never raised (see registry.py).
        """
        self._publish(kind, hook, payload, metadata_of(ctx), self._kind_api_version)


def metadata_of(ctx):
    """The metadata that a context carries, as a dict, or None."""
    if ctx is None:
        return None
    found = ctx if isinstance(ctx, Mapping) else getattr(ctx, "metadata", None)
    return dict(found) if isinstance(found, Mapping) else None
