"""Names, numbers and sizes in sentences."""

from collections.abc import Sequence

_STEP = 1000
_UNITS = ("kB", "MB", "GB")


def first_few(names: Sequence[str], most: int) -> str:
    """Return the first *most* names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def count_text(number: int, one: str, several: str = "") -> str:
    """Return a number with its noun: `1 file`, `2 files`."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def size_text(size: int) -> str:
    """Return a number of bytes in a readable unit: `1.5 kB`."""
    if size < _STEP:
        return f"{size} B"
    amounts = [size / _STEP**power for power in range(1, len(_UNITS) + 1)]
    place = next((at for at, one in enumerate(amounts) if round(one, 1) < _STEP), -1)
    return f"{amounts[place]:,.1f} {_UNITS[place]}"


def without_controls(text: str) -> str:
    """Return a text that cannot steer a terminal: line breaks are the only control characters."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else "?" for one in text)
