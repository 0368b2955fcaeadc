"""Here is how a credential gets onto requests: for one origin alone, whatever netrc has for it."""

from collections.abc import Awaitable, Callable

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, encode_basic_auth
from yarl import URL

Middleware = Callable[[ClientRequest, ClientHandlerType], Awaitable[ClientResponse]]


def authorized(authorization: str, url: URL) -> tuple[Middleware, ...]:
    """Return what puts a header onto requests to the origin of *url*; nothing without a header.

    A header of the request itself would be refused beside what netrc has, and
    would go along wherever a redirect leads.
    """

    async def authorize(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        if request.url.origin() == url.origin():
            request.headers["Authorization"] = authorization
        return await send(request)

    return (authorize,) if authorization else ()


def authorization_in(url: URL) -> str:
    """Return the header for the user and the password that stand in a URL, if they do."""
    return encode_basic_auth(url.user, url.password or "") if url.user is not None else ""
