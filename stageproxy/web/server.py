"""The changes to aiohttp's server: errors for malformed requests, and deadlines.

aiohttp quotes a malformed request line, which may contain a token, in its
response and its log; and it waits without limit for the headers and the body of a request, and
until a client has read an answer.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import StreamReader, hdrs, web
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from stageproxy.core.errors import InvalidRequestError, SlowBodyError
from stageproxy.core.pace import PaceLimits
from stageproxy.web.forwarded import Network, with_client_address
from stageproxy.web.logs import AccessLog
from stageproxy.web.slow_bodies import BODY_PACE, BodyWatch
from stageproxy.web.slow_readers import READER_PACE, ReaderWatch, reset

SHUTDOWN_SECONDS = 30
"""The time that running requests have to finish when the server stops."""

_HEADER_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 15
_POLL_SECONDS = 0.05
_CANCEL_SECONDS = 2
_READ_BUFFER = 2**20
_LONGEST_HEADER = 32_760
_LINGERING_SECONDS = 10
"""The time in which the rest of a refused body is read and discarded."""
_SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


def runner_for(
    app: web.Application,
    *,
    trusted_proxies: Sequence[Network] = (),
    header_deadline: float = _HEADER_SECONDS,
    body_limits: PaceLimits = BODY_PACE,
    reader_limits: PaceLimits = READER_PACE,
) -> "Runner":
    """Return the runner of *app*. The headers of a request must arrive within the deadline.

    *body_limits*: how slowly the body may arrive.
    *reader_limits*: how slowly a client may read.
    *trusted_proxies*: the proxies whose `X-Forwarded-For` is trusted.
    """
    return Runner(
        app,
        _Deadlines(header_deadline, body_limits, reader_limits),
        trusted_proxies,
        access_log_class=AccessLog,
        access_log=logging.getLogger("stageproxy.requests"),
        auto_decompress=False,
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        lingering_time=_LINGERING_SECONDS,
        max_field_size=_LONGEST_HEADER,
        read_bufsize=_READ_BUFFER,
        shutdown_timeout=_CANCEL_SECONDS,
    )


@dataclass(frozen=True, slots=True)
class _Deadlines:
    """How long the headers of a request may take, in seconds, and how slow a client may be.

    *body*: while it sends the body of a request. *reader*: while it reads an answer.
    """

    headers: float = _HEADER_SECONDS
    body: PaceLimits = BODY_PACE
    reader: PaceLimits = READER_PACE


class StageproxyProtocol(RequestHandler):
    """A connection."""

    __slots__ = ("_body_watch", "_deadline", "_reader_watch", "_seconds")

    def __init__(self, manager: web.Server, deadlines: _Deadlines, **options: object) -> None:
        super().__init__(manager, **options)  # type: ignore[arg-type] # passed on unchanged
        self._seconds = deadlines.headers
        self._deadline: asyncio.TimerHandle | None = None
        self._body_watch = BodyWatch(
            self._loop, deadlines.body, is_paused=self._is_paused, shed=self._shed_body
        )
        self._reader_watch = ReaderWatch(self._loop, deadlines.reader, self._drop_reader)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the deadline of the first request."""
        super().connection_made(transport)
        self._reader_watch.start(cast("asyncio.Transport", transport))
        self._start_deadline()

    def data_received(self, data: bytes) -> None:
        """Stop the deadline when the headers are complete; start it with the next request."""
        super().data_received(data)
        self._fail_broken_body()
        self._watch_body()
        if self._messages or self._request_in_progress:
            self._stop_deadline()
        elif self._deadline is None:
            self._start_deadline()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the deadlines."""
        self._stop_deadline()
        self._body_watch.stop()
        self._reader_watch.stop()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a malformed request or an internal error without quoting the request."""
        self.logger.warning(
            "a request from %s cannot be answered: %s", request.remote, type(exc).__name__
        )
        if request.writer.output_size > 0:
            message = "The response has already started."
            raise ConnectionError(message)
        text = "400 Bad Request" if status < 500 else "500 Internal Server Error"  # noqa: PLR2004
        answer = web.Response(status=status, text=text, headers={"Server": "stageproxy"})
        answer.force_close()
        return answer

    def _fail_broken_body(self) -> None:
        """Raise an error in the handler that reads a body with malformed chunks.

        aiohttp lets the handler wait without limit, and answers 400 to the next request.
        """
        is_broken = bool(self._messages) and isinstance(self._messages[-1][0], _ErrInfo)
        if is_broken and self._current_request and not self._current_request.content.is_eof():
            error = InvalidRequestError("The chunks of the request body are malformed.")
            self._current_request.content.set_exception(error)
            self._current_request.content.feed_eof()

    def _watch_body(self) -> None:
        """Watch the body that arrives: that of the request that came last."""
        if self._messages:
            self._body_watch.start(self._messages[-1][1])
        self._body_watch.data_received()

    def _is_paused(self) -> bool:
        return self._reading_paused or self._buffer_paused

    def _shed_body(self, body: StreamReader, fault: str) -> None:
        """End a request whose body is too slow. No further request is read from the client.

        Its handler raises the error when it reads on. If the request is answered already,
        aiohttp only discards the rest of its body.
        """
        self.close()
        if self._current_request or self._messages:
            body.set_exception(SlowBodyError(fault))
        body.feed_eof()

    def _drop_reader(self, transport: asyncio.Transport, fault: str) -> None:
        """End the connection of a client that reads too slowly, and the handler that answers it.

        A handler that may have changed something is not interrupted: it fails when it answers.
        """
        self.logger.warning("dropped the client at %s: %s", _peer_of(transport), fault)
        request = self._current_request
        answers = self._request_in_progress and (request is None or request.method in _SAFE)
        if self._task_handler is not None and answers:
            self._task_handler.cancel()
        reset(transport)

    def _start_deadline(self) -> None:
        self._deadline = self._loop.call_later(self._seconds, self._close_if_idle)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close_if_idle(self) -> None:
        if not self._request_in_progress:
            self.force_close()


def _peer_of(transport: asyncio.BaseTransport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else "-"


class _Server(web.Server):
    deadlines = _Deadlines()

    def __call__(self) -> RequestHandler:
        return StageproxyProtocol(self, self.deadlines, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """A runner with the connections of this module."""

    def __init__(
        self,
        app: web.Application,
        deadlines: _Deadlines,
        trusted_proxies: Sequence[Network],
        **options: Any,  # noqa: ANN401 - passed on unchanged
    ) -> None:
        super().__init__(app, **options)
        self._deadlines = deadlines
        self._trusted_proxies = trusted_proxies

    async def cleanup(self) -> None:
        """Wait for running requests, then stop.

        aiohttp stops reading when it shuts down, so that a running upload would
        hang until its timeout.
        """
        for site in list(self.sites):
            await site.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                while self._has_running_requests():  # noqa: ASYNC110 - aiohttp has no event for this
                    await asyncio.sleep(_POLL_SECONDS)
        await super().cleanup()

    def _has_running_requests(self) -> bool:
        connections = self.server.connections if self.server else []
        return any(one._request_in_progress for one in connections)  # noqa: SLF001

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        server = _Server(
            made.request_handler,
            request_factory=with_client_address(made.request_factory, self._trusted_proxies),
            loop=made._loop,  # noqa: SLF001 - the arguments of the replaced server
            **made._kwargs,  # noqa: SLF001
        )
        server.deadlines = self._deadlines
        return server
