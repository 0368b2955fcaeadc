"""The JSON Schemas of reviews, made from the structure that page, API and command share."""

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from stageproxy.core.review.review import Review
from stageproxy.web.api.schemas import Schema

_REF_TEMPLATE = "#/components/schemas/{model}"


@cache
def review_schemas() -> Schema:
    """Return the schemas of a review and its parts. Cached, because they are slow to make."""
    adapter = TypeAdapter(Review)
    schema = adapter.json_schema(mode="serialization", ref_template=_REF_TEMPLATE)
    parts = {name: _with_hyphens(one) for name, one in schema.pop("$defs").items()}
    return {**parts, "Review": _with_hyphens(schema)}


def _with_hyphens(schema: dict[str, Any]) -> Schema:
    """Return the schema of an object with the names that its keys have in JSON."""
    if "properties" not in schema:
        return schema
    keys = {name.replace("_", "-"): one for name, one in schema["properties"].items()}
    return {**schema, "properties": keys, "required": [*keys]}
