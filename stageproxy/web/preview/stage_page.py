"""The stage as an HTML page and as JSON, and the home page of the server."""

from functools import cache
from http import HTTPStatus

from aiohttp import hdrs, web
from jinja2 import Environment, PackageLoader, StrictUndefined

from stageproxy.core.index.negotiation import best_offer
from stageproxy.core.index.pages import own_document
from stageproxy.core.promotion.looks import LookKind
from stageproxy.core.rights import actor_label
from stageproxy.core.stage.install_commands import install_commands
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Stage, Step
from stageproxy.web.auth import recognize
from stageproxy.web.conditional import conditional
from stageproxy.web.headers import PRIVATE
from stageproxy.web.keys import ACCESS, LOOKS, PROMOTION_REPORTS, SESSION_JSON, URLS
from stageproxy.web.session_json import Api, as_json, is_look, notices_of

_OFFERS = ("text/html", "application/json")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


async def show_stage(request: web.Request, stage: Stage) -> web.StreamResponse:
    """Return the stage: a page for browsers, or PEP 694's session object for programs.

    A page is looked at; a program has to say that it shows the document to somebody.
    """
    token = await recognize(request)
    journal = await request.app[PROMOTION_REPORTS].journal_of(stage)
    names = await request.app[ACCESS].names()
    accept = request.headers.get(hdrs.ACCEPT, "")
    if best_offer(accept, _OFFERS) == "application/json":
        if is_look(request):
            await request.app[LOOKS].record(token, stage, LookKind.PAGE)
        document = request.app[SESSION_JSON].of(stage, token, Api.SESSIONS, journal, names=names)
        headers = {
            "Content-Type": "application/json",
            "Cache-Control": PRIVATE,
            "Vary": "Accept, Accept-Encoding, Authorization",
        }
        return await conditional(
            request, own_document(as_json(document), headers["Content-Type"]), headers
        )
    if request.method == "GET":
        await request.app[LOOKS].record(token, stage, LookKind.PAGE)
    url = request.app[URLS].url_of(stage)
    page = _render(
        "stage.html",
        stage=stage,
        commands=install_commands(url, stage.project, stage.version),
        artifacts=in_promotion_order(stage.artifacts),
        manifest_digest=manifest_digest(stage.artifacts),
        journal=journal,
        uploaders={one.uploaded_by: actor_label(one.uploaded_by, names) for one in stage.artifacts},
        notices=notices_of(stage, journal) if journal else (),
        expires=Step.CANCEL in stage.steps(),
    )
    return await _page(request, page)


async def home_page(request: web.Request) -> web.StreamResponse:
    """Return the home page, which describes the server."""
    return await _page(request, _render("home.html", url=request.app[URLS].public_url))


async def robots(_request: web.Request) -> web.Response:
    """Return the rules for crawlers: none may index the server."""
    return web.Response(status=HTTPStatus.OK, text="User-agent: *\nDisallow: /\n")


async def _page(request: web.Request, page: str) -> web.StreamResponse:
    headers = {
        "Content-Type": "text/html; charset=UTF-8",
        "Cache-Control": PRIVATE,
        "Content-Security-Policy": f"{_POLICY}; frame-ancestors 'none'",
        "Vary": "Accept, Accept-Encoding",
    }
    document = own_document(page.encode(), headers["Content-Type"])
    return await conditional(request, document, headers)


def _render(template: str, **values: object) -> str:
    """Return a template of `web/preview/pages` filled with *values*, which are escaped."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("stageproxy.web.preview", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["size"] = _size
    return environment


def _size(count: int) -> str:
    """Return a number of bytes in a readable unit."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:  # noqa: PLR2004 - the step between units
            return f"{amount:.1f} {unit}" if unit != "B" else f"{count} B"
        amount /= 1000
    return f"{amount:.1f} GB"
