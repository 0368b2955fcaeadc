"""Upstream's pages of other projects: passed on as they are, unless a link leaves the stage."""

from collections.abc import Mapping

from aiohttp import hdrs, web

from stageproxy.core.index.links import is_file
from stageproxy.core.index.negotiation import names_simple_api
from stageproxy.core.index.other_pages import OtherPage
from stageproxy.core.stage.stage import Stage
from stageproxy.web.answers.conditional import conditional, has_copy, whole
from stageproxy.web.answers.headers import PRIVATE, headers_of_edited
from stageproxy.web.answers.lasting import LASTING, Lasting
from stageproxy.web.keys import DOCUMENTS, PREVIEWS
from stageproxy.web.stage_path import split_stage_path

_UNREADABLE = frozenset({"br", "zstd", "deflate", "compress"})
_OF_THE_BODY = (hdrs.CONTENT_TYPE, hdrs.CONTENT_ENCODING)


def may_be_page(request: web.Request) -> bool:
    """Return whether a request is one for the page of a project."""
    path = split_stage_path(request)[2]
    is_simple = path.startswith("simple/") and path != "simple/"
    is_page = is_simple or names_simple_api(request.headers.get(hdrs.ACCEPT, ""))
    return is_page and not is_file(path)


def readable_encodings(accepted: str) -> str:
    """Return the encodings of an Accept-Encoding header, without those that hide a page's links."""
    parts = [one.strip() for one in accepted.split(",")]
    readable = [one for one in parts if one.partition(";")[0].strip().lower() not in _UNREADABLE]
    return ", ".join(readable) or "identity"


async def answer_other_page(
    request: web.Request, stage: Stage, page: OtherPage, headers: dict[str, str]
) -> web.Response:
    """Return upstream's page. Its bytes change only if a link would leave the stage.

    *headers* are those of the page for clients.
    """
    answer = await _answer(request, stage, page, headers)
    answer[LASTING] = Lasting(page.sent.fresh_until, request.app[PREVIEWS].next_change(stage))
    return answer


async def _answer(
    request: web.Request, stage: Stage, page: OtherPage, headers: dict[str, str]
) -> web.Response:
    if page.stays:
        return _as_sent(request, page, headers)
    edited = await request.app[DOCUMENTS].with_links(stage, page, split_stage_path(request)[2])
    if edited is None:
        return _as_sent(request, page, headers)
    cache_control = headers.get(hdrs.CACHE_CONTROL, PRIVATE)
    own = headers_of_edited(page.sent.headers, page.sent.content_type)
    return await conditional(request, edited, {**own, hdrs.CACHE_CONTROL: cache_control})


def _as_sent(request: web.Request, page: OtherPage, headers: Mapping[str, str]) -> web.Response:
    """Return a page with every byte and header of upstream.

    Where upstream has no ETag the page gets one, or clients would receive it again each time.
    """
    own = {"ETag": f'"{page.sent.digest}"', **headers}
    own.pop(hdrs.CONTENT_LENGTH, None)
    if has_copy(request, own):
        for name in _OF_THE_BODY:
            own.pop(name, None)
        return web.Response(status=304, headers=own)
    return whole(request, page.sent.body, own)
