"""Logging of a plugin: one line per record on stderr, with an sd-daemon level.

    <6>request finished request_id=r1 duration_ms=12

The daemon adds the plugin's name. Fields given with ``extra=`` follow the
message as ``key=value``; line breaks are escaped, so a record is always one
line. Level: ``LOG_LEVEL`` in the manifest's env (debug, info, warning, error);
tracebacks of failed events are logged at debug.
"""

import json
import logging
import os
import re
import sys
import threading

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_PLAIN = re.compile(r"[^\s\"=\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_NAMES = {"\n": "\\n", "\r": "\\r"}
LINE_MAX = 16384


def _escape(match):
    char = match[0]
    return _NAMES.get(char) or f"\\u{ord(char):04x}"


def _value(value):
    text = value if isinstance(value, str) else str(value)
    if _PLAIN.fullmatch(text):
        return text
    return _BREAKS.sub(_escape, json.dumps(text, ensure_ascii=False))


def _prefix(level):
    if level >= logging.CRITICAL:
        return "<2>"
    if level >= logging.ERROR:
        return "<3>"
    if level >= logging.WARNING:
        return "<4>"
    if level >= logging.INFO:
        return "<6>"
    return "<7>"


class LineFormatter(logging.Formatter):
    """A record as one line, its extra fields behind the message."""

    def format(self, record):
        parts = [record.getMessage()]
        for key, value in record.__dict__.items():
            if key not in _STANDARD:
                parts.append(f"{key}={_value(value)}")
        text = " ".join(parts)
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        if record.stack_info:
            text = f"{text}\n{record.stack_info}"
        text = _BREAKS.sub(_escape, text)
        if len(text) > LINE_MAX:
            text = text[: LINE_MAX - 1] + "…"
        return _prefix(record.levelno) + text


class StderrHandler(logging.Handler):
    """Writes each record to fd 2 in one write; a stderr that is gone costs the record only."""

    def emit(self, record):
        try:
            data = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
        except Exception as error:
            data = f"<4>a log record of {record.name} cannot be shown: {type(error).__name__}\n".encode()
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(2, view):]
        except OSError:
            pass


def _log_thread_crash(args):
    if args.exc_type is not SystemExit:
        name = args.thread.name if args.thread else "?"
        logging.getLogger("hookcast").error(
            "thread %s ended by an exception", name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback)
        )


def _log_crash(kind, value, trace):
    logging.getLogger("hookcast").critical("ended by an exception", exc_info=(kind, value, trace))


def install():
    """Make the root logger write to stderr as above. Call once, before plugin code is imported."""
    wanted = os.environ.get("LOG_LEVEL", "info").strip().upper()
    level = logging.getLevelName(wanted)
    root = logging.getLogger()
    handler = StderrHandler()
    handler.setFormatter(LineFormatter())
    root.handlers[:] = [handler]
    root.setLevel(level if isinstance(level, int) else logging.INFO)
    if not isinstance(level, int):
        logging.getLogger("hookcast").warning("LOG_LEVEL=%s is not a level; using info", wanted)
    logging.captureWarnings(True)
    threading.excepthook = _log_thread_crash
    sys.excepthook = _log_crash
