"""The host of one plugin: takes lines, calls methods, answers.

It knows nothing of file descriptors or event loops (see pump.py): `handle`
takes one line and returns None, or an awaitable when a method is `async` and
has not finished yet. The pump awaits that before it hands over the next line,
so events are handled one at a time, in order.

Nothing a plugin does ends the host: an exception from a hook becomes
`notifications/hooks/failed`, one from `setup` the error answer that makes the
plugin `unavailable`. A plugin that cannot even be loaded is hosted too: its
`hooks/setup` answers why.
"""

import logging
import os

from . import handlers, protocol, stdio
from .context import EventContext, PluginContext
from .errors import PluginError, message_of, traceback_of
from .protocol import RpcError
from .resources import Resources

_log = logging.getLogger("hookcast.host")
_ASYNC_HIDDEN = "returned an awaitable but is not seen as `async def` (does a decorator lack functools.wraps?)"


class Host:
    """Hosts what `load()` returns; answers go to `send(message)`.

    `is_async` says which pump it needs. `ready` is True between a successful
    setup and teardown.
    """

    def __init__(self, load, send):
        self._send = send
        self._name = os.environ.get("HOOKCAST_PLUGIN", "plugin")
        self._legacy = False
        self._kind_hooks = []
        self._handlers = {}
        self._dropped = self._flush = None
        self._ctx = None
        self._last_event = None  # since the last flush
        self.ready = False
        self._plugin, self._broken = self._load(load)
        self.is_async = self._plugin is not None and handlers.is_async(self._plugin)
        self._requests = {
            "server/discover": self._on_discover,
            "initialize": self._on_initialize,
            "ping": self._on_ping,
            "hooks/setup": self._on_setup,
            "hooks/health": self._on_health,
            "hooks/teardown": self._on_teardown,
        }

    def _load(self, load):
        """(plugin, None) or (None, why not)."""
        try:
            plugin = load()
            handlers.hook_handlers(plugin, [])
            return plugin, None
        except BaseException as error:
            _log.debug("%s", traceback_of(error))
            return None, message_of(error)

    # --- lines in ---

    def handle(self, line):
        """Do what one line asks. Returns None, or an awaitable that must be awaited before the next line."""
        try:
            message = stdio.decode(line)
        except ValueError as error:
            _log.warning("a line from the daemon is not JSON: %s", error)
            self._refuse(None, RpcError(protocol.PARSE_ERROR, "not JSON"))
            return None
        if type(message) is not dict:
            self._refuse(None, RpcError(protocol.INVALID_REQUEST, "not a request object"))
            return None
        method = message.get("method")
        params = message.get("params")
        if "id" in message:
            if type(method) is not str:
                return None  # an answer; the host asks nothing
            flushing = self.batch_end()  # the events before a request are done with when it is answered
            if flushing is not None:
                return self._request_after(flushing, message["id"], method, params)
            return self._request(message["id"], method, params)
        handler = self._handlers.get(method) if type(method) is str else None
        if handler is not None:
            return self._event(handler, params if type(params) is dict else {})
        if method == "notifications/hooks/dropped":
            return self._dropped_notice(params if type(params) is dict else {})
        return None

    def _request(self, request_id, method, params):
        answer = self._requests.get(method)
        try:
            if answer is None:
                raise RpcError(protocol.METHOD_NOT_FOUND, f"method {protocol_name(method)} is not known")
            if params is not None and type(params) is not dict:
                raise RpcError(protocol.INVALID_PARAMS, "params must be an object")
            if not self._legacy and method not in ("initialize", "ping"):
                protocol.check_modern(params)
            return answer(request_id, params or {})
        except RpcError as error:
            self._refuse(request_id, error)
            return None

    async def _request_after(self, flushing, request_id, method, params):
        await flushing
        pending = self._request(request_id, method, params)
        if pending is not None:
            await pending

    def _answer(self, request_id, result):
        self._send({"jsonrpc": "2.0", "id": request_id, "result": result})

    def _complete(self, request_id, **fields):
        self._answer(request_id, protocol.modern_result(self._info(), **fields))

    def _refuse(self, request_id, error):
        self._send({"jsonrpc": "2.0", "id": request_id, "error": error.body()})

    def _info(self):
        return protocol.server_info(self._name)

    # --- handshake ---

    def _advertise(self, settings):
        """Learn the kind's hooks and return the ones that the plugin has methods for."""
        names = protocol.hook_names(settings)
        if names is not None:
            self._kind_hooks = names
        if self._plugin is None:
            return None
        return [name for name in handlers.public_methods(self._plugin) if handlers.is_hook_name(name, self._kind_hooks)]

    def _on_discover(self, request_id, params):
        hooks = self._advertise(protocol.client_settings(params, legacy=False))
        self._answer(request_id, protocol.discover_result(self._info(), hooks))

    def _on_initialize(self, request_id, params):
        self._legacy = True
        hooks = self._advertise(protocol.client_settings(params, legacy=True))
        self._answer(request_id, protocol.initialize_result(self._info(), params.get("protocolVersion"), hooks))

    def _on_ping(self, request_id, params):
        if not self._legacy:
            raise RpcError(protocol.METHOD_NOT_FOUND, f"ping is not part of {protocol.MODERN[0]}")
        self._answer(request_id, {})

    # --- setup, health, teardown ---

    def start(self, done, failed):
        """Set the plugin up without a handshake, from the environment (protocol: jsonrpc)."""
        self._kind_hooks = None
        params = {
            "plugin": os.environ.get("HOOKCAST_PLUGIN", self._name),
            "kind": os.environ.get("HOOKCAST_KIND"),
            "run": os.environ.get("HOOKCAST_RUN"),
        }
        return self._setup(params, done, failed)

    def _on_setup(self, request_id, params):
        if self.ready:
            raise RpcError(protocol.INVALID_REQUEST, "the plugin is already set up")

        def failed(error):
            self._refuse(request_id, RpcError(protocol.SETUP_FAILED, message_of(error)))

        return self._setup(params, lambda: self._complete(request_id), failed)

    def _setup(self, params, done, failed):
        try:
            self._bind(params)
        except BaseException as error:
            failed(error)
            return None

        def succeeded(_):
            self.ready = True
            done()

        def not_ready(error):
            _log.debug("%s", traceback_of(error))
            self._ctx.resources.close()
            failed(error)

        setup = getattr(self._plugin, "setup", None)
        return self._run(lambda: setup(self._ctx) if setup else None, succeeded, not_ready)

    def _bind(self, params):
        if self._plugin is None:
            raise PluginError(self._broken)
        hooks = protocol.hook_names(params)
        if hooks is not None and self._kind_hooks is not None:
            self._kind_hooks = sorted({*self._kind_hooks, *hooks})
        self._handlers = handlers.hook_handlers(self._plugin, self._kind_hooks)
        self._dropped = handlers.notice(self._plugin, "on_dropped", self._kind_hooks)
        self._flush = handlers.notice(self._plugin, "flush", self._kind_hooks)
        if isinstance(params.get("plugin"), str):
            self._name = params["plugin"]
        resources = Resources()
        config = params.get("config")
        self._ctx = PluginContext(
            plugin=self._name,
            kind=params.get("kind"),
            hooks=hooks if hooks is not None else sorted(self._handlers),
            config=config if isinstance(config, dict) else {},
            run=params.get("run"),
            logger=logging.getLogger("plugin." + self._name),
            resources=resources,
        )
        resources.attach(self._ctx)

    def _on_health(self, request_id, params):
        health = getattr(self._plugin, "health", None)

        def done(verdict):
            self._complete(request_id, **health_fields(verdict))

        def failed(error):
            self._complete(request_id, status="degraded", detail=message_of(error))

        if not self.ready:
            self._complete(request_id, status="degraded", detail="not set up")
            return None
        return self._run(lambda: health(self._ctx) if health else None, done, failed)

    def _on_teardown(self, request_id, params):
        return self.finish(lambda released: self._complete(request_id, released=released))

    def finish(self, done=lambda released: None):
        """Tear the plugin down if it is set up; `done(released)`. A second call tears nothing down."""
        if not self.ready:
            done(True)
            return None
        self.ready = False
        teardown = getattr(self._plugin, "teardown", None)

        def succeeded(result):
            self._ctx.resources.close()
            done(result is not False)

        def failed(error):
            _log.error("teardown failed: %s", message_of(error))
            _log.debug("%s", traceback_of(error))
            self._ctx.resources.close()
            done(False)

        return self._run(lambda: teardown(self._ctx) if teardown else None, succeeded, failed)

    # --- events ---

    def _event(self, handler, params):
        meta = params.pop("_meta", None)
        ctx = EventContext(self._ctx, handler.name, meta if type(meta) is dict else {})
        if not self.ready:
            self._event_failed(ctx, RuntimeError("the plugin is not set up"))
            return None
        self._last_event = ctx
        try:
            result = handler(ctx, params)
        except BaseException as error:
            self._event_failed(ctx, error)
            return None
        if result is None or not hasattr(result, "__await__"):
            return None
        return self._await(result, handler.name, lambda _: None, lambda error: self._event_failed(ctx, error))

    def _event_failed(self, ctx, error):
        """Tell the daemon, which logs and counts it; the traceback only at debug."""
        described = message_of(error)
        if isinstance(error, handlers.MissingKey):
            described = str(error)
        params = {"hook": ctx.hook, "error": {"message": described, "type": type(error).__name__}}
        if ctx.seq is not None:
            params["seq"] = ctx.seq
        self._send({"jsonrpc": "2.0", "method": "notifications/hooks/failed", "params": params})
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s", traceback_of(error), extra={"hook": ctx.hook, "seq": ctx.seq})

    def _dropped_notice(self, params):
        count, first, last = (params.get(key) for key in ("count", "first_seq", "last_seq"))
        if not self.ready:
            return None
        if self._dropped is None:
            _log.warning("events were dropped", extra={"count": count, "first_seq": first, "last_seq": last})
            return None
        given = {"count": count, "first_seq": first, "last_seq": last}
        return self._run(
            lambda: self._dropped(self._ctx, given),
            lambda _: None,
            lambda error: _log.error("on_dropped failed: %s", message_of(error)),
        )

    def batch_end(self):
        """Call `flush` if events were handled since; a failure is told for the newest of them."""
        ctx, self._last_event = self._last_event, None
        if ctx is None or self._flush is None or not self.ready:
            return None
        return self._run(
            lambda: self._flush(self._ctx, {}), lambda _: None, lambda error: self._event_failed(ctx, error)
        )

    # --- sync and async alike ---

    def _run(self, call, done, failed):
        """Call; then `done(result)` or `failed(error)`, at once or when what is returned was awaited."""
        try:
            result = call()
        except BaseException as error:
            failed(error)
            return None
        if not hasattr(result, "__await__"):
            done(result)
            return None
        return self._await(result, "a method", done, failed)

    def _await(self, awaitable, name, done, failed):
        if self.is_async:
            return self._finish_later(awaitable, done, failed)
        if hasattr(awaitable, "close"):
            awaitable.close()
        failed(TypeError(f"{name} {_ASYNC_HIDDEN}"))
        return None

    @staticmethod
    async def _finish_later(awaitable, done, failed):
        try:
            result = await awaitable
        except BaseException as error:  # also CancelledError: the pump's way to end what does not end
            failed(error)
        else:
            done(result)


def protocol_name(method):
    """A method name short enough to repeat to its sender."""
    return repr(method if len(method) <= 64 else method[:63] + "…")


def health_fields(verdict):
    """What a `health` method may return: None or True, False, a reason, or {"status", "detail"}."""
    if isinstance(verdict, dict):
        status = "degraded" if verdict.get("status") == "degraded" else "ok"
        detail = verdict.get("detail")
        return {"status": status} if detail is None else {"status": status, "detail": str(detail)}
    if isinstance(verdict, str) and verdict:
        return {"status": "degraded", "detail": verdict}
    return {"status": "degraded" if verdict is False else "ok"}
