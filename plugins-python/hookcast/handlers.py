"""Binding a class's methods to hooks: what it hears, and what each method takes.

A method gets `ctx` first and the payload's keys as keyword arguments, only
those it has parameters for (all of them if it takes **kwargs). A required
parameter that the payload lacks is an error that names both sides.
"""

import inspect

LIFECYCLE = frozenset({"setup", "teardown", "health"})
NOTICES = frozenset({"on_dropped", "flush"})  # hooks only where the kind itself has hooks of these names
_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class BindError(TypeError):
    """A method that cannot be a hook method at all; found before the first event."""


class MissingKey(Exception):
    """The payload lacks what the method requires."""

    def __str__(self):
        return self.args[0]


class Handler:
    """One method and how to call it with a payload. Immutable."""

    __slots__ = ("name", "method", "_accepted", "_required", "_taken", "_takes_all")

    def __init__(self, name, method):
        self.name = name
        self.method = method
        parameters = list(_signature(name, method).parameters.values())
        kinds = inspect.Parameter
        if not parameters or parameters[0].kind in (kinds.KEYWORD_ONLY, kinds.VAR_KEYWORD):
            raise BindError(f"{name}() must take ctx as its first argument")
        rest = parameters if parameters[0].kind is kinds.VAR_POSITIONAL else parameters[1:]
        for parameter in rest:
            if parameter.kind is kinds.POSITIONAL_ONLY:
                raise BindError(f"{name}(): {parameter.name!r} is positional-only, but payload keys come as keywords")
        named = [p for p in rest if p.kind in _KEYWORD]
        self._accepted = frozenset(p.name for p in named)
        self._required = tuple(p.name for p in named if p.default is p.empty)
        self._takes_all = any(p.kind is kinds.VAR_KEYWORD for p in rest)
        self._taken = _positional_names(method, parameters[0])

    def __call__(self, ctx, payload):
        """Call the method; may return an awaitable. `payload` is consumed."""
        for name in self._required:
            if name not in payload:
                raise MissingKey(self._missing(payload))
        if self._takes_all:
            for name in self._taken:
                payload.pop(name, None)  # called like `self` or `ctx`: Python cannot pass it
        else:
            accepted = self._accepted
            payload = {key: value for key, value in payload.items() if key in accepted}
        return self.method(ctx, **payload)

    def _missing(self, payload):
        missing = ", ".join(repr(name) for name in self._required if name not in payload)
        has = ", ".join(sorted(payload)[:16]) or "nothing"
        return f"{self.name}() requires {missing}, which the payload lacks (it has: {has})"


def _positional_names(method, first):
    """The names of the parameters that are filled already: `self` and `ctx`, whatever they are called."""
    names = [first.name] if first.kind is first.POSITIONAL_OR_KEYWORD else []
    code = getattr(getattr(method, "__func__", None), "__code__", None)
    if code is not None and code.co_argcount > code.co_posonlyargcount == 0:
        names.append(code.co_varnames[0])
    return tuple(names)


def _signature(name, method):
    try:
        return inspect.signature(method)
    except (TypeError, ValueError) as error:
        raise BindError(f"{name}() cannot be inspected: {error}") from None


def public_methods(plugin):
    """The names of the plugin's public callables, properties left alone."""
    kind = type(plugin)
    names = {name for name in dir(kind) if callable(getattr(kind, name, None))}
    names |= {name for name, value in getattr(plugin, "__dict__", {}).items() if callable(value)}
    return sorted(name for name in names if not name.startswith("_"))


def is_hook_name(name, kind_hooks):
    """Whether a method of this name is meant to be a hook of a kind that has `kind_hooks`.

    A name that only looks like one (`on_request_strated`) counts, so that the
    daemon can say which hook it was meant to be. `kind_hooks` None: any name may be.
    """
    if name in LIFECYCLE:
        return False
    if name in NOTICES:
        return kind_hooks is not None and name in kind_hooks
    return name.startswith("on_") or kind_hooks is None or name in kind_hooks


def hook_handlers(plugin, kind_hooks):
    """{hook: Handler} for the plugin's hook methods. Raises BindError for one that cannot be called."""
    return {
        name: Handler(name, getattr(plugin, name))
        for name in public_methods(plugin)
        if is_hook_name(name, kind_hooks)
    }


def notice(plugin, name, kind_hooks):
    """The Handler of `on_dropped` or the method `flush`; None when absent or a hook of the kind."""
    if is_hook_name(name, kind_hooks) or not callable(getattr(type(plugin), name, None)):
        return None
    return Handler(name, getattr(plugin, name))


def is_async(plugin):
    """Whether any public method is a coroutine function, so that an event loop is needed."""
    return any(
        inspect.iscoroutinefunction(inspect.unwrap(getattr(plugin, name))) for name in public_methods(plugin)
    )
