"""Counters with labels, kept in this process: the resource `metrics_counter`.

    counters.inc("requests_started_total", labels={"path": "/"})

Label values come from events, hence from strangers, so their number is
bounded: past `max_label_sets` different sets of one counter every further set
is counted under the value "other", which is logged once per counter. The sum
over all label sets therefore stays right.
"""

import logging
import math
import re
import threading

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
OVERFLOW = "other"


def family_of(name):
    """A counter's name without the `_total` that its samples carry."""
    return name[: -len("_total")] if name.endswith("_total") and name != "_total" else name


class MetricsCounter:
    """A set of counters. Thread-safe. A value never goes down while the process lives."""

    def __init__(self, max_label_sets=10_000, max_label_length=256, logger=None):
        self._lock = threading.Lock()
        self._families = {}  # family -> {label key: value}
        self._full = set()
        self._version = 0
        self._logger = logger or logging.getLogger("hookcast.counters")
        self.limit(max_label_sets, max_label_length)

    def limit(self, max_label_sets, max_label_length=256):
        """Set the bounds for label sets made from now on."""
        if max_label_sets < 1 or max_label_length < 1:
            raise ValueError("the bounds of a counter must be at least 1")
        self._max_label_sets = max_label_sets
        self._max_label_length = max_label_length

    @property
    def version(self):
        """Changes whenever a value does."""
        return self._version

    def inc(self, name, labels=None, by=1):
        """Add `by` to the counter `name` with these labels. ValueError for a bad name or amount."""
        if not 0 <= by < math.inf:
            raise ValueError(f"counter {name}: cannot be increased by {by!r}")
        key = self._key(labels) if labels else ()
        with self._lock:
            series = self._families.get(name)
            if series is None:
                series = self._family(name)
            old = series.get(key)
            if old is None:
                key = self._new_key(name, series, key)
                old = series.get(key, 0.0)
            series[key] = old + by
            self._version += 1

    def value(self, name, labels=None):
        """The present value; 0.0 for one that was never increased."""
        key = self._key(labels) if labels else ()
        with self._lock:
            return self._families.get(family_of(name), {}).get(key, 0.0)

    def snapshot(self):
        """A copy of everything: [(family, [(labels, value)…])…], sorted by family."""
        with self._lock:
            families = {family_of(name): dict(series) for name, series in self._families.items()}
        return [(name, [(dict(key), value) for key, value in families[name].items()]) for name in sorted(families)]

    def _key(self, labels):
        longest = self._max_label_length
        pairs = []
        for label, value in labels.items():
            if type(value) is not str:
                value = "" if value is None else str(value)
            if len(value) > longest:
                value = value[:longest]
            if not value.isascii():
                value = value.encode("utf-8", "replace").decode("utf-8")
            pairs.append((label, value))
        pairs.sort()
        return tuple(pairs)

    def _family(self, name):
        """The series of a name seen for the first time; `x` and `x_total` are one counter."""
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a counter")
        family = family_of(name)
        series = self._families.setdefault(family, {})
        self._families[name] = series
        return series

    def _new_key(self, name, series, key):
        for label, _ in key:
            if not _LABEL.fullmatch(label):
                raise ValueError(f"counter {name}: {label!r} cannot be the name of a label")
        if not key or len(series) < self._max_label_sets:
            return key
        family = family_of(name)
        if family not in self._full:
            self._full.add(family)
            self._logger.warning(
                'counter %s has %d label sets: further ones are counted as "%s"', name, len(series), OVERFLOW
            )
        return tuple((label, OVERFLOW) for label, _ in key)
