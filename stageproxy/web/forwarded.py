"""Here is whom a request comes from, where proxies stand in between.

Each proxy adds to `X-Forwarded-For` whom it hears, at its right end. So far
as the proxies are trusted, that is true; what stands further left is what
the client says itself.
"""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from aiohttp import hdrs, web

Network = IPv4Network | IPv6Network
RequestFactory = Callable[..., web.BaseRequest]


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """Return the first address, from *peer* on to the left of the header, that is not trusted.

    Where the header ends or makes no sense, it is the last one that did.
    """
    client = peer
    for entry in reversed(forwarded_for.split(",")):
        address = _find_address(entry.strip())
        if address is None or not _is_trusted(client, trusted):
            break
        client = str(address)
    return client


def with_client_address(make_request: RequestFactory, trusted: Sequence[Network]) -> RequestFactory:
    """Return what makes requests whose `remote` is the client and not a trusted proxy."""
    if not trusted:
        return make_request

    def make(*parts: Any) -> web.BaseRequest:  # noqa: ANN401 - passed on as they came
        request = make_request(*parts)
        peer = request.remote or ""
        lines = request.headers.getall(hdrs.X_FORWARDED_FOR, [])
        client = client_address(peer, ",".join(lines), trusted)
        return request if client == peer else request.clone(remote=client)

    return make


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    found = _find_address(address)
    return found is not None and any(found in network for network in trusted)


def _find_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a text is. One with a zone is none: the zone can be any text."""
    try:
        address = None if "%" in text else ip_address(text)
    except ValueError:
        return None
    # A socket for both versions tells of clients of the old one in this form.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
