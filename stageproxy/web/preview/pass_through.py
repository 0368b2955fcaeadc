"""Upstream responses that are passed through unchanged."""

from http import HTTPStatus
from urllib.parse import unquote

from aiohttp import hdrs, web

from stageproxy.core.errors import StageproxyError
from stageproxy.core.index.pages import is_distribution
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
    """Return upstream's response: its status, the forwarded headers, and its body unchanged."""
    _, mark, query = request.raw_path.partition("?")
    requested = path + mark + query
    async with request.app[PREVIEWS].ask_upstream(
        requested, headers_for_upstream(request), only_headers=_is_head_of_file(request, path)
    ) as answer:
        return await pass_on(request, stage, answer, requested)


def _is_head_of_file(request: web.Request, path: str) -> bool:
    """Return whether a file is not to be sent. Everything else is requested by GET.

    Some mirrors answer HEAD of a page with other headers.
    """
    filename = unquote(path.rpartition("/")[2]).removesuffix(".metadata")
    return request.method == hdrs.METH_HEAD and is_distribution(filename)


async def redirect_to_file(request: web.Request) -> web.StreamResponse:
    """Redirect to upstream's file.

    Some indexes write links without a host, and pages of other projects are
    not edited, so that their links lead to this server.
    """
    return temporary_redirect(
        request.app[PREVIEWS].upstream_url(request.raw_path.removeprefix("/"))
    )


async def pass_on(
    request: web.Request, stage: Stage, answer: UpstreamResponse, requested: str
) -> web.StreamResponse:
    """Return upstream's response to the *requested* path. Redirects stay within the stage."""
    if answer.status in _REDIRECTS:
        return _redirect(request, answer, requested)
    if answer.status == HTTPStatus.NOT_FOUND:
        return await _not_found(answer)
    path = requested.partition("?")[0]
    headers = headers_of_project if concerns(path, stage.project) else headers_of_unchanged
    return await _stream(request, answer, headers(answer.headers))


def _redirect(request: web.Request, answer: UpstreamResponse, requested: str) -> web.Response:
    location = answer.headers.get(hdrs.LOCATION, "")
    target = request.app[PREVIEWS].redirection(location, requested)
    if target.path is None:
        return temporary_redirect(target.url)
    return redirect_within_stage(
        request, target.path, permanent=is_respelling(requested, target.path)
    )


async def _not_found(answer: UpstreamResponse) -> web.Response:
    """Return upstream's 404. It must not be cached: the resource may exist tomorrow."""
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
        # The status is sent; only closing the connection shows that the body is incomplete.
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response
