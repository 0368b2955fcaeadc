"""Upstream responses that are passed through unchanged."""

from http import HTTPStatus

from aiohttp import hdrs, web

from stageproxy.core.errors import UpstreamFailedError
from stageproxy.core.index.links import LINKED, is_file
from stageproxy.core.index.redirects import MOST_REDIRECTS, REDIRECTS, is_respelling
from stageproxy.core.index.targets import concerns
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import UpstreamResponse
from stageproxy.web.conditional import etag_of
from stageproxy.web.headers import headers_for_upstream, headers_of_project, headers_of_unchanged
from stageproxy.web.keys import PREVIEWS, STREAM_SHARES
from stageproxy.web.preview.other_page import (
    answer_other_page,
    may_be_page,
    readable_encodings,
    stream,
)
from stageproxy.web.stage_path import redirect_within_stage, temporary_redirect

_LONGEST_NOT_FOUND = 2**16


async def pass_through(request: web.Request, stage: Stage, path: str) -> web.StreamResponse:
    """Return upstream's response: its status, the forwarded headers, and its body.

    Only links of pages change, if they would lead out of the stage.
    """
    _, mark, query = request.raw_path.partition("?")
    async with request.app[STREAM_SHARES].share(request, stage):
        return await _pass_through(request, stage, path + mark + query, MOST_REDIRECTS)


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
    path = requested.partition("?")[0]
    select = headers_of_project if concerns(path, stage.project) else headers_of_unchanged
    headers = select(answer.headers)
    if answer.status == HTTPStatus.OK and may_be_page(request):
        url = request.app[PREVIEWS].url_of(requested)
        return await answer_other_page(request, stage, answer, url, headers)
    return await stream(request, answer.chunks(), headers, answer.status)


async def _pass_through(
    request: web.Request, stage: Stage, requested: str, redirects_left: int
) -> web.StreamResponse:
    headers = headers_for_upstream(request)
    if may_be_page(request) and hdrs.ACCEPT_ENCODING in headers:
        headers[hdrs.ACCEPT_ENCODING] = readable_encodings(headers[hdrs.ACCEPT_ENCODING])
    # Some mirrors answer HEAD of a page with other headers.
    only_headers = request.method == hdrs.METH_HEAD and is_file(requested)
    asking = request.app[PREVIEWS].ask_upstream(requested, headers, only_headers=only_headers)
    async with asking as answer:
        return await pass_on(request, stage, answer, requested, redirects_left)


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
