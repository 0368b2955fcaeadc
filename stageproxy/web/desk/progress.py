"""The progress of a promotion as events, read from the catalogue, whichever worker publishes."""

import json
from collections.abc import AsyncIterator

from aiohttp import hdrs, web

from stageproxy.core.errors import NotFoundError
from stageproxy.core.promotion.outcome import progress_message
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Status
from stageproxy.services.promotion.transactions import PromotionView
from stageproxy.services.sessions import SignedIn
from stageproxy.web.answers.departures import while_connected
from stageproxy.web.desk.answers import for_signed_in
from stageproxy.web.keys import ACCESS, PROGRESS_STREAMS, PROMOTION_REPORTS, SESSIONS
from stageproxy.web.pages import render

_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "private, no-store",
    # nginx would gather events before it sends them on.
    "X-Accel-Buffering": "no",
}
_OPENING = b"retry: 1000\n\n"
_HEARTBEAT = b": nothing new\n\n"
_OVER = b"event: over\ndata:\n\n"


@for_signed_in
async def stream_progress(request: web.Request, signed_in: SignedIn) -> web.StreamResponse:
    """Send the progress of a promotion as it changes, until it is over.

    Each event is the part of the page as HTML. Who loses the right, or the session, gets no more.
    """
    stage_id = request.match_info["id"]
    await request.app[PROMOTION_REPORTS].show(signed_in.token, stage_id)
    streams = request.app[PROGRESS_STREAMS]
    async with while_connected(request), streams.place(signed_in.session.holder.id):
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        if request.method == hdrs.METH_GET:
            await response.write(_OPENING)
            async for event in _events(request, signed_in, stage_id):
                await response.write(event)
        return response


async def find_view(
    request: web.Request, signed_in: SignedIn, stage_id: str
) -> PromotionView | None:
    """Return the promotion of a stage, `None` if there was none."""
    try:
        return await request.app[PROMOTION_REPORTS].show(signed_in.token, stage_id)
    except NotFoundError:
        return None


async def progress_values(request: web.Request, view: PromotionView) -> dict[str, object]:
    """Return what the part of the page with the progress shows."""
    stage, stop = view.stage, view.promotion.stop
    names = await request.app[ACCESS].names()
    return {
        "summary": progress_message(stage, view.journal),
        "view": view,
        "listed": [
            (one, view.journal[one.filename])
            for one in in_promotion_order(stage.artifacts)
            if one.filename in view.journal
        ],
        "stopped_by": names.get(stop.by, stop.by) if stop else "",
    }


async def _events(request: web.Request, signed_in: SignedIn, stage_id: str) -> AsyncIterator[bytes]:
    last = ""
    async for is_due in request.app[PROGRESS_STREAMS].ticks():
        view = await _still_shown(request, signed_in, stage_id)
        if view is None:
            yield _OVER
            return
        part = render(request, "desk/pages/progress.html", **await progress_values(request, view))
        if part != last:
            yield b"event: progress\ndata: " + json.dumps(part).encode() + b"\n\n"
        elif is_due:
            yield _HEARTBEAT
        last = part


async def _still_shown(
    request: web.Request, signed_in: SignedIn, stage_id: str
) -> PromotionView | None:
    """Return the promotion as it is now; `None` once it is over, or the session is."""
    found = await request.app[SESSIONS].find(signed_in.secret)
    view = await find_view(request, found, stage_id) if found else None
    return view if view and view.stage.status is Status.PROCESSING else None
