"""What somebody who is signed in can do about a stage, as links to pages that ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web

from stageproxy.core.promotion.decisions import Decision, possible_decisions, removable_files
from stageproxy.core.stage.stage import Stage
from stageproxy.services.sessions import SignedIn
from stageproxy.web.access.signed_in import find_signed_in
from stageproxy.web.keys import PROMOTION_REPORTS, PROMOTIONS, STAGES
from stageproxy.web.pages import root_of

_LABELS: Mapping[Decision, str] = {
    Decision.PUBLISH: "Publish",
    Decision.STOP: "Stop publishing",
    Decision.GIVE_UP: "Give up the rest",
    Decision.EXTEND: "Extend",
    Decision.ROTATE: "Replace the URL",
    Decision.CANCEL: "Cancel the stage",
}
_THE_REST = "Publish the rest"
_MAIN = frozenset({Decision.PUBLISH, Decision.STOP})
_ENDING = frozenset({Decision.GIVE_UP, Decision.CANCEL})


@dataclass(frozen=True, slots=True)
class Control:
    """A decision that can be made now, and the page that asks for it."""

    decision: Decision
    label: str
    path: str
    style: str


@dataclass(frozen=True, slots=True)
class Controls:
    """Who is signed in, and what they can do about a stage; `removals` are paths by filename."""

    who: SignedIn
    at_desk: str
    controls: tuple[Control, ...]
    removals: Mapping[str, str]


async def controls_of(request: web.Request, stage: Stage) -> Controls | None:
    """Return what who sends the request can do about a stage; `None` for strangers.

    A token that may not even show the stage can do nothing about it.
    """
    signed_in = await find_signed_in(request)
    if signed_in is None:
        return None
    token, app = signed_in.token, request.app
    journal = await app[PROMOTION_REPORTS].journal_of(stage)
    longest = app[STAGES].limits.max_lifetime
    decisions = possible_decisions(token, stage, longest=longest)
    if app[PROMOTIONS].publish_target is None:
        decisions = tuple(one for one in decisions if one is not Decision.PUBLISH)
    at_desk = f"{root_of(request)}/desk/stages/{stage.id}"
    removable = sorted(removable_files(token, stage, journal))
    return Controls(
        signed_in,
        at_desk,
        tuple(_control(one, stage, at_desk) for one in decisions),
        {name: f"{at_desk}/files/{quote(name, safe='')}/remove" for name in removable},
    )


def _control(decision: Decision, stage: Stage, at_desk: str) -> Control:
    is_rest = decision is Decision.PUBLISH and stage.sent
    style = "primary" if decision in _MAIN else "danger" if decision in _ENDING else ""
    label = _THE_REST if is_rest else _LABELS[decision]
    return Control(decision, label, f"{at_desk}/{decision}", style)
