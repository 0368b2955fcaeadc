"""Upstream responses that are passed through unchanged."""

from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus

from aiohttp import hdrs, web

from stageproxy.core.errors import StageproxyError, UpstreamFailedError
from stageproxy.core.index.links import LINKED, is_file
from stageproxy.core.index.other_pages import OtherPage
from stageproxy.core.index.redirects import MOST_REDIRECTS, REDIRECTS, is_respelling
from stageproxy.core.index.targets import concerns
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import AskedPage, UpstreamResponse
from stageproxy.web.answers.conditional import etag_of, freshness_of
from stageproxy.web.answers.headers import (
    headers_for_upstream,
    headers_of_project,
    headers_of_unchanged,
)
from stageproxy.web.keys import PREVIEWS, STREAM_SHARES
from stageproxy.web.preview.other_page import (
    answer_other_page,
    may_be_page,
    readable_encodings,
)
from stageproxy.web.stage_path import redirect_within_stage, temporary_redirect

_LONGEST_NOT_FOUND = 2**16


async def pass_through(request: web.Request, stage: Stage, path: str) -> web.StreamResponse:
    """Return upstream's response: its status, the forwarded headers, and its body.

    Only links of pages change, if they would lead out of the stage.
    """
    _, mark, query = request.raw_path.partition("?")
    requested = path + mark + query
    if may_be_page(request):
        page = request.app[PREVIEWS].find_other_page(_asked_page(request, requested))
        if page is not None:
            return await _page(request, stage, page, requested)
    async with request.app[STREAM_SHARES].share(request, stage):
        return await _pass_through(request, stage, requested, MOST_REDIRECTS)


async def pass_on(
    request: web.Request,
    stage: Stage,
    answer: UpstreamResponse,
    requested: str,
    redirects_left: int = 0,
) -> web.StreamResponse:
    """Return upstream's response to the *requested* path. Redirects stay within the stage."""
    if answer.status in REDIRECTS:
        return await _redirect(request, stage, answer, requested, redirects_left)
    if answer.status == HTTPStatus.NOT_FOUND:
        return await _not_found(answer)
    headers = _headers_for_client(stage, answer.headers, requested)
    return await _stream(request, answer.chunks(), headers, answer.status)


async def _pass_through(
    request: web.Request, stage: Stage, requested: str, redirects_left: int
) -> web.StreamResponse:
    previews = request.app[PREVIEWS]
    if may_be_page(request):
        async with previews.ask_for_other_page(_asked_page(request, requested)) as found:
            if isinstance(found, OtherPage):
                return await _page(request, stage, found, requested)
            return await pass_on(request, stage, found, requested, redirects_left)
    # Some mirrors answer HEAD of a page with other headers.
    only_headers = request.method == hdrs.METH_HEAD and is_file(requested)
    headers = headers_for_upstream(request)
    async with previews.ask_upstream(requested, headers, only_headers=only_headers) as answer:
        return await pass_on(request, stage, answer, requested, redirects_left)


def _asked_page(request: web.Request, requested: str) -> AskedPage:
    headers = headers_for_upstream(request)
    if hdrs.ACCEPT_ENCODING in headers:
        headers[hdrs.ACCEPT_ENCODING] = readable_encodings(headers[hdrs.ACCEPT_ENCODING])
    return AskedPage(requested, headers, freshness_of(request))


async def _page(
    request: web.Request, stage: Stage, page: OtherPage, requested: str
) -> web.StreamResponse:
    headers = _headers_for_client(stage, page.sent.headers, requested)
    return await answer_other_page(request, stage, page, headers)


def _headers_for_client(stage: Stage, headers: Mapping[str, str], requested: str) -> dict[str, str]:
    path = requested.partition("?")[0]
    select = headers_of_project if concerns(path, stage.project) else headers_of_unchanged
    return select(headers)


async def _stream(
    request: web.Request, chunks: AsyncIterator[bytes], headers: dict[str, str], status: int
) -> web.StreamResponse:
    """Return a response whose body is sent as it is received."""
    response = web.StreamResponse(status=status, headers=headers)
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    try:
        async for chunk in chunks:
            await response.write(chunk)
    except StageproxyError:
        # The status is sent; only closing the connection shows that the body is incomplete.
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


async def _redirect(
    request: web.Request,
    stage: Stage,
    answer: UpstreamResponse,
    requested: str,
    redirects_left: int,
) -> web.StreamResponse:
    location = answer.headers.get(hdrs.LOCATION, "")
    target = request.app[PREVIEWS].redirection(location, requested)
    if target.path is None:
        return temporary_redirect(target.url)
    if target.path.startswith(LINKED):
        # Only the server can request what is above upstream's root.
        if not redirects_left:
            raise UpstreamFailedError("PyPI redirects too often.")
        return await _pass_through(request, stage, target.path, redirects_left - 1)
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
