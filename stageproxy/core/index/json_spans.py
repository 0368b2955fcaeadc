"""Positions of the values of a JSON document in its text, for edits in place.

A document that is parsed and written again loses its formatting and the
spelling of its numbers.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from json.decoder import scanstring  # type: ignore[attr-defined] # undocumented, but fast
from typing import Any, NoReturn

_WHITE = " \t\n\r"
_CONTAINERS = frozenset({dict, list})
_TOO_DEEP = "it is nested too deeply"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

DEEPEST = 64
"""The maximum depth of a document. Those of PyPI have five levels."""


@dataclass(frozen=True, slots=True)
class Span:
    """A value and its position in the text."""

    value: Any
    start: int
    end: int


def members(text: str) -> dict[str, Span]:
    """Return the members of the object in *text*, each with its position.

    Raise `ValueError` for anything but one object with distinct keys. NaN, infinite
    numbers and lone surrogates are refused, as they cannot be written as JSON again.
    """
    found: dict[str, Span] = {}
    position = _expect("{", text, _skip(text, 0))
    while text[position : position + 1] != "}":
        if found:
            position = _skip(text, _expect(",", text, position))
        key, position = _key(text, position)
        if key in found:
            msg = f"the key {key!r} is repeated"
            raise ValueError(msg)
        span = _value(text, position)
        _check_depth(span.value)
        found[key] = span
        position = _skip(text, span.end)
    if text[position + 1 :].strip(_WHITE):
        msg = "the document is followed by other data"
        raise ValueError(msg)
    if _SURROGATE.search(text):
        _check_characters({key: span.value for key, span in found.items()})
    return found


def elements(text: str, array: Span) -> list[Span]:
    """Return the elements of an *array* in the text, each with its position."""
    return list(_elements(text, array))


class Places:
    """Where the elements of an *array* are in the text: found from its start, as far as needed.

    Pages have thousands of files, and new ones usually follow the last.
    """

    def __init__(self, text: str, array: Span) -> None:
        self._text = text
        self._array = array
        self._found: list[Span] = []
        self._others = _elements(text, array)

    def __len__(self) -> int:
        return len(self._array.value)

    @property
    def end(self) -> int:
        """The position after the last element, or after the opening bracket."""
        end = self._array.end - len("]")
        while self._text[end - 1] in _WHITE:
            end -= 1
        return end

    def __getitem__(self, number: int) -> Span:
        while len(self._found) <= number:
            self._found.append(next(self._others))
        return self._found[number]


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
        raise ValueError(_TOO_DEEP) from error
    return Span(value, position, end)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object with distinct keys. Of repeated keys, readers differ in which they use."""
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a key is repeated"
        raise ValueError(msg)
    return found


def _check_depth(value: object) -> None:
    """Raise `ValueError` for a value that makes the document too deep."""
    level = [value]
    for _ in range(DEEPEST - 1):
        dicts = [one.values() for one in level if type(one) is dict]
        lists = [one for one in level if type(one) is list]
        inside = chain.from_iterable(chain(dicts, lists))
        level = [one for one in inside if type(one) in _CONTAINERS]
        if not level:
            return
    raise ValueError(_TOO_DEEP)


def _check_characters(value: object) -> None:
    """Raise `ValueError` for a lone surrogate, which cannot be encoded."""
    json.dumps(value, ensure_ascii=False).encode()


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


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        msg = f"{text[:80]} is out of range"
        raise ValueError(msg)
    return number


_DECODER = json.JSONDecoder(
    parse_float=_finite, parse_constant=_refuse_constant, object_pairs_hook=_object
)
