"""Here is /upload/2.0/: PEP 694's publishing sessions, which are stages."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from packaging.utils import canonicalize_name
from pydantic import Field

from stageproxy.core.errors import ConflictError, RefusedError
from stageproxy.core.promotion.request import PromotionRequest
from stageproxy.core.rights import ApiToken
from stageproxy.core.stage.stage import Stage
from stageproxy.web.bodies import LONGEST_DURATION, ProjectName, VersionText
from stageproxy.web.keys import PROMOTION_REPORTS, PROMOTIONS, SESSION_JSON, STAGES
from stageproxy.web.session_json import Api, retry_of
from stageproxy.web.upload.pep694 import Message, authenticate, read_message, told

_LOCATED = frozenset({HTTPStatus.CREATED, HTTPStatus.ACCEPTED})
_LONGEST_SECONDS = int(LONGEST_DURATION.total_seconds())


class CreateSession(Message):
    """Open a stage. That the version may be null, until a file fixes it, is our extension."""

    name: ProjectName
    version: VersionText | None


class ExtendSession(Message):
    """Let a stage live longer, by so many seconds: a wish, which may be granted in part."""

    extend_for: Annotated[int, Field(alias="extend-for", strict=True, ge=0)]

    @property
    def by(self) -> timedelta:
        """How much longer."""
        return timedelta(seconds=min(self.extend_for, _LONGEST_SECONDS))


async def create_session(request: web.Request) -> web.Response:
    """Open a stage: 201, or 409 and where the session of that release is (T1)."""
    token = await authenticate(request)
    body = await read_message(request, CreateSession)
    project = canonicalize_name(body.name)
    stage = await request.app[STAGES].open(token, project, body.version, None)
    return await _session(request, stage, token, HTTPStatus.CREATED)


async def show_session(request: web.Request) -> web.Response:
    """Return a stage, also one that has ended, for its retention time (T2)."""
    token = await authenticate(request)
    stage = await request.app[STAGES].get(token, request.match_info["id"])
    return await _session(request, stage, token)


async def cancel_session(request: web.Request) -> web.Response:
    """End a stage: 204 (T3)."""
    token = await authenticate(request)
    await request.app[STAGES].cancel(token, request.match_info["id"])
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def extend_session(request: web.Request) -> web.Response:
    """Let a stage live longer, as far as the limit allows: a wish for more is no error (T5)."""
    token = await authenticate(request)
    body = await read_message(request, ExtendSession)
    stage = await request.app[STAGES].extend(token, request.match_info["id"], body.by)
    return await _session(request, stage, token)


async def publish_session(request: web.Request) -> web.Response:
    """Begin to publish a stage: 202 and where to ask how far it is (T4).

    The protocol names neither files nor warnings: who publishes by it takes the
    stage as it is, with the notices that it tells of. What the index would
    refuse is a conflict with it: nothing is wrong with the message.
    """
    token = await authenticate(request)
    await read_message(request, Message)
    order = PromotionRequest(manifest_digest=None, acknowledged=None)
    try:
        view = await request.app[PROMOTIONS].start(token, request.match_info["id"], order)
    except RefusedError as error:
        raise ConflictError(error.sentence, error.problems) from error
    return await _session(request, view.stage, token, HTTPStatus.ACCEPTED)


async def _session(
    request: web.Request, stage: Stage, token: ApiToken, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    journal = await request.app[PROMOTION_REPORTS].journal_of(stage)
    document = request.app[SESSION_JSON].of(stage, token, Api.SESSIONS, journal)
    located = {"Location": document["links"]["session"]} if status in _LOCATED else {}
    return told(document, status, {**retry_of(stage), **located})
