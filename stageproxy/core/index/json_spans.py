"""Here is where the values of a JSON document stand in its text, so that it can be edited there.

A document that is parsed and written again loses its formatting and the
spelling of its numbers. We only insert, at places the scanner tells.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined] # documented nowhere, but C
from typing import Any, NoReturn

_WHITE = " \t\n\r"


@dataclass(frozen=True, slots=True)
class Span:
    """A value, and the part of the text that it takes up."""

    value: Any
    start: int
    end: int


def members(text: str) -> dict[str, Span]:
    """Return the members of the object that *text* is, each with its place.

    Raise `ValueError` for anything but one object with distinct keys; NaN and
    infinities are no JSON, and nesting beyond the interpreter's depth is no page.
    """
    found: dict[str, Span] = {}
    position = _expect("{", text, _skip(text, 0))
    while text[position : position + 1] != "}":
        if found:
            position = _skip(text, _expect(",", text, position))
        key, position = _key(text, position)
        if key in found:
            msg = f"the key {key!r} comes twice"
            raise ValueError(msg)
        span = _value(text, position)
        found[key] = span
        position = _skip(text, span.end)
    if text[position + 1 :].strip(_WHITE):
        msg = "something follows the document"
        raise ValueError(msg)
    return found


def elements(text: str, array: Span) -> list[Span]:
    """Return the elements of an *array* of the text, each with its place."""
    return list(_elements(text, array))


def _elements(text: str, array: Span) -> Iterator[Span]:
    position = _skip(text, array.start + 1)
    while text[position] != "]":
        if text[position] == ",":
            position = _skip(text, position + 1)
        span = _value(text, position)
        yield span
        position = _skip(text, span.end)


def _key(text: str, position: int) -> tuple[str, int]:
    position = _expect('"', text, position)
    key, position = scanstring(text, position, True)  # noqa: FBT003 - takes no keyword
    return key, _skip(text, _expect(":", text, _skip(text, position)))


def _value(text: str, position: int) -> Span:
    try:
        value, end = _DECODER.raw_decode(text, position)
    except RecursionError as error:
        msg = "it is nested too deeply"
        raise ValueError(msg) from error
    return Span(value, position, end)


def _expect(character: str, text: str, position: int) -> int:
    if text[position : position + 1] != character:
        msg = f"{character!r} expected at character {position}"
        raise ValueError(msg)
    return _skip(text, position + 1) if character == "{" else position + 1


def _skip(text: str, position: int) -> int:
    while text[position : position + 1] in _WHITE and position < len(text):
        position += 1
    return position


def _refuse_constant(constant: str) -> NoReturn:
    msg = f"{constant} is not JSON"
    raise ValueError(msg)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
