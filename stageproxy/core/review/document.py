"""The review as a JSON document, and back."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum


def as_document(value: object) -> object:
    """Return a value of a review as JSON: hyphens in the names of fields, times as ISO 8601."""
    if is_dataclass(value):
        named = {one.name.replace("_", "-"): getattr(value, one.name) for one in fields(value)}
        return {name: as_document(part) for name, part in named.items()}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [as_document(part) for part in value]
    return value


def with_field_names(document: object) -> object:
    """Return a JSON document with the names that the fields have in Python, for validation."""
    if isinstance(document, Mapping):
        return {
            str(name).replace("-", "_"): with_field_names(part) for name, part in document.items()
        }
    if isinstance(document, list):
        return [with_field_names(part) for part in document]
    return document
