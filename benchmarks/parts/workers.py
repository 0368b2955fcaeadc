"""Two processes of a server beside one."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from benchmarks.goals import Goal, Row, Samples
from benchmarks.loads import Costs, Load, processor_times
from benchmarks.parts.pages import PLAIN
from benchmarks.parts.uploads import end_stages, form_of
from benchmarks.processor import seconds_of
from benchmarks.rounds import alternate
from benchmarks.run import Part, Run
from benchmarks.servers.children import running_child
from benchmarks.servers.stageproxy import running_stageproxy
from benchmarks.servers.upstream import LARGE, SMALL
from benchmarks.uploader import Uploader
from tests.support.builders.distributions import a_wheel
from tests.support.builders.large_wheel import write_large_wheel
from tests.support.servers.processes import Server

_ONE = "one worker"
_LEAST = 1.7
_MIB = 2**20
_AT_ONCE = 4
_PARTS_OF_SIZE = 8
_NEW = 100
"""A version that the index does not have."""

_SHARED = "The client needs its share of the cores that the workers run on."
_THREADS = "One worker already makes digests on several cores."

SMALL_PAGE = Goal("small merged page, two workers", _ONE, least=_LEAST, reason=_SHARED)
LARGE_PAGE = replace(SMALL_PAGE, what="merged page of 4,400 files, plain, two workers")
UPLOADS = Goal(
    "four uploads at the same time, two workers",
    _ONE,
    "MiB/s",
    least=_LEAST,
    reason=f"{_SHARED} {_THREADS}",
)


@dataclass(frozen=True, slots=True)
class Uploads:
    """Wheels that are uploaded to a server at the same time, to the stages of their releases."""

    server: Server
    uploaders: Sequence[Uploader]
    costs: Costs = field(default_factory=Costs)

    @property
    def size(self) -> float:
        """Return the MiB of all wheels."""
        return sum(one.file.stat().st_size for one in self.uploaders) / _MIB

    async def rate(self) -> float:
        """Upload all wheels, and return MiB a second."""
        await end_stages(self.server)
        server, client = seconds_of(self.server.process.pid), time.process_time()
        began = time.perf_counter()
        await asyncio.gather(*(one.seconds() for one in self.uploaders))
        took = time.perf_counter() - began
        self.costs.server.append((seconds_of(self.server.process.pid) - server) / self.size)
        self.costs.client.append((time.process_time() - client) / self.size)
        return self.size / took


async def measure(run: Run) -> AsyncIterator[Row]:
    """Load a server with one worker, and one with two, with pages and with uploads."""
    async with (
        running_child("upstream") as upstream,
        running_stageproxy(run, "one", upstream__url=upstream.url) as one,
        running_stageproxy(run, "two", upstream__url=upstream.url, server__workers="2") as two,
    ):
        servers = (two.server, one.server)
        for goal, project in ((SMALL_PAGE, SMALL), (LARGE_PAGE, LARGE)):
            loads = [await _load(run, server, project) for server in servers]
            numbers = await alternate(run.rounds, *(load.rate for load in loads))
            limit = processor_times(("two workers", "one"), loads)
            yield Row(goal, Samples(*numbers), f"{limit} {_most(loads[1].costs, numbers[1])}")
        uploads = [await _uploads(run, server) for server in servers]
        numbers = await alternate(run.rounds, *(side.rate for side in uploads))
        yield Row(UPLOADS, Samples(*numbers), _most(uploads[1].costs, numbers[1]))


def _most(one: Costs, rates: Sequence[float]) -> str:
    """Return the ratio that the machine allows, if all its cores do nothing but this."""
    cores = os.cpu_count() or 1
    server, client = median(one.server), median(one.client)
    ratio = cores / (server + client) / median(rates)
    return (
        f"Server and client share {cores} cores, and the client takes"
        f" {client / (server + client):.0%} of the processor time: on this machine, no more than"
        f" {ratio:.2f} times one worker is possible."
    )


async def _load(run: Run, server: Server, project: str) -> Load:
    stage = await server.stage(a_wheel(project, "99.0"))
    return Load(f"{stage.index}{project}/", PLAIN, server.process.pid, run.seconds)


async def _uploads(run: Run, server: Server) -> Uploads:
    """Return uploads of four releases."""
    folder = run.new_folder(f"wheels-{server.data.name}")
    size = run.size // _PARTS_OF_SIZE
    uploaders = []
    for number in range(_AT_ONCE):
        version = f"{_NEW + number}.0"
        wheel = await asyncio.to_thread(write_large_wheel, folder, size + number, version=version)
        form = form_of(wheel, version)
        uploaders.append(Uploader(f"{server.url}/legacy/", wheel, form, server.admin_token))
    return Uploads(server, uploaders)


PART = Part(
    "workers",
    "two workers beside one, on pages and on uploads",
    (SMALL_PAGE, LARGE_PAGE, UPLOADS),
    measure,
)
