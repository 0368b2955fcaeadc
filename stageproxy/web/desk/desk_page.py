"""The first page of the server: the desk for who is signed in, and what it is for strangers."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web
from packaging.utils import canonicalize_name

from stageproxy.core.promotion.waiting import Waiting, waiting_for
from stageproxy.core.stage.paging import Wanted, page_of
from stageproxy.core.stage.stage import LIVE, Stage, Status
from stageproxy.services.sessions import SignedIn
from stageproxy.web.access.signed_in import find_signed_in
from stageproxy.web.desk.answers import desk_page
from stageproxy.web.documents.positions import position_in, position_of
from stageproxy.web.keys import STAGES
from stageproxy.web.pages import root_of

_PAGE = 50
_MOST_FILES = 1000
_MOST_LIVE = 200
_MOST_LIVE_FILES = 5000
"""How many live stages, and files of them, are looked at for what waits; what is cut is said."""
_LONGEST_TEXT = 200

STATUSES = {
    "live": LIVE,
    "published": frozenset({Status.PUBLISHED}),
    "canceled": frozenset({Status.CANCELED}),
    "open": frozenset({Status.OPEN}),
    "processing": frozenset({Status.PROCESSING}),
    "error": frozenset({Status.ERROR}),
}
"""What the list can be narrowed down to, by the value of `status`."""

HEADINGS = {
    Waiting.HALF_PUBLISHED: "Partially published",
    Waiting.STOPPED: "Publishing has stopped",
    Waiting.EXPIRES_SOON: "Expires within a day",
    Waiting.FINDINGS: "Has findings to look at",
    Waiting.READY: "Ready to publish",
}


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody searches the stages for."""

    project: str
    version: str
    status: str

    @property
    def wanted(self) -> Wanted:
        """The stages that are searched for."""
        project = canonicalize_name(self.project) if self.project else None
        return Wanted(project, self.version or None, STATUSES.get(self.status))

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the form that are filled in."""
        given = {"project": self.project, "version": self.version, "status": self.status}
        return {name: value for name, value in given.items() if value}


async def show_desk(request: web.Request) -> web.StreamResponse:
    """Return the desk; for strangers, a form to sign in with and what the server does."""
    signed_in = await find_signed_in(request)
    if signed_in is None:
        return desk_page(request, "home.html", None, following="/", problem="")
    search, after = _search_in(request), position_in(request.query.get("after"))
    found = await request.app[STAGES].list(
        signed_in.token, search.wanted, after=after, limit=_PAGE + 1, most_files=_MOST_FILES
    )
    stages = page_of(found, _PAGE, _MOST_FILES)
    is_first = not search.fields and after is None
    live, is_cut = await _live(request, signed_in) if is_first else ((), False)
    now = request.app[STAGES].clock.now()
    return desk_page(
        request,
        "desk-page.html",
        signed_in,
        stages=stages,
        search=search,
        statuses=STATUSES,
        is_first=is_first,
        waiting=waiting_for(signed_in.token, live, now),
        headings=HEADINGS,
        looked_at=len(live) if is_cut else 0,
        next_page=_next_page(request, search, stages) if len(found) > len(stages) else "",
    )


async def _live(request: web.Request, signed_in: SignedIn) -> tuple[Sequence[Stage], bool]:
    """Return the latest live stages, and whether there are more."""
    found = await request.app[STAGES].list(
        signed_in.token,
        Wanted(statuses=LIVE),
        limit=_MOST_LIVE + 1,
        most_files=_MOST_LIVE_FILES,
    )
    live = page_of(found, _MOST_LIVE, _MOST_LIVE_FILES)
    return live, len(found) > len(live)


def _search_in(request: web.Request) -> Search:
    project, version, status = (
        request.query.get(name, "").strip()[:_LONGEST_TEXT]
        for name in ("project", "version", "status")
    )
    return Search(project, version, status if status in STATUSES else "")


def _next_page(request: web.Request, search: Search, stages: Sequence[Stage]) -> str:
    query = {**search.fields, "after": position_of(stages[-1])}
    return str(request.rel_url.with_path(f"{root_of(request)}/").with_query(query))
