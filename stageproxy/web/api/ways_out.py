"""/api/stages/{id}/promotion/stop: the way out of a running promotion."""

from aiohttp import web

from stageproxy.web.api.promotion import promotion_response
from stageproxy.web.auth import authenticate
from stageproxy.web.keys import PROMOTION_REPORTS, WAYS_OUT


async def stop_promotion(request: web.Request) -> web.Response:
    """Stop a promotion as soon as no file is being sent."""
    token = await authenticate(request)
    stage_id = request.match_info["id"]
    await request.app[WAYS_OUT].stop(token, stage_id)
    view = await request.app[PROMOTION_REPORTS].show(token, stage_id)
    return await promotion_response(request, view)
