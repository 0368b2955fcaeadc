"""Answers of /api/, compared with /api/openapi.json."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from tests.support.clients.http import Answer

PROBLEM = "application/problem+json"
PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}


@dataclass
class ApiDescription:
    """The OpenAPI document of a server, and the responses that occurred."""

    document: Any = field(repr=False)
    responses: set[tuple[str, str]] = field(default_factory=set)

    def check(self, request: str, answer: Answer, sent: bytes | None) -> None:
        """Fail if an answer, or the body of a successful request, is not as described.

        *request*: the method and the path.
        """
        name = self.find(request)
        operation = self._operations.get(name)
        if operation is None:
            assert answer.status in {400, 404, 405}, f"{request} is not described"
            self._check_body(answer, {PROBLEM: {"schema": PROBLEM_SCHEMA}})
            return
        status = str(answer.status)
        if answer.status >= 500 and status not in operation["responses"]:
            status = "default"
        assert status in operation["responses"], f"{name} answers {status}, which is not described"
        response = self._resolved(operation["responses"][status])
        assert set(response.get("headers", ())) <= set(answer.headers)
        self._check_body(answer, response["content"])
        if answer.status < 400 and "requestBody" in operation:
            content = operation["requestBody"]["content"]
            self._check_value(json.loads(sent or b""), content["application/json"]["schema"])
        self.responses.add((name, status))

    def operations(self) -> Iterator[tuple[str, Any]]:
        """Return every operation by its method and path."""
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                yield f"{method.upper()} {path}", operation

    def find(self, request: str) -> str:
        """Return the operation of a request, or nothing if it is not described."""
        path = request.partition("?")[0]
        return next((name for name in self._operations if _pattern(name).fullmatch(path)), "")

    @cached_property
    def _operations(self) -> Mapping[str, Any]:
        return dict(self.operations())

    @cached_property
    def _components(self) -> Any:
        return closed(self.document["components"])

    def _resolved(self, response: Any) -> Any:
        name = response.get("$ref", "").rpartition("/")[2]
        return self.document["components"]["responses"][name] if name else response

    def _check_body(self, answer: Answer, content: Mapping[str, Any]) -> None:
        media_type = answer.headers["Content-Type"]
        assert list(content) == [media_type]
        self._check_value(answer.document, content[media_type]["schema"])

    def _check_value(self, value: Any, schema: Any) -> None:
        """Fail if a value does not match, or has keys that the schema does not list."""
        whole = {**closed(schema), "components": self._components}
        Draft202012Validator(whole, format_checker=FormatChecker()).validate(value)


@cache
def _pattern(operation: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"{\w+}", "[^/]+", operation))


def closed(schema: Any) -> Any:
    """Return a schema in which objects have only the listed keys."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {name: closed(value) for name, value in schema.items()}
    if "properties" in schema and "type" in schema:
        copy.setdefault("additionalProperties", False)
    return copy
