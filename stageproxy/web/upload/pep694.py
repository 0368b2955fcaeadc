"""The protocol of PEP 694: whether it is enabled, its media type, its messages."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal, TypeVar

from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict, Field

from stageproxy.core.errors import NotAcceptableError, NotFoundError, UnsupportedTypeError
from stageproxy.core.index.negotiation import best_offer
from stageproxy.core.rights import ApiToken
from stageproxy.web.access import auth
from stageproxy.web.bodies import read_body
from stageproxy.web.documents.session_json import UPLOAD_2_0, json_response
from stageproxy.web.keys import SESSION_JSON


class Meta(BaseModel):
    """The `meta` object of every message."""

    model_config = ConfigDict(frozen=True)

    api_version: Literal["2.0"] = Field(alias="api-version")


class Message(BaseModel):
    """A message of PEP 694. Unknown keys are ignored: the protocol is a draft."""

    model_config = ConfigDict(frozen=True)

    meta: Meta


MessageT = TypeVar("MessageT", bound=Message)


async def authenticate_sender(request: web.Request) -> ApiToken:
    """Return the API token of a request. Raise if the protocol is disabled.

    Every request is authenticated: a revoked token is refused at once.
    """
    if not request.app[SESSION_JSON].mechanisms:
        raise NotFoundError(
            "PEP 694 is disabled on this server. Use the legacy upload API at /legacy/."
        )
    return await auth.authenticate(request)


async def authenticate(request: web.Request) -> ApiToken:
    """Return the API token of a request whose response is a message. Check Accept as well."""
    token = await authenticate_sender(request)
    if best_offer(", ".join(request.headers.getall(hdrs.ACCEPT, [])), [UPLOAD_2_0]) is None:
        raise NotAcceptableError(f"Responses are {UPLOAD_2_0}, which the Accept header excludes.")
    return token


async def read_message(request: web.Request, model: type[MessageT]) -> MessageT:
    """Return the message of a request. Raise with every problem of it."""
    if request.content_type != UPLOAD_2_0:
        raise UnsupportedTypeError(f"Content-Type must be {UPLOAD_2_0}.")
    return await read_body(request, model)


def message_response(
    document: Mapping[str, Any],
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return a response of PEP 694."""
    return json_response(document, status, {"Content-Type": UPLOAD_2_0, **(headers or {})})
