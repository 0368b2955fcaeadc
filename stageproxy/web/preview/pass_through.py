"""Here is what a stage does not change: upstream answers, byte for byte."""

from http import HTTPStatus

from aiohttp import hdrs, web

from stageproxy.core.errors import StageproxyError
from stageproxy.core.index.redirects import is_respelling
from stageproxy.core.index.targets import concerns
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import UpstreamResponse
from stageproxy.web.conditional import etag_of
from stageproxy.web.headers import headers_for_upstream, headers_of_project, headers_of_unchanged
from stageproxy.web.keys import PREVIEWS
from stageproxy.web.stage_path import redirect_within_stage, temporary_redirect

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONGEST_NOT_FOUND = 2**16


async def pass_through(request: web.Request, stage: Stage, path: str) -> web.StreamResponse:
    """Let upstream answer: its status, its headers that matter, its bytes as they come."""
    _, mark, query = request.raw_path.partition("?")
    asked = path + mark + query
    async with request.app[PREVIEWS].ask_upstream(asked, headers_for_upstream(request)) as answer:
        return await pass_on(request, stage, answer, asked)


async def redirect_to_file(request: web.Request) -> web.StreamResponse:
    """Lead to upstream's file: some indexes write links without a host, which end up here.

    Pages of other projects keep every byte, and that is where their links lead.
    """
    return temporary_redirect(
        request.app[PREVIEWS].upstream_url(request.raw_path.removeprefix("/"))
    )


async def pass_on(
    request: web.Request, stage: Stage, answer: UpstreamResponse, asked: str
) -> web.StreamResponse:
    """Pass on what upstream answers to what was *asked*; redirects stay within the stage."""
    if answer.status in _REDIRECTS:
        return _redirected(request, answer, asked)
    if answer.status == HTTPStatus.NOT_FOUND:
        return await _not_found(answer)
    path = asked.partition("?")[0]
    headers = headers_of_project if concerns(path, stage.project) else headers_of_unchanged
    return await _stream(request, answer, headers(answer.headers))


def _redirected(request: web.Request, answer: UpstreamResponse, asked: str) -> web.Response:
    location = answer.headers.get(hdrs.LOCATION, "")
    target = request.app[PREVIEWS].redirection(location, asked)
    if target.path is None:
        return temporary_redirect(target.url)
    return redirect_within_stage(request, target.path, permanent=is_respelling(asked, target.path))


async def _not_found(answer: UpstreamResponse) -> web.Response:
    """Pass on that upstream has no such thing. Today: so nobody may keep the answer."""
    body = b""
    async for chunk in answer.chunks():
        body += chunk
        if len(body) > _LONGEST_NOT_FOUND:
            body = b"404 Not Found"
            break
    headers = {**headers_of_project(answer.headers), "ETag": etag_of(body)}
    headers.pop("Content-Length", None)
    return web.Response(status=HTTPStatus.NOT_FOUND, body=body, headers=headers)


async def _stream(
    request: web.Request, answer: UpstreamResponse, headers: dict[str, str]
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
