"""Errors at the desk, as pages."""

import re
from http import HTTPStatus

from aiohttp import web

from stageproxy.core.errors import Problem
from stageproxy.web.access.signed_in import noted_signed_in
from stageproxy.web.pages import headers_of_desk, render, root_of

_OF_STAGE = re.compile(r"/desk/stages/[0-9a-f]+")


def error_page(
    request: web.Request, status: HTTPStatus, sentence: str, problems: tuple[Problem, ...]
) -> web.Response:
    """Return a page that says what went wrong, and leads back."""
    root = root_of(request)
    of_stage = _OF_STAGE.match(request.path)
    body = render(
        request,
        "desk/pages/error.html",
        root=root,
        who=noted_signed_in(request),
        is_admin=False,
        heading=status.phrase,
        sentence=sentence,
        problems=problems,
        is_stage=of_stage is not None,
        back=root + (of_stage[0] if of_stage else "/"),
    )
    headers = headers_of_desk(request)
    return web.Response(status=status, body=body.encode(errors="replace"), headers=headers)
