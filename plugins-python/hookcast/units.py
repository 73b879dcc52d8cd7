"""Sizes and durations as hookcast's files spell them: 16MiB, 250ms, 10min."""

import re

_SIZES = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([A-Za-z]*)")


def _split(value, units, what):
    match = _AMOUNT.fullmatch(value)
    if match is None or match[2] not in units:
        names = ", ".join(u for u in units if u)
        raise ValueError(f"{value!r} is not a {what} (a number and one of {names})")
    return float(match[1]), units[match[2]]


def size(value):
    """Bytes in `value`, an int or a string such as "10MiB". ValueError if it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number, unit = _split(str(value), _SIZES, "size")
    return int(number * unit)


def seconds(value):
    """Seconds in `value`, a number or a string such as "500ms". ValueError if it is neither."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    number, unit = _split(str(value), _SECONDS, "duration")
    return number * unit
