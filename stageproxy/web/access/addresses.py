"""Addresses of clients and proxies."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network

_NETWORK_OF_CLIENT = 64


def client_of(address: str | None) -> str:
    """Return who is counted as one client: an IPv4 address, or the /64 network of an IPv6 one.

    A single machine usually has a whole network of IPv6 addresses.
    """
    found = find_address(address or "")
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, _NETWORK_OF_CLIENT), strict=False))
    return str(found or address or "")


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    """Return whether an address is that of a trusted proxy."""
    found = find_address(address)
    return found is not None and any(found in network for network in trusted)


def is_of_this_machine(address: str) -> bool:
    """Return whether an address is that of a client on the machine of the server."""
    found = find_address(address)
    return found is not None and found.is_loopback


@lru_cache(maxsize=256)
def find_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address in a text, or `None`. Zones are excluded: they can be any text."""
    try:
        address = None if "%" in text else ip_address(text)
    except ValueError:
        return None
    # A dual-stack socket reports IPv4 clients in this form.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
