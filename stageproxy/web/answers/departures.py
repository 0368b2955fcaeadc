"""Clients that close their connection before they have been answered.

aiohttp would let the handler run on, and hold what it holds: a request to upstream, for example.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

_CHECK_SECONDS = 0.5


class ClientGoneError(ConnectionError):
    """The client has closed its connection."""


@asynccontextmanager
async def while_connected(request: web.Request) -> AsyncIterator[None]:
    """Cancel the block when the client has left, and raise `ClientGoneError` then.

    It must not be used around what changes anything.
    """
    try:
        async with asyncio.timeout(None) as patience:
            watch = _Watch(request, patience)
            try:
                yield
            finally:
                watch.stop()
    except TimeoutError as error:
        if not patience.expired():
            raise
        raise ClientGoneError("The client has left.") from error


class _Watch:
    """Ends a wait when a client has left: aiohttp has no event for that."""

    def __init__(self, request: web.Request, patience: asyncio.Timeout) -> None:
        self._request = request
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.call_later(_CHECK_SECONDS, self._check)

    def stop(self) -> None:
        """Check no longer."""
        self._next.cancel()

    def _check(self) -> None:
        transport = self._request.transport
        if transport is None or transport.is_closing():
            self._patience.reschedule(self._loop.time())
        else:
            self._next = self._loop.call_later(_CHECK_SECONDS, self._check)
