"""The list of all projects, edited while it is streamed."""

from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from stageproxy.core.errors import StageproxyError, UpstreamFailedError
from stageproxy.core.index.negotiation import SimpleType, simple_type, simple_type_of
from stageproxy.core.index.pages import digest_of
from stageproxy.core.index.project_list import ListEditor, UnreadableListError
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import UpstreamResponse
from stageproxy.web.answers.conditional import freshness_of, matches
from stageproxy.web.answers.headers import headers_for_upstream, headers_of_edited
from stageproxy.web.keys import DOCUMENTS, PREVIEWS, STREAM_SHARES
from stageproxy.web.preview.pass_through import pass_on
from stageproxy.web.stage_path import prefix_of

_PATH = "simple/"
_PLAIN = {"Accept-Encoding": "identity"}
_NOT_ENCODED = frozenset({"", "identity"})
_LENGTHS = (hdrs.CONTENT_LENGTH, hdrs.TRANSFER_ENCODING)


async def answer_list(request: web.Request, stage: Stage, accept: str) -> web.StreamResponse:
    """Return upstream's list with the staged project, if that is new, and links within the stage.

    JSON without a new project is passed on unchanged.
    """
    async with request.app[STREAM_SHARES].share(request, stage):
        return await _list(request, stage, accept)


async def _list(request: web.Request, stage: Stage, accept: str) -> web.StreamResponse:
    is_new = await request.app[DOCUMENTS].is_new(stage, freshness_of(request))
    if not is_new and simple_type(accept) is SimpleType.V1_JSON:
        asking = request.app[PREVIEWS].ask_upstream(_PATH, headers_for_upstream(request))
        async with asking as answer:
            if not _is_html(answer):
                return await pass_on(request, stage, answer, _PATH)
    headers = {hdrs.ACCEPT: accept or "*/*", **_PLAIN}
    asking = request.app[PREVIEWS].ask_upstream(_PATH, headers)
    async with asking as answer:
        kind = simple_type_of(answer.headers.get(hdrs.CONTENT_TYPE, ""))
        if answer.status != HTTPStatus.OK or kind is None:
            return await pass_on(request, stage, answer, _PATH)
        editor = ListEditor(
            kind,
            new_name=stage.project if is_new else None,
            folder=urlsplit(request.app[PREVIEWS].url_of(_PATH)).path,
            prefix=prefix_of(request),
        )
        return await _edited(request, stage, answer, editor)


def _is_html(answer: UpstreamResponse) -> bool:
    """Return whether a list is HTML, which upstream may send whatever it is asked for."""
    kind = simple_type_of(answer.headers.get(hdrs.CONTENT_TYPE, ""))
    return answer.status == HTTPStatus.OK and kind not in {None, SimpleType.V1_JSON}


async def _edited(
    request: web.Request, stage: Stage, answer: UpstreamResponse, editor: ListEditor
) -> web.StreamResponse:
    encoding = answer.headers.get(hdrs.CONTENT_ENCODING, "").lower()
    if encoding not in _NOT_ENCODED:
        raise UpstreamFailedError(
            f"PyPI answered in an encoding that was not requested: {encoding}."
        )
    headers = headers_of_edited(answer.headers, answer.headers[hdrs.CONTENT_TYPE])
    etag = _etag(request, stage, answer)
    if etag:
        headers["ETag"] = etag
        if matches(request, etag):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    response = web.StreamResponse(headers=headers)
    if request.method == hdrs.METH_HEAD:
        await response.prepare(request)
        return response
    return await _stream(request, answer, editor, response)


async def _stream(
    request: web.Request, answer: UpstreamResponse, editor: ListEditor, response: web.StreamResponse
) -> web.StreamResponse:
    """Stream the list. Nothing is sent before the editor has recognized it as a list."""
    try:
        async for chunk in answer.chunks():
            for piece in editor.feed(chunk):
                await _send(request, response, piece)
        for piece in editor.close(has_length=any(one in answer.headers for one in _LENGTHS)):
            await _send(request, response, piece)
    except (StageproxyError, UnreadableListError) as error:
        if not response.prepared:
            raise UpstreamFailedError(
                f"PyPI's list of projects cannot be read: {error}."
            ) from error
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


async def _send(request: web.Request, response: web.StreamResponse, piece: bytes) -> None:
    if not response.prepared:
        await response.prepare(request)
    if piece:
        await response.write(piece)


def _etag(request: web.Request, stage: Stage, answer: UpstreamResponse) -> str | None:
    """Return the ETag of upstream's list with this stage, or `None` if upstream sends no ETag."""
    upstream = answer.headers.get("ETag")
    if upstream is None:
        return None
    state = f"{upstream} {stage.id} {stage.revision} {prefix_of(request)}"
    return f'"{digest_of(state.encode())}"'
