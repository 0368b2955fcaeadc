"""/api/stages/{id}/promotion/stop and …/give-up: the ways out of a promotion."""

from aiohttp import web

from stageproxy.core.rights import ApiToken
from stageproxy.web.access.auth import authenticate
from stageproxy.web.api.promotion import promotion_response
from stageproxy.web.keys import PROMOTION_REPORTS, WAYS_OUT


async def stop_promotion(request: web.Request) -> web.Response:
    """Stop a promotion as soon as no file is being sent."""
    token = await authenticate(request)
    stage_id = request.match_info["id"]
    await request.app[WAYS_OUT].stop(token, stage_id)
    return await _promotion(request, token, stage_id)


async def give_up_stage(request: web.Request) -> web.Response:
    """End a partially published stage, and tell what stays public of it."""
    token = await authenticate(request)
    stage_id = request.match_info["id"]
    await request.app[WAYS_OUT].give_up(token, stage_id)
    return await _promotion(request, token, stage_id)


async def _promotion(request: web.Request, token: ApiToken, stage_id: str) -> web.Response:
    view = await request.app[PROMOTION_REPORTS].show(token, stage_id)
    return await promotion_response(request, view)
