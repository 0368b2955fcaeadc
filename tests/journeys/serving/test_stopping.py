"""SIGTERM or SIGHUP during an upload: acknowledged files are stored, and the exit code is 0."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import aiohttp
import pytest

from tests.support.builders.distributions import a_wheel, upload_form
from tests.support.clients.clients import Clients
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import Server, ServerStart

pytestmark = pytest.mark.journey

MIB = 2**20
LARGE = a_wheel("demo", "2.0", extra={"demo/large": random.Random(0).randbytes(48 * MIB)})
PATIENCE = 60


@pytest.fixture
def clients(clients_with_system_pip: Clients) -> Clients:
    """Return clients without pip."""
    return clients_with_system_pip


async def staged_names(server: Server) -> list[str]:
    """Return the names of all staged files."""
    done = (await server.command("stage", "list", "--json")).ok()
    return [name for stage in done.document["stages"] for name in stage["files"]]


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition of another process, for which there is no event."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.005)


async def upload_is_under_way(server: Server) -> None:
    """Wait until a part of a file was received."""
    incoming = server.data / "files" / "incoming"
    await until(lambda: any(path.stat().st_size for path in incoming.iterdir()))


async def stop(server: Server, number: signal.Signals = signal.SIGTERM) -> None:
    """Send a signal, and wait until the server has logged it."""
    server.process.send_signal(number)
    log = server.logs / "stderr"
    await until(lambda: "stopping" in log.read_text())


async def upload_slowly(server: Server, go_on: asyncio.Event) -> int | None:
    """Upload half of a file, and the rest on request; return the status, or none."""

    async def content() -> AsyncIterator[bytes]:
        yield LARGE.content[: len(LARGE.content) // 2]
        await go_on.wait()
        yield LARGE.content[len(LARGE.content) // 2 :]

    form = aiohttp.FormData(upload_form(LARGE))
    form.add_field("content", content(), filename=LARGE.filename)
    with suppress(aiohttp.ClientError):
        return (await server.ask("POST", "/legacy/", form=form))[0]
    return None


async def test_twine_while_the_server_stops(
    start_server: ServerStart, upstream: FakeIndex, clients: Clients
) -> None:
    """If twine succeeds, the file is stored after the restart; if not, twine reports it."""
    settings = {"UPSTREAM__URL": upstream.url}
    file = clients.save(LARGE)
    async with start_server(settings=settings) as server, asyncio.TaskGroup() as group:
        url, token = f"{server.url}/legacy/", server.admin_token
        uploading = group.create_task(clients.twine_upload(url, token, *file))
        await upload_is_under_way(server)
        await server.stop()

    async with start_server(settings=settings) as server:
        names = await staged_names(server)

    assert names == ([LARGE.filename] if uploading.result().code == 0 else [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_upload_is_finished(
    start_server: ServerStart, upstream: FakeIndex, number: signal.Signals
) -> None:
    """A file that was half received when the server got the signal is stored."""
    settings = {"UPSTREAM__URL": upstream.url}
    go_on = asyncio.Event()
    async with start_server(settings=settings) as server, asyncio.TaskGroup() as group:
        uploading = group.create_task(upload_slowly(server, go_on))
        await upload_is_under_way(server)
        await stop(server, number)
        go_on.set()

    async with start_server(settings=settings) as server:
        names = await staged_names(server)

    assert (uploading.result(), names) == (200, [LARGE.filename])


async def test_upload_is_interrupted(start_server: ServerStart, upstream: FakeIndex) -> None:
    """A client that disconnects does not keep the server from stopping, and leaves no file."""
    settings = {"UPSTREAM__URL": upstream.url}
    async with start_server(settings=settings) as server:
        uploading = asyncio.ensure_future(upload_slowly(server, asyncio.Event()))
        await upload_is_under_way(server)
        await stop(server)
        uploading.cancel()
        async with asyncio.timeout(PATIENCE):
            await server.stop()
        left = list((server.data / "files" / "incoming").iterdir())

    async with start_server(settings=settings) as server:
        assert (left, await staged_names(server)) == ([], [])
