"""Publishing sessions of PEP 694, which are stages, at /upload/2.0/."""

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from packaging.utils import canonicalize_name
from pydantic import Field

from stageproxy.core.errors import ConflictError, RefusedError
from stageproxy.core.promotion.examination import UNSEEN, PromotionRequest
from stageproxy.core.rights import ApiToken
from stageproxy.core.stage.stage import Stage
from stageproxy.web.bodies import LONGEST_DURATION, Digest, ProjectName, VersionText
from stageproxy.web.documents.session_json import Api, retry_header
from stageproxy.web.documents.stage_document import stage_document
from stageproxy.web.keys import PROMOTIONS, STAGES
from stageproxy.web.upload.pep694 import Message, authenticate, message_response, read_message

_LOCATED = frozenset({HTTPStatus.CREATED, HTTPStatus.ACCEPTED})
_LONGEST_SECONDS = int(LONGEST_DURATION.total_seconds())


class CreateSession(Message):
    """Open a stage. As an extension, the version can be null until the first file sets it."""

    name: ProjectName
    version: VersionText | None


class ExtendSession(Message):
    """Extend a stage by a number of seconds, of which only a part may be granted."""

    extend_for: Annotated[int, Field(alias="extend-for", strict=True, ge=0)]

    @property
    def by(self) -> timedelta:
        """The requested extension."""
        return timedelta(seconds=min(self.extend_for, _LONGEST_SECONDS))


class PublishSession(Message):
    """Publish a stage. As an extension, the message can name the files that were approved.

    Their name is the `manifest-digest` of the session object; its `revision` covers the
    forms, too.
    """

    manifest_digest: Digest | None = Field(None, alias="manifest-digest")
    revision: Annotated[int, Field(ge=0, strict=True)] | None = None


async def create_session(request: web.Request) -> web.Response:
    """Open a stage: 201, or 409 with the URL of the session of that release."""
    token = await authenticate(request)
    body = await read_message(request, CreateSession)
    project = canonicalize_name(body.name)
    stage = await request.app[STAGES].open(token, project, body.version, None)
    return await _session(request, stage, token, HTTPStatus.CREATED)


async def show_session(request: web.Request) -> web.Response:
    """Return a stage, even one that has ended, for its retention time."""
    token = await authenticate(request)
    stage = await request.app[STAGES].get(token, request.match_info["id"])
    return await _session(request, stage, token)


async def cancel_session(request: web.Request) -> web.Response:
    """Cancel a stage: 204."""
    token = await authenticate(request)
    await request.app[STAGES].cancel(token, request.match_info["id"])
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def extend_session(request: web.Request) -> web.Response:
    """Extend a stage, up to the limit: requesting more is not an error."""
    token = await authenticate(request)
    body = await read_message(request, ExtendSession)
    stage = await request.app[STAGES].extend(token, request.match_info["id"], body.by)
    return await _session(request, stage, token)


async def publish_session(request: web.Request) -> web.Response:
    """Start to publish a stage: 202 with the URL that shows the progress.

    The message of the protocol contains neither files nor warnings: it accepts
    the stage as it is, with its notices. As an extension it can name the files.
    What the index would refuse is a conflict with the stage: the message is correct.
    """
    token = await authenticate(request)
    body = await read_message(request, PublishSession)
    promotion = PromotionRequest(body.manifest_digest, acknowledged=None, revision=body.revision)
    try:
        view = await request.app[PROMOTIONS].start(token, request.match_info["id"], promotion)
    except RefusedError as error:
        raise ConflictError(error.sentence, error.problems) from error
    notices = () if body.manifest_digest else (UNSEEN,)
    return await _session(request, view.stage, token, HTTPStatus.ACCEPTED, notices)


async def _session(
    request: web.Request,
    stage: Stage,
    token: ApiToken,
    status: HTTPStatus = HTTPStatus.OK,
    notices: Sequence[str] = (),
) -> web.Response:
    document = await stage_document(request, stage, token, Api.SESSIONS)
    document["notices"] = [*document["notices"], *notices]
    location = {"Location": document["links"]["session"]} if status in _LOCATED else {}
    return message_response(document, status, {**retry_header(stage), **location})
