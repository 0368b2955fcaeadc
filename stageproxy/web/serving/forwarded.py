"""The client address and the id of a request that was sent through proxies.

Each proxy appends the address of its peer to `X-Forwarded-For`. The entries
of trusted proxies are reliable; those further left are claims of the client.
"""

from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_parser import RawRequestMessage

from stageproxy.core.rights import redacted
from stageproxy.request_ids import HEADER, is_request_id
from stageproxy.web.access.addresses import Network, find_address, is_trusted
from stageproxy.web.request_keys import REQUEST_ID

RequestFactory = Callable[..., web.BaseRequest]


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """Return the first address that is not trusted, from *peer* to the left of the header.

    If the header ends or is malformed before that, return the last address.
    """
    client = peer
    for entry in reversed(forwarded_for.split(",")):
        address = find_address(entry.strip())
        if address is None or not is_trusted(client, trusted):
            break
        client = str(address)
    return client


def client_of_message(message: RawRequestMessage, peer: str, trusted: Sequence[Network]) -> str:
    """Return the address of the client that sent a request through proxies."""
    lines = message.headers.getall(hdrs.X_FORWARDED_FOR, [])
    return client_address(peer, ",".join(lines), trusted)


def forwarded_scheme(message: RawRequestMessage, peer: str, trusted: Sequence[Network]) -> str:
    """Return whether the client of trusted proxies uses TLS, as the nearest of them says."""
    given = message.headers.getall(hdrs.X_FORWARDED_PROTO, [])
    is_tls = is_trusted(peer, trusted) and given[-1:] == ["https"]
    return "https" if is_tls else "http"


def given_request_id(
    message: RawRequestMessage, peer: str, trusted: Sequence[Network]
) -> str | None:
    """Return the id that a trusted proxy has given to a request, if it has."""
    given = message.headers.get(HEADER, "")
    return redacted(given) if is_trusted(peer, trusted) and is_request_id(given) else None


def with_client_address(make_request: RequestFactory, trusted: Sequence[Network]) -> RequestFactory:
    """Return a request factory that believes trusted proxies.

    It sets `remote` to their client, the scheme to the one that it used, and the request id to
    theirs.
    """
    if not trusted:
        return make_request

    def make(message: RawRequestMessage, *parts: Any) -> web.BaseRequest:  # noqa: ANN401 - passed on
        request = make_request(message, *parts)
        peer = request.remote or ""
        client = client_of_message(message, peer, trusted)
        scheme = forwarded_scheme(message, peer, trusted)
        is_same = (client, scheme) == (peer, request.scheme)
        found = request if is_same else request.clone(remote=client, scheme=scheme)
        if given := given_request_id(message, peer, trusted):
            found[REQUEST_ID] = given
        return found

    return make
