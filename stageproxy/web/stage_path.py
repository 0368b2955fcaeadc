"""Paths below a stage URL, and redirects between them."""

from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web

from stageproxy.core.stage.stage import Stage
from stageproxy.web.access.guesses import Guessed
from stageproxy.web.answers.headers import PRIVATE
from stageproxy.web.keys import GUESSES, PREVIEWS, URLS


def split_stage_path(request: web.Request) -> tuple[str, str, str]:
    """Return the project, the stage token and the rest of the path, not decoded."""
    _, _, rest = request.raw_path.partition("?")[0].partition("/tmp/")
    project, _, rest = rest.partition("/")
    token, _, path = rest.partition("/")
    return project, token, path


async def open_stage(request: web.Request) -> Stage:
    """Return the stage of the URL. Raise if there is none, or if the client only guesses URLs."""
    project, token, _ = split_stage_path(request)
    with request.app[GUESSES].counted(Guessed.STAGE_URL, request, f"{project}/{token}"):
        return await request.app[PREVIEWS].open_stage(project, token)


def prefix_of(request: web.Request) -> str:
    """Return the path of the stage URL for clients, with the prefix of the public URL."""
    project, token, _ = split_stage_path(request)
    base = urlsplit(request.app[URLS].public_url).path
    return f"{base}/tmp/{project}/{token}/"


def redirect_within_stage(request: web.Request, path: str, *, permanent: bool) -> web.Response:
    """Redirect to another *path* below the same stage.

    Installers cache permanent redirects without limit: only paths that never
    had content of their own may redirect permanently.
    """
    location = prefix_of(request) + path
    if not permanent:
        return temporary_redirect(location)
    headers = {"Location": location, "Cache-Control": PRIVATE}
    return web.Response(status=HTTPStatus.MOVED_PERMANENTLY, headers=headers)


def temporary_redirect(location: str) -> web.Response:
    """Redirect to *location*. The response must not be cached."""
    headers = {"Location": location, "Cache-Control": "no-store"}
    return web.Response(status=HTTPStatus.TEMPORARY_REDIRECT, headers=headers)
