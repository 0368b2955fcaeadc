"""Clients that hold connections in seven ways, beside honest ones that have to be answered."""

import asyncio
import socket
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

from tests.batteries.report import SEED, BatteryReport
from tests.support.builders.distributions import Distribution
from tests.support.clients.slow_clients import connected, drip, hung_up, sip
from tests.support.clients.wire import a_request
from tests.support.servers.processes import Server, StageLinks

PER_ADDRESS = 50
"""So many clients share an address: fewer than the server allows."""
PAUSE = 0.3
HONEST_PAUSE = 0.05
_SETTLING_SECONDS = 15
_SPARE = 8
"""Descriptors that a server may open meanwhile for itself, as for its pool of connections."""


@dataclass(slots=True)
class SlowClients:
    """A server with a staged file, the clients that it is to shut out, and what went wrong."""

    server: Server
    stage: StageLinks
    file: Distribution
    kinds: Mapping[str, Callable[[socket.socket], Awaitable[object]]] = field(init=False)
    violations: list[str] = field(default_factory=list)
    counts: dict[str, int | float] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        self.kinds = self._kinds()

    async def run(self, kinds: Sequence[str], number: int, seconds: float) -> None:
        """Let so many clients of each kind connect, and wait for the server to shut them out."""
        before = self._descriptors()
        began = time.monotonic()
        with ExitStack() as stack:
            clients = {
                kind: [stack.enter_context(self._connected()) for _ in range(number)]
                for kind in kinds
            }
            everybody = [one for some in clients.values() for one in some]
            async with _running(
                self._act(kind, one) for kind, some in clients.items() for one in some
            ):
                gone = await hung_up(everybody, seconds)
        for kind, some in clients.items():
            left = len(set(some) - gone)
            self.counts[f"{kind}: shut out"] = number - left
            if left:
                self.violations.append(f"{kind}: {left} of {number} are still connected")
        self.counts["seconds"] = round(time.monotonic() - began, 1)
        await self._settle(before)

    async def flood(self, number: int, requests: int) -> None:
        """Let so many idle clients connect, and ask so often for the stage's page beside them."""
        with ExitStack() as stack:
            for _ in range(number):
                stack.enter_context(self._connected())
            statuses = [await self._page() for _ in range(requests)]
        self.counts["idle connections"] = number
        self.counts["answered"] = statuses.count(200)
        self.violations += [f"an honest client got {one}" for one in statuses if one != 200]
        log = (self.server.logs / "stderr").read_text()
        self.violations += ["the log has a traceback"] * log.count("Traceback")

    @asynccontextmanager
    async def beside_honest_ones(self) -> AsyncIterator[None]:
        """Ask for the stage's page again and again while the block runs; each gets its answer."""
        latencies: list[float] = []
        async with _running([self._ask_honestly(latencies)]):
            yield
        self.counts["honest requests"] = len(latencies)
        if len(latencies) > 1:
            p95 = quantiles(latencies, n=20)[-1]
            self.counts["honest p95 in ms"] = round(p95 * 1000, 1)

    def report(self, planted: str = "") -> BatteryReport:
        """Return the report of all runs so far."""
        return BatteryReport("slow-clients", SEED, self.counts, self.violations, planted)

    def _kinds(self) -> Mapping[str, Callable[[socket.socket], Awaitable[object]]]:
        """Return what a client of each kind does once it is connected."""
        head = a_request(
            "/legacy/",
            "POST",
            "1.1",
            f"Authorization: Bearer {self.server.admin_token}",
            "Content-Type: multipart/form-data; boundary=x",
            "Content-Length: 100000",
        )
        ask = a_request(self._path_of_file()).replace(b"Connection: close\r\n", b"")
        alive = a_request("/health/live").replace(b"Connection: close\r\n", b"")
        loop = asyncio.get_running_loop()

        async def drip_body(client: socket.socket) -> None:
            await loop.sock_sendall(client, head)
            await drip(client, b"-" * 1000, PAUSE)

        async def sip_answer(client: socket.socket) -> None:
            await loop.sock_sendall(client, ask)
            await sip(client, PAUSE)

        return {
            "no headers": lambda client: loop.sock_sendall(client, b""),
            "slow headers": lambda client: drip(client, b"GET / HTTP/1.1\r\n" + b"x" * 1000, PAUSE),
            "no body": lambda client: loop.sock_sendall(client, head),
            "a dripping body": drip_body,
            "nothing read": lambda client: loop.sock_sendall(client, ask),
            "a sip now and then": sip_answer,
            "nothing after an answer": lambda client: loop.sock_sendall(client, alive),
        }

    def _connected(self) -> AbstractContextManager[socket.socket]:
        number = next(self._numbers) // PER_ADDRESS
        return connected(self.server.url, source=f"127.0.{1 + number // 250}.{1 + number % 250}")

    async def _act(self, kind: str, client: socket.socket) -> None:
        with suppress(ConnectionError):
            await self.kinds[kind](client)

    async def _ask_honestly(self, latencies: list[float]) -> None:
        while True:
            began = time.monotonic()
            status = await self._page()
            latencies.append(time.monotonic() - began)
            if status != 200:
                self.violations.append(f"an honest client got {status}")
            await asyncio.sleep(HONEST_PAUSE)

    async def _page(self) -> int:
        status, _ = await self.server.ask("GET", f"{self.stage.index}demo/")
        return status

    async def _settle(self, before: int) -> None:
        """Wait until the server has as few descriptors as before."""
        end = time.monotonic() + _SETTLING_SECONDS
        while (now := self._descriptors()) > before + _SPARE and time.monotonic() < end:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.1)
        if now > before + _SPARE:
            self.violations.append(f"the server has {now} descriptors instead of {before}")

    def _descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.server.process.pid}/fd").iterdir()))

    def _path_of_file(self) -> str:
        digest = self.file.blake2b_256
        prefix = urlsplit(self.stage.url).path
        return f"{prefix}packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{self.file.filename}"


@asynccontextmanager
async def _running(work: Iterable[Coroutine[Any, Any, object]]) -> AsyncIterator[None]:
    """Run *work* while the block runs."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
        yield
        for task in tasks:
            task.cancel()
