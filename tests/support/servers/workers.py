"""The workers of a server, as processes, and clients that never pause."""

import asyncio
import os
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import aiohttp

from tests.support.builders.distributions import Distribution, a_wheel, upload_form
from tests.support.servers.inspection_processes import is_running
from tests.support.servers.processes import Server, StageLinks

PATIENCE = 60
ANSWERS = "answers requests"
JSON_PAGE = "application/vnd.pypi.simple.v1+json"


def workers_of(server: Server) -> set[int]:
    """Return the ids of the processes of a server's workers."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(one) for one in children.split()}


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition of another process, for which there is no event."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)


async def until_logged(server: Server, text: str, times: int = 1) -> None:
    """Wait until a server has logged a text so many times."""
    await until(lambda: count_in_log(server, text) >= times)


def count_in_log(server: Server, text: str) -> int:
    """Return how many times a server has logged a text."""
    return (server.logs / "stderr").read_text().count(text)


async def restart_workers(server: Server) -> None:
    """Send SIGHUP, and wait until every worker has been replaced and has ended."""
    former = workers_of(server)
    replaced = count_in_log(server, "has been replaced")
    server.process.send_signal(signal.SIGHUP)
    await until_logged(server, "has been replaced", replaced + len(former))
    await until(lambda: not former & workers_of(server))


async def kill_worker(server: Server, pid: int) -> None:
    """Kill a worker, and wait until another one has taken its place."""
    answering = count_in_log(server, ANSWERS)
    os.kill(pid, signal.SIGKILL)
    await until_logged(server, ANSWERS, answering + 1)


@dataclass(slots=True)
class Load:
    """Clients that upload and read pages without a pause.

    *failures* are requests that failed, *broken* those whose connection broke before the answer
    was complete. `staged` are the files that were acknowledged. *trusted*: the certificate of a
    server behind nginx.
    """

    url: str
    token: str = field(repr=False)
    trusted: ssl.SSLContext | None = None
    staged: dict[str, Distribution] = field(default_factory=dict)
    pages: int = 0
    failures: list[str] = field(default_factory=list)
    broken: int = 0
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def running(self, stage: StageLinks) -> AsyncIterator[None]:
        """Upload files, and read the page of a stage, as long as the block runs."""
        headers = {"Authorization": f"Bearer {self.token}"}
        connector = aiohttp.TCPConnector(ssl=self.trusted or True)
        may_go_on = asyncio.Event()
        may_go_on.set()
        async with (
            aiohttp.ClientSession(connector=connector, headers=headers) as session,
            asyncio.TaskGroup() as group,
        ):
            for work in (self._upload, self._upload, self._read_page, self._read_page):
                group.create_task(self._repeat(may_go_on, session, stage, work))
            yield
            may_go_on.clear()

    async def until_more(self, count: int) -> None:
        """Wait until so many more files are staged."""
        wanted = len(self.staged) + count
        await until(lambda: len(self.staged) >= wanted)

    async def _repeat(
        self,
        may_go_on: asyncio.Event,
        session: aiohttp.ClientSession,
        stage: StageLinks,
        work: Callable[[aiohttp.ClientSession, StageLinks], Awaitable[None]],
    ) -> None:
        while may_go_on.is_set():
            try:
                await work(session, stage)
            except (aiohttp.ClientError, ConnectionError):
                self.broken += 1

    async def _upload(self, session: aiohttp.ClientSession, _: StageLinks) -> None:
        file = a_wheel(f"load-{next(self._numbers)}", extra={"noise": b"noise" * 5000})
        form = aiohttp.FormData(upload_form(file))
        form.add_field("content", file.content, filename=file.filename)
        async with session.post(f"{self.url}/legacy/", data=form) as response:
            text = await response.text()
        if response.status == 200:
            self.staged[file.filename] = file
        else:
            self.failures.append(f"upload: {response.status} {text[:200]}")

    async def _read_page(self, session: aiohttp.ClientSession, stage: StageLinks) -> None:
        url = f"{stage.index}demo/"
        async with session.get(url, headers={"Accept": JSON_PAGE}) as response:
            text = await response.text()
        if response.status == 200 and "demo-2.0" in text:
            self.pages += 1
        else:
            self.failures.append(f"page: {response.status} {text[:200]}")


async def all_gone(pids: set[int]) -> None:
    """Wait until no process of these is left."""
    await until(lambda: not any(map(is_running, pids)))
