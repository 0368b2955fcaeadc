"""Here is a path below a stage, taken apart, and how to lead to another one."""

from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web

from stageproxy.web.headers import PRIVATE
from stageproxy.web.keys import URLS


def split_stage_path(request: web.Request) -> tuple[str, str, str]:
    """Return the project, the stage token and the rest of a path, as they came over the wire."""
    _, _, rest = request.raw_path.partition("?")[0].partition("/tmp/")
    project, _, rest = rest.partition("/")
    token, _, path = rest.partition("/")
    return project, token, path


def prefix_of(request: web.Request) -> str:
    """Return the path of the stage, as a client has to write it: that of a proxy in front first."""
    project, token, _ = split_stage_path(request)
    base = urlsplit(request.app[URLS].public_url).path
    return f"{base}/tmp/{project}/{token}/"


def redirect_within_stage(request: web.Request, path: str, *, permanent: bool) -> web.Response:
    """Lead to another *path* under the same stage.

    Installers keep what has moved for good for ever: only what never was
    anywhere else may say so.
    """
    location = prefix_of(request) + path
    if not permanent:
        return temporary_redirect(location)
    headers = {"Location": location, "Cache-Control": PRIVATE}
    return web.Response(status=HTTPStatus.MOVED_PERMANENTLY, headers=headers)


def temporary_redirect(location: str) -> web.Response:
    """Lead to somewhere else, this time: nobody may keep that."""
    headers = {"Location": location, "Cache-Control": "no-store"}
    return web.Response(status=HTTPStatus.TEMPORARY_REDIRECT, headers=headers)
