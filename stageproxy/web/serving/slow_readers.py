"""The watch on a client that reads slowly what it is sent, or not at all.

Such a client would otherwise hold a connection, a file or a connection to upstream, and what is
buffered for it, for as long as it likes. What counts is what has arrived at the client, as the
kernel knows it: it is the same for pages, streams and files that the kernel itself sends.
"""

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from stageproxy.core.pace import BytePace, PaceLimits

READER_PACE = PaceLimits(stall_timeout=timedelta(minutes=1))

_INFO = struct.Struct("120xQ")
"""The field `tcpi_bytes_acked` in `struct tcp_info` of Linux."""
_QUEUE = struct.Struct("i")
_RESET = struct.pack("ii", 1, 0)
"""Discard what is not sent yet when the connection is closed, instead of trying for minutes."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What has arrived at a client so far, and what is on its way or waits, in bytes."""

    arrived: int
    waiting: int


def sending_on(transport: asyncio.Transport) -> Sending | None:
    """Return how far the client of a connection is, or `None` where the system cannot tell."""
    connection = transport.get_extra_info("socket")
    if sys.platform != "linux" or connection is None or connection.fileno() < 0:
        return None
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    queue = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(_QUEUE.size))
    queued = _QUEUE.unpack(queue)[0] + transport.get_write_buffer_size()
    return Sending(arrived=_INFO.unpack(info)[0], waiting=queued)


def reset(transport: asyncio.Transport) -> None:
    """Close a connection at once, and discard everything that its client has not read."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


class ReaderWatch:
    """Watches the client of a connection, and calls *drop* if it reads too slowly.

    Time in which nothing waits for the client does not count.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: PaceLimits,
        drop: Callable[[asyncio.Transport, str], None],
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._drop = drop
        self._transport: asyncio.Transport | None = None
        self._pace = BytePace(limits, 0)
        self._timer: asyncio.TimerHandle | None = None

    def start(self, transport: asyncio.Transport) -> None:
        """Watch a connection until it is lost."""
        self._transport = transport
        self._pace = BytePace(self._limits, self._loop.time())
        self._schedule()

    def stop(self) -> None:
        """Watch no longer."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def _schedule(self) -> None:
        self._timer = self._loop.call_later(self._limits.check_every, self._check)

    def _check(self) -> None:
        transport = self._transport
        sending = sending_on(transport) if transport else None
        if transport is None or sending is None:
            return
        now = self._loop.time()
        self._pace.add(now, sending.arrived)
        if not sending.waiting:
            self._pace.restart(now)
        fault = self._pace.fault(now)
        if fault is None:
            self._schedule()
            return
        self._drop(transport, fault)
