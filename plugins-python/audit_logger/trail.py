"""The audit trail: events as JSON lines in an AppendFile."""

import json
import math
from datetime import datetime, timezone

from hookcast.appendfile import AppendFile
from hookcast.units import size

_readable = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_escaped = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def encode(record):
    """One line for `record`, always valid JSON in UTF-8, whatever a payload may hold."""
    try:
        text = _readable(record)
    except ValueError:
        text = _readable(_finite(record))
    try:
        return text.encode("utf-8") + b"\n"
    except UnicodeEncodeError:  # a lone surrogate: legal as an escape only
        return _escaped(_finite(record)).encode("ascii") + b"\n"


def _finite(value):
    """A number beyond a double (1e400 is legal JSON) arrives as infinity: kept as a string."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


class Trail:
    """Owns the file. Raises OSError for what could not be written."""

    def __init__(self, config, logger):
        self._sync = config.get("fsync", "never") == "batch"
        self._unsynced = 0
        self._file = AppendFile(
            config["file"],
            logger,
            rotate_size=size(config.get("rotate_size", 0)),
            keep=config.get("keep", 5),
            durable=self._sync,
        )

    def record(self, event, ctx, payload):
        """Append one event."""
        record = {"time": ctx.time, "event": event, "hook": ctx.hook, "run": ctx.run, "seq": ctx.seq}
        for key in ("uid", "pid"):
            value = getattr(ctx, key)
            if value is not None:
                record[key] = value
        if ctx.metadata:
            record["metadata"] = ctx.metadata
        record["payload"] = payload
        self._append(record)

    def record_loss(self, count, first_seq, last_seq):
        """Append that events were dropped here."""
        now = datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
        self._append(
            {"time": now, "event": "events dropped", "count": count, "first_seq": first_seq, "last_seq": last_seq}
        )

    def _append(self, record):
        self._file.append(encode(record))
        self._unsynced += 1

    def flush(self):
        """With fsync: batch, force the batch to disk."""
        if not self._sync:
            return
        count, self._unsynced = self._unsynced, 0
        try:
            self._file.sync()
        except OSError as error:
            raise OSError(
                error.errno, f"{error.strerror} (the last {count} records may not be on the disk)", self._file.path
            ) from error

    def close(self):
        """Sync if so configured, and close the file whatever that says."""
        try:
            self.flush()
        finally:
            self._file.close()
