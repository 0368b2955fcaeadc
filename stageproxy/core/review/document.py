"""The review as a JSON document, and back."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

_PLAIN = frozenset({str, int, float, bool, type(None)})


def as_document(value: object) -> object:
    """Return a value of a review as JSON: hyphens in the names of fields, times as ISO 8601."""
    if type(value) in _PLAIN:
        return value
    if is_dataclass(value):
        return {name: as_document(getattr(value, field)) for name, field in _names_of(value)}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [as_document(part) for part in value]
    return value


def _names_of(value: object) -> tuple[tuple[str, str], ...]:
    """Return the names of the fields of a dataclass in JSON and in Python."""
    kind: Any = type(value)
    return _names(kind)


@cache
def _names(kind: Any) -> tuple[tuple[str, str], ...]:  # noqa: ANN401 - any dataclass
    return tuple((one.name.replace("_", "-"), one.name) for one in fields(kind))


def with_field_names(document: object) -> object:
    """Return a JSON document with the names that the fields have in Python, for validation."""
    if isinstance(document, Mapping):
        return {
            str(name).replace("-", "_"): with_field_names(part) for name, part in document.items()
        }
    if isinstance(document, list):
        return [with_field_names(part) for part in document]
    return document
