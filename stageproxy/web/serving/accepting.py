"""Accepting connections.

asyncio tries again at once when the process has no descriptor left, and logs a traceback for each
of thousands of tries a second.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial

from stageproxy.services.background import one_failure
from stageproxy.web.serving.rare_log import RareLog

log = logging.getLogger(__name__)

_BACKLOG = 1024
_PAUSE_SECONDS = 0.2


@asynccontextmanager
async def accepting(
    listener: socket.socket, make_protocol: Callable[[], asyncio.Protocol]
) -> AsyncIterator[None]:
    """Accept connections on a bound socket until the block ends, and close it then.

    Every connection that was accepted is served: another process may listen on the same socket.
    """
    listener.setblocking(False)  # noqa: FBT003 - its only parameter
    listener.listen(_BACKLOG)
    with closing(listener):
        async with one_failure(), asyncio.TaskGroup() as group:
            acceptor = _Acceptor(listener, make_protocol, group)
            acceptor.start()
            try:
                yield
            finally:
                acceptor.stop()


class _Acceptor:
    """Accepts connections whenever the listener has one, and pauses after a failure."""

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        group: asyncio.TaskGroup,
    ) -> None:
        self._listener = listener
        self._make_protocol = make_protocol
        self._group = group
        self._loop = asyncio.get_running_loop()
        self._failures: dict[str, RareLog] = {}
        self._pause: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to accept connections, or go on."""
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def stop(self) -> None:
        """Accept no more connections."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener.fileno())

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError):
            # Another process was faster.
            return
        except OSError as error:
            self._log_failure(error)
            self._loop.remove_reader(self._listener.fileno())
            self._pause = self._loop.call_later(_PAUSE_SECONDS, self.start)
            return
        connection.setblocking(False)  # noqa: FBT003 - its only parameter
        self._group.create_task(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make_protocol, connection)
        except OSError:
            # The client has gone already.
            connection.close()

    def _log_failure(self, error: OSError) -> None:
        reason = str(error.strerror)
        failure = self._failures.setdefault(reason, RareLog(partial(_log_failure, reason)))
        failure.add(self._loop.time())


def _log_failure(reason: str, count: int) -> None:
    log.error("connections cannot be accepted (%s), %d tries since the last line", reason, count)
