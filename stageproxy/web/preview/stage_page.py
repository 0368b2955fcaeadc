"""The stage as an HTML page and as JSON."""

from http import HTTPStatus

from aiohttp import hdrs, web

from stageproxy.core.index.negotiation import best_offer, names_simple_api
from stageproxy.core.index.pages import own_document
from stageproxy.core.promotion.looks import LookKind
from stageproxy.core.stage.checksum_marks import Comparison
from stageproxy.core.stage.stage import Stage, Status
from stageproxy.web.access.auth import recognize
from stageproxy.web.access.signed_in import find_signed_in
from stageproxy.web.answers.conditional import conditional
from stageproxy.web.answers.headers import PRIVATE
from stageproxy.web.controls import controls_of
from stageproxy.web.documents.session_json import Api, as_json, is_look, notices_of
from stageproxy.web.documents.stage_document import stage_document
from stageproxy.web.keys import (
    ACCESS,
    AUDIT,
    DESCRIPTIONS,
    DOCUMENTS,
    HELP_PAGES,
    LOOKS,
    PROMOTION_REPORTS,
    REVIEWS,
    STAGE_FINDINGS,
    URLS,
)
from stageproxy.web.pages import page_response
from stageproxy.web.preview.views.page import Facts, page_values

_OFFERS = ("text/html", "application/json")


async def show_stage(request: web.Request, stage: Stage) -> web.StreamResponse:
    """Return the stage: a page for browsers, or PEP 694's session object for programs.

    A page is looked at; a program has to say that it shows the document to somebody.
    """
    token = await recognize(request)
    accept = request.headers.get(hdrs.ACCEPT, "")
    if best_offer(accept, _OFFERS) == "application/json":
        if is_look(request):
            await request.app[LOOKS].record(token, stage, LookKind.PAGE)
        document = await stage_document(request, stage, token, Api.SESSIONS)
        headers = {
            "Content-Type": "application/json",
            "Cache-Control": PRIVATE,
            "Vary": "Accept, Accept-Encoding, Authorization",
        }
        return await conditional(
            request, own_document(as_json(document), headers["Content-Type"]), headers
        )
    if request.method == "GET":
        signed_in = await find_signed_in(request)
        who = signed_in.token if signed_in else token
        await request.app[LOOKS].record(who, stage, LookKind.PAGE)
    return await stage_page(request, stage)


async def stage_page(
    request: web.Request, stage: Stage, *, pasted: str = "", compared: Comparison | None = None
) -> web.Response:
    """Return the page of a stage, with hashes that somebody has *pasted* beside its files."""
    app = request.app
    journal = await app[PROMOTION_REPORTS].journal_of(stage)
    outage = app[DOCUMENTS].outage_notice(stage)
    facts = Facts(
        stage=stage,
        review=await app[REVIEWS].of(stage),
        url=app[URLS].url_of(stage),
        index_name=app[STAGE_FINDINGS].index_name,
        now=app[REVIEWS].clock.now(),
        names=await app[ACCESS].names(),
        journal=journal,
        records=await app[AUDIT].of_stage(stage),
        description=await app[DESCRIPTIONS].of(stage),
        notices=[*(notices_of(stage, journal, {}) if journal else ()), *filter(None, [outage])],
        release_url=await _release_url(request, stage),
        pasted=pasted,
        compared=compared,
        everything="all" in request.query,
    )
    controls = await controls_of(request, stage)
    return await page_response(
        request, "preview/pages/stage.html", controls=controls, **page_values(facts)
    )


async def ended_page(request: web.Request, sentence: str) -> web.Response:
    """Return the page of a stage that has ended, for browsers: what happened, and what to do."""
    return await page_response(
        request, "preview/pages/ended.html", status=HTTPStatus.GONE, sentence=sentence
    )


def wants_page(request: web.Request) -> bool:
    """Return whether a browser asks: it prefers HTML to text, and installers name their API."""
    accept = request.headers.get(hdrs.ACCEPT, "")
    prefers_html = best_offer(accept, ("text/plain", "text/html")) == "text/html"
    return prefers_html and not names_simple_api(accept)


async def _release_url(request: web.Request, stage: Stage) -> str:
    """Return where a published release is, or an empty text."""
    target = await request.app[PROMOTION_REPORTS].target_of(stage)
    if stage.status is not Status.PUBLISHED or target is None:
        return ""
    pypi = request.app[HELP_PAGES].site
    return target.release_url(stage.project, stage.version or "", pypi=pypi)


async def robots(_request: web.Request) -> web.Response:
    """Return the rules for crawlers: none may index the server."""
    return web.Response(status=HTTPStatus.OK, text="User-agent: *\nDisallow: /\n")
