"""hookcast for Python: publish events, and write plugins that hear them.

Publishing::

    from hookcast import Registry, BroadcastNotifyDispatcher

    notifier = BroadcastNotifyDispatcher(Registry())
    notifier.dispatch("lifecycle_listener", "on_request_started", ctx,
                      request_id="r1", path="/", actor="u1")

A plugin is an ordinary class with one method per hook, hosted by
``python3 -m hookcast.plugin MODULE:CLASS`` (see ``hookcast/plugin.py``).

The standard library is all this package needs. Names are imported on first
use, so that a plugin does not pay for the publisher nor the other way round.
"""

__version__ = "0.1.0"

__all__ = ["BroadcastNotifyDispatcher", "PluginError", "Registry", "__version__", "provide"]

_HOME = {
    "BroadcastNotifyDispatcher": "dispatcher",
    "PluginError": "errors",
    "Registry": "registry",
    "provide": "resources",
}


def __getattr__(name):
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module("." + module, __name__), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)
