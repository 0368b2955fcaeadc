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
    """Accept connections on a bound socket until the block ends, and close it then."""
    listener.setblocking(False)  # noqa: FBT003 - its only parameter
    listener.listen(_BACKLOG)
    with closing(listener):
        async with one_failure(), asyncio.TaskGroup() as group:
            task = group.create_task(_accept(listener, make_protocol))
            try:
                yield
            finally:
                task.cancel()


async def _accept(listener: socket.socket, make_protocol: Callable[[], asyncio.Protocol]) -> None:
    loop = asyncio.get_running_loop()
    failures: dict[str, RareLog] = {}
    while True:
        try:
            connection, _ = await loop.sock_accept(listener)
        except OSError as error:
            reason = str(error.strerror)
            failure = failures.setdefault(reason, RareLog(partial(_log_failure, reason)))
            failure.add(loop.time())
            await asyncio.sleep(_PAUSE_SECONDS)
            continue
        try:
            await loop.connect_accepted_socket(make_protocol, connection)
        except OSError:
            # The client has gone already.
            connection.close()


def _log_failure(reason: str, count: int) -> None:
    log.error("connections cannot be accepted (%s), %d tries since the last line", reason, count)
