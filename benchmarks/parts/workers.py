"""Two processes of a server beside one."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.goals import Goal, Row, Samples
from benchmarks.loads import Load, processor_times
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

SMALL_PAGE = Goal("small merged page, two workers", _ONE, least=_LEAST)
LARGE_PAGE = Goal("merged page of 4,400 files, plain, two workers", _ONE, least=_LEAST)
UPLOADS = Goal("four uploads at the same time, two workers", _ONE, "MiB/s", least=_LEAST)


@dataclass(frozen=True, slots=True)
class Uploads:
    """Wheels that are uploaded to a server at the same time, to the stage of their release."""

    server: Server
    uploaders: Sequence[Uploader]
    spent: list[float] = field(default_factory=list)
    sending: list[float] = field(default_factory=list)

    async def rate(self) -> float:
        """Upload all wheels, and return MiB a second."""
        await end_stages(self.server)
        used, sent = seconds_of(self.server.process.pid), time.process_time()
        began = time.perf_counter()
        await asyncio.gather(*(one.seconds() for one in self.uploaders))
        took = time.perf_counter() - began
        self.spent.append(seconds_of(self.server.process.pid) - used)
        self.sending.append((time.process_time() - sent) / took)
        return sum(one.file.stat().st_size for one in self.uploaders) / _MIB / took


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
            yield Row(goal, Samples(*numbers), _cores(processor_times(("two", "one"), loads)))
        uploads = [await _uploads(run, server) for server in servers]
        numbers = await alternate(run.rounds, *(side.rate for side in uploads))
        spent = ", ".join(
            f"{median(side.spent):.2f} s with {name}"
            for name, side in zip(("two", "one"), uploads, strict=True)
        )
        sending = median(uploads[0].sending)
        limit = (
            f"Processor time for four uploads: {spent}; the client used {sending:.0%} of a core."
        )
        yield Row(UPLOADS, Samples(*numbers), _cores(limit))


def _cores(limit: str) -> str:
    return f"{limit} Servers and client share {os.cpu_count()} cores."


async def _load(run: Run, server: Server, project: str) -> Load:
    stage = await server.stage(a_wheel(project, "99.0"))
    return Load(f"{stage.index}{project}/", PLAIN, server.process.pid, run.seconds)


async def _uploads(run: Run, server: Server) -> Uploads:
    """Return uploads of four releases."""
    folder = run.new_folder(f"wheels-{server.data.name}")
    size = run.size // _PARTS_OF_SIZE
    uploaders = []
    for number in range(_AT_ONCE):
        version = f"{number}.0"
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
