"""The review of a stage over /api/."""

from aiohttp import web

from stageproxy.core.errors import GoneError
from stageproxy.core.stage.lifetime import end_message
from stageproxy.core.stage.stage import Stage, Status
from stageproxy.web.access.auth import authenticate, find_stage_token
from stageproxy.web.access.guesses import Guessed
from stageproxy.web.documents.review_json import review_response
from stageproxy.web.keys import GUESSES, PREVIEWS, STAGES


async def show_review(request: web.Request) -> web.StreamResponse:
    """Return the review of a stage: what users would get, and what changes.

    The token of the stage is enough. The comparison of contents goes on in the background:
    `progress` says how far it is.
    """
    return await review_response(request, await _stage_of(request))


async def _stage_of(request: web.Request) -> Stage:
    """Return the stage that is asked for, by an API token or by its own token."""
    stage_id, token = request.match_info["id"], find_stage_token(request)
    if token is not None:
        with request.app[GUESSES].counted(Guessed.STAGE_URL, request, token):
            return await request.app[PREVIEWS].open_by_id(stage_id, token)
    stage = await request.app[STAGES].get(await authenticate(request), stage_id)
    if stage.status is Status.CANCELED:
        raise GoneError(end_message(stage))
    return stage
