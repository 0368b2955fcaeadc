"""Durations in text: `90s`, `15m`, `12h`, `7d`."""

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*")


def parse_duration(value: object) -> timedelta:
    """Return a duration; a bare number means seconds. Raise `ValueError` for anything else."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(str(value))
    if match is None:
        msg = f"{value!r} is not a duration such as 90s, 15m, 12h or 7d"
        raise ValueError(msg)
    number, unit = match.groups()
    try:
        return timedelta(**{_UNITS[unit or "s"]: float(number)})
    except OverflowError as error:
        msg = f"{value!r} is too long"
        raise ValueError(msg) from error


def spell_duration(length: timedelta) -> str:
    """Return a duration in the largest unit that divides it."""
    seconds = round(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
