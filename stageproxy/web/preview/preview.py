"""GET and HEAD of /tmp/<project>/<stage token>/…: the index with the staged release in it."""

from collections.abc import Awaitable
from urllib.parse import quote

from aiohttp import hdrs, web

from stageproxy.core.errors import GoneError, NotFoundError
from stageproxy.core.index.links import LINKED
from stageproxy.core.index.negotiation import ACCEPT_FOR, names_simple_api, type_in_query
from stageproxy.core.index.pages import Document
from stageproxy.core.index.staleness import STALE
from stageproxy.core.index.targets import (
    Feed,
    FileTarget,
    LegacyUpload,
    LinkedFile,
    NotServed,
    OnlyList,
    OnlyPage,
    PassedThrough,
    ProjectJson,
    ProjectList,
    ProjectPage,
    Provenance,
    Redirected,
    ReleaseJson,
    StageReview,
    StageRoot,
    Target,
    find_target,
)
from stageproxy.core.stage.stage import Stage
from stageproxy.web.answers.conditional import conditional, etag_of, freshness_of
from stageproxy.web.answers.headers import PRIVATE, headers_of_edited, only_text
from stageproxy.web.answers.lasting import LASTING, Lasting
from stageproxy.web.documents.review_json import review_response
from stageproxy.web.documents.session_json import json_response
from stageproxy.web.keys import DOCUMENTS, PREVIEWS, URLS
from stageproxy.web.preview.file import answer_file
from stageproxy.web.preview.pass_through import pass_through
from stageproxy.web.preview.project_list import answer_list
from stageproxy.web.preview.stage_page import ended_page, show_stage, wants_page
from stageproxy.web.stage_path import open_stage, redirect_within_stage, split_stage_path

_SIMPLE = ("simple/", "+only/simple/")


async def stage_without_slash(request: web.Request) -> web.StreamResponse:
    """Redirect `/tmp/P/T` to the stage URL."""
    await open_stage(request)
    return redirect_within_stage(request, "", permanent=True)


async def preview(request: web.Request) -> web.StreamResponse:
    """Return the response of the index as if the stage were published."""
    _, _, path = split_stage_path(request)
    try:
        stage = await open_stage(request)
    except GoneError as error:
        if path or not wants_page(request):
            raise
        return await ended_page(request, error.sentence)
    request = _with_format(request, path)
    installer = names_simple_api(_accept_of(request))
    target = find_target(path, project=stage.project, installer=installer)
    return await _answer(request, stage, target, path)


def _with_format(request: web.Request, path: str) -> web.Request:
    """Return the request of a simple page with the type in its URL as Accept header, if any."""
    query = request.raw_path.partition("?")[2]
    kind = type_in_query(query) if path.startswith(_SIMPLE) else None
    if kind is None:
        return request
    headers = request.headers.copy()
    headers[hdrs.ACCEPT] = ACCEPT_FOR[kind]
    return request.clone(headers=only_text(headers))


def _accept_of(request: web.Request) -> str:
    return ", ".join(request.headers.getall(hdrs.ACCEPT, []))


async def _answer(  # noqa: C901, PLR0911, PLR0912 - one case for each target
    request: web.Request, stage: Stage, target: Target, path: str
) -> web.StreamResponse:
    documents, accept, freshness = (
        request.app[DOCUMENTS],
        _accept_of(request),
        freshness_of(request),
    )
    match target:
        case StageRoot():
            return await show_stage(request, await request.app[PREVIEWS].with_all_files(stage))
        case StageReview():
            return await review_response(request, await request.app[PREVIEWS].with_all_files(stage))
        case ProjectPage():
            return await _page(request, stage, documents.project_page(stage, accept, freshness))
        case OnlyPage():
            return await _page(request, stage, documents.only_page(stage, accept))
        case OnlyList():
            return await _page(request, stage, documents.only_list(stage, accept))
        case Feed():
            return await _page(request, stage, documents.feed(stage, freshness))
        case ProjectJson():
            return await _json(request, stage, documents.project_json(stage, freshness))
        case ReleaseJson(version):
            return await _json(request, stage, documents.release_json(stage, version, freshness))
        case Provenance():
            return await _provenance(request, stage, target, path)
        case ProjectList():
            return await answer_list(request, stage, accept)
        case FileTarget():
            return await answer_file(request, stage, target)
        case LinkedFile(signature, linked):
            if not request.app[URLS].is_signed(stage, linked, signature):
                raise NotFoundError
            return await pass_through(request, stage, LINKED + linked)
        case Redirected():
            return redirect_within_stage(
                request, target.path + _format_in(request), permanent=target.permanent
            )
        case PassedThrough():
            return await pass_through(request, stage, target.path)
        case NotServed():
            raise NotFoundError
        case LegacyUpload():
            raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_POST])


def _format_in(request: web.Request) -> str:
    """Return the query that names the type of a page, which a redirect has to keep."""
    kind = type_in_query(request.raw_path.partition("?")[2])
    return f"?format={quote(kind)}" if kind else ""


async def _page(
    request: web.Request, stage: Stage, page: Awaitable[Document | None]
) -> web.StreamResponse:
    document = await page
    if document is None:
        raise NotFoundError
    return await _document(request, stage, document)


async def _json(
    request: web.Request, stage: Stage, found: Awaitable[Document | None]
) -> web.StreamResponse:
    """Return a document of the JSON API, or its 404, which is JSON too."""
    document = await found
    return await _document(request, stage, document) if document else _missing("Not Found")


async def _provenance(
    request: web.Request, stage: Stage, target: Provenance, path: str
) -> web.StreamResponse:
    if stage.find_artifact(target.filename):
        return _missing(f"No provenance available for {target.filename}")
    return await pass_through(request, stage, path)


async def _document(request: web.Request, stage: Stage, document: Document) -> web.StreamResponse:
    headers = headers_of_edited(document.headers, document.content_type)
    answer = await conditional(request, document, {**headers, **_marks_of(document)})
    changes_at = request.app[PREVIEWS].next_change(stage)
    answer[LASTING] = Lasting(document.fresh_until, changes_at)
    return answer


def _marks_of(document: Document) -> dict[str, str]:
    """Return the headers that mark a copy which is used because upstream fails."""
    if document.stale_seconds is None:
        return {}
    return {"Age": str(document.stale_seconds), "Warning": STALE}


def _missing(message: str) -> web.Response:
    answer = json_response({"message": message}, 404, {"Cache-Control": PRIVATE})
    answer.headers["ETag"] = etag_of(message.encode())
    return answer
