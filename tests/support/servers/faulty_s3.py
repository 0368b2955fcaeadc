"""A proxy to an S3-compatible store that fails as networks and stores do, when it is asked to."""

import asyncio
from asyncio import TaskGroup
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from io import BytesIO
from itertools import repeat
from random import Random
from typing import Literal

from aiohttp import ClientSession, web
from yarl import URL

from tests.support.servers.runner import running

_OF_A_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding"})
_MOST_BYTES = 2**30
_PIECES = 4


class S3Fault(Enum):
    """What happens to one request."""

    FAILURE = "500, and nothing is done"
    TOO_BUSY = "503, and nothing is done"
    DROPPED = "the connection is closed, and nothing is done"
    UNANSWERED = "it is done, and the connection is closed without an answer"
    LATE_ANSWER = "it is done, and answered only when the client has given up"
    LATE_REQUEST = "it is done only when the client has given up"
    CUT = "half of the body arrives"
    SLOW = "the answer arrives in pieces"
    FORBIDDEN = "403, since the access key was revoked, and nothing is done"
    EXISTS = "412, as if the object existed, and nothing is done"
    OTHER = "other bytes arrive, as many as there are"


_REFUSALS = {
    S3Fault.FAILURE: (500, "InternalError"),
    S3Fault.TOO_BUSY: (503, "SlowDown"),
    S3Fault.FORBIDDEN: (403, "InvalidAccessKeyId"),
    S3Fault.EXISTS: (412, "PreconditionFailed"),
}
_AfterIt = Literal[
    S3Fault.UNANSWERED, S3Fault.LATE_ANSWER, S3Fault.CUT, S3Fault.SLOW, S3Fault.OTHER
]
"""What happens to the answer of a request that was done."""
_NOT_AT_RANDOM = frozenset({S3Fault.FORBIDDEN, S3Fault.EXISTS, S3Fault.OTHER})


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the store has answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class FaultyS3:
    """A proxy at *url* to the store at *behind*.

    *faults*: what happens to the next requests that are *affected*, in the order of their arrival.
    *is_holding*: whether it has ever made a client wait in vain.
    """

    behind: str
    session: ClientSession = field(repr=False)
    group: TaskGroup = field(repr=False)
    url: str = ""
    faults: Iterator[S3Fault | None] = field(default_factory=lambda: repeat(None))
    affected: Callable[[web.Request], bool] = field(default=lambda _: True)
    pause: float = 0.05
    happened: Counter[S3Fault] = field(default_factory=Counter)
    is_holding: bool = False
    methods: Counter[str] = field(default_factory=Counter)

    def fail_at_random(self, random: Random, share: float) -> None:
        """Do something wrong to a *share* of all requests, until the faults are replaced.

        Not what a store with a valid key never does.
        """
        kinds = [one for one in S3Fault if one not in _NOT_AT_RANDOM]
        chances = iter(random.random, None)
        self.faults = (random.choice(kinds) if one < share else None for one in chances)

    def recover(self) -> None:
        """Do nothing wrong from now on."""
        self.faults = repeat(None)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on, and its answer back, with the next fault."""
        self.methods[request.method] += 1
        fault = next(self.faults, None) if self.affected(request) else None
        if fault is None:
            return _whole(await self._pass_on(request))
        self.happened[fault] += 1
        return await self._fail(request, fault)

    async def _fail(self, request: web.Request, fault: S3Fault) -> web.StreamResponse:
        match fault:
            case S3Fault.FAILURE | S3Fault.TOO_BUSY | S3Fault.FORBIDDEN | S3Fault.EXISTS:
                return await _refuse(request, *_REFUSALS[fault])
            case S3Fault.DROPPED:
                return _drop(request)
            case S3Fault.LATE_REQUEST:
                return await self._pass_on_late(request)
            case (
                S3Fault.UNANSWERED
                | S3Fault.LATE_ANSWER
                | S3Fault.CUT
                | S3Fault.SLOW
                | S3Fault.OTHER
            ):
                return await self._spoil(request, fault, await self._pass_on(request))

    async def _spoil(
        self, request: web.Request, fault: _AfterIt, answer: _Answer
    ) -> web.StreamResponse:
        match fault:
            case S3Fault.UNANSWERED:
                return _drop(request)
            case S3Fault.LATE_ANSWER:
                return await self._hold()
            case S3Fault.CUT:
                return await _cut(request, answer)
            case S3Fault.SLOW:
                return await _trickle(request, answer, self.pause)
            case S3Fault.OTHER:
                return _whole(_damaged(answer))

    async def _pass_on(self, request: web.Request) -> _Answer:
        return await self._send(request.method, request.raw_path, request, await request.read())

    async def _pass_on_late(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            return await self._hold()
        finally:
            self.group.create_task(self._send(request.method, request.raw_path, request, body))

    async def _hold(self) -> web.StreamResponse:
        """Wait until the client has given up, which cancels this."""
        self.is_holding = True
        await asyncio.Event().wait()
        raise AssertionError("nobody sets this event")

    async def _send(self, method: str, path: str, request: web.Request, body: bytes) -> _Answer:
        """Send a request as it was signed: the name of the host, too."""
        async with self.session.request(
            method,
            URL(self.behind + path, encoded=True),
            headers=_without_connection(request.headers),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            data=BytesIO(body) if body else None,
            allow_redirects=False,
        ) as answer:
            headers = _without_connection(answer.headers)
            return _Answer(answer.status, headers, await answer.read())


@asynccontextmanager
async def faulty_s3(behind: str) -> AsyncIterator[FaultyS3]:
    """Run a proxy to the store at a URL, on a free local port."""
    async with ClientSession(auto_decompress=False) as session, TaskGroup() as group:
        proxy = FaultyS3(behind.rstrip("/"), session, group)
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", proxy.answer)
        runner = web.AppRunner(
            app, handler_cancellation=True, auto_decompress=False, shutdown_timeout=0.1
        )
        async with running(runner) as proxy.url:
            yield proxy


def _without_connection(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name.lower() not in _OF_A_CONNECTION}


def _whole(answer: _Answer) -> web.StreamResponse:
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


def _damaged(answer: _Answer) -> _Answer:
    return replace(answer, body=answer.body[:-1] + bytes(255 - one for one in answer.body[-1:]))


async def _refuse(request: web.Request, status: int, code: str) -> web.StreamResponse:
    await request.read()
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")


def _drop(request: web.Request) -> web.StreamResponse:
    """Close the connection: what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _cut(request: web.Request, answer: _Answer) -> web.StreamResponse:
    response = await _begun(request, answer)
    await response.write(answer.body[: len(answer.body) // 2])
    return _drop(request)


async def _trickle(request: web.Request, answer: _Answer, pause: float) -> web.StreamResponse:
    await asyncio.sleep(pause)
    response = await _begun(request, answer)
    size = len(answer.body) // _PIECES + 1
    for start in range(0, len(answer.body), size):
        await response.write(answer.body[start : start + size])
        await asyncio.sleep(pause)
    return response


async def _begun(request: web.Request, answer: _Answer) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    if "Content-Length" not in answer.headers:
        response.content_length = len(answer.body)
    await response.prepare(request)
    return response
