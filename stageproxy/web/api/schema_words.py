"""Here are the words of which schemas are made: texts, moments, objects, lists."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
NUMBER: Schema = {"type": "integer", "minimum": 0}
URL: Schema = {"type": "string", "format": "uri"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
MOMENT_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}


def ref(name: str) -> Schema:
    """Return what stands for a component where it is used."""
    return {"$ref": f"#/components/schemas/{name}"}


def objects(says: str, always: Schema, sometimes: Schema | None = None) -> Schema:
    """Return an object by its keys. More may come with a later version, so none are forbidden."""
    keys = {**always, **(sometimes or {})}
    return {"type": "object", "description": says, "properties": keys, "required": [*always]}


def by(what: str, each: Schema) -> Schema:
    """Return an object whose keys are *what*, and whose values are each the same."""
    return {"type": "object", "description": f"By {what}.", "additionalProperties": each}


def said(says: str, schema: Schema) -> Schema:
    """Return a schema with what it *says* of itself."""
    return {**schema, "description": says}


def list_of(name: str) -> Schema:
    """Return a list of a component."""
    return {"type": "array", "items": ref(name)}


def hexadecimal(digits: int) -> Schema:
    """Return a text of so many hexadecimal digits."""
    return {"type": "string", "pattern": f"^[0-9a-f]{{{digits}}}$"}


DIGEST: Schema = {"type": "string", "pattern": "^([0-9a-f]{2})+$"}
