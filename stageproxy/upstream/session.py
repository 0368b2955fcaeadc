"""HTTP sessions to upstream, and credentials on their requests."""

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from aiohttp import (
    AddrInfoType,
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    TraceConfig,
    TraceRequestStartParams,
    encode_basic_auth,
)
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from stageproxy import __version__
from stageproxy.request_ids import HEADER as REQUEST_ID_HEADER
from stageproxy.request_ids import current_request_id
from stageproxy.upstream.network import DEFAULTS, NetworkSettings

USER_AGENT = f"stageproxy/{__version__}"

_DNS_SECONDS = 300
_IDLE_SECONDS = 60
"""How long an idle connection is kept: opening one costs more than most pages."""
_READ_BUFFER = 2**18
_RESET_WHEN_CLOSED = struct.pack("ii", 1, 0)
"""SO_LINGER with a timeout of zero."""

Middleware = Callable[[ClientRequest, ClientHandlerType], Awaitable[ClientResponse]]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long upstream may take to connect, and between two reads."""

    connect: timedelta
    read: timedelta


@asynccontextmanager
async def open_session(
    timeouts: Timeouts,
    network: NetworkSettings = DEFAULTS,
    *,
    keep_alive: bool = True,
    tls: ssl.SSLContext | bool | None = None,
) -> AsyncIterator[ClientSession]:
    """Open a session to upstream. Publishing needs one without *keep_alive*.

    *tls*: the settings for TLS of *network*, if they are known: to read them takes 20 ms.

    Bodies are not decompressed, `web` decides on the headers of clients, and cookies
    are not stored, as they would be shared between clients.
    """
    session = ClientSession(
        connector=AbortingConnector(
            # `Traffic` limits them: a queue of its own for each purpose, and never an endless wait.
            limit=0,
            ttl_dns_cache=_DNS_SECONDS,
            force_close=not keep_alive,
            keepalive_timeout=_IDLE_SECONDS if keep_alive else None,
            socket_factory=None if keep_alive else _resetting_socket,
            ssl=network.tls_context(os.environ) if tls is None else tls,
        ),
        timeout=ClientTimeout(
            total=None,
            sock_connect=timeouts.connect.total_seconds(),
            sock_read=timeouts.read.total_seconds(),
        ),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        read_bufsize=_READ_BUFFER,
        proxy=network.proxy_url,
        trust_env=True,
        trace_configs=[_naming_requests()],
    )
    async with session:
        yield session


def _naming_requests() -> TraceConfig:
    """Return what sends the id of the request that is being answered to upstream, too."""

    async def name(
        _session: ClientSession, _context: object, started: TraceRequestStartParams
    ) -> None:
        if request_id := current_request_id():
            started.headers[REQUEST_ID_HEADER] = request_id

    config = TraceConfig()
    config.on_request_start.append(name)
    return config


class AbortingConnector(TCPConnector):
    """A connector whose connections are aborted if they are left before everything is sent.

    A server may refuse an upload before it has read all of it, or stop reading. aiohttp then only
    asks the transport to close, which waits until the rest is sent, and forgets the connection: the
    socket stays open, even when the session is closed.
    """

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - the signature is aiohttp's
    ) -> Connection:
        """Return a connection that is aborted when it is released with unsent data."""
        connection = await super().connect(req, traces, timeout)
        if connection.transport is not None:
            connection.add_callback(partial(_abort_if_unsent, connection.transport))
        return connection


def _abort_if_unsent(transport: asyncio.Transport) -> None:
    if transport.get_write_buffer_size():
        transport.abort()


def authorized(authorization: str, url: URL) -> tuple[Middleware, ...]:
    """Return the middleware that sets the header on requests to the origin of *url*, if not empty.

    A header of the request itself would conflict with credentials in netrc, and would
    be sent to the target of a redirect as well.
    """

    async def authorize(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        if request.url.origin() == url.origin():
            request.headers["Authorization"] = authorization
        return await send(request)

    return (authorize,) if authorization else ()


def authorization_in(url: URL) -> str:
    """Return the header for the user and the password in a URL, empty if there are none."""
    return encode_basic_auth(url.user, url.password or "") if url.user is not None else ""


def _resetting_socket(address: AddrInfoType) -> socket.socket:
    """Return a socket whose connection is reset when it is closed.

    Some indexes accept a partial file as complete when the connection ends, as it
    would if this process were killed. They notice a reset.
    """
    family, kind, protocol, _, _ = address
    created = socket.socket(family, kind, protocol)
    created.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_WHEN_CLOSED)
    return created
