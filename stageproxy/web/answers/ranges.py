"""The part of a file that a request asks for (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

from aiohttp import hdrs, web

_LIST = re.compile(r"\s*bytes\s*=(.*)", re.IGNORECASE | re.DOTALL)
_SPEC = re.compile(r"(\d*)-(\d*)", re.ASCII)
_MOST_DIGITS = 20
"""No file is longer than numbers of this length."""


class UnsatisfiableRangeError(Exception):
    """No byte of the file is in the range."""


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes of a file from *first* to *last*, which is included."""

    first: int
    last: int


def requested_part(request: web.Request, etag: str, size: int) -> Part | None:
    """Return the part of a file of *size* bytes to send, or `None` for the whole file.

    Raise `UnsatisfiableRangeError` if there is nothing to send. Ranges are for GET only. They count
    while the file still has the client's ETag (section 13.1.5); it never has a date.
    """
    if request.method != hdrs.METH_GET or request.headers.get(hdrs.IF_RANGE, etag) != etag:
        return None
    return find_part(", ".join(request.headers.getall(hdrs.RANGE, [])), size)


def find_part(header: str, size: int) -> Part | None:
    """Return the part of a file that a Range header selects, or `None` for the whole file.

    Other units, several ranges and invalid ones are ignored, as section 14.2 permits.
    """
    found = _LIST.fullmatch(header)
    specs = [one.strip() for one in found[1].split(",") if one.strip()] if found else []
    spec = _SPEC.fullmatch(specs[0]) if len(specs) == 1 else None
    if spec is None or not any(spec.groups()):
        return None
    first, last = (_number(digits) for digits in spec.groups())
    if first is None:
        first, last = max(size - (last or 0), 0), None
    elif last is not None and last < first:
        return None
    if first >= size:
        raise UnsatisfiableRangeError
    return Part(first, size - 1 if last is None else min(last, size - 1))


def _number(digits: str) -> int | None:
    """Return a number; one that is too long is replaced by a large one."""
    return int(digits.lstrip("0")[:_MOST_DIGITS] or 0) if digits else None
