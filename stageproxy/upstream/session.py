"""Here is the HTTP session to upstream: pooled, bounded in time, without cookies or ambience."""

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import AddrInfoType, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from stageproxy import __version__

_CONNECTIONS_PER_HOST = 100
_DNS_SECONDS = 300
_READ_BUFFER = 2**18
_RESET_WHEN_CLOSED = struct.pack("ii", 1, 0)
"""Linger, but for no time at all."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long upstream may take: to connect, and between two reads."""

    connect: timedelta
    read: timedelta


@asynccontextmanager
async def open_session(
    patience: Patience, *, keeps_connections: bool = True
) -> AsyncIterator[ClientSession]:
    """Open the one session to upstream for reading; one that keeps no connections, for publishing.

    Bodies stay as they come over the wire, what clients send is decided by
    `web`, and no cookie that upstream sets for one of them reaches another.
    """
    session = ClientSession(
        connector=TCPConnector(
            limit_per_host=_CONNECTIONS_PER_HOST,
            ttl_dns_cache=_DNS_SECONDS,
            force_close=not keeps_connections,
            socket_factory=None if keeps_connections else _resetting_socket,
        ),
        timeout=ClientTimeout(
            total=None,
            sock_connect=patience.connect.total_seconds(),
            sock_read=patience.read.total_seconds(),
        ),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        read_bufsize=_READ_BUFFER,
        trust_env=True,
    )
    async with session:
        yield session


def _resetting_socket(address: AddrInfoType) -> socket.socket:
    """Return a socket whose connection is reset when it is closed, by whomever or whatever.

    Some indexes take what has come of a file for the whole of it when the
    connection ends, as it would if this process were killed. A reset they see.
    """
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_WHEN_CLOSED)
    return made


USER_AGENT = f"stageproxy/{__version__}"
