"""Whether a request comes from a page of this server, as the browser says.

Browsers send `Sec-Fetch-Site` over TLS and on the same machine, and `Origin` with each POST. No
script can set them. A request with none of them is from no browser that we know.
"""

from urllib.parse import urlsplit

from aiohttp import hdrs, web

from stageproxy.core.errors import ForbiddenError
from stageproxy.web.access.addresses import is_of_this_machine
from stageproxy.web.keys import URLS

_SITE = "Sec-Fetch-Site"
_OWN = frozenset({"same-origin"})
_LOCAL_NAME = "localhost"


class CrossSiteError(ForbiddenError):
    """A form was not sent by a page of the desk."""

    def __init__(self) -> None:
        super().__init__(
            "This form does not come from a page of this server that you opened, or that page is "
            "outdated. Nothing was changed. Open the page again, and send its form."
        )


def check_same_origin(request: web.Request) -> None:
    """Raise unless the browser says that a page of this server sends the request."""
    sites = {*request.headers.getall(_SITE, [])}
    origins = {*request.headers.getall(hdrs.ORIGIN, [])}
    is_known = bool(sites or origins)
    if not is_known or not sites <= _OWN or not origins <= _own_origins(request):
        raise CrossSiteError


def came_by_tls(request: web.Request) -> bool:
    """Return whether the client uses TLS: a trusted proxy says so, or the public URL does."""
    return request.secure or request.app[URLS].public_url.startswith("https:")


def is_local(request: web.Request) -> bool:
    """Return whether the browser reaches the server on its own machine, by the host it asks for."""
    name = _hostname(request)
    return name == _LOCAL_NAME or is_of_this_machine(name)


def _own_origins(request: web.Request) -> frozenset[str]:
    """Return the origins of our pages: that of the public URL, and the one that was asked for.

    The latter not on plain HTTP from elsewhere: anybody on the way could have written that page.
    """
    public = "{0.scheme}://{0.netloc}".format(urlsplit(request.app[URLS].public_url))
    asked = {f"{request.scheme}://{request.host}"} if request.secure or is_local(request) else set()
    return frozenset({public.lower(), *(one.lower() for one in asked)})


def _hostname(request: web.Request) -> str:
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""
