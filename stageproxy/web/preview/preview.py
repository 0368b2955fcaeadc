"""Here is GET and HEAD of /tmp/<project>/<stage token>/…: the index, with a stage laid over it."""

from collections.abc import Awaitable

from aiohttp import hdrs, web

from stageproxy.core.errors import NotFoundError
from stageproxy.core.index.negotiation import names_simple_api
from stageproxy.core.index.pages import Document
from stageproxy.core.index.targets import (
    Feed,
    FileTarget,
    LegacyUpload,
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
    StageRoot,
    find_target,
)
from stageproxy.core.stage.stage import Stage
from stageproxy.web.conditional import conditional, etag_of, wants_fresh
from stageproxy.web.headers import PRIVATE, of_edited
from stageproxy.web.keys import DOCUMENTS, PREVIEWS
from stageproxy.web.preview.file import answer_file
from stageproxy.web.preview.pass_through import pass_through
from stageproxy.web.preview.project_list import answer_list
from stageproxy.web.preview.stage_page import show_stage
from stageproxy.web.session_json import json_response
from stageproxy.web.stage_path import moved, split_stage_path


async def stage_without_slash(request: web.Request) -> web.StreamResponse:
    """Lead `/tmp/P/T` to the stage."""
    project, token, _ = split_stage_path(request)
    await request.app[PREVIEWS].open_stage(project, token)
    return moved(request, "", for_good=True)


async def preview(  # noqa: C901, PLR0912 - one case for each target
    request: web.Request,
) -> web.StreamResponse:
    """Answer for the index as if the stage were published."""
    project, token, path = split_stage_path(request)
    stage = await request.app[PREVIEWS].open_stage(project, token)
    installer = names_simple_api(_accept_of(request))
    target = find_target(path, project=stage.project, installer=installer)
    match target:
        case StageRoot():
            return await show_stage(request, await request.app[PREVIEWS].whole(stage))
        case ProjectPage() | OnlyPage() | OnlyList() | Feed():
            return await _answer_page(request, stage, target)
        case ProjectJson() | ReleaseJson() | Provenance():
            return await _answer_json(request, stage, target, path)
        case ProjectList():
            return await answer_list(request, stage, _accept_of(request))
        case FileTarget():
            return await answer_file(request, stage, target)
        case Redirected():
            return moved(request, target.path, for_good=target.for_good)
        case PassedThrough():
            return await pass_through(request, stage, target.path)
        case NotServed():
            raise NotFoundError
        case LegacyUpload():
            raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_POST])


def _accept_of(request: web.Request) -> str:
    return ", ".join(request.headers.getall(hdrs.ACCEPT, []))


async def _answer_page(
    request: web.Request, stage: Stage, target: ProjectPage | OnlyPage | OnlyList | Feed
) -> web.StreamResponse:
    document = await _page(request, stage, target)
    if document is None:
        raise NotFoundError
    return await _answer(request, document)


def _page(
    request: web.Request, stage: Stage, target: ProjectPage | OnlyPage | OnlyList | Feed
) -> Awaitable[Document | None]:
    documents, accept = request.app[DOCUMENTS], _accept_of(request)
    match target:
        case ProjectPage():
            return documents.project_page(stage, accept, fresh=wants_fresh(request))
        case OnlyPage():
            return documents.only_page(stage, accept)
        case OnlyList():
            return documents.only_list(stage, accept)
        case Feed():
            return documents.feed(stage, fresh=wants_fresh(request))


async def _answer_json(
    request: web.Request,
    stage: Stage,
    target: ProjectJson | ReleaseJson | Provenance,
    path: str,
) -> web.StreamResponse:
    """Answer for PyPI's JSON, which says in JSON what it does not have."""
    documents, fresh = request.app[DOCUMENTS], wants_fresh(request)
    match target:
        case ProjectJson():
            document = await documents.project_json(stage, fresh=fresh)
        case ReleaseJson(version):
            document = await documents.release_json(stage, version, fresh=fresh)
        case Provenance(filename=filename) if stage.find_artifact(filename):
            return _missing(f"No provenance available for {filename}")
        case Provenance():
            return await pass_through(request, stage, path)
    return await _answer(request, document) if document else _missing("Not Found")


async def _answer(request: web.Request, document: Document) -> web.StreamResponse:
    headers = of_edited(document.headers, document.content_type)
    return await conditional(request, document, headers)


def _missing(message: str) -> web.Response:
    answer = json_response({"message": message}, 404, {"Cache-Control": PRIVATE})
    answer.headers["ETag"] = etag_of(message.encode())
    return answer
