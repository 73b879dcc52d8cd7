"""`ctx.resources`: things a plugin uses and need not build itself.

    self._counters = ctx.resources.metrics_counter            # attribute form
    self._counters = await ctx.resources.get("metrics_counter")

A resource is made by its factory when first asked for, once per plugin
process, and closed (if it has `close`) after the plugin's teardown. Modules
add their own with `provide(name, factory)`; the factory gets the plugin's
context. `metrics_counter` is built in (see counters.py).
"""

import threading


def _metrics_counter(ctx):
    from .counters import MetricsCounter

    return MetricsCounter(logger=ctx.logger)


_factories = {"metrics_counter": _metrics_counter}


def provide(name, factory):
    """Offer a resource under `name` to the plugins of this process; the last one given wins."""
    if not name.isidentifier() or name.startswith("_"):
        raise ValueError(f"{name!r} cannot be the name of a resource")
    if not callable(factory):
        raise TypeError("the factory of a resource must be callable")
    _factories[name] = factory


class Resources:
    """The resources of one plugin. Thread-safe; after `close` it makes no new ones."""

    def __init__(self):
        self._lock = threading.RLock()
        self._made = {}
        self._ctx = None
        self._closed = False

    def attach(self, ctx):
        """Say whose resources these are (the context handed to the factories)."""
        self._ctx = ctx

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        with self._lock:
            if name in self._made:
                return self._made[name]
            factory = _factories.get(name)
            if factory is None:
                known = ", ".join(sorted(_factories))
                raise AttributeError(f"there is no resource {name!r} (there is: {known})")
            if self._closed:
                raise RuntimeError(f"resource {name!r} was asked for after teardown")
            made = self._made[name] = factory(self._ctx)
            return made

    async def get(self, name):
        """The same as the attribute of that name."""
        return getattr(self, name)

    def close(self):
        """Close what was made, newest first. A failing close is logged and stops nobody."""
        with self._lock:
            self._closed = True
            made = list(self._made.items())
            self._made.clear()
        for name, resource in reversed(made):
            close = getattr(resource, "close", None)
            if not callable(close):
                continue
            try:
                close()
            except Exception as error:
                self._ctx.logger.warning("resource %s was not closed cleanly: %s", name, error)
