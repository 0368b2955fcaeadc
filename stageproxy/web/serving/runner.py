"""The changes to aiohttp's server: limits of connections, and a stop that waits for requests."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from stageproxy.core.pace import PaceLimits
from stageproxy.web.keys import METRICS, PROGRESS_STREAMS
from stageproxy.web.metrics import Metrics
from stageproxy.web.serving.access_log import AccessLog
from stageproxy.web.serving.connections import ConnectionLimits, Connections, ExcessReport
from stageproxy.web.serving.forwarded import RequestFactory, with_client_address
from stageproxy.web.serving.logs import ACCESS_LOGGER
from stageproxy.web.serving.prepared import PreparedAnswers
from stageproxy.web.serving.prepared_requests import PreparedRequests
from stageproxy.web.serving.protocol import HEADER_SECONDS, Deadlines, StageproxyProtocol
from stageproxy.web.serving.slow_bodies import BODY_PACE
from stageproxy.web.serving.slow_readers import READER_PACE

_REQUESTS = logging.getLogger(ACCESS_LOGGER)

SHUTDOWN_SECONDS = 30
"""The time that running requests have to finish when the server stops."""

_KEEP_ALIVE_SECONDS = 15
_POLL_SECONDS = 0.05
_CANCEL_SECONDS = 2
_READ_BUFFER = 2**20
_LONGEST_HEADER = 32_760
_LINGERING_SECONDS = 10
"""The time in which the rest of a refused body is read and discarded."""
_LIMITS = ConnectionLimits()


def runner_for(
    app: web.Application,
    *,
    prepared: PreparedAnswers | None = None,
    limits: ConnectionLimits = _LIMITS,
    header_deadline: float = HEADER_SECONDS,
    body_limits: PaceLimits = BODY_PACE,
    reader_limits: PaceLimits = READER_PACE,
) -> "Runner":
    """Return the runner of *app*. The headers of a request must arrive within the deadline.

    *prepared*: where answers are kept. *body_limits*: how slowly the body may arrive.
    *reader_limits*: how slowly a client may read.
    """
    return Runner(
        app,
        Deadlines(header_deadline, body_limits, reader_limits),
        limits,
        prepared,
        access_log_class=AccessLog,
        access_log=_REQUESTS,
        auto_decompress=False,
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        lingering_time=_LINGERING_SECONDS,
        max_field_size=_LONGEST_HEADER,
        read_bufsize=_READ_BUFFER,
        shutdown_timeout=_CANCEL_SECONDS,
    )


class _Server(web.Server):
    deadlines: Deadlines
    connections_by_client: Connections
    prepared: PreparedRequests | None = None

    def __call__(self) -> RequestHandler:
        return StageproxyProtocol(
            self,
            self.deadlines,
            self.connections_by_client,
            self.prepared,
            loop=self._loop,
            **self._kwargs,
        )


class Runner(web.AppRunner):
    """A runner with connections as `protocol.py` makes them, of which there is a limit."""

    def __init__(
        self,
        app: web.Application,
        deadlines: Deadlines,
        limits: ConnectionLimits,
        prepared: PreparedAnswers | None,
        **options: Any,  # noqa: ANN401 - passed on unchanged
    ) -> None:
        super().__init__(app, **options)
        self._deadlines = deadlines
        self._limits = limits
        self._is_draining = False
        self.app.on_response_prepare.append(self._close_if_draining)
        self._prepared = prepared

    def make_protocol(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        if self.server is None:
            raise RuntimeError("The runner is not set up.")
        return self.server()

    async def drain(self) -> None:
        """Wait until clients have closed their connections; no new ones are accepted.

        Each answer is the last of its connection. Idle ones are left open as long as ever: a
        client may be about to send its next request.
        """
        self._is_draining = True
        self._end_streams()
        for connection in self.server.connections if self.server else []:
            if isinstance(connection, StageproxyProtocol):
                connection.leave_to_application()
        await self._wait_while(lambda: self.server is not None and bool(self.server.connections))

    async def cleanup(self) -> None:
        """Wait for running requests, then stop.

        aiohttp stops reading when it shuts down, so that a running upload would
        hang until its timeout.
        """
        for site in list(self.sites):
            await site.stop()
        self._end_streams()
        if not self._is_draining:
            await self._wait_while(self._has_running_requests)
        await super().cleanup()

    def _end_streams(self) -> None:
        """End the answers that would go on as long as the server runs."""
        if streams := self.app.get(PROGRESS_STREAMS):
            streams.leaving.set()

    async def _wait_while(self, is_needed: Callable[[], bool]) -> None:
        """Wait while something goes on, as long as running requests have time to finish."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                while is_needed():  # noqa: ASYNC110 - aiohttp has no event for this
                    await asyncio.sleep(_POLL_SECONDS)

    async def _close_if_draining(self, _: web.Request, response: web.StreamResponse) -> None:
        if self._is_draining:
            response.force_close()
            # aiohttp has written this header before.
            response.headers[hdrs.CONNECTION] = "close"

    def _has_running_requests(self) -> bool:
        connections = self.server.connections if self.server else []
        return any(one._request_in_progress for one in connections)  # noqa: SLF001

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        server = _Server(
            made.request_handler,
            request_factory=_closing_after_upgrade(
                with_client_address(made.request_factory, self._limits.proxies)
            ),
            loop=made._loop,  # noqa: SLF001 - the arguments of the replaced server
            **made._kwargs,  # noqa: SLF001
        )
        server.deadlines = self._deadlines
        metrics = self.app.get(METRICS)
        count = metrics.count_excess if metrics else None
        report = ExcessReport(asyncio.get_running_loop().time, count)
        server.connections_by_client = Connections(self._limits, report)
        if metrics:
            metrics.watch_connections(server.connections_by_client)
            server.prepared = self._prepared_requests(metrics)
        return server

    def _prepared_requests(self, metrics: Metrics) -> PreparedRequests | None:
        if self._prepared is None:
            return None
        log = AccessLog(_REQUESTS, "")
        return PreparedRequests(
            self._prepared,
            metrics.count_answer,
            log.add if log.enabled else None,
            self._limits.proxies,
        )


def _closing_after_upgrade(make_request: RequestFactory) -> RequestFactory:
    """Return a request factory that makes requests for an upgrade the last of their connections.

    No upgrade is ever made, and aiohttp loses what it has received of the next request.
    """

    def make(message: RawRequestMessage, *parts: Any) -> web.BaseRequest:  # noqa: ANN401 - passed on
        if hdrs.UPGRADE in message.headers:
            message = message._replace(should_close=True)
        return make_request(message, *parts)

    return make
