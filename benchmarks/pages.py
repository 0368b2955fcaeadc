"""`python -m benchmarks.pages`: a page of numpy's size, beside a server that only sends its bytes.

Both are requested over the same kind of connections, alternately, within one run: the result is
the ratio of their requests per second.
"""

import asyncio
import json
import socket
import sys
import tempfile
import threading
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import click
from aiohttp import ClientSession

from benchmarks.page_servers import JSON_PAGE, PACKED, PLAIN, PROJECT
from tests.support.builders.distributions import a_wheel
from tests.support.servers.processes import ROOT, Server, own_environment, running_server

_BUFFER = 2**20
_COLD_STARTS = 5
_WARM_UP = 0.3


@dataclass(frozen=True, slots=True)
class Question:
    """A request that is sent again and again."""

    url: str = field(repr=False)
    headers: Mapping[str, str]

    @property
    def request(self) -> bytes:
        """Return the bytes of the request."""
        parts = urlsplit(self.url)
        lines = [f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += [f"{name}: {text}" for name, text in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()


@dataclass(frozen=True, slots=True)
class Measure:
    """One request to both servers: requests per second, and their ratio."""

    name: str
    size: int
    service: float
    bare: float
    ratio: float


class Asker(threading.Thread):
    """A connection with keep-alive that sends a request, reads the answer, and counts.

    The answer is read into one buffer that is used again: the client has to take less time than
    what it measures.
    """

    def __init__(self, question: Question, until: float) -> None:
        super().__init__()
        self.answers = 0
        self.status = 0
        self.size = 0
        self._question = question
        self._until = until

    def run(self) -> None:
        """Send requests until the time is over."""
        parts = urlsplit(self._question.url)
        request = self._question.request
        buffer = memoryview(bytearray(_BUFFER))
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            while time.perf_counter() < self._until:
                connection.sendall(request)
                self.status, self.size = _read_answer(connection, buffer)
                self.answers += 1


def _read_answer(connection: socket.socket, buffer: memoryview) -> tuple[int, int]:
    """Read one answer; return its status and the length of its body."""
    filled = 0
    while (end := bytes(buffer[:filled]).find(b"\r\n\r\n")) < 0:
        received = connection.recv_into(buffer[filled:])
        if not received:
            raise ConnectionError("The server hung up.")
        filled += received
    head = bytes(buffer[:end]).decode().lower()
    status = int(head.split(" ", 2)[1])
    _, found, rest = head.partition("\r\ncontent-length:")
    length = int(rest.split("\r\n")[0]) if found and status != 304 else 0  # noqa: PLR2004
    left = length - (filled - end - 4)
    while left > 0:
        left -= connection.recv_into(buffer[: min(left, _BUFFER)])
    return status, length


def rate(question: Question, connections: int, seconds: float) -> tuple[float, int]:
    """Return the answers per second over so many connections, and the length of one answer."""
    began = time.perf_counter()
    askers = [Asker(question, began + seconds) for _ in range(connections)]
    for one in askers:
        one.start()
    for one in askers:
        one.join()
    return sum(one.answers for one in askers) / (time.perf_counter() - began), askers[0].size


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of all measurements."""

    folder: Path
    upstream: str
    rounds: int
    seconds: float
    connections: int

    async def run(self) -> tuple[list[Measure], list[float]]:
        """Return the rates with a warm cache, and the seconds of first answers."""
        async with self._service() as server:
            stage = await server.stage(a_wheel(PROJECT, "99.0"))
            page = f"{stage.url}simple/{PROJECT}/"
            plain, packed, etag = await self._save(page)
            async with _child("bare", str(self.folder)) as bare:
                measures = [
                    await self._measure("identity", Question(page, plain), f"{bare}/{PLAIN}"),
                    await self._measure("gzip", Question(page, packed), f"{bare}/{PACKED}"),
                    await self._measure(
                        "304",
                        Question(page, {**plain, "If-None-Match": etag}),
                        f"{bare}/not-modified",
                    ),
                ]
        # Each on a server that has just started, over the same data.
        return measures, [await self._first_answer(page, plain) for _ in range(_COLD_STARTS)]

    async def _save(self, page: str) -> tuple[dict[str, str], dict[str, str], str]:
        """Store the answer of the server for the minimal one; return its request."""
        plain = {"Accept": JSON_PAGE, "Accept-Encoding": "identity"}
        packed = {**plain, "Accept-Encoding": "gzip"}
        async with ClientSession(auto_decompress=False) as session:
            async with session.get(page, headers=plain) as answer:
                (self.folder / PLAIN).write_bytes(await answer.read())
                etag = answer.headers["ETag"]
            async with session.get(page, headers=packed) as answer:
                (self.folder / PACKED).write_bytes(await answer.read())
        return plain, packed, etag

    async def _measure(self, name: str, question: Question, bare: str) -> Measure:
        """Measure alternately, so that a disturbance affects both servers."""
        least = Question(bare, question.headers)
        service_rates, bare_rates, size = [], [], 0
        for one in (question, least):
            await asyncio.to_thread(rate, one, self.connections, _WARM_UP)
        for _ in range(self.rounds):
            ours, size = await asyncio.to_thread(rate, question, self.connections, self.seconds)
            theirs, same = await asyncio.to_thread(rate, least, self.connections, self.seconds)
            if size != same:
                raise AssertionError(f"{size} bytes are compared with {same}.")
            service_rates.append(ours)
            bare_rates.append(theirs)
        ratio = median(a / b for a, b in zip(service_rates, bare_rates, strict=True))
        return Measure(name, size, median(service_rates), median(bare_rates), ratio)

    async def _first_answer(self, page: str, headers: Mapping[str, str]) -> float:
        async with self._service() as server, ClientSession() as session:
            url = server.url + urlsplit(page).path
            began = time.perf_counter()
            async with session.get(url, headers=headers) as answer:
                answer.raise_for_status()
                await answer.read()
            return time.perf_counter() - began

    @asynccontextmanager
    async def _service(self) -> AsyncIterator[Server]:
        settings = {"UPSTREAM__URL": self.upstream}
        async with running_server(
            self.folder / "data", logs=self.folder, settings=settings
        ) as server:
            yield server


@asynccontextmanager
async def _child(role: str, *arguments: str) -> AsyncIterator[str]:
    """Run a server that prints its URL, and return the URL."""
    command = [sys.executable, "-m", "benchmarks.page_servers", role, *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=own_environment(), stdout=PIPE
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(process.wait)
        stack.callback(process.terminate)
        if process.stdout is None:
            raise AssertionError("Its output was asked for.")
        yield (await process.stdout.readline()).decode().strip()


async def _run(rounds: int, seconds: float, connections: int) -> tuple[list[Measure], list[float]]:
    with tempfile.TemporaryDirectory(prefix="stageproxy-benchmarks-") as folder:
        async with _child("upstream") as upstream:
            return await Bench(Path(folder), upstream, rounds, seconds, connections).run()


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Of which the median counts.")
@click.option("--seconds", default=2.0, show_default=True, help="A round takes, for each side.")
@click.option("--connections", default=8, show_default=True, help="Kept alive.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(rounds: int, seconds: float, connections: int, *, as_json: bool) -> None:
    """Measure a merged page of 4,400 files beside a handler that has the same bytes in memory."""
    measures, cold = asyncio.run(_run(rounds, seconds, connections))
    if as_json:
        rows = {
            one.name: {
                "bytes": one.size,
                "stageproxy-per-second": round(one.service, 1),
                "bare-per-second": round(one.bare, 1),
                "ratio": round(one.ratio, 3),
            }
            for one in measures
        }
        click.echo(json.dumps({"warm": rows, "cold-seconds": round(median(cold), 3)}, indent=2))
        return
    click.echo(f"{'':<10}  {'bytes':>9}  {'stageproxy':>12}  {'bare':>12}  {'ratio':>5}")
    for one in measures:
        click.echo(
            f"{one.name:<10}  {one.size:>9}  {one.service:>10.1f}/s  {one.bare:>10.1f}/s"
            f"  {one.ratio:>5.2f}"
        )
    click.echo(f"The first answer of a new server takes {median(cold) * 1000:.0f} ms.")


if __name__ == "__main__":
    main()
