"""Stages over /api/, as PEP 694's session objects."""

from datetime import timedelta
from typing import Any

from aiohttp import web
from packaging.utils import canonicalize_name
from pydantic import Field
from yarl import URL

from stageproxy.core.errors import InvalidRequestError
from stageproxy.core.promotion.looks import LookKind
from stageproxy.core.rights import ApiToken
from stageproxy.core.stage.paging import Wanted, page_of
from stageproxy.core.stage.stage import Stage
from stageproxy.web.access.auth import authenticate
from stageproxy.web.bodies import Body, Duration, Expects, ProjectName, VersionText, read_body
from stageproxy.web.documents.positions import position_in, position_of
from stageproxy.web.documents.session_json import Api, Facts, is_look, json_response
from stageproxy.web.documents.stage_document import stage_document
from stageproxy.web.keys import ACCESS, LOOKS, SESSION_JSON, STAGES, URLS

_PAGE = 200
_LONGEST_PAGE = 1000
"""How many stages a page has, and how many at most: reading them holds up other requests."""
_MOST_FILES = 1000
"""How many files the stages of a page have at most, unless a single stage has more."""


class OpenStage(Body):
    """The stage to open. Without a version, the first file sets it."""

    name: ProjectName
    version: VersionText | None = None
    lifetime: Duration | None = None
    expects: Expects = ()


class ExtendStage(Body):
    """The time to add to the lifetime of a stage: seconds, or a text such as `3d`."""

    extend_for: Duration = Field(alias="extend-for")


async def open_stage(request: web.Request) -> web.Response:
    """Open a stage: 201, or 409 with the URL of the existing stage of that release."""
    token = await authenticate(request)
    body = await read_body(request, OpenStage)
    stage = await request.app[STAGES].open(
        token, canonicalize_name(body.name), body.version, body.lifetime, body.expects
    )
    document = await stage_document(request, stage, token, Api.STAGES)
    _add_limit_notice(request, document, stage, body.lifetime)
    return json_response(document, 201, {"Location": document["links"]["session"]})


async def list_stages(request: web.Request) -> web.Response:
    """Return a page of the stages that the token may see, of one project or of all.

    `next` is what `after` is for the next page. The stages have no findings: the index would
    have to be asked about each.
    """
    token = await authenticate(request)
    project = request.query.get("project")
    limit, after = _page_size(request), position_in(request.query.get("after"))
    found = await request.app[STAGES].list(
        token,
        Wanted(canonicalize_name(project) if project else None),
        after=after,
        limit=limit + 1,
        most_files=_MOST_FILES,
    )
    stages = page_of(found, limit, _MOST_FILES)
    facts, describe = Facts(names=await request.app[ACCESS].names()), request.app[SESSION_JSON].of
    documents = [describe(stage, token, Api.STAGES, facts) for stage in stages]
    following = position_of(stages[-1]) if len(found) > len(stages) else None
    page = {"stages": documents, **({"next": following} if following else {})}
    return json_response(page, headers=_link(request, following))


async def show_stage(request: web.Request) -> web.Response:
    """Return a stage.

    A program that polls is nobody who looks. With `look=true`, a promotion by the
    same token shows what has changed since.
    """
    token = await authenticate(request)
    stage = await request.app[STAGES].get(token, _id(request))
    if is_look(request):
        await request.app[LOOKS].record(token, stage, LookKind.PAGE)
    return await _stage_response(request, token, stage)


async def cancel_stage(request: web.Request) -> web.Response:
    """Cancel a stage."""
    token = await authenticate(request)
    only_if_empty = _flag(request, "only-if-empty")
    stage = await request.app[STAGES].cancel(token, _id(request), only_if_empty=only_if_empty)
    return await _stage_response(request, token, stage)


async def extend_stage(request: web.Request) -> web.Response:
    """Extend the lifetime of a stage, up to the limit: asking for more is not an error."""
    token = await authenticate(request)
    body = await read_body(request, ExtendStage)
    stage = await request.app[STAGES].extend(token, _id(request), body.extend_for)
    document = await stage_document(request, stage, token, Api.STAGES)
    _add_limit_notice(request, document, stage, body.extend_for)
    return json_response(document)


async def rotate_stage(request: web.Request) -> web.Response:
    """Replace the URL of a stage."""
    token = await authenticate(request)
    stage = await request.app[STAGES].rotate(token, _id(request))
    return await _stage_response(request, token, stage)


async def remove_file(request: web.Request) -> web.Response:
    """Withdraw an artifact from a stage."""
    token = await authenticate(request)
    filename = request.match_info["filename"]
    stage = await request.app[STAGES].remove(token, _id(request), filename)
    return await _stage_response(request, token, stage)


async def _stage_response(request: web.Request, token: ApiToken, stage: Stage) -> web.Response:
    return json_response(await stage_document(request, stage, token, Api.STAGES))


def _add_limit_notice(
    request: web.Request, document: dict[str, Any], stage: Stage, wanted: timedelta | None
) -> None:
    """Add a notice if a stage lives shorter than was *wanted*, because of the server's limit."""
    if notice := request.app[STAGES].limit_notice(stage, wanted):
        document["notices"] = [*document["notices"], notice]


def _page_size(request: web.Request) -> int:
    text = request.query.get("limit", str(_PAGE))
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= _LONGEST_PAGE:
        raise InvalidRequestError(f"limit must be a number from 1 to {_LONGEST_PAGE}.")
    return int(text)


def _link(request: web.Request, following: str | None) -> dict[str, str]:
    """Return the header that leads to the next page (RFC 8288)."""
    if following is None:
        return {}
    query = {**request.query, "after": following}
    url = URL(f"{request.app[URLS].public_url}/{Api.STAGES}").with_query(query)
    return {"Link": f'<{url}>; rel="next"'}


def _flag(request: web.Request, name: str) -> bool:
    value = request.query.get(name, "false")
    if value not in {"true", "false"}:
        raise InvalidRequestError(f"{name} must be true or false.")
    return value == "true"


def _id(request: web.Request) -> str:
    return request.match_info["id"]
