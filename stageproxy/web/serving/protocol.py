"""A connection as aiohttp serves it, with deadlines, and with errors that quote nothing.

aiohttp quotes a malformed request line, which may contain a token, in its
response and its log. It waits without limit for the headers and the body of a request, and until a
client has read an answer.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from aiohttp import EMPTY_PAYLOAD, StreamReader, hdrs, web
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from stageproxy.core.errors import InvalidRequestError, SlowBodyError
from stageproxy.core.pace import PaceLimits
from stageproxy.web.access.addresses import client_of, is_of_this_machine
from stageproxy.web.errors import early_response
from stageproxy.web.serving.connections import Connections
from stageproxy.web.serving.prepared_requests import PreparedRequests
from stageproxy.web.serving.slow_bodies import BODY_PACE, BodyWatch
from stageproxy.web.serving.slow_readers import READER_PACE, ReaderWatch, reset

HEADER_SECONDS = 10.0
_SEND_BUFFER = 2**18
_SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
_FULL = b"The server has as many connections as it may have. Try again in a moment.\n"
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nServer: stageproxy\r\nContent-Type: text/plain\r\n"
    b"Retry-After: 1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(_FULL), _FULL)
)
_TOO_MANY = "Too many requests of your address are being answered. Try again in a moment."


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long the headers of a request may take, in seconds, and how slow a client may be.

    *body*: while it sends the body of a request. *reader*: while it reads an answer.
    """

    headers: float = HEADER_SECONDS
    body: PaceLimits = BODY_PACE
    reader: PaceLimits = READER_PACE


class StageproxyProtocol(RequestHandler):
    """A connection."""

    __slots__ = (
        "_body_watch",
        "_connections",
        "_deadline",
        "_heard_at",
        "_is_asking",
        "_peer",
        "_prepared",
        "_reader_watch",
        "_seconds",
    )

    def __init__(
        self,
        manager: web.Server,
        deadlines: Deadlines,
        connections: Connections,
        prepared: PreparedRequests | None,
        **options: object,
    ) -> None:
        super().__init__(manager, **options)  # type: ignore[arg-type] # passed on unchanged
        self._prepared = prepared
        self._is_asking = False
        self._connections = connections
        self._heard_at = self._loop.time()
        self._peer = "-"
        self._seconds = deadlines.headers
        self._deadline: asyncio.TimerHandle | None = None
        self._body_watch = BodyWatch(
            self._loop, deadlines.body, is_paused=self._is_paused, shed=self._shed_body
        )
        self._reader_watch = ReaderWatch(self._loop, deadlines.reader, self._drop_reader)

    @property
    def idle_since(self) -> float | None:
        """When the last request arrived, or `None` while one is being answered."""
        is_sending = self.transport is not None and self.transport.get_write_buffer_size()
        is_busy = self._request_in_progress or self._messages or is_sending
        return None if is_busy else self._heard_at

    def give_way(self) -> None:
        """Close an idle connection to make room for another."""
        self.force_close()

    def leave_to_application(self) -> None:
        """Answer nothing any more from prepared answers, which leave a connection open."""
        self._prepared = None
        if self._is_asking:
            self._send_prepared(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the deadline of the first request, or refuse the connection."""
        connected = cast("asyncio.Transport", transport)
        self._peer = _peer_of(connected)
        if self._connections.admit(self, self._peer) is not None:
            connected.write(_REFUSAL)
            connected.close()
            return
        super().connection_made(connected)
        if is_of_this_machine(self._peer):
            limit_send_buffer(connected)
        self._reader_watch.start(connected)
        self._start_deadline()

    def data_received(self, data: bytes) -> None:
        """Stop the deadline when the headers are complete; start it with the next request.

        A request whose answer is prepared is answered at once.
        """
        if self._receive(data):
            self._heard_at = self._loop.time()
            self._stop_deadline()
            return
        self._fail_broken_body()
        self._watch_body()
        if self._messages or self._request_in_progress:
            self._heard_at = self._loop.time()
            self._stop_deadline()
        elif self._deadline is None:
            self._start_deadline()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the deadlines."""
        self._connections.remove(self)
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

    async def _handle_request(
        self,
        request: web.BaseRequest,
        start_time: float | None,
        request_handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    ) -> tuple[web.StreamResponse, bool]:
        """Answer a request, unless too many of its client behind a proxy are being answered."""
        if self._prepared is not None:
            request_handler = self._prepared.handler_for(request, request_handler)
        client = client_of(request.remote) if request.remote != self._peer else None
        if client is None or client == client_of(self._peer):
            return await super()._handle_request(request, start_time, request_handler)
        with self._connections.answering(client) as is_admitted:
            handler = request_handler if is_admitted else _refuse
            return await super()._handle_request(request, start_time, handler)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer, and keep it for requests like this one if it lasts."""
        sent, is_lost = await super().finish_response(request, resp, start_time)
        if self._prepared is not None and not is_lost:
            self._prepared.keep(request, sent)
        return sent, is_lost

    def _receive(self, data: bytes) -> bool:
        """Receive bytes. Return whether they were a request that is answered now."""
        waiter = self._waiter
        if self._prepared is None or waiter is None or waiter.done():
            super().data_received(data)
            return False
        is_asking = self._is_asking
        # The task that handles requests must not wake up before it is known to be needed.
        self._waiter = None
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        if is_asking:
            # What has arrived now is read when the request before it is answered.
            return True
        if not self._messages:
            return False
        if len(self._messages) == 1 and self._answer_without_application(self._prepared):
            return True
        waiter.set_result(None)
        return False

    def _answer_without_application(self, prepared: PreparedRequests) -> bool:
        """Answer the request that has arrived, or ask first whether its prepared answer holds.

        Only if the answer fits in the buffers.
        """
        message, payload = self._messages[0]
        transport = self.transport
        if isinstance(message, _ErrInfo) or payload is not EMPTY_PAYLOAD or transport is None:
            return False
        if transport.get_write_buffer_size() > 0:
            return False
        sent = prepared.answer_at_once(message, self._peer)
        if sent is not None:
            self._send_at_once(transport, sent)
            return True
        self._is_asking = prepared.answer_soon(message, self._peer, self._send_prepared)
        if self._is_asking:
            self._restart_keep_alive()
        return self._is_asking

    def _send_prepared(self, sent: bytes | None) -> None:
        """Send the answer to the first request that waits, or leave it to the application."""
        is_asking, self._is_asking = self._is_asking, False
        transport, waiter = self.transport, self._waiter
        if not is_asking or transport is None or waiter is None or waiter.done():
            return
        if sent is not None:
            self._heard_at = self._loop.time()
            self._send_at_once(transport, sent)
        if self._messages:
            waiter.set_result(None)

    def _send_at_once(self, transport: asyncio.WriteTransport, sent: bytes) -> None:
        self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        transport.write(sent)
        self._restart_keep_alive()

    def _restart_keep_alive(self) -> None:
        """Count the time to the next request from now, as aiohttp does after an answer."""
        self._keepalive = True
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(
                self._next_keepalive_close_time, self._process_keepalive
            )

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
        self.logger.warning("dropped the client at %s: %s", self._peer, fault)
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


def limit_send_buffer(transport: asyncio.WriteTransport) -> None:
    """Have the system buffer little for a client, so that what it reads is still in a cache.

    Between machines, the buffer has to grow with the distance.
    """
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)


async def _refuse(request: web.BaseRequest) -> web.StreamResponse:
    """Answer a request of a client that has too many."""
    answer = early_response(cast("web.Request", request), HTTPStatus.TOO_MANY_REQUESTS, _TOO_MANY)
    answer.headers.update({"Retry-After": "1", "Server": "stageproxy"})
    answer.force_close()
    return answer


def _peer_of(transport: asyncio.Transport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else "-"
