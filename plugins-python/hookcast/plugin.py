"""Host a plugin class:  python3 -m hookcast.plugin [--protocol mcp|jsonrpc] MODULE:CLASS

In a manifest::

    command: [/usr/bin/python3, -m, hookcast.plugin, "metrics_exporter:MetricsExporter"]
    env: {PYTHONPATH: ..}          # the directory that holds the package hookcast

The class may have, all of them plain or `async`:

    setup(ctx)                     once, before the first event; an exception makes the plugin unavailable
    <hook>(ctx, key=…, **rest)     one per hook, the payload's keys as keyword arguments
    on_dropped(ctx, count, first_seq, last_seq)   events were lost here (default: a warning in the log)
    flush(ctx)                     after each batch of events that was read at once
    health(ctx)                    None or True: fine; False or a reason: degraded
    teardown(ctx)                  once, at the end

`ctx` offers logger, config, resources, metadata, kind, plugin, run, and in
hooks hook, seq, time, time_ns, uid, pid, traceparent, tracestate, baggage.
With `--protocol jsonrpc` there is no handshake: setup runs at once, with an
empty config, and a failure ends the process with status 1.
"""

import sys

from . import stdio

EXIT_USAGE = 64


def parse(argv):
    """(protocol, module, class) from the command line. Raises ValueError saying what is wrong."""
    wire = "mcp"
    words = list(argv)
    while words and words[0].startswith("-"):
        option, _, value = words.pop(0).partition("=")
        if option != "--protocol":
            raise ValueError(f"unknown option {option}")
        if not value and words:
            value = words.pop(0)
        if value not in ("mcp", "jsonrpc"):
            raise ValueError("--protocol is mcp or jsonrpc")
        wire = value
    if len(words) != 1:
        raise ValueError("one MODULE:CLASS is needed")
    module, colon, name = words[0].partition(":")
    if not colon or not module or not name:
        raise ValueError(f"{words[0]!r} is not MODULE:CLASS")
    return wire, module, name


def load(module, name):
    """Import the module and make the plugin; raises PluginError with the reason in words."""
    from importlib import import_module

    from .errors import PluginError, message_of

    try:
        found = import_module(module)
    except BaseException as error:
        raise PluginError(f"cannot import {module}: {message_of(error)}") from error
    try:
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError:
        raise PluginError(f"module {module} has no {name}") from None
    try:
        return found()
    except BaseException as error:
        raise PluginError(f"cannot make a {name}: {message_of(error)}") from error


def main(argv):
    if argv in (["--help"], ["-h"]):
        print(__doc__.strip())
        return 0
    if argv == ["--version"]:
        from . import __version__

        print(__version__)
        return 0
    try:
        protocol, module, name = parse(argv)
    except ValueError as error:
        print(f"hookcast.plugin: {error}", file=sys.stderr)
        print(__doc__.splitlines()[0].replace("Host a plugin class:  ", "usage: "), file=sys.stderr)
        return EXIT_USAGE

    wire = stdio.take()
    from . import logs

    logs.install()
    from . import host, pump

    hosted = host.Host(lambda: load(module, name), wire.send)
    status = 0
    begin = None
    if protocol == "jsonrpc":

        def failed(error):
            nonlocal status
            status = 1
            import logging

            from .errors import message_of

            logging.getLogger("hookcast.host").error("setup failed: %s", message_of(error))

        def begin():
            pending = hosted.start(lambda: None, failed)
            if pending is None:
                return hosted.ready
            return _then_ready(pending)

        async def _then_ready(pending):
            await pending
            return hosted.ready

    pump.run(hosted, wire, begin)
    wire.close()
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
