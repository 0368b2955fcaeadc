"""Here is /api/: stages and tokens, in PEP 694's words."""

from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

from aiohttp import web
from packaging.utils import canonicalize_name, is_normalized_name
from packaging.version import InvalidVersion, Version
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from stageproxy.core.durations import parse_duration
from stageproxy.core.errors import InvalidRequestError, Problem, TooLargeError
from stageproxy.core.release.listing import rfc3339
from stageproxy.core.release.stages import Stage
from stageproxy.core.rights import EVERY_PROJECT, ApiToken, TokenKind
from stageproxy.services.tokens import TokenOrder
from stageproxy.web.auth import authenticate
from stageproxy.web.keys import STAGES, TOKENS, URLS
from stageproxy.web.session_json import json_response, stage_json

_LONGEST_BODY = 2**16
_CENTURY = timedelta(days=36_525)

KINDS = {"upload": TokenKind.UPLOAD, "manage": TokenKind.MANAGE, "admin": TokenKind.ADMIN}
_CAN = {kind: name for name, kind in KINDS.items()}

Body = TypeVar("Body", bound=BaseModel)


def _project(text: str) -> str:
    name = canonicalize_name(text)
    if not is_normalized_name(name):
        msg = f"{text!r} is no name of a project"
        raise ValueError(msg)
    return name


def _project_or_every(text: str) -> str:
    return text if text == EVERY_PROJECT else _project(text)


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion as error:
        msg = f"{text!r} is no version"
        raise ValueError(msg) from error


def _duration(value: object) -> timedelta:
    length = parse_duration(value)
    if length <= timedelta(0):
        msg = "a length of time is more than nothing"
        raise ValueError(msg)
    # A wish for more is no error, but calendars end.
    return min(length, _CENTURY)


_Duration = Annotated[timedelta, BeforeValidator(_duration)]


class _Request(BaseModel):
    """A body that says no more than we know; `meta` is PEP 694's."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    meta: dict[str, Any] = Field(default_factory=dict)


class OpenStage(_Request):
    """Open a stage; without a version, its first file fixes it."""

    name: Annotated[str, AfterValidator(_project)]
    version: Annotated[str, AfterValidator(_version)] | None = None
    lifetime: _Duration | None = None


class ExtendStage(_Request):
    """Let a stage live longer, by so many seconds or a text such as `3d`."""

    extend_for: _Duration = Field(alias="extend-for")


class MakeToken(_Request):
    """Make an API token."""

    project: Annotated[str, AfterValidator(_project_or_every)]
    can: Literal["upload", "manage", "admin"]
    version: Annotated[str, AfterValidator(_version)] | None = None
    expires: _Duration | None = None


async def open_stage(request: web.Request) -> web.Response:
    """Open a stage: 201, or 409 and where the stage of that release is."""
    token = await authenticate(request)
    body = await _body(request, OpenStage)
    stage = await request.app[STAGES].open(
        token, canonicalize_name(body.name), body.version, body.lifetime
    )
    document = stage_json(stage, request.app[URLS], token)
    return json_response(document, 201, {"Location": document["links"]["session"]})


async def list_stages(request: web.Request) -> web.Response:
    """Return the stages that the token may see, of one project or all."""
    token = await authenticate(request)
    project = request.query.get("project")
    stages = await request.app[STAGES].list(token, canonicalize_name(project) if project else None)
    urls = request.app[URLS]
    return json_response({"stages": [stage_json(stage, urls, token) for stage in stages]})


async def show_stage(request: web.Request) -> web.Response:
    """Return one stage."""
    token = await authenticate(request)
    return _stage(request, token, await request.app[STAGES].get(token, _id(request)))


async def cancel_stage(request: web.Request) -> web.Response:
    """End a stage."""
    token = await authenticate(request)
    return _stage(request, token, await request.app[STAGES].cancel(token, _id(request)))


async def extend_stage(request: web.Request) -> web.Response:
    """Let a stage live longer, as far as the limit allows: a wish for more is no error."""
    token = await authenticate(request)
    body = await _body(request, ExtendStage)
    stage = await request.app[STAGES].extend(token, _id(request), body.extend_for)
    return _stage(request, token, stage)


async def rotate_stage(request: web.Request) -> web.Response:
    """Give a stage another URL."""
    token = await authenticate(request)
    return _stage(request, token, await request.app[STAGES].rotate(token, _id(request)))


async def remove_file(request: web.Request) -> web.Response:
    """Withdraw an artifact from a stage."""
    token = await authenticate(request)
    filename = request.match_info["filename"]
    stage = await request.app[STAGES].remove(token, _id(request), filename)
    return _stage(request, token, stage)


async def make_token(request: web.Request) -> web.Response:
    """Make an API token, and show it this once."""
    token = await authenticate(request)
    body = await _body(request, MakeToken)
    order = TokenOrder(KINDS[body.can], body.project, body.version, body.expires)
    made, kept = await request.app[TOKENS].make(token, order)
    return json_response({"token": made.reveal(), **token_json(kept)}, 201)


async def list_tokens(request: web.Request) -> web.Response:
    """Return what is known of all API tokens, which does not open anything."""
    token = await authenticate(request)
    tokens = await request.app[TOKENS].list(token)
    return json_response({"tokens": [token_json(one) for one in tokens]})


async def revoke_token(request: web.Request) -> web.Response:
    """Make an API token useless."""
    token = await authenticate(request)
    revoked = await request.app[TOKENS].revoke(token, _id(request))
    return json_response(token_json(revoked))


def token_json(token: ApiToken) -> dict[str, str | None]:
    """Return what may be told of an API token."""
    return {
        "id": token.id,
        "project": token.project,
        "version": token.version,
        "can": _CAN[token.kind],
        "created-at": rfc3339(token.created_at),
        "expires-at": rfc3339(token.expires_at) if token.expires_at else None,
        "revoked-at": rfc3339(token.revoked_at) if token.revoked_at else None,
    }


def _stage(request: web.Request, token: ApiToken, stage: Stage) -> web.Response:
    return json_response(stage_json(stage, request.app[URLS], token))


def _id(request: web.Request) -> str:
    return request.match_info["id"]


async def _body(request: web.Request, model: type[Body]) -> Body:
    """Return the body as a value, or raise everything that is wrong with it."""
    content = await request.content.read(_LONGEST_BODY + 1)
    while len(content) <= _LONGEST_BODY and not request.content.at_eof():
        content += await request.content.read(_LONGEST_BODY + 1 - len(content))
    if len(content) > _LONGEST_BODY:
        raise TooLargeError(f"The body is longer than {_LONGEST_BODY} bytes.")
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        problems = [
            Problem(".".join(str(part) for part in one["loc"]), one["msg"])
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise InvalidRequestError("The body is not what is expected here.", problems) from error
