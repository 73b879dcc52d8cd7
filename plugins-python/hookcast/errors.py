"""Errors a plugin may raise, and how any exception reads on the wire."""

MESSAGE_MAX = 2000
TRACEBACK_MAX = 8000


class PluginError(Exception):
    """Raised by a plugin to say, in its own words, why something cannot work.

    Its message is shown as it is; any other exception is shown with its type
    in front. From ``setup`` it makes the plugin ``unavailable`` with that
    reason, from a hook it makes that one event a failed event.
    """


def clean(text, limit):
    """`text` as every JSON reader takes it: no lone surrogate, no NUL, bounded."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "replace").decode("utf-8")


def message_of(error):
    """One line of text for `error`; never raises, whatever its __str__ does."""
    try:
        text = str(error)
    except BaseException:
        text = "(its message cannot be shown)"
    if not isinstance(error, PluginError):
        name = type(error).__name__
        text = f"{name}: {text}" if text else name
    return clean(text, MESSAGE_MAX)


def traceback_of(error):
    """The traceback of `error` as text, newest frames kept."""
    import traceback

    try:
        text = "".join(traceback.format_exception(error))
    except BaseException:
        return ""
    return clean(text[-TRACEBACK_MAX:], TRACEBACK_MAX)
