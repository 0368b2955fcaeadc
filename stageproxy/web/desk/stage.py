"""A stage at the desk: how it is, how its promotion goes on, and what can be decided."""

from collections.abc import Mapping

from aiohttp import web

from stageproxy.core.rights import Action, actor_label
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import LIVE, Stage, Status
from stageproxy.services.sessions import SignedIn
from stageproxy.web.controls import controls_of
from stageproxy.web.desk.answers import desk_page, for_signed_in
from stageproxy.web.desk.progress import find_view, progress_values
from stageproxy.web.keys import ACCESS, HELP_PAGES, PROMOTION_REPORTS, STAGES, URLS

DONE: Mapping[str, str] = {
    "publish": "Publishing has begun. This page shows how it goes on; you can close it.",
    "stop": "Publishing stops as soon as no file is being sent.",
    "give-up": "What is not published of this release will not be.",
    "extend": "The stage lives longer now.",
    "rotate": "The stage has a new URL. The former one does not work any more.",
    "cancel": "The stage was canceled.",
    "remove": "The file was removed from the stage.",
}
"""What a page says once after a decision was carried out, by the value of `done`."""


@for_signed_in
async def show_stage(request: web.Request, signed_in: SignedIn) -> web.StreamResponse:
    """Return the page of a stage at the desk."""
    stage = await request.app[STAGES].get(signed_in.token, request.match_info["id"])
    view = await find_view(request, signed_in, stage.id)
    names = await request.app[ACCESS].names()
    return desk_page(
        request,
        "stage.html",
        signed_in,
        stage=stage,
        done=DONE.get(request.query.get("done", ""), ""),
        controls=await controls_of(request, stage),
        artifacts=in_promotion_order(stage.artifacts),
        uploaders={one.uploaded_by: actor_label(one.uploaded_by, names) for one in stage.artifacts},
        is_running=stage.status is Status.PROCESSING and view is not None,
        is_readable=stage.status in LIVE or stage.status is Status.PUBLISHED,
        stage_url=request.app[URLS].url_of(stage),
        release_url=await _release_url(request, stage),
        can_audit=signed_in.token.permits(Action.AUDIT, stage.project, stage.version),
        **(await progress_values(request, view) if view else {"listed": ()}),
    )


async def _release_url(request: web.Request, stage: Stage) -> str:
    """Return where a published release is, or an empty text."""
    target = await request.app[PROMOTION_REPORTS].target_of(stage)
    if stage.status is not Status.PUBLISHED or target is None:
        return ""
    pypi = request.app[HELP_PAGES].site
    return target.release_url(stage.project, stage.version or "", pypi=pypi)
