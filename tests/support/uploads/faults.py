"""Faults of uploads to a fake index."""

import asyncio
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Self

from aiohttp import web

ANY_FILE = "*"
FOR_LONG = 600.0
CUT_OFF = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n200"


class FaultPoint(StrEnum):
    """When a fault happens, in order."""

    BEFORE = "before"
    """The file is named, and none of it was read."""
    MIDWAY = "midway"
    """Half of the request was read."""
    READ = "read"
    """The whole request was read, and not processed."""
    ACCEPTED = "accepted"
    """The upload was processed, and not answered."""


class FaultKind(StrEnum):
    """What the client observes."""

    RESET = "reset"
    CLOSE = "close"
    HANG = "hang"
    ANSWER = "answer"
    CUT = "cut"
    """An answer that is shorter than its length."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in some uploads of a file, counted from 1; without attempts, in all of them.

    *status*, *sentence* and *headers* are of an answer, *seconds* of a hang.
    """

    point: FaultPoint
    kind: FaultKind
    filename: str = ANY_FILE
    attempts: tuple[int, ...] = (1,)
    status: int = 503
    sentence: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = FOR_LONG

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the fault of a JSON document."""
        point, kind = FaultPoint(document["point"]), FaultKind(document["kind"])
        attempts = tuple(document.get("attempts", (1,)))
        return cls(**{**document, "point": point, "kind": kind, "attempts": attempts})

    def concerns(self, filename: str | None, attempt: int) -> bool:
        """Return whether the fault is planned for that attempt at a file."""
        is_meant = self.filename in {ANY_FILE, filename}
        return is_meant and (not self.attempts or attempt in self.attempts)


def find_fault(faults: Sequence[Fault], filename: str | None, attempt: int) -> Fault | None:
    """Return the first fault that is planned for an attempt at a file."""
    return next((one for one in faults if one.concerns(filename, attempt)), None)


async def fail(request: web.Request, fault: Fault) -> web.Response:
    """Make the client observe a fault; the returned response may not be sent."""
    transport = request.transport
    if transport is None:
        return web.Response()
    match fault.kind:
        case FaultKind.ANSWER:
            reason = fault.sentence or HTTPStatus(fault.status).phrase
            return web.Response(status=fault.status, reason=reason, headers=fault.headers)
        case FaultKind.HANG:
            await asyncio.sleep(fault.seconds)
        case FaultKind.CUT:
            transport.write(CUT_OFF)
        case FaultKind.RESET:
            # Closing at once, with nothing sent after it, makes TCP send a reset.
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
            transport.abort()
        case FaultKind.CLOSE:
            pass
    transport.close()
    return web.Response()
