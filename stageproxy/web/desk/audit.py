"""The audit trail at the desk: what happened to a stage, or to API tokens, and who did it."""

from collections.abc import Mapping, Sequence

from aiohttp import web

from stageproxy.core.audit import AuditRecord, Event
from stageproxy.core.rights import actor_label
from stageproxy.services.sessions import SignedIn
from stageproxy.web.desk.answers import desk_page, for_signed_in
from stageproxy.web.keys import ACCESS, AUDIT
from stageproxy.web.pages import root_of

_MOST = 500
"""How many of the latest records a page has; it says so if there are more."""
_HIDDEN = frozenset({"way", "fence"})
_LONGEST = 300


@for_signed_in
async def show_stage_audit(request: web.Request, signed_in: SignedIn) -> web.StreamResponse:
    """Return the page of what happened to a stage, the latest first."""
    stage_id = request.match_info["id"]
    records = await request.app[AUDIT].show(signed_in.token, stage_id)
    back = f"{root_of(request)}/desk/stages/{stage_id}"
    return await _page(request, signed_in, records, "What happened to the stage", back)


@for_signed_in
async def show_audit_page(request: web.Request, signed_in: SignedIn) -> web.StreamResponse:
    """Return the page of what happened to API tokens, and of refusals that name no stage."""
    records = await request.app[AUDIT].show_without_stage(signed_in.token)
    back = f"{root_of(request)}/"
    return await _page(request, signed_in, records, "What happened to API tokens", back)


async def _page(
    request: web.Request,
    signed_in: SignedIn,
    records: Sequence[AuditRecord],
    heading: str,
    back: str,
) -> web.Response:
    names = await request.app[ACCESS].names()
    latest = [one.event for one in reversed(records[-_MOST:])]
    return desk_page(
        request,
        "audit.html",
        signed_in,
        heading=heading,
        back=back,
        events=[(one, actor_label(one.actor, names), _details(one)) for one in latest],
        left_out=max(0, len(records) - _MOST),
        most=_MOST,
    )


def _details(event: Event) -> Mapping[str, str]:
    """Return the details of an event for people, cut where they are long."""
    texts = {name: str(value) for name, value in event.details.items() if name not in _HIDDEN}
    return {
        name: text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… (cut)"
        for name, text in texts.items()
        if text
    }
