"""Here is GET and HEAD of /tmp/<project>/<stage token>/…: the index, with a stage laid over it."""

from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from stageproxy.core.errors import NotFoundError, StageproxyError
from stageproxy.core.index.negotiation import names_simple_api
from stageproxy.core.index.pages import Page
from stageproxy.core.index.redirects import is_respelling
from stageproxy.core.index.targets import (
    Elsewhere,
    FileTarget,
    Moved,
    Nowhere,
    OnlyList,
    OnlyPage,
    ProjectPage,
    StageRoot,
    Upload,
    concerns,
    find_target,
)
from stageproxy.core.release.stages import Stage
from stageproxy.ports import Answer
from stageproxy.services.preview import Previews, StagedBytes
from stageproxy.web.conditional import conditional, etag_of, matches
from stageproxy.web.headers import (
    FOR_GOOD,
    PRIVATE,
    of_edited,
    of_project,
    of_untouched,
    to_upstream,
)
from stageproxy.web.keys import PREVIEWS, URLS
from stageproxy.web.stage_page import show_stage

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONGEST_NOT_FOUND = 2**16
_BINARY = "application/octet-stream"


async def stage_without_slash(request: web.Request) -> web.StreamResponse:
    """Lead `/tmp/P/T` to the stage."""
    project, token, _ = split_stage_path(request)
    await request.app[PREVIEWS].open_stage(project, token)
    return _moved(request, "", for_good=True)


async def preview(request: web.Request) -> web.StreamResponse:
    """Answer for the index as if the stage were published."""
    project, token, path = split_stage_path(request)
    stage = await request.app[PREVIEWS].open_stage(project, token)
    installer = names_simple_api(_accept_of(request))
    target = find_target(path, project=stage.project, installer=installer)
    match target:
        case StageRoot():
            return await show_stage(request, stage)
        case ProjectPage() | OnlyPage() | OnlyList():
            page = await _page(request.app[PREVIEWS], stage, target, _accept_of(request))
            return await conditional(request, page.body, of_edited(page.headers, page.content_type))
        case FileTarget():
            return await _answer_file(request, stage, target)
        case Moved():
            return _moved(request, target.path, for_good=target.for_good)
        case Elsewhere():
            return await _pass_through(request, stage, target.path)
        case Nowhere():
            raise NotFoundError
        case Upload():
            raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_POST])


def split_stage_path(request: web.Request) -> tuple[str, str, str]:
    """Return the project, the stage token and the rest of a path, as they came over the wire."""
    _, _, rest = request.raw_path.partition("?")[0].partition("/tmp/")
    project, _, rest = rest.partition("/")
    token, _, path = rest.partition("/")
    return project, token, path


def _accept_of(request: web.Request) -> str:
    return ", ".join(request.headers.getall(hdrs.ACCEPT, []))


async def _page(
    previews: Previews, stage: Stage, target: ProjectPage | OnlyPage | OnlyList, accept: str
) -> Page:
    match target:
        case ProjectPage():
            return await previews.project_page(stage, accept)
        case OnlyPage():
            return previews.only_page(stage, accept)
        case OnlyList():
            return previews.only_list(stage, accept)


async def _answer_file(
    request: web.Request, stage: Stage, target: FileTarget
) -> web.StreamResponse:
    previews = request.app[PREVIEWS]
    if target.of_metadata:
        core_metadata = await previews.find_core_metadata(stage, target)
        if core_metadata is not None:
            headers = {"Content-Type": _BINARY, "Cache-Control": FOR_GOOD}
            return await conditional(request, core_metadata, headers)
        return await _pass_through(request, stage, target.path)
    staged = await previews.find_file(stage, target)
    if staged is None:
        return await _pass_through(request, stage, target.path)
    return _staged_file(request, staged)


class _StagedFile(web.FileResponse):
    """A staged file. Its ETag is its digest, not the time at which it came to lie on this disk."""

    def __init__(self, staged: StagedBytes, headers: dict[str, str]) -> None:
        super().__init__(staged.path)
        self._own = headers

    async def _prepare_headers(self) -> None:
        self.headers.popall(hdrs.LAST_MODIFIED, None)
        if self.status < HTTPStatus.BAD_REQUEST:
            self.headers.update(self._own)
        await super()._prepare_headers()


def _staged_file(request: web.Request, staged: StagedBytes) -> web.StreamResponse:
    etag = f'"{staged.artifact.sha256}"'
    caching = {"ETag": etag, "Cache-Control": FOR_GOOD}
    if matches(request, etag):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=caching)
    headers = {
        **caching,
        "Content-Type": _BINARY,
        "Content-Disposition": f'attachment; filename="{staged.artifact.filename}"',
    }
    return _StagedFile(staged, headers)


async def _pass_through(request: web.Request, stage: Stage, path: str) -> web.StreamResponse:
    """Let upstream answer: its status, its headers that matter, its bytes as they come."""
    _, mark, query = request.raw_path.partition("?")
    asked = path + mark + query
    previews = request.app[PREVIEWS]
    async with previews.ask_upstream(asked, to_upstream(request)) as answer:
        if answer.status in _REDIRECTS:
            return _redirected(request, answer, asked)
        if answer.status == HTTPStatus.NOT_FOUND:
            return await _not_found(answer)
        headers = of_project if concerns(path, stage.project) else of_untouched
        return await _stream(request, answer, headers(answer.headers))


def _redirected(request: web.Request, answer: Answer, asked: str) -> web.Response:
    location = answer.headers.get(hdrs.LOCATION, "")
    target = request.app[PREVIEWS].redirection(location, asked)
    if target.path is None:
        return _see(target.url)
    return _moved(request, target.path, for_good=is_respelling(asked, target.path))


async def _not_found(answer: Answer) -> web.Response:
    """Pass on that upstream has no such thing. Today: so nobody may keep the answer."""
    body = b""
    async for chunk in answer.chunks():
        body += chunk
        if len(body) > _LONGEST_NOT_FOUND:
            body = b"404 Not Found"
            break
    headers = {**of_project(answer.headers), "ETag": etag_of(body)}
    headers.pop("Content-Length", None)
    return web.Response(status=HTTPStatus.NOT_FOUND, body=body, headers=headers)


async def _stream(
    request: web.Request, answer: Answer, headers: dict[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    try:
        async for chunk in answer.chunks():
            await response.write(chunk)
    except StageproxyError:
        # What was sent cannot be taken back; only a broken connection tells that more was to come.
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


def _moved(request: web.Request, path: str, *, for_good: bool) -> web.Response:
    """Lead to another *path* under the same stage.

    Installers keep what has moved for good for ever: only what never was
    anywhere else may say so.
    """
    project, token, _ = split_stage_path(request)
    base = urlsplit(request.app[URLS].public_url).path
    location = f"{base}/tmp/{project}/{token}/{path}"
    if not for_good:
        return _see(location)
    headers = {"Location": location, "Cache-Control": PRIVATE}
    return web.Response(status=HTTPStatus.MOVED_PERMANENTLY, headers=headers)


def _see(location: str) -> web.Response:
    headers = {"Location": location, "Cache-Control": "no-store"}
    return web.Response(status=HTTPStatus.TEMPORARY_REDIRECT, headers=headers)
