"""The client address and the id of a request that was sent through proxies.

Each proxy appends the address of its peer to `X-Forwarded-For`. The entries
of trusted proxies are reliable; those further left are claims of the client.
"""

from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import hdrs, web

from stageproxy.core.rights import redacted
from stageproxy.request_ids import HEADER, is_request_id
from stageproxy.web.addresses import Network, find_address, is_trusted
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


def with_client_address(make_request: RequestFactory, trusted: Sequence[Network]) -> RequestFactory:
    """Return a request factory that believes trusted proxies.

    It sets `remote` to their client, and the request id to theirs.
    """
    if not trusted:
        return make_request

    def make(*parts: Any) -> web.BaseRequest:  # noqa: ANN401 - passed on unchanged
        request = make_request(*parts)
        peer = request.remote or ""
        lines = request.headers.getall(hdrs.X_FORWARDED_FOR, [])
        client = client_address(peer, ",".join(lines), trusted)
        found = request if client == peer else request.clone(remote=client)
        given = request.headers.get(HEADER, "")
        if is_trusted(peer, trusted) and is_request_id(given):
            found[REQUEST_ID] = redacted(given)
        return found

    return make
