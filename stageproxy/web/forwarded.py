"""The client address and the id of a request that was sent through proxies.

Each proxy appends the address of its peer to `X-Forwarded-For`. The entries
of trusted proxies are reliable; those further left are claims of the client.
"""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from aiohttp import hdrs, web

from stageproxy.core.rights import redacted
from stageproxy.request_ids import HEADER, is_request_id
from stageproxy.web.keys import REQUEST_ID

Network = IPv4Network | IPv6Network
RequestFactory = Callable[..., web.BaseRequest]

_NETWORK_OF_CLIENT = 64


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """Return the first address that is not trusted, from *peer* to the left of the header.

    If the header ends or is malformed before that, return the last address.
    """
    client = peer
    for entry in reversed(forwarded_for.split(",")):
        address = _find_address(entry.strip())
        if address is None or not is_trusted(client, trusted):
            break
        client = str(address)
    return client


def client_of(address: str | None) -> str:
    """Return who is counted as one client: an IPv4 address, or the /64 network of an IPv6 one.

    A single machine usually has a whole network of IPv6 addresses.
    """
    found = _find_address(address or "")
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, _NETWORK_OF_CLIENT), strict=False))
    return str(found or address or "")


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


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    """Return whether an address is that of a trusted proxy."""
    found = _find_address(address)
    return found is not None and any(found in network for network in trusted)


def _find_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address in a text, or `None`. Zones are excluded: they can be any text."""
    try:
        address = None if "%" in text else ip_address(text)
    except ValueError:
        return None
    # A dual-stack socket reports IPv4 clients in this form.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
