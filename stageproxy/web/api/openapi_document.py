"""The OpenAPI 3.1 document, made from routes and operations."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from inspect import cleandoc
from typing import Any, Literal

from aiohttp import web
from pydantic.json_schema import models_json_schema

from stageproxy import __version__
from stageproxy.core.errors import Kind
from stageproxy.core.index.pages import Document, own_document
from stageproxy.web.api.promotion_schemas import PROMOTION_SCHEMAS
from stageproxy.web.api.review_schemas import review_schemas
from stageproxy.web.api.schemas import SCHEMAS, Schema, ref
from stageproxy.web.bodies import Body
from stageproxy.web.errors import STATUS_OF

PREFIX = "/api/"

_JSON = "application/json"
_PROBLEM = "application/problem+json"
_REF_TEMPLATE = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class Operation:
    """The request and responses of a route. The rest is in its path and its handler's docstring.

    `errors`: the kinds of errors besides those of all routes. `has_location`: whether
    the success and the conflict have a Location header with the URL of the stage.
    """

    response: str
    errors: tuple[Kind, ...] = ()
    body: type[Body] | None = None
    status: HTTPStatus = HTTPStatus.OK
    query: Mapping[str, str] = field(default_factory=dict)
    has_location: bool = False
    is_public: bool = False


Operations = Mapping[Callable[..., Any], Operation]
"""Operations by handler."""

_PATH_PARAMETERS = {
    "id": "The `id` of a stage or an API token.",
    "filename": "The filename.",
    "project": "The name of a project.",
}

_DESCRIPTIONS: Mapping[Kind, str] = {
    Kind.INVALID: "The request is not valid; `errors` names the fields.",
    Kind.UNAUTHENTICATED: "The API token is missing or unknown.",
    Kind.FORBIDDEN: "The API token is revoked, has expired, or lacks the permission.",
    Kind.NOT_FOUND: "The resource does not exist.",
    Kind.GONE: "The resource no longer exists; `detail` says what happened to it.",
    Kind.CONFLICT: "The request conflicts with the current state.",
    Kind.NOT_ACCEPTABLE: "Accept excludes every supported media type.",
    Kind.UNSUPPORTED_TYPE: "The media type of the request body is not supported.",
    Kind.TOO_LARGE: "The request body is too long.",
    Kind.TOO_MANY: "There are too many stages or uploads, or too many unknown API tokens were "
    "sent; `Retry-After` says when to try again if time helps.",
    Kind.UPSTREAM_FAILED: "Upstream returned an unusable response.",
    Kind.UPSTREAM_UNAVAILABLE: "Upstream cannot be reached.",
    Kind.UPSTREAM_SLOW: "Upstream did not answer in time.",
    Kind.NO_ROOM: "The server's disk is full.",
    Kind.UNAVAILABLE: "The server cannot store anything now.",
}

_SECURITY_SCHEMES: Schema = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token. The scheme may also be `token`.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The user `__token__` with an API token as the password.",
    },
}


def openapi_document(
    routes: Iterable[web.RouteDef], operations: Operations, public_url: str
) -> Document:
    """Return the document of the *routes* below /api/. Raise if one has no operation."""
    paths: dict[str, dict[str, Schema]] = {}
    for route in routes:
        if route.path.startswith(PREFIX):
            operation = _operation_object(route, operations[route.handler])
            paths.setdefault(route.path, {})[route.method.lower()] = operation
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "stageproxy",
            "version": __version__,
            "summary": "Stages, promotions, API tokens and the audit trail.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url}],
        "security": [{name: []} for name in _SECURITY_SCHEMES],
        "paths": paths,
        "components": {
            "schemas": {
                **_request_schemas(operations),
                **SCHEMAS,
                **PROMOTION_SCHEMAS,
                **review_schemas(),
            },
            "responses": {kind.value: _problem(text) for kind, text in _DESCRIPTIONS.items()},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }
    return own_document(json.dumps(document).encode(), _JSON)


def _operation_object(route: web.RouteDef, operation: Operation) -> Schema:
    summary, _, more = cleandoc(route.handler.__doc__ or "").partition("\n")
    return {
        "operationId": route.handler.__name__,
        "summary": summary,
        **({"description": more.strip()} if more else {}),
        **({"security": []} if operation.is_public else {}),
        **_parameters(route, operation),
        **_request_body(operation),
        "responses": _responses(operation),
    }


def _parameters(route: web.RouteDef, operation: Operation) -> Schema:
    in_path = [
        _parameter(name, "path", _PATH_PARAMETERS[name]) for name in _PARAMETER.findall(route.path)
    ]
    in_query = [_parameter(name, "query", text) for name, text in operation.query.items()]
    return {"parameters": in_path + in_query} if in_path or in_query else {}


def _parameter(name: str, location: str, description: str) -> Schema:
    return {
        "name": name,
        "in": location,
        "description": description,
        "required": location == "path",
        "schema": {"type": "string"},
    }


def _request_body(operation: Operation) -> Schema:
    if operation.body is None:
        return {}
    content = {_JSON: {"schema": ref(operation.body.__name__)}}
    return {"requestBody": {"required": True, "content": content}}


def _responses(operation: Operation) -> Schema:
    kinds = {Kind.INVALID, *operation.errors}
    if not operation.is_public:
        kinds |= {Kind.UNAUTHENTICATED, Kind.FORBIDDEN, Kind.TOO_MANY}
    if operation.body:
        kinds |= {Kind.TOO_LARGE}
    success = {
        "description": operation.status.phrase,
        "content": {_JSON: {"schema": ref(operation.response)}},
        **(_LOCATION if operation.has_location else {}),
    }
    errors = {str(STATUS_OF[kind].value): kind for kind in kinds}
    return {
        str(operation.status.value): success,
        **{status: _reference(kind, operation) for status, kind in sorted(errors.items())},
        "default": _problem("Any other error."),
    }


_LOCATION: Schema = {
    "headers": {
        "Location": {
            "description": "The URL of the stage.",
            "required": True,
            "schema": {"type": "string", "format": "uri"},
        }
    }
}


def _reference(kind: Kind, operation: Operation) -> Schema:
    if kind is Kind.CONFLICT and operation.has_location:
        return {**_problem(_DESCRIPTIONS[kind]), **_LOCATION}
    return {"$ref": f"#/components/responses/{kind.value}"}


def _problem(description: str) -> Schema:
    return {"description": description, "content": {_PROBLEM: {"schema": ref("Problem")}}}


def _request_schemas(operations: Operations) -> Schema:
    return _schemas(tuple(one.body for one in operations.values() if one.body))


@cache
def _schemas(bodies: tuple[type[Body], ...]) -> Schema:
    """Return pydantic's schemas of request bodies. Cached, because they are slow to make."""
    wanted: list[tuple[type[Body], Literal["validation"]]] = [
        (body, "validation") for body in bodies
    ]
    _, definitions = models_json_schema(wanted, ref_template=_REF_TEMPLATE)
    schemas: Schema = definitions["$defs"]
    return schemas
