"""Here is the HTTP session to upstream: pooled, bounded in time, without cookies or ambience."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from stageproxy import __version__

_CONNECTIONS_PER_HOST = 100
_DNS_SECONDS = 300
_READ_BUFFER = 2**18


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


USER_AGENT = f"stageproxy/{__version__}"
