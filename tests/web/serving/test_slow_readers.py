"""Clients that read slowly or not at all: they are dropped, and nothing stays open for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from stageproxy.core.pace import PaceLimits
from stageproxy.web.serving.runner import runner_for
from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.clients.slow_clients import connected, hung_up, sip
from tests.support.clients.wire import a_request
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.runner import running
from tests.support.servers.service import RunningService, prefix_of, running_service

MIB = 2**20
STALL = timedelta(seconds=0.4)
PATIENCE = 30
LARGE = {"demo/large": Random(0).randbytes(4 * MIB)}
WHEEL = a_wheel(version="2.0", extra=LARGE)
UPSTREAMS = a_wheel("other", "1.0", extra=LARGE)
CLOSE = b"Connection: close\r\n"
"""With it, the connection is left to the kernel as soon as that has the whole answer."""
GZIP = "Accept-Encoding: gzip"
JSON = "Accept: application/vnd.pypi.simple.v1+json"


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a running service that drops clients soon, with large pages and files."""
    filler = {"_filler": Random(0).randbytes(MIB).hex()}
    index.add("demo", a_wheel(version="1.0"), extra_page_keys=filler)
    index.add("other", UPSTREAMS, extra_page_keys=filler)
    server = {"port": 0, "send_timeout": STALL}
    async with running_service(tmp_path / "data", index, server=server) as running:
        yield running


def path_of(distribution: Distribution) -> str:
    """Return the path of a distribution's file, staged or on the index."""
    digest = distribution.blake2b_256
    return f"packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{distribution.filename}"


def open_files(service: RunningService) -> list[str]:
    """Return the files in the data directory's store that this process has open."""
    folder = Path("/proc/self/fd")
    targets = [str(one.readlink()) for one in folder.iterdir() if one.is_symlink()]
    return [one for one in targets if one.startswith(str(service.data / "files"))]


async def closed_files(service: RunningService) -> None:
    """Wait until no file of the store is open: aiohttp closes some later, in a thread."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if not open_files(service):
                return
            await asyncio.sleep(0.01)


async def finished(before: set["asyncio.Task[Any]"]) -> None:
    """Wait until no task is left that was not there *before*."""
    if left := asyncio.all_tasks() - before - {asyncio.current_task()}:
        _, pending = await asyncio.wait(left, timeout=PATIENCE)
        assert pending == set()


ANSWERS = {
    "a staged file": (path_of(WHEEL), JSON),
    "a part of a staged file": (path_of(WHEEL), "Range: bytes=100-"),
    "a file of upstream": (path_of(UPSTREAMS), JSON),
    "an edited page": ("simple/demo/", JSON),
    "a compressed page": ("simple/demo/", f"{JSON}\r\n{GZIP}"),
    "a page of another project": ("simple/other/", JSON),
}


@pytest.mark.parametrize(("path", "header"), ANSWERS.values(), ids=ANSWERS)
async def test_client_that_reads_nothing(service: RunningService, path: str, header: str) -> None:
    """A client that asks for anything and reads nothing is dropped, and nothing stays open."""
    prefix = urlsplit(prefix_of(await service.staged(WHEEL))).path
    before = asyncio.all_tasks()

    with connected(service.url) as client:
        client.send(a_request(prefix + path, "GET", "1.1", header).replace(CLOSE, b""))
        assert await hung_up([client], PATIENCE) == {client}

    await finished(before)
    await closed_files(service)
    assert (await service.get("/health/live")).status == 200


async def send_much(_request: web.Request) -> web.Response:
    """Answer with more than buffers hold."""
    return web.Response(body=bytes(8 * MIB))


@asynccontextmanager
async def sending(limits: PaceLimits, handler: Any = send_much) -> AsyncIterator[str]:
    """Serve a handler, and return its URL."""
    app = web.Application()
    app.router.add_route("*", "/", handler)
    async with running(runner_for(app, reader_limits=limits)) as url:
        yield url


async def test_client_that_reads_a_byte_now_and_then() -> None:
    """A client that never stops reading, but reads too slowly, is dropped as well."""
    limits = PaceLimits(timedelta(seconds=20), 2**20, period=timedelta(seconds=0.4))

    async with sending(limits) as url:
        with connected(url) as client:
            client.send(a_request("/"))
            async with asyncio.TaskGroup() as group:
                sipping = group.create_task(sip(client, every=0.02))
                assert await hung_up([client], PATIENCE) == {client}
                sipping.cancel()


async def test_client_that_reads_fast_enough() -> None:
    """A client that reads above the lowest rate gets everything."""
    limits = PaceLimits(timedelta(seconds=10), 1000, period=timedelta(seconds=10))

    async with sending(limits) as url:
        with connected(url) as client:
            client.send(a_request("/"))
            count = await sip(client, every=0.001, size=2**16)

    assert count > 8 * MIB


async def test_waiting_client_is_not_slow() -> None:
    """A client for which there is nothing yet may wait for longer than the limit."""

    async def answer_late(_request: web.Request) -> web.Response:
        await asyncio.sleep(2 * STALL.total_seconds())
        return web.Response(text="late")

    async with sending(PaceLimits(STALL, period=STALL), answer_late) as url:
        with connected(url) as client:
            client.send(a_request("/"))
            count = await sip(client, every=0, size=2**16)

    assert count > 0


async def test_pipelined_change_is_not_interrupted() -> None:
    """A handler that may have changed something ends by itself, though its client is dropped."""
    dropped, done = asyncio.Event(), asyncio.Event()

    async def change(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(bytes(2**15))
        await dropped.wait()
        done.set()
        return answer

    async with sending(PaceLimits(STALL), change) as url:
        with connected(url) as client:
            client.send(a_request("/", "POST"))
            assert await hung_up([client], PATIENCE) == {client}
        dropped.set()
        async with asyncio.timeout(PATIENCE):
            await done.wait()
