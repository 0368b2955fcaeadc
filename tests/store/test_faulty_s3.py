"""The proxy of tests that makes a store fail: each fault does to requests what it says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import aiohttp
import pytest
from aiohttp import web

from tests.support.servers.faulty_s3 import FaultyS3, S3Fault, faulty_s3
from tests.support.servers.runner import running

CONTENT = b"0123456789" * 100
NOTHING_DONE = {
    S3Fault.FAILURE: 500,
    S3Fault.TOO_BUSY: 503,
    S3Fault.DROPPED: 0,
    S3Fault.FORBIDDEN: 403,
    S3Fault.EXISTS: 412,
}
"""The status, if there is an answer."""
LATE = {S3Fault.LATE_ANSWER: True, S3Fault.LATE_REQUEST: False}
"""Whether the request is done while the client waits."""


@dataclass(slots=True)
class Store:
    """A store in memory, with an event for each change."""

    objects: dict[str, bytes] = field(default_factory=lambda: {"/kept": CONTENT})
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def post(self, request: web.Request) -> web.Response:
        """Store a body."""
        self.objects[request.raw_path] = await request.read()
        self.changed.set()
        return web.Response()

    async def get(self, request: web.Request) -> web.Response:
        """Return a body, and the host that was asked."""
        return web.Response(body=self.objects[request.raw_path], headers={"X-Host": request.host})


@asynccontextmanager
async def failing(*faults: S3Fault) -> AsyncIterator[tuple[Store, FaultyS3, aiohttp.ClientSession]]:
    """Run a store behind a proxy with these faults, and open a client."""
    store = Store()
    app = web.Application()
    app.add_routes([web.post("/{key:.*}", store.post), web.get("/{key:.*}", store.get)])
    async with (
        running(web.AppRunner(app, shutdown_timeout=0.1)) as url,
        faulty_s3(url) as proxy,
        aiohttp.ClientSession() as session,
    ):
        proxy.faults = iter(faults)
        yield store, proxy, session


async def send(session: aiohttp.ClientSession, url: str) -> int:
    """Store an object; return the status, or 0 where there was no answer."""
    try:
        async with session.post(f"{url}/new%20one", data=CONTENT) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0


async def get(session: aiohttp.ClientSession, url: str) -> bytes:
    """Return an object."""
    async with session.get(f"{url}/kept") as answer:
        return await answer.read()


@pytest.mark.parametrize(("fault", "expected"), NOTHING_DONE.items())
async def test_nothing_is_done(fault: S3Fault, expected: int) -> None:
    """A request that fails in these ways does not reach the store; the next one does."""
    async with failing(fault) as (store, proxy, session):
        statuses = [await send(session, proxy.url)]
        arrived = "/new%20one" in store.objects
        statuses.append(await send(session, proxy.url))

    assert (statuses, arrived) == ([expected, 200], False)
    assert proxy.happened == {fault: 1}


async def test_answer_is_lost() -> None:
    """A request whose answer is lost has its effect."""
    async with failing(S3Fault.UNANSWERED) as (store, proxy, session):
        status = await send(session, proxy.url)

    assert (status, store.objects["/new%20one"]) == (0, CONTENT)


@pytest.mark.parametrize(("fault", "done"), LATE.items())
async def test_late(fault: S3Fault, done: bool) -> None:  # noqa: FBT001 - a case
    """A late request is done after the client has given up, one with a late answer before."""
    async with failing(fault) as (store, proxy, session), asyncio.TaskGroup() as group:
        sending = group.create_task(send(session, proxy.url))
        while not proxy.is_holding:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
        done_while_held = store.changed.is_set()
        sending.cancel()
        await store.changed.wait()

    assert (done_while_held, store.objects["/new%20one"]) == (done, CONTENT)


async def test_cut_body() -> None:
    """A body that is cut is shorter than its answer has announced."""
    async with failing(S3Fault.CUT) as (_, proxy, session):
        with pytest.raises(aiohttp.ClientPayloadError):
            await get(session, proxy.url)
        again = await get(session, proxy.url)

    assert again == CONTENT


async def test_other_bytes() -> None:
    """Other bytes look like the right ones: as many, and with the same headers."""
    async with failing(S3Fault.OTHER) as (_, proxy, session):
        other = await get(session, proxy.url)
        again = await get(session, proxy.url)

    assert (len(other), other == CONTENT, again == CONTENT) == (len(CONTENT), False, True)


async def test_slow_answer() -> None:
    """A slow answer is complete."""
    async with failing(S3Fault.SLOW) as (_, proxy, session):
        proxy.pause = 0
        content = await get(session, proxy.url)

    assert content == CONTENT


async def test_requests_as_they_were_signed() -> None:
    """The store sees the host that the client has asked, which its signature covers."""
    async with (
        failing() as (_, proxy, session),
        session.get(f"{proxy.url}/kept", headers={"Host": "s3.example"}) as answer,
    ):
        pass

    assert answer.headers["X-Host"] == "s3.example"


async def test_affected_requests() -> None:
    """Only requests that are affected use up faults; random ones are as many as was asked."""
    async with failing(S3Fault.FAILURE) as (_, proxy, session):
        proxy.affected = lambda request: request.method == "POST"
        whole = await get(session, proxy.url)
        status = await send(session, proxy.url)
        proxy.fail_at_random(Random(1), 0.25)
        share = sum(next(proxy.faults) is not None for _ in range(4000)) / 4000
        proxy.recover()
        recovered = await send(session, proxy.url)

    assert (whole, status, recovered) == (CONTENT, 500, 200)
    assert share == pytest.approx(0.25, abs=0.03)
